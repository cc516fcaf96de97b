"""What text is written on: how wide, in which language, with colours or not."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from eip_agent.core.finding import Severity
from eip_agent.core.message import Value, text
from eip_agent.render.language import ENGLISH, Language

_COLOURS: Final = {"error": "31;1", "warning": "33;1", "note": "36", "good": "32", "strong": "1", "dim": "2"}
SEVERITIES: Final = {Severity.ERROR: text("error"), Severity.WARNING: text("warning"), Severity.NOTE: text("note")}
_END: Final = "\x1b[0m"
_INKS: Final = frozenset((_END, *(f"\x1b[{ink}m" for ink in _COLOURS.values())))
_INK: Final = re.compile("(\x1b\\[[0-9;]*m)")
_LABEL: Final = 9
"""Columns of a label, the blank behind it included."""
_ASCII: Final = str.maketrans(
    {"→": "->", "←": "<-", "↓": "v", "│": "|", "└": "`", "├": "|", "─": "-", "·": "-", "…": "..."}
)
"""What is drawn where an encoding has no better signs."""


@dataclass(frozen=True, slots=True)
class Paper:
    """How to write text for people."""

    language: Language = ENGLISH
    width: int = 0
    """Columns; nought: lines are as long as they are, as for a pipe."""
    colour: bool = False
    ascii: bool = False
    """Whether only ASCII signs are drawn with, as where the encoding of a terminal has no others."""

    def say(self, value: Value) -> str:
        """A message in the language of this paper."""
        return self.language(value)

    def inked(self, text: str, colour: str) -> str:
        """Text in one of the colours, which never say anything that the words do not."""
        return f"\x1b[{_COLOURS[colour]}m{text}{_END}" if self.colour and text else text

    def drawn(self, signs: str) -> str:
        """Arrows and lines as this paper has them."""
        return signs.translate(_ASCII) if self.ascii else signs

    def heading(self, title: Value) -> str:
        """A line that stands out where there are colours."""
        return self.inked(self.say(title), "strong")

    def severity(self, severity: Severity) -> str:
        """The word for it, as wide as a label."""
        word = self.language.text(SEVERITIES[severity])
        return self.inked(word, severity.value) + " " * (_LABEL - columns(word))

    def field(self, label: str, value: Value, indent: int = 2) -> Iterator[str]:
        """A labelled paragraph: the label, marked by `text(...)` or empty, then the text, wrapped beside it."""
        word = self.language.text(label)
        head = " " * indent + word + " " * max(1, _LABEL - columns(word))
        rows = self.wrapped(self.say(value), columns(head))
        yield " " * indent + self.inked(word, "dim") + head[indent + len(word) :] + rows[0]
        yield from (" " * columns(head) + row for row in rows[1:])

    def paragraph(self, value: Value, indent: int = 0) -> Iterator[str]:
        """A text, wrapped beside an indent."""
        yield from (" " * indent + row for row in self.wrapped(self.say(value), indent))

    def wrapped(self, text: str, indent: int = 0) -> Sequence[str]:
        """The lines of a text beside an indent; at least one."""
        room = self.width - indent if self.width else 0
        if room < 20:
            return (text.rstrip(),)
        rows, row = [], ""
        for word in _words(text):
            if row and columns((row + word).rstrip()) > room:
                rows.append(row.rstrip())
                row = word.lstrip()
            else:
                row += word
        return (*rows, row.rstrip()) if row or not rows else tuple(rows)


def by_ink(line: str) -> Iterator[tuple[str, bool]]:
    """The parts of a line, each with whether it is a colour of a paper; a name may look like some other escape."""
    for part in _INK.split(line):
        yield part, part in _INKS


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: Chinese characters take two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else not unicodedata.combining(one) for one in text)


def _words(text: str) -> Iterator[str]:
    """Where a line may break: after a blank, and around every wide character but before no closing mark."""
    word = ""
    for one in text:
        wide = unicodedata.east_asian_width(one) in "WF"
        closing = one in "，。；：、！？）》」"  # noqa: RUF001  Chinese marks on purpose
        if word and (word[-1] == " " or (wide and not closing) or (_wide(word[-1]) and not closing)):
            yield word
            word = ""
        word += one
    if word:
        yield word


def _wide(one: str) -> bool:
    return unicodedata.east_asian_width(one) in "WF"
