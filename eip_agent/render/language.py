"""Languages: a message is said again from its template, by a catalogue made with the usual gettext tools.

English is what the templates are written in, and costs nothing: no catalogue is read for it.
"""

import contextlib
import os
import struct
from typing import Any, Final

from eip_agent.core.message import Message, Value

LANGUAGES: Final = ("en", "zh")
"""Those that are complete."""

CATALOGUES: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "locale")


class Language:
    """English; others are made by `language`."""

    code = "en"
    comma = ", "
    """Between listed values."""

    def __call__(self, value: Value) -> str:
        """Say it: a message in this language, anything else as it is."""
        if isinstance(value, tuple):
            return self.comma.join(map(self, value))
        return str(value)

    def text(self, template: str) -> str:
        """A template without values, as a heading."""
        return template

    def document(self, plain: Any) -> Any:
        """A document of JSON's own types, with every message in it said."""
        return plain


class _Translated(Language):
    def __init__(self, code: str, comma: str, catalogues: str) -> None:
        import gettext  # noqa: PLC0415  English has no use for it

        self.code = code
        self.comma = comma
        path = os.path.join(catalogues, code, "LC_MESSAGES", "eip_agent.mo")
        with open(path, "rb") as file:
            self._catalogue = gettext.GNUTranslations(file)

    def __call__(self, value: Value) -> str:
        if isinstance(value, Message):
            said = {name: self(part) for name, part in value.values.items()}
            return self.text(value.template).format(**said)
        return super().__call__(value)

    def text(self, template: str) -> str:
        return self._catalogue.gettext(template) if template else ""

    def document(self, plain: Any) -> Any:
        match plain:
            case dict():
                return {name: self.document(part) for name, part in plain.items()}
            case list():
                return [self.document(part) for part in plain]
            case str():
                return self(plain)
        return plain


ENGLISH: Final = Language()


def language(code: str, catalogues: str = CATALOGUES) -> Language:
    """The language of a code of `LANGUAGES`, by the catalogues in a folder.

    English too where the catalogue is gone or cut, as for a moment under a daemon whose package is being replaced.
    """
    if code == "zh":
        with contextlib.suppress(OSError, ValueError, LookupError, struct.error):  # all that `gettext` makes of it
            return _Translated("zh", "、", catalogues)
    return ENGLISH


def language_of(locale: str) -> str:
    """The code for a locale as `LANG` names it, `zh_CN.UTF-8`; English for any other language."""
    return "zh" if locale.lower().startswith("zh") else "en"
