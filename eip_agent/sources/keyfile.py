"""Settings files of others: read bounded and without surprises, and the two forms that most of them have.

`sections` reads what systemd and NetworkManager write (systemd.syntax(7)), `outline` a plain part of YAML.  What is not
understood is None: unknown, never "no".
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import Final

LONGEST: Final = 1 << 18
"""Bytes; a larger file is not read."""
MOST: Final = 256
"""Files of a folder that are read; the names of no more are looked at."""

Sections = Mapping[str, Mapping[str, str]]
Outline = dict[str, "Value"]
Value = str | list[str] | Outline | None

_KEY: Final = re.compile(r"""(?P<quote>["']?)(?P<key>[\w.@/-]+)(?P=quote)\s*:(?:\s+(?P<value>.*))?""")
_QUOTED: Final = re.compile(r"""(["']).*?\1""")
_STRANGE: Final = re.compile(r"[&*!|>%@`]|<<")


class UnclearError(ValueError):
    """A file is written in a way that is not understood here."""


def text_of(path: str) -> str | None:
    """The text of a plain file; None where there is none, or it cannot be read."""
    try:
        # Never waits for who writes into a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            data = file.read(LONGEST + 1)
        return None if len(data) > LONGEST else data.decode()
    except (OSError, ValueError):
        return None


def names_in(folder: str) -> list[str]:
    """The names in a folder, sorted; none where there is no such folder, or it cannot be read."""
    try:
        return sorted(os.listdir(folder))[:MOST]
    except OSError:
        return []


def sections(text: str) -> Sections:
    """The last value of every key, by section.  Raises UnclearError."""
    found: dict[str, dict[str, str]] = {}
    here: dict[str, str] | None = None
    for line in map(str.strip, text.splitlines()):
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            here = found.setdefault(line[1:-1], {})
            continue
        key, sign, value = line.partition("=")
        if not sign or here is None:
            raise UnclearError(line)
        here[key.strip()] = value.strip()
    return found


def outline(text: str) -> Outline:
    """Nested mappings of plain words and lists of them; None in place of what is more.  Raises UnclearError."""
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] != "#" and line != "---"]
    if any(line.lstrip(" ").startswith("\t") for line in lines):
        raise UnclearError(text)
    return _mapping(_Lines(lines), 0)


class _Lines:
    """The lines that are left."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._next = 0

    def indent(self) -> int:
        """Of the next line; -1 where there is none."""
        if self._next >= len(self._lines):
            return -1
        line = self._lines[self._next]
        return len(line) - len(line.lstrip(" "))

    def starts_item(self) -> bool:
        return self._lines[self._next].lstrip(" ").startswith(("- ", "-\n")) or self._lines[self._next].strip() == "-"

    def take(self) -> str:
        self._next += 1
        return self._lines[self._next - 1].strip()

    def skip_deeper(self, than: int) -> None:
        """Leave out all that belongs to what stands that deep, a list at the same depth with it."""
        while self.indent() > than or (self.indent() == than and self.starts_item()):
            self.take()


def _mapping(lines: _Lines, depth: int) -> Outline:
    found: Outline = {}
    while lines.indent() == depth:
        line = lines.take()
        match = _KEY.fullmatch(line)
        if match is None:
            raise UnclearError(line)
        value = _bare(match["value"] or "")
        if value:
            found[match["key"]] = _word(value)
            if found[match["key"]] is None:
                lines.skip_deeper(depth)
        else:
            found[match["key"]] = _below(lines, depth)
    if lines.indent() > depth:
        raise UnclearError(lines.take())
    return found


def _below(lines: _Lines, depth: int) -> Value:
    """The value that stands on the lines below its key."""
    inner = lines.indent()
    if inner >= depth and inner >= 0 and lines.starts_item():
        return _items(lines, inner)
    return _mapping(lines, inner) if inner > depth else ""


def _items(lines: _Lines, depth: int) -> list[str] | None:
    found: list[str] | None = []
    while lines.indent() == depth and lines.starts_item():
        word = _word(_bare(lines.take()[1:].strip()))
        plain = isinstance(word, str) and not _KEY.fullmatch(word)
        if lines.indent() > depth:
            plain = False
            while lines.indent() > depth:
                lines.take()
        if found is not None:
            found = [*found, str(word)] if plain else None
    return found


def _word(text: str) -> Value:
    """A word, or a list or mapping of words on one line."""
    if _STRANGE.match(text):
        return None
    if text.startswith("[") and text.endswith("]"):
        return [_unquoted(word) for word in _split(text)]
    if text.startswith("{") and text.endswith("}"):
        pairs = [_KEY.fullmatch(word) for word in _split(text)]
        if "[" in text or text.count("{") > 1:
            return None
        return {pair["key"]: _unquoted(pair["value"] or "") for pair in pairs if pair}
    return None if text.startswith(("[", "{")) else _unquoted(text)


def _split(text: str) -> Iterator[str]:
    return filter(None, map(str.strip, text[1:-1].split(",")))


def _bare(text: str) -> str:
    """Without the comment at its end."""
    quoted = _QUOTED.match(text)
    if quoted:
        return quoted[0]
    return "" if text.startswith("#") else re.sub(r"\s+#.*", "", text).strip()


def _unquoted(word: str) -> str:
    word = word.strip()
    return word[1:-1] if len(word) > 1 and word[0] in "\"'" and word[0] == word[-1] else word
