"""The message catalogues: `python -m tests.messages` refreshes them, as `./run messages` does.

What is said is collected from the calls of `say` and `text`, merged into what is translated, and compiled.  Everything
comes out the same wherever and whenever it is done: no dates, no names, no line numbers, no guesses.
"""

import ast
import functools
import io
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "eip_agent"
LOCALES: Final = PACKAGE / "locale"
LANGUAGES: Final = ("zh",)
"""Those that are translated to."""

_KEYWORDS: Final = ("say", "text")
_HEADERS: Final = (
    ("Project-Id-Version", "eip-agent"),
    ("Language", "{language}"),
    ("Plural-Forms", "nplurals=1; plural=0;"),
    ("MIME-Version", "1.0"),
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Transfer-Encoding", "8bit"),
)
_COMMENT: Final = "# What eip-agent says, in {language}.  `./run messages` keeps it up to date."
_PLACEHOLDER: Final = re.compile(r"\{(\w*)\}")


class _Undated(Catalog):
    """A catalogue whose header says what it must, and not when or by whom it was made."""

    mime_headers = property(
        lambda self: [(name, value.format(language=self.locale_identifier)) for name, value in _HEADERS],
        lambda _self, _headers: None,
    )


@functools.cache
def said() -> Catalog:
    """All that the package says."""
    catalogue = Catalog()
    for path in sorted(PACKAGE.rglob("*.py")):
        for message in literals(path.read_text(encoding="utf-8")):
            # Without a line, or every edit of a source would change the catalogue.
            catalogue.add(message, None, [(path.relative_to(ROOT).as_posix(), 0)])
    return catalogue


def literals(source: str) -> list[str]:
    """What `say` and `text` are called with in a module, in its order.

    Babel's own reading of Python goes by tokens, and some releases of it take a variable of such a name for a call:
    2.19 made a message of the docstring that follows `text[0] in "[{"`.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(name), args=[ast.Constant(str(literal)), *_]) if name in _KEYWORDS:
                found.append((node.lineno, node.col_offset, literal))
    return [literal for *_, literal in sorted(found)]


def merged(language: str, old: Catalog | None = None) -> Catalog:
    """What is said, with the translations that there are; what is not said any more is left out."""
    translated = translations(language) if old is None else old
    catalogue = _Undated(locale=language, header_comment=_COMMENT.format(language=language), fuzzy=False)
    for message in messages(said()):
        known = translated.get(message.id)
        string = known.string if known is not None and not known.fuzzy else ""
        files = sorted({file for file, _ in message.locations})
        catalogue.add(message.id, string, [(file, 0) for file in files], flags=message.flags & {"python-brace-format"})
    return catalogue


def messages(catalogue: Catalog) -> Iterator[Message]:
    """All but the header."""
    return (message for message in catalogue if message.id)


def translations(language: str) -> Catalog:
    """What is in the file of a language."""
    with po_of(language).open("rb") as file:
        return read_po(file, locale=language)


def po_of(language: str) -> Path:
    """The file that people translate in."""
    return LOCALES / language / "LC_MESSAGES" / "eip_agent.po"


def mo_of(language: str) -> Path:
    """The file that the program reads."""
    return po_of(language).with_suffix(".mo")


def as_translated(language: str) -> Catalog:
    """The same under the header that it should have."""
    catalogue = _Undated(locale=language, fuzzy=False)
    for message in messages(translations(language)):
        catalogue.add(message.id, message.string, flags=message.flags)
    return catalogue


def spelled(catalogue: Catalog) -> bytes:
    """As the file that people translate in."""
    out = io.BytesIO()
    write_po(out, catalogue, width=0, sort_by_file=False, include_lineno=False, ignore_obsolete=True)
    return out.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """As the file that the program reads."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def refresh(languages: Iterable[str] = LANGUAGES) -> None:
    """Write all files anew."""
    for language in languages:
        catalogue = merged(language)
        po_of(language).write_bytes(spelled(catalogue))
        mo_of(language).write_bytes(compiled(catalogue))
        missing = sum(not message.string for message in messages(catalogue))
        sys.stderr.write(f"{language}: {len(list(messages(catalogue)))} messages, {missing} without a translation\n")


def faults(catalogue: Catalog) -> list[str]:
    """What would be said wrongly: other values than the original has, or a guess."""
    found = []
    for message in messages(catalogue):
        if not message.string:
            continue
        if message.fuzzy:
            found.append(f"fuzzy: {message.id}")
        if set(_PLACEHOLDER.findall(str(message.string))) != set(_PLACEHOLDER.findall(str(message.id))):
            found.append(f"other values: {message.id} -> {message.string}")
    return found


def untranslated(catalogue: Catalog) -> list[str]:
    """What is said in English still."""
    return [str(message.id) for message in messages(catalogue) if not message.string]


if __name__ == "__main__":
    refresh()
