"""The fields of an answer of the OpenAPI, read leniently: its JSON types vary.  Pure."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from eip_agent.core.message import Message, say

_PLAIN: Final = re.compile(r"[!-~]+")
_LONGEST: Final = 60
"""Characters of a value that a message repeats."""
_LONGEST_ID: Final = 128

Item = Mapping[str, object]


def as_mapping(value: object) -> Item:
    """An object; empty where it is none."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[object]:
    """A list; empty where it is none."""
    return value if isinstance(value, list) else []


def objects_at(value: object, *path: str) -> Iterator[Item]:
    """The objects of the list at a path; nothing where there is none."""
    for name in path:
        value = as_mapping(value).get(name)
    for item in as_list(value):
        if isinstance(item, Mapping):
            yield item


def names_at(item: Item, outer: str, inner: str) -> tuple[str, ...]:
    """A list of text; each entry once, without blanks around it."""
    values = as_list(as_mapping(item.get(outer)).get(inner))
    return tuple(dict.fromkeys(value.strip() for value in values if isinstance(value, str) and value.strip()))


def lowered(item: Item) -> Item:
    """The same with keys in lower case: `Ip` is `IP` in the documentation's own sample."""
    return {str(key).lower(): value for key, value in item.items()}


def text_of(item: Item, name: str) -> str:
    """A field as printable text without blanks around it, of any length that is a name's; empty where it is missing."""
    value = item.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    spelt = " ".join(str(value).split()) if isinstance(value, str) else str(value)[:_LONGEST_ID]
    return "".join(letter for letter in spelt[: 2 * _LONGEST_ID] if letter.isprintable())


def words_of(error: Item) -> str:
    """What an error says: a message where it is one of ours, see `openapi.caller.Failure`, else the cloud's words."""
    template, values = error.get("template"), as_mapping(error.get("values"))
    if isinstance(template, str):
        with contextlib.suppress(KeyError, IndexError, ValueError):
            return Message(template, {name: text_of(values, name) for name in values})
    return text_of(error, "message")


def id_of(item: Item, name: str) -> str:
    """An id.  Raises ValueError for what cannot be one."""
    spelt = text_of(item, name)
    if not _PLAIN.fullmatch(spelt) or len(spelt) > _LONGEST_ID:
        raise ValueError(say("{name} {item} is no id", name=name, item=quoted(item.get(name))))
    return spelt


def address_of(item: Item, name: str) -> IPv4Address:
    """An address that somebody can have.  Raises ValueError naming the field."""
    try:
        return as_address(item.get(name))
    except ValueError as error:
        raise ValueError(say("{name} {error}", name=name, error=error)) from None


def as_address(value: object) -> IPv4Address:
    """An address that somebody can have.  Raises ValueError."""
    try:
        # A number would be taken for an address as well.
        address = IPv4Address(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(say("{value} is no IPv4 address", value=quoted(value))) from None
    if address.is_multicast or address.is_loopback or address.packed[0] == 0 or int(address) == 0xFFFFFFFF:
        raise ValueError(say("{address} is nobody's address", address=address))
    return address


def address6_of(item: Item, name: str) -> IPv6Address:
    """An IPv6 address.  Raises ValueError naming the field."""
    try:
        return IPv6Address(text_of(item, name))
    except ValueError:
        raise ValueError(say("{name} {item} is no IPv6 address", name=name, item=quoted(item.get(name)))) from None


def is_true(value: object) -> bool:
    """Whether a flag is set, however it is spelt."""
    return str(value).strip().lower() in {"true", "1"} if isinstance(value, (str, int)) else False


def quoted(value: object) -> str:
    """A value for a message, not too long for one."""
    text = json.dumps(value[:_LONGEST]) if isinstance(value, str) else type(value).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
