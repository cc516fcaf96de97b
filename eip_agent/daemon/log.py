"""The daemon's log: to the journal of the system with fields, or to stderr.

The native protocol of the journal (https://systemd.io/JOURNAL_NATIVE_PROTOCOL) is one datagram an entry.  It is spoken
where stderr is the journal's, so that whoever redirects the daemon finds its words there; else stderr has one line an
entry, with the priority in front (sd-daemon(3)) unless a person reads it.
"""

import contextlib
import enum
import os
import socket
import struct
import sys
from collections.abc import Mapping
from typing import Final, Protocol, TextIO

from eip_agent.console import spelled

JOURNAL: Final = "/run/systemd/journal/socket"
_LONGEST: Final = 8192
"""Characters of a field.  What is larger than a datagram would need a file descriptor, and nobody reads it."""
_LENGTH = struct.Struct("<Q")


class Level(enum.IntEnum):
    """How much it matters, by the numbers of syslog(3)."""

    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


class Log(Protocol):
    """Where entries go."""

    def say(self, level: Level, text: str, fields: Mapping[str, str] | None = None) -> None:
        """One entry; field names are without `EIP_AGENT_`.  Never raises."""
        ...


class SystemJournal:
    """To the journal of the system, with fields."""

    def __init__(self, path: str = JOURNAL) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 the name says it

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()

    def say(self, level: Level, text: str, fields: Mapping[str, str] | None = None) -> None:
        """As `Log.say`.  An entry that the journal does not take is lost: the network comes first."""
        entry = {"MESSAGE": text, "PRIORITY": str(int(level)), "SYSLOG_IDENTIFIER": "eip-agent"}
        entry |= {f"EIP_AGENT_{name}": value for name, value in (fields or {}).items() if value}
        with contextlib.suppress(OSError):
            self._socket.sendto(b"".join(_field(name, value) for name, value in entry.items()), self._path)


class Lines:
    """To a stream; `prefixed` puts the priority in front, as who collects the stderr of services wants it."""

    def __init__(self, stream: TextIO, *, prefixed: bool) -> None:
        self._stream = stream
        self._prefixed = prefixed

    def say(self, level: Level, text: str, fields: Mapping[str, str] | None = None) -> None:  # noqa: ARG002 the line says it
        """As `Log.say`."""
        prefix = f"<{int(level)}>" if self._prefixed else ""
        with contextlib.suppress(OSError, ValueError):  # a full disk, or a stream that is closed
            for line in text.splitlines():
                self._stream.write(f"{prefix}{spelled(line)}\n")
            self._stream.flush()


def is_journals(stream: TextIO, told: str | None) -> bool:
    """Whether the journal reads that stream; `told` is `JOURNAL_STREAM`, the device and inode that systemd gave us."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return told == f"{found.st_dev}:{found.st_ino}"


def log_for(stream: TextIO | None, told: str | None, path: str = JOURNAL) -> Log:
    """The log of a process with that stderr."""
    stream = stream or sys.stdout
    if is_journals(stream, told) and os.path.exists(path):
        return SystemJournal(path)
    return Lines(stream, prefixed=not stream.isatty())


def _field(name: str, value: str) -> bytes:
    data = value[:_LONGEST].encode(errors="backslashreplace")
    if b"\n" in data:
        return name.encode() + b"\n" + _LENGTH.pack(len(data)) + data + b"\n"
    return name.encode() + b"=" + data + b"\n"
