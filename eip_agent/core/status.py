"""What the daemon is doing, as it tells at its control socket.  Times are seconds since the epoch; None: never.

Words of a closed list are English here, and `render.status` says them in other languages; what is told in words of its
own is a message, which the daemon says in the language that it is asked in.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source of facts."""

    name: str
    """`kernel`, `metadata service`, `OpenAPI`."""
    success: float | None
    """When it last said all it was asked for."""
    trouble: str = ""
    """Why not now; empty where it does, or is not to be asked."""


@dataclass(frozen=True, slots=True)
class EniStatus:
    """One ENI that has a link here."""

    eni: str
    """Its id, or its MAC address where that is not known."""
    link: str
    role: str
    """`primary` or `secondary`."""
    mode: str
    certainty: str
    health: str
    """`right`, `undecided`, `excluded`, `waits` (for a repair that somebody keeps undoing) or `pending`."""
    addresses: tuple[str, ...] = ()
    """Those that leave by this ENI."""


@dataclass(frozen=True, slots=True)
class FightStatus:
    """What somebody takes away again and again."""

    what: str
    """The link, or the rule."""
    rounds: int
    delay: float
    """Seconds that a repair waits now."""
    suspects: str


@dataclass(frozen=True, slots=True)
class Status:
    """All of it."""

    version: str
    pid: int
    since: float
    state: str
    """`starting`, or what the last pass amounts to: `as desired`, `changes pending`, `refused`, `facts missing`,
    `failed`."""
    passes: int
    changes: int
    repairs: int
    """Changes that put back what somebody had taken away."""
    last_pass: float | None
    last_change: float | None
    took: float
    """Seconds of the last pass."""
    next_poll: float | None
    items: int
    """How many items are desired."""
    enis: tuple[EniStatus, ...] = ()
    sources: tuple[SourceStatus, ...] = ()
    fights: tuple[FightStatus, ...] = ()
    waits: tuple[str, ...] = ()
    """For what, in words: the metadata to list a link, another eip-agent, a second answer, the next try."""
    troubles: tuple[str, ...] = ()
    """What was found or could not be read, in words."""
    settings: tuple[str, ...] = ()
    """Where they came from: the path of a file, names of variables and flags."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the daemon takes of the machine."""

    memory: int
    """Resident, in bytes."""
    processor: float
    """Seconds of processor time since it began."""
    descriptors: int
    """Open files and sockets."""
