"""An answer to a frequent question: what holds everywhere, what holds here, and what cannot be known from here."""

import enum
from dataclasses import dataclass

from eip_agent.core.message import Message


class Sign(enum.Enum):
    """What a point amounts to."""

    FACT = "fact"
    """It is so; neither good nor bad."""
    FINE = "fine"
    """It was checked, and is as it should be."""
    ABSENT = "absent"
    """It was checked, and is not so, which is no fault."""
    WRONG = "wrong"
    """It was checked, and something should be done."""
    UNKNOWN = "unknown"
    """It could not be checked."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that holds here, with this instance's own values."""

    says: Message
    sign: Sign = Sign.FACT
    codes: tuple[str, ...] = ()
    """Findings that say more: `explain finding CODE`."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that cannot be known from here, and what would make it known."""

    what: Message
    how: Message


@dataclass(frozen=True, slots=True)
class Answer:
    """All of it."""

    number: int
    question: Message
    short: Message
    """One line, for this instance."""
    general: tuple[Message, ...]
    """Today's answer, and where it differs from the one of 2021."""
    here: tuple[Point, ...]
    gaps: tuple[Gap, ...] = ()
