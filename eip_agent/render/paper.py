"""What text is written on: how wide, in which language, with colours or not."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from eip_agent.core.finding import Severity
from eip_agent.core.message import Value
from eip_agent.render.language import ENGLISH, Language

_COLOURS: Final = {"error": "31;1", "warning": "33;1", "note": "36", "good": "32", "strong": "1", "dim": "2"}
_LABEL: Final = 8
"""Columns of a label."""


@dataclass(frozen=True, slots=True)
class Paper:
    """How to write text for people."""

    language: Language = ENGLISH
    width: int = 0
    """Columns; nought: lines are as long as they are, as for a pipe."""
    colour: bool = False

    def say(self, value: Value) -> str:
        """A message in the language of this paper."""
        return self.language(value)

    def inked(self, text: str, colour: str) -> str:
        """Text in one of the colours, which never say anything that the words do not."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.colour else text

    def severity(self, severity: Severity) -> str:
        """The word for it, eight columns wide."""
        word = self.language.text(severity.value)
        return self.inked(word + " " * (_LABEL - columns(word)), severity.value)

    def field(self, label: str, value: Value, indent: int = 2) -> Iterator[str]:
        """A labelled paragraph: the label, a message marked by `text(...)`, then the text, wrapped beside it."""
        word = self.language.text(label)
        head = " " * indent + word + " " * max(1, _LABEL - columns(word))
        rows = self.wrapped(self.say(value), columns(head))
        yield head + rows[0]
        yield from (" " * columns(head) + row for row in rows[1:])

    def wrapped(self, text: str, indent: int = 0) -> Sequence[str]:
        """The lines of a text beside an indent; at least one."""
        room = self.width - indent if self.width else 0
        if room < 20:
            return (text,)
        rows, row = [], ""
        for word in _words(text):
            if row and columns((row + word).rstrip()) > room:
                rows.append(row.rstrip())
                row = word.lstrip()
            else:
                row += word
        return (*rows, row.rstrip()) if row or not rows else tuple(rows)


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: Chinese characters take two."""
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
