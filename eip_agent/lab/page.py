"""A page for a terminal or a pipe: aligned tables, lists cut short, and signs that the encoding can show."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Final

from eip_agent.config import is_colour_unwanted

_SHOWN: Final = 3
"""Changes of one kind shown of a plan."""
_KIND: Final = re.compile(r"  ([+~-]) (?:-6 )?(\S+)")


def shortened(lines: Sequence[str], more: str) -> Iterator[str]:
    """The lines, but of each kind of change only the first few, and how many there are."""
    kinds = [found.groups() if (found := _KIND.match(line)) else None for line in lines]
    shown: dict[tuple[str | None, ...], int] = {}
    for line, kind, following in zip(lines, kinds, [*kinds[1:], None], strict=True):
        if kind is None:
            yield line
            continue
        shown[kind] = shown.get(kind, 0) + 1
        if shown[kind] <= _SHOWN:
            yield line
        if following != kind and (hidden := shown.pop(kind) - _SHOWN) > 0:
            yield f"  {kind[0]} {kind[1]} {more} {hidden} more"


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows as lines, each column as wide as its widest cell."""
    widths = [max(map(_width, column)) for column in zip(*_squared(rows), strict=True)]
    for row in rows:
        yield "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)).rstrip()


def _squared(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """All rows as long as the longest."""
    longest = max(map(len, rows))
    return [[*row, *[""] * (longest - len(row))] for row in rows]


def _width(cell: str) -> int:
    """Columns on the screen; colours have none."""
    return len(re.sub("\x1b\\[[0-9]*m", "", cell))


@dataclass(frozen=True, slots=True)
class _Glyphs:
    good: str
    bad: str
    none: str
    cut: str
    both: str
    down: str
    branch: str
    last: str


_UNICODE: Final = _Glyphs("✓", "✗", "–", "…", "↔", "│", "├─", "└─")  # noqa: RUF001 - a dash, on purpose
_ASCII: Final = _Glyphs("yes", "no", "-", "..", "=", "|", "+-", "+-")


def _can_show(glyphs: _Glyphs) -> bool:
    """Whether the encoding of standard output has them all."""
    try:
        "".join(astuple(glyphs)).encode(sys.stdout.encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return True


class Page:
    """Standard output, with as much colour and as many glyphs as it can take."""

    def __init__(self) -> None:
        self.glyphs = _UNICODE if _can_show(_UNICODE) else _ASCII
        self._colour = sys.stdout.isatty() and not is_colour_unwanted()

    def title(self, text: str) -> None:
        """A heading, with a line of space before it."""
        self.line()
        self.line(self.bold(text))
        self.line()

    def line(self, text: str = "") -> None:
        """At once: who watches sees it happen."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def lines(self, texts: Iterable[str]) -> None:
        """Lines, indented."""
        for text in texts:
            self.line(f"  {text}")

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """The first row is the heading."""
        heading, *others = aligned(rows)
        self.line(f"  {self.dim(heading)}")
        self.lines(others)

    def tick(self, good: bool) -> str:  # noqa: FBT001 - the value it shows
        """Whether something is good, as a sign."""
        return self._in(32, self.glyphs.good) if good else self.bad(self.glyphs.bad)

    def bad(self, text: str) -> str:
        """What is wrong, in red where there are colours."""
        return self._in(31, text)

    def bold(self, text: str) -> str:
        """Something that stands out."""
        return self._in(1, text)

    def dim(self, text: str) -> str:
        """Something that stands back."""
        return self._in(2, text)

    def _in(self, code: int, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
