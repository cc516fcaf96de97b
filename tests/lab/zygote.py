"""A process that has imported the agent, and becomes it by `fork` as often as it is asked.

Starting Python and importing the agent is most of what a lab test costs.  What begins here is the same program with the
same environment, network and mounts as a process of its own would have; daemons, what is killed, and what somebody else
than root runs are started as such.  Run as `python -m tests.lab.zygote SOCKET`, with the number of a socket of packets.
"""

import ctypes
import io
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000
_PR_SET_PDEATHSIG: Final = 1
LARGEST: Final = 1 << 16
"""Bytes of an order."""

_libc = ctypes.CDLL(None, use_errno=True)


def main(channel: socket.socket) -> None:
    """Until the other end is closed: for each order say the number of the process, and then its exit code."""
    _import_all()
    while True:
        data, fds, *_ = socket.recv_fds(channel, LARGEST, 4)
        if not data:
            return
        pid = os.fork()
        if pid == 0:
            channel.close()
            _become(json.loads(data), *fds)
        for fd in fds:
            os.close(fd)
        channel.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        channel.send(str(os.waitstatus_to_exitcode(status)).encode())


def _import_all() -> None:
    """What the commands import, late as they do; nothing of it does anything before it is asked."""
    import eip_agent.cli  # noqa: PLC0415
    import eip_agent.commands.apply  # noqa: PLC0415
    import eip_agent.commands.explain  # noqa: PLC0415
    import eip_agent.commands.explain_path  # noqa: PLC0415
    import eip_agent.core.faq.all  # noqa: PLC0415
    import eip_agent.core.findings.all  # noqa: PLC0415
    import eip_agent.render.json  # noqa: PLC0415
    import eip_agent.render.text  # noqa: PLC0415
    import eip_agent.schema  # noqa: PLC0415
    import eip_agent.sinks.kernel  # noqa: PLC0415
    import eip_agent.sources.offers  # noqa: PLC0415
    import eip_agent.sources.openapi  # noqa: PLC0415, F401


def _become(order: Mapping[str, Any], network: int, out: int, err: int) -> NoReturn:
    """Be the agent, in the guest."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _enter(network, order["disk"])
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, fd in enumerate((nothing, out, err)):
            os.dup2(fd, number)
        os.closerange(3, max(nothing, network, out, err) + 1)
        os.environ.clear()  # noqa: TID251  it is another process from here on
        os.environ.update(order["environment"])  # noqa: TID251
        code = _run(order["arguments"])
    finally:
        os._exit(code)


def _enter(network: int, disk: str) -> None:
    """As `Cloud.on_disk` does it: a network, and mounts with /sys of that, /etc and /run of the guest's disk."""
    if _libc.setns(network, _CLONE_NEWNET) or _libc.unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "no namespace")
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    _mount("sysfs", "/sys", "sysfs", _MS_RDONLY)
    machine = f"{disk}/machine"
    if _mount("/etc", machine, flags=_MS_BIND | _MS_REC) and _mount(
        "none", machine, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY
    ):
        _mount(f"{disk}/etc", "/etc", flags=_MS_BIND)
    _mount(f"{disk}/run", "/run", flags=_MS_BIND)


def _mount(source: str, target: str, kind: str = "", flags: int = 0) -> bool:
    return not _libc.mount(source.encode(), target.encode(), kind.encode() or None, flags, None)


def _run(arguments: Sequence[str]) -> int:
    """What `python -m eip_agent` does, with streams as Python makes them; the exit code."""
    from eip_agent import cli  # noqa: PLC0415

    sys.argv = [os.path.join(os.path.dirname(cli.__file__), "__main__.py"), *arguments]
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        raw = open(number, f"{mode}b", closefd=False)  # noqa: SIM115
        stream = io.TextIOWrapper(raw, "utf-8", line_buffering=name == "stderr")
        setattr(sys, name, stream)
    code = 1
    try:
        code = cli.main()
    except SystemExit as end:  # of argparse
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001  told as the interpreter would
        sys.excepthook(*sys.exc_info())
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    return code


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
