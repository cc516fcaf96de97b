"""A real `eip-agent run` in the guest, with an ear for what it tells systemd, and its control socket at hand."""

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from eip_agent.core.plain import decoded
from eip_agent.core.status import Status
from eip_agent.daemon import client
from eip_agent.lab.cloud import Cloud

if TYPE_CHECKING:
    import subprocess

PATIENCE = 20.0
"""Seconds on a busy machine; only a fault costs them."""


def eventually(holds: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Whether it comes to be so."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.01)
    return True


class Daemon:
    """One run of it; a context manager that ends with SIGKILL what was not ended before."""

    def __init__(self, cloud: Cloud, *arguments: str, name: str = "") -> None:
        """`name`: where there are two."""
        self._cloud = cloud
        self._arguments = arguments
        self.run = str(cloud.directory / "run")
        self._log = cloud.directory / f"log{name}"
        self._ears = cloud.directory / f"notify{name}"
        self._told: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._ear: socket.socket | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)
        if self._ear is not None:
            self._ear.close()

    def start(self) -> Self:
        """Start it, and wait until it says that it is ready."""
        path = self._ears
        path.unlink(missing_ok=True)
        if self._ear is not None:
            self._ear.close()
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind(str(path))
        self._ear.settimeout(0)
        self._told = []
        with self._log.open("w") as log:
            self._process = self._cloud.guest.start(
                self._cloud.agent_command("run", *self._arguments),
                env={**self._cloud.agent_environment, "NOTIFY_SOCKET": str(path)},
                stdout=log.fileno(),
                stderr=log.fileno(),
            )
        assert eventually(lambda: "READY=1" in self.told or self.process.poll() is not None), self.log
        assert self.process.poll() is None, self.log
        return self

    @property
    def process(self) -> "subprocess.Popen[str]":
        """That of the daemon."""
        assert self._process is not None
        return self._process

    @property
    def told(self) -> list[str]:
        """What systemd was told so far."""
        assert self._ear is not None
        while True:
            try:
                self._told.append(self._ear.recv(4096).decode())
            except BlockingIOError:
                return self._told

    @property
    def log(self) -> str:
        """All that it said so far."""
        return self._log.read_text()

    def says(self, pattern: str, since: int = 0) -> bool:
        """Whether it has said that after so many characters, or says it soon."""
        return eventually(lambda: re.search(pattern, self.log[since:], re.MULTILINE))

    def status(self) -> Status:
        """What it tells of itself."""
        answer = client.ask(self.run, "status", PATIENCE)
        assert answer is not None, self.log
        return decoded(Status, answer)

    def look(self) -> dict[str, Any]:
        """A pass now, with everybody asked anew."""
        answer = client.ask(self.run, "look", 60)
        assert answer is not None, self.log
        return answer

    def settled(self) -> bool:
        """Whether a pass finds nothing to do; after what just happened has been seen to."""
        return eventually(lambda: self.look()["out"].startswith("as desired"))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and wait for its end; the exit code."""
        os.kill(self.process.pid, number)
        return self.process.wait(PATIENCE)

    def memory(self) -> int:
        """KiB that it has in memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+)", text)
        assert found
        return int(found[1])

    def descriptors(self) -> int:
        """How many files it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def processor(self) -> tuple[float, int]:
        """Seconds of processor time that it used, and how often it was woken, by itself or others."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        switches = sum(int(number) for number in re.findall(r"ctxt_switches:\s+(\d+)", text))
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), switches
