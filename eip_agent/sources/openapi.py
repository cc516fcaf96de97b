"""Ask the OpenAPI, by a child process that lives as long as one query round.

The libraries that sign the requests would make the agent five times as large, so none of them is ever imported here.
The child gets its request on stdin, and of the environment what is handed over for it to find credentials.
"""

import json
import os
import select
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Final

from eip_agent.core.facts import CloudFact, Unread
from eip_agent.core.message import say
from eip_agent.core.openapi import ApiFact, Unanswered
from eip_agent.core.settings import Settings
from eip_agent.core.silence import Silence
from eip_agent.sources.openapi_document import decode

if TYPE_CHECKING:
    from subprocess import Popen

CHILD: Final = "eip_agent.openapi"
"""A module to run, not to import."""
LIBRARIES: Final = ("alibabacloud_tea_openapi", "alibabacloud_credentials")
HOW_TO_INSTALL: Final = "pip install 'eip-agent[openapi]'"
LARGEST_ANSWER: Final = 64 << 20
"""Bytes; the child gives less."""

_HERE: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""Where the child finds this package, wherever it is started."""
_START: Final = """\
import sys
sys.path.append(sys.argv[1])
import site
site.main()
import runpy
runpy.run_module(sys.argv[2], run_name="__main__", alter_sys=True)
"""
"""What the child begins with: this package is found after the standard library, in whose place nothing installed
beside it may be loaded, and before what else is installed, which may be another version of it."""


def available() -> bool:
    """Whether the libraries are installed; nothing of them is imported."""
    import importlib.util  # noqa: PLC0415 only where somebody asks

    return all(name in sys.modules or importlib.util.find_spec(name) is not None for name in LIBRARIES)


def read(
    settings: Settings,
    cloud: CloudFact,
    *,
    everything: bool = False,
    environment: Mapping[str, str] | None = None,
) -> ApiFact:
    """What the OpenAPI says of this instance, within `openapi_deadline` seconds.

    `everything` also asks what only explains: the instance, DNAT entries, HAVIPs, what the VPC keeps from the Internet.
    `environment` is all of it that the child sees: `config.credentials_environment()`, or nothing, and then the
    instance's RAM role is what is left.
    Never raises: whatever could not be read is in `unread`, by itself, with a path below `openapi`.
    """
    if settings.openapi is False:
        return _unread("openapi", say("switched off in the settings"))
    if not available():
        return _unread("openapi", say("its libraries are not installed: {install}", install=HOW_TO_INSTALL))
    if not cloud.region or not cloud.instance_id:
        return _unread("openapi", say("the metadata service told no region or no instance id"))
    until = monotonic() + settings.openapi_deadline
    request = _request(settings, cloud, everything=everything)
    # The child answers a little before the time is up, so that what it knows by then is not lost.
    request["until"] = until - min(0.5, settings.openapi_deadline / 10)
    try:
        text = _ask(json.dumps(request).encode(), dict(environment or {}), until)
        document = json.loads(text)
    except TimeoutError:
        late = say("no answer within {seconds} s", seconds=f"{settings.openapi_deadline:g}")
        return replace(_unread("openapi", late), unanswered=(Unanswered("", Silence.UNREACHABLE, late),))
    except OSError as error:
        return _unread("openapi", say("the process that asks cannot be run: {why}", why=error.strerror or error))
    except (ValueError, RecursionError):
        return _unread("openapi", say("the process that asks ended without an answer"))
    return decode(document, cloud)


def _unread(path: str, reason: str) -> ApiFact:
    return ApiFact(unread=(Unread(path, reason),))


def _request(settings: Settings, cloud: CloudFact, *, everything: bool) -> dict[str, object]:
    """`eip_agent.openapi.plan.Request`, whose module is not for importing here."""
    return {
        "region": cloud.region,
        "instance": cloud.instance_id,
        "enis": [eni.eni_id for eni in cloud.enis if eni.eni_id],
        "eips": [*dict.fromkeys(map(str, (*(eip.address for eip in settings.eips), *settings.asked_about)))],
        "everything": everything,
        "instance_type": cloud.instance_type or "",
        "endpoints": dict(settings.openapi_endpoints),
        "ca_file": settings.openapi_ca_file,
        "ram_role": settings.openapi_ram_role,
        "timeout": settings.openapi_timeout,
    }


def _ask(request: bytes, environment: dict[str, str], until: float) -> bytes:
    """All that the child prints.  Raises TimeoutError, ValueError where it is too much, and OSError."""
    import subprocess  # noqa: PLC0415 most passes ask nothing

    stdin = os.memfd_create("request", os.MFD_CLOEXEC)  # a pipe could fill up, and a file could be read
    try:
        os.write(stdin, request)
        os.lseek(stdin, 0, os.SEEK_SET)
        child = subprocess.Popen(  # noqa: S603 this very program
            [sys.executable, "-P", "-s", "-S", "-c", _START, _HERE, CHILD],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, **environment},
            cwd="/",
            close_fds=True,
            process_group=0,
        )
    finally:
        os.close(stdin)
    try:
        return _output(child, until)
    finally:
        _end(child)


def _output(child: "Popen[bytes]", until: float) -> bytes:
    """What it prints until it closes its output."""
    assert child.stdout is not None  # noqa: S101 for mypy: it was asked for
    fd, output, ready = child.stdout.fileno(), bytearray(), select.poll()
    ready.register(fd, select.POLLIN)
    while ready.poll(max(0.0, until - monotonic()) * 1000):
        piece = os.read(fd, 1 << 16)
        if not piece:
            return bytes(output)
        output += piece
        if len(output) > LARGEST_ANSWER:
            raise ValueError(say("more than {LARGEST_ANSWER} bytes", LARGEST_ANSWER=LARGEST_ANSWER))
    raise TimeoutError


def _end(child: "Popen[bytes]") -> None:
    """Kill it with whatever it started, and take it off the process table."""
    # Before it is waited for: until then nobody else can have its number.
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()
    if child.stdout:
        child.stdout.close()
    child.wait()
