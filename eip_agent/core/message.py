"""Texts for people that know how they were made, so that they can be said in another language.

A `Message` is its English text, and keeps the template and the values: `render.language` translates the template by a
gettext catalogue and puts the values in again.  `./run messages` collects the templates from the calls of `say` and
`text` in the sources, so both want a literal.
"""

from collections.abc import Mapping
from typing import Final, Self

Value = object
"""What a template may hold: a message, a tuple of values (listed with commas), or anything that has a `str`."""


class Message(str):
    """A text for people, in English."""

    __slots__ = ("template", "values")

    template: str
    """With `{name}` for each value, as `str.format` reads it."""
    values: Mapping[str, Value]

    def __new__(cls, template: str, values: Mapping[str, Value]) -> Self:
        """Put the values into the template.  Raises KeyError for one that is missing."""
        made = super().__new__(cls, template.format(**{name: plain(value) for name, value in values.items()}))
        made.template = template
        made.values = values
        return made


def say(template: str, /, **values: Value) -> Message:
    """A message, from an English template."""
    return Message(template, values)


def text(template: str) -> str:
    """A template that gets its values later; this only marks it for the catalogue."""
    return template


def verbatim(words: str) -> Message:
    """What is the same in every language, as a command, or what somebody else has said already."""
    return Message("{words}", {"words": words})


def said(error: BaseException) -> str:
    """What an exception says: the message it was made with, where it was made with one."""
    return error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else str(error)


def plain(value: Value) -> str:
    """A value as it stands in English text."""
    if isinstance(value, tuple):
        return COMMA.join(map(plain, value))
    return str(value)


COMMA: Final = ", "
"""Between the values of a tuple; languages have their own."""
