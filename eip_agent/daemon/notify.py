"""Tell systemd how it goes.  Source: sd_notify(3); no library is needed for it.

Nothing is told, and nothing fails, where the daemon was not started by systemd.
"""

import contextlib
import os
import socket
from typing import Final

_LONGEST: Final = 500
"""Characters of a status; `systemctl status` shows one line."""


class Notify:
    """The line to systemd; `address` is `NOTIFY_SOCKET`: a path, `@` and a name, or nothing."""

    def __init__(self, address: str | None) -> None:
        self._address = f"\0{address[1:]}" if address is not None and address.startswith("@") else address
        self._status = ""
        self._ready = False

    def ready(self) -> None:
        """Say that whoever waits for us may go on; only the first time, and after a reload."""
        if not self._ready:
            self._ready = True
            self._say("READY=1")

    def reloading(self, now: float) -> None:
        """Say that settings are read again, until the next `ready`; `now` is CLOCK_MONOTONIC, in seconds."""
        self._ready = False
        self._say(f"RELOADING=1\nMONOTONIC_USEC={int(now * 1_000_000)}")

    def status(self, text: str) -> None:
        """Say in one line how it is, where that is news."""
        text = " ".join(text.split())[:_LONGEST]
        if text != self._status:
            self._status = text
            self._say(f"STATUS={text}")

    def alive(self) -> None:
        """Pat the watchdog."""
        self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that it comes to an end."""
        self._say("STOPPING=1")

    def _say(self, message: str) -> None:
        if not self._address:
            return
        # A systemd that is being restarted hears nothing for a moment, which is no reason to fail or to wait.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)  # noqa: FBT003 the name says it
            line.connect(self._address)
            line.send(message.encode(errors="backslashreplace"))


def watchdog_period(microseconds: str | None, pid: str | None) -> float | None:
    """Every how many seconds the watchdog wants to be patted; None where there is none, or it is not for us.

    `WATCHDOG_USEC` and `WATCHDOG_PID` of sd_watchdog_enabled(3), which recommends half of the time.
    """
    if not microseconds or not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000
