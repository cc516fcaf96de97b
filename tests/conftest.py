"""The wall: no test but those of the lab can speak to anything but this machine's loopback.

`./run test` puts the whole of pytest into a network namespace of its own besides, and each worker that pytest-xdist
starts puts itself into another; the wall also holds where pytest is started by hand, and says which test tried.
"""

import contextlib
import ctypes
import fcntl
import functools
import ipaddress
import os
import shutil
import socket
import struct
import subprocess
from typing import Any, Final

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "anywhere",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    database=None,
    print_blob=True,
    # CI says the same of the same code; whoever develops looks further with every run.
    derandomize=os.environ.get("CI") == "true",  # noqa: TID251 not a setting of the agent
)
hypothesis.settings.load_profile("anywhere")  # neither a busy machine nor a read-only checkout is a failure

LOCAL: Final = frozenset({socket.AF_UNIX, socket.AF_INET, socket.AF_INET6})

_CLONE_NEWNS: Final = 0x00020000
_CLONE_NEWNET: Final = 0x40000000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x40000
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 0x1


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker of pytest-xdist a network and mounts of its own, as `./run test` gives to all of pytest."""
    if hasattr(config, "workerinput"):
        with contextlib.suppress(OSError):  # where none can be made there is no lab either, whose tests say why
            go_apart()


def go_apart() -> None:
    """Move this thread, and all that it starts, into new namespaces whose loopback is up.

    For the main thread, before anything asks the lab for a namespace: its guard then knows this one as the machine's.
    A new user namespace is not made, for a process with several threads may not, and a worker has several; `./run`
    does it before.  Raises OSError where the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)  # Python 3.11 has no os.unshare
    # What is mounted in the new one must not show in the old one.
    if libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS) or libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


class WallError(Exception):
    """A test outside the lab reached for the network."""


@pytest.fixture(autouse=True)
def _wall(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("lab"):
        return

    original = socket.socket.__init__

    def create(self: socket.socket, family: int = -1, *args: Any, **kwargs: Any) -> None:
        if "fileno" not in kwargs and family not in {-1, *LOCAL}:
            raise WallError(f"a socket of {socket.AddressFamily(family).name} is for tests marked `lab`")
        original(self, family, *args, **kwargs)

    def guarded(name: str) -> Any:
        plain = getattr(socket.socket, name)

        def reach(self: socket.socket, *args: Any) -> Any:
            if self.family != socket.AF_UNIX and not is_loopback(args[-1]):
                raise WallError(f"{name} to {args[-1]!r} is for tests marked `lab`")
            return plain(self, *args)

        return reach

    monkeypatch.setattr(socket.socket, "__init__", create)
    for name in ("bind", "connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, guarded(name))


def is_loopback(address: Any) -> bool:
    """Whether a socket address stays on this machine; names do not count, for looking them up goes out."""
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except (ValueError, TypeError, IndexError):
        return bool(address[:1] == ("localhost",))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the lab where no namespace can be made, and only there; in CI that is a failure.

    Each test is told apart, for a worker of pytest-xdist that gives up before the tests cannot say why.
    """
    reason = why_no_lab() if item.get_closest_marker("lab") else ""
    if reason and os.environ.get("CI") == "true":  # noqa: TID251 not a setting of the agent
        pytest.fail(f"{reason}, and CI must run the lab", pytrace=False)
    if reason:
        pytest.skip(reason)


@functools.cache
def why_no_lab() -> str:
    """Say why network namespaces cannot be made here; empty where they can."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return "`unshare` of util-linux is missing"
    for how in ("--net", "--mount"), ("--user", "--map-root-user", "--net", "--mount"):
        if subprocess.run([unshare, *how, "true"], capture_output=True, check=False).returncode == 0:
            return ""
    return "network namespaces cannot be made: not root, and the kernel allows no user namespaces"
