"""A network namespace that is nothing but a file descriptor.

It has no name in `/run/netns`, so that it vanishes with the process that made it, also after Ctrl-C or SIGKILL,
and nothing is ever created in the network of the machine.  All that the lab does, it does inside of one.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NoReturn, Self

from eip_agent.errors import LabError

_CLONE_NEWNET: Final = 0x40000000
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 0x1
_HERE: Final = "/proc/thread-self/ns/net"
"""Of the thread, not of the process: namespaces belong to threads."""
_SBIN: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Not in the PATH of people who are not root; `ip` and `nft` live there."""
_PACKAGES: Final = {"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux", "setpriv": "util-linux"}
_AS_ROOT: Final = "run as root, or in `unshare --user --map-root-user --net --mount`"

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """One network namespace; close it, or leave its `with` block, and everything in it is gone."""

    def __init__(self, name: str, *, fd: int | None = None) -> None:
        """Make one with its loopback up, or take over the one that `fd` stands for.

        Raises LabError where namespaces cannot be made, and for a namespace that belongs to the machine.
        """
        self.name = name
        self.fd = _make() if fd is None else fd
        self._processes: list[subprocess.Popen[str]] = []
        if _identity(self.fd) in _machine():
            raise LabError(
                f"the lab will not touch the network of this machine (namespace `{name}`)",
                "let the lab make the namespace itself",
            )
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))

    def __repr__(self) -> str:
        return f"Namespace({self.name!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Run the block with this thread inside; other threads stay where they are."""
        back = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(self.fd)
            yield
        finally:
            _setns(back)
            os.close(back)

    def socket(self, family: int, kind: int, proto: int = 0) -> socket.socket:
        """Open a socket inside; it stays there whichever thread uses it."""
        with self.entered():
            return socket.socket(family, kind, proto)

    def sysctl(self, values: Mapping[str, int | str]) -> None:
        """Write values below `/proc/sys/`, for example `{"net/ipv4/ip_forward": 1}`.

        Defaults (`conf/default/…`) count for links made later, so they belong before the links.
        """
        with self.entered():
            for key, value in values.items():
                try:
                    Path("/proc/sys", key).write_text(str(value), encoding="ascii")
                except OSError as no:
                    raise LabError(f"cannot set `{key}` in namespace `{self.name}`: {no.strerror}", _AS_ROOT) from no

    def run(
        self,
        argv: Sequence[str],
        *,
        input: str | None = None,  # noqa: A002 - named as in subprocess.run
        check: bool = True,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
        fds: Iterable[int] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside and wait for it; `fds` stay open in it.

        Raises LabError when `check` and the command fails, and when it takes longer than `timeout` seconds.
        """
        try:
            done = subprocess.run(  # noqa: S603 - the lab runs system tools and this very program
                self._command(argv),
                input="" if input is None else input,
                env=env,
                timeout=timeout,
                pass_fds=(self.fd, *fds),
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise LabError(f"`{_spelled(argv)}` in namespace `{self.name}` took longer than {timeout:g} s") from late
        if check and done.returncode:
            raise LabError(
                f"`{_spelled(argv)}` in namespace `{self.name}` failed with {done.returncode}: "
                f"{done.stderr.strip() or done.stdout.strip() or 'it says nothing'}"
            )
        return done

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | None = subprocess.PIPE,
        stderr: int | None = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a command inside; it is killed when the namespace is closed.

        The kernel kills it as well when the thread that started it ends.
        """
        process = subprocess.Popen(  # noqa: S603 - the lab runs system tools and this very program
            self._command(argv),
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(self.fd,),
            text=True,
        )
        self._processes.append(process)
        return process

    def ip(self, batch: str, *, version: Literal[4, 6] | None = None, fds: Iterable[int] = ()) -> str:
        """Run many lines of `ip`, without the word `ip`, in one process; give what they print.

        `version` is that of IP where a line does not tell by its addresses; `rule` never does, and is IPv4 without.
        Raises LabError with the number of the first line that fails; the lines before it have been carried out.
        """
        options = [f"-{version}"] if version else []
        return self.run(["ip", *options, "-batch", "-"], input=batch, fds=fds).stdout

    def close(self) -> None:
        """Kill what was started inside and let go of the namespace.  Does nothing the second time."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self._processes.clear()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _command(self, argv: Sequence[str]) -> list[str]:
        """`argv` such that it runs inside and dies with us, also when we die of SIGKILL."""
        if self.fd < 0:
            raise LabError(f"namespace `{self.name}` is closed")
        inside = [tool("nsenter"), f"--net=/proc/self/fd/{self.fd}", "--"]
        return [*inside, tool("setpriv"), "--pdeathsig", "KILL", "--", tool(argv[0]), *argv[1:]]


def tool(name: str) -> str:
    """The path of a system tool, also where `PATH` lacks those for root.  Raises LabError naming the package."""
    if path := shutil.which(name) or shutil.which(name, path=_SBIN):
        return path
    package = _PACKAGES.get(name)
    raise LabError(f"`{name}` is missing", f"apt install {package}" if package else "")


def _spelled(argv: Sequence[str]) -> str:
    return " ".join(argv)


def _identity(fd: int) -> tuple[int, int]:
    stat = os.fstat(fd)
    return stat.st_dev, stat.st_ino


@functools.cache
def _machine() -> frozenset[tuple[int, int]]:
    """The namespaces that are not ours: where this process started, and where the machine did.

    The main thread stands for the start: it is in another namespace only within `Namespace.entered`, and the first
    namespace, whose making asks this, is made before.
    """
    known = set()
    for path in (f"/proc/self/task/{threading.main_thread().native_id}/ns/net", _HERE, "/proc/1/ns/net"):
        with contextlib.suppress(OSError):  # /proc/1 is hidden from an unprivileged user
            stat = Path(path).stat()
            known.add((stat.st_dev, stat.st_ino))
    return frozenset(known)


def _make() -> int:
    """A new namespace as a file descriptor; the thread is back home afterwards."""
    _machine()
    home = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            _setns(home)  # In a user namespace without a network namespace of its own there would be no way back.
            if _libc.unshare(_CLONE_NEWNET):
                _fail()
        except OSError as no:
            reason = "CAP_SYS_ADMIN is missing" if no.errno == errno.EPERM else no.strerror
            raise LabError(f"network namespaces cannot be made here: {reason}", _AS_ROOT) from no
        try:
            return os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            _setns(home)
    finally:
        os.close(home)


def _setns(fd: int) -> None:
    if _libc.setns(fd, _CLONE_NEWNET):
        _fail()


def _fail() -> NoReturn:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))
