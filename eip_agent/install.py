"""What `eip-agent install` puts where, as a plan: pure but for reading the files that the package ships.

Every file that is written begins with a line that tells its own checksum.  So it is known, without a list that could
be lost, which files are still as the agent wrote them and may be replaced and removed, and which somebody has changed.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from eip_agent import __version__
from eip_agent.core.message import say
from eip_agent.errors import ApplyError

DAEMON: Final = "eip-agent.service"
ONCE: Final = "eip-agent-apply.service"
_UNITS: Final = "/etc/systemd/system"
_WANTED: Final = f"{_UNITS}/multi-user.target.wants"
"""Where a unit that is enabled has a link, by the `WantedBy=` of both."""
_SHIPPED: Final = "/opt/eip-agent/bin/eip-agent"
"""The program in the units as they are shipped."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9/._+@:=-]+")
"""What systemd takes for itself: no quotes, no `%`, no `$`."""
_MARK: Final = re.compile(rb"# written by eip-agent [^\n;]*; sha256 ([0-9a-f]{64})[^\n]*\n")


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that the package ships, and where it belongs."""

    name: str
    """Below `systemd/`."""
    target: str
    needs: tuple[str, ...] = ()
    """Paths of which one must be there; without, the program that reads the file is not installed."""
    reader: str = ""
    """That program."""
    effect: str = ""
    """When it counts, where that is not at once."""
    asked_for: bool = False
    """Only where somebody asks for it."""


UNITS: Final = (Piece(DAEMON, f"{_UNITS}/{DAEMON}"), Piece(ONCE, f"{_UNITS}/{ONCE}"))
NETWORKD: Final = Piece(
    "networkd.conf.d/50-eip-agent.conf",
    "/etc/systemd/networkd.conf.d/50-eip-agent.conf",
    ("/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd"),
    "systemd-networkd",
    say("counts from the next boot on, or after `systemctl restart systemd-networkd`"),
)
CLOUD_INIT: Final = Piece(
    "cloud.cfg.d/90-eip-agent.cfg",
    "/etc/cloud/cloud.cfg.d/90-eip-agent.cfg",
    ("/etc/cloud",),
    "cloud-init",
    say("counts from the next boot on"),
    asked_for=True,
)
PIECES: Final = (*UNITS, NETWORKD, CLOUD_INIT)


class Deed(Enum):
    """What becomes of a file."""

    ADD = "+"
    REPLACE = "~"
    REMOVE = "-"
    LEAVE = "left"
    """Somebody has changed it, or made it."""
    NOTHING = ""
    """It is as it should be."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do with one file."""

    deed: Deed
    piece: Piece
    data: bytes = b""
    """What is to stand in it, where it is written."""


def install_plan(wanted: Mapping[Piece, bytes], found: Mapping[str, bytes | None]) -> tuple[Step, ...]:
    """What puts the wanted files in place; `found` has what stands at each target, None for nothing."""
    return tuple(_put(piece, data, found[piece.target]) for piece, data in wanted.items())


def uninstall_plan(shipped: Mapping[Piece, bytes], found: Mapping[str, bytes | None]) -> tuple[Step, ...]:
    """What takes away every file that is still as the agent wrote it."""
    return tuple(_take(piece, data, found[piece.target]) for piece, data in shipped.items())


def link_of(unit: Piece) -> str:
    """The link that enables a unit; it leads to the unit."""
    return f"{_WANTED}/{unit.name}"


def enable_plan(wanted: Piece, links: Mapping[Piece, str | None]) -> tuple[tuple[Deed, Piece], ...]:
    """What enables one of the units and none of the others; `links` has where the link of each leads, None for none.

    A link that somebody else has made, as for a unit of his own of that name, is left.
    """
    found = [(Deed.ADD, wanted)] if links[wanted] is None else []
    return (*found, *_disabled(unit for unit in links if unit is not wanted and _leads_to(links[unit], unit)))


def disable_plan(steps: Sequence[Step], links: Mapping[Piece, str | None]) -> tuple[tuple[Deed, Piece], ...]:
    """What disables the units, but for those whose file somebody has changed, so that it stays."""
    left = {step.piece for step in steps if step.deed is Deed.LEAVE}
    return tuple(_disabled(unit for unit in links if unit not in left and _leads_to(links[unit], unit)))


def _leads_to(link: str | None, unit: Piece) -> bool:
    return link in (unit.target, f"../{unit.name}")  # as systemctl of some versions has it


def _disabled(units: Iterable[Piece]) -> Iterator[tuple[Deed, Piece]]:
    return ((Deed.REMOVE, unit) for unit in units)


def _put(piece: Piece, data: bytes, there: bytes | None) -> Step:
    if there is None:
        return Step(Deed.ADD, piece, marked(data))
    if there == data or body_of(there) == data:
        return Step(Deed.NOTHING, piece)
    return Step(Deed.REPLACE, piece, marked(data)) if body_of(there) is not None else Step(Deed.LEAVE, piece)


def _take(piece: Piece, data: bytes, there: bytes | None) -> Step:
    if there is None:
        return Step(Deed.NOTHING, piece)
    return Step(Deed.REMOVE if there == data or body_of(there) is not None else Deed.LEAVE, piece)


def marked(body: bytes) -> bytes:
    """A file as it is written."""
    checksum = hashlib.sha256(body).hexdigest()
    line = f"# written by eip-agent {__version__}; sha256 {checksum} of what follows: change it, and it is yours\n"
    return line.encode() + body


def body_of(data: bytes) -> bytes | None:
    """What the agent wrote into a file; None where somebody has changed it, or it was never the agent's."""
    found = _MARK.match(data)
    if found is None:
        return None
    body = data[found.end() :]
    return body if hashlib.sha256(body).hexdigest().encode() == found[1] else None


def shipped(program: Sequence[str]) -> dict[Piece, bytes]:
    """All files as they belong on this host, with the command that starts the agent put into the units.

    Raises ApplyError where systemd could not spell that command, or the files are missing.
    """
    for word in program:
        if not _PLAIN.fullmatch(word):
            message = say("{path}: systemd would read more into this path than a path", path=word)
            hint = say("install the program where the path has letters, digits and ._+@:=- only")
            raise ApplyError(message, hint)
    return {piece: _read(piece.name).replace(_SHIPPED.encode(), " ".join(program).encode()) for piece in PIECES}


def _read(name: str) -> bytes:
    """A shipped file: beside this module when installed, beside the package in a checkout."""
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in here, os.path.dirname(here):
        try:
            with open(f"{folder}/systemd/{name}", "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            continue
    message = say("{path}: this file of the package is missing", path=f"systemd/{name}")
    raise ApplyError(message, say("install the package anew"))
