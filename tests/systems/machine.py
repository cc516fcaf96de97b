"""A real systemd in the guest of the simulated cloud: PID 1 of its own namespaces, over files in layers.

::

    guest                                                  router, internet, peers: as in every test of the lab
   ┌───────────────────────────────────────────────────┐
   │ systemd ─ dbus ─ systemd-networkd, NetworkManager │
   │         └ eip-agent.service      eth0 eth1 ...    ┼─ veth ─
   │ / : tmpfs over [own files] over eip-agent over    │
   │     a Debian tree made once by `make-tree`        │
   └───────────────────────────────────────────────────┘

Nothing of the machine that runs the tests is reached from inside: not its network, its services, its files, its kernel
settings.  All ends with the process.
"""

import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Final, Self

from eip_agent.lab.namespace import Namespace, tool

HERE: Final = Path(__file__).parent
PROGRAM: Final = "/opt/eip-agent/bin/eip-agent"
DEADLINE: Final = 20.0
"""Seconds after which something that should have happened has not; only a fault costs them."""
_NUMBERS: Final = count()


def eventually(what: str, happened: Callable[[], object], deadline: float = DEADLINE) -> None:
    """Wait for something.  Raises AssertionError with what it was, and what was last seen of it."""
    end = time.monotonic() + deadline
    while not (seen := happened()):
        assert time.monotonic() < end, f"{what}: not within {deadline:g} s (last seen: {seen!r})"
        threading.Event().wait(0.05)


class Machine:
    """A running machine; a context manager."""

    def __init__(self, network: Namespace, layers: list[Path], files: Mapping[str, str]) -> None:
        """Put files on top of the layers and boot.  Raises AssertionError where systemd does not come up."""
        with contextlib.ExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eip-agent-machine-")))
            self._network = network
            self._group = f"eip-agent-lab-{self._folder.name}-{next(_NUMBERS)}"
            top, work = self._folder / "top", self._folder / "work"
            for folder in (top, work):
                folder.mkdir()
            self._folder.chmod(0o755)
            for path, text in files.items():
                place = top / path.lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                if text.startswith("-> "):
                    place.symlink_to(text[3:])
                else:
                    place.write_text(text)
                    secret = path.endswith(".nmconnection")  # NetworkManager reads it only so
                    place.chmod(0o755 if text.startswith("#!") else 0o600 if secret else 0o644)
            for folder in (top, *top.rglob("*")):
                if folder.is_dir():
                    folder.chmod(0o755)
            lower = ":".join(map(str, (top, *layers)))
            stack.callback(self._tidy)
            self._log = stack.enter_context((self._folder / "log").open("w+"))
            spaces = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "--"]
            command = [*spaces, str(HERE / "boot"), self._group, str(work), lower]
            self._process = network.start(command, stdout=self._log.fileno(), stderr=self._log.fileno())
            stack.callback(self._end)
            eventually("systemd runs", self._is_up)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, *argv: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as root."""
        pid = self._init
        assert pid is not None, "systemd has ended"
        spaces = ["--mount", "--pid", "--ipc", "--uts", "--cgroup", "--net"]
        path = "PATH=/opt/eip-agent/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        inside = ["env", "-i", path, "LANG=C.UTF-8", *argv]
        done = subprocess.run(
            [tool("nsenter"), "--target", str(pid), *spaces, "--", *inside],
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if check:
            told = f"{' '.join(argv)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == 0, f"{told}\n{self.journal() if 'journalctl' not in argv else ''}"
        return done

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        """What `systemctl` says."""
        return self.run("systemctl", "--no-pager", *arguments, check=check).stdout.strip()

    def agent(self, *arguments: str, code: int = 0) -> str:
        """What the agent prints, run by root beside whatever else runs."""
        done = self.run(PROGRAM, *arguments, check=False)
        assert done.returncode == code, (
            f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.journal()}"
        )
        return done.stdout

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit."""
        lines = self.systemctl("show", unit, *(f"--property={name}" for name in names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def journal(self, *arguments: str) -> str:
        """The last of the journal; by default of the agent's units."""
        chosen = arguments or ("--unit=eip-agent*", "--lines=60")
        return self.run("journalctl", "--no-pager", "--output=short-monotonic", *chosen, check=False).stdout

    def entries(self, *arguments: str) -> list[dict[str, str]]:
        """The journal with all fields."""
        lines = self.run("journalctl", "--no-pager", "--output=json", *arguments).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def write(self, path: str, text: str) -> None:
        """Write a file inside, as root, readable by all."""
        self.run("sh", "-c", 'umask 022; mkdir -p "${1%/*}"; printf %s "$2" >"$1"', "sh", path, text)

    @property
    def _init(self) -> int | None:
        """The process id of systemd, seen from outside."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        with contextlib.suppress(OSError):
            return next((int(pid) for pid in children.read_text().split()), None)
        return None

    def _is_up(self) -> bool:
        assert self._process.poll() is None, f"it did not boot: {(self._folder / 'log').read_text()}"
        pid = self._init
        with contextlib.suppress(OSError):
            if pid is None or Path(f"/proc/{pid}/comm").read_text().strip() != "systemd":
                return False
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in {"running", "degraded"}

    def _end(self) -> None:
        """End init, and with it everything inside; the kernel sees to that."""
        self._process.kill()
        self._process.wait()

    def _tidy(self) -> None:
        """Remove the control groups, which are all that would be left."""
        script = (
            'mount -t cgroup2 cgroup2 "$1" || exit 0\n'
            "for round in 1 2 3 4 5 6 7 8 9; do\n"
            '    [ -d "$1/$2" ] || exit 0\n'
            '    find "$1/$2" -depth -type d -exec rmdir {} + 2>/dev/null && exit 0\n'
            "    sleep 0.1\n"
            "done"
        )
        where = self._folder / "groups"
        where.mkdir()
        subprocess.run([tool("unshare"), "--mount", "sh", "-c", script, "sh", str(where), self._group], check=False)


def cannot() -> str:
    """Say why no machine can be made here; empty where it can."""
    script = (
        'mount -t tmpfs tmpfs "$1" && mkdir "$1/x" && '
        'mount -t cgroup2 cgroup2 "$1/x" && cd "$1/x" && mkdir "$2" && rmdir "$2"'
    )
    with tempfile.TemporaryDirectory(prefix="eip-agent-machine-") as folder:
        spaces = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork"]
        command = [*spaces, "sh", "-c", script, "sh", folder, f"eip-agent-lab-{Path(folder).name}"]
        if not shutil.which("unshare"):
            return "`unshare` of util-linux is missing"
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"namespaces or control groups cannot be made: {done.stderr.strip()}"
