"""A report as JSON: version 1, keys named as the fields are; `report.schema.json` beside this file says which."""

import dataclasses
import enum
import json
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from eip_agent.core.changes import Change
from eip_agent.core.finding import Finding, Kind
from eip_agent.core.items import Address, LinkSetting, Route, Rule
from eip_agent.core.message import Message
from eip_agent.core.report import Report
from eip_agent.render.language import ENGLISH, Language

VERSION: Final = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""

_SPELLED: Final = (IPv4Address, IPv6Address, IPv4Network, IPv6Network)


def document(report: Report, language: Language = ENGLISH) -> str:
    """The whole report, indented, ending in a newline."""
    return spelled(parts(report), language)


def parts(report: Report) -> Mapping[str, object]:
    """What a report consists of, beside the version; the outcome first."""
    return {"outcome": report.outcome, **_fields(report)}


def spelled(found: Mapping[str, object], language: Language = ENGLISH) -> str:
    """These parts under the version, indented, ending in a newline."""
    whole = _plain({"version": VERSION, **found}, language)
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _plain(value: object, language: Language) -> object:
    """In JSON's own types.  Raises TypeError for what has no place in a report."""
    match value:
        case Message():
            return language(value)
        case None | str() | bool() | int() | float():
            return value
        case enum.Enum():
            return value.value
        case frozenset():
            return sorted((_plain(one, language) for one in value), key=str)
        case tuple() | list():
            return [_plain(one, language) for one in value]
        case Mapping():
            return {str(name): _plain(one, language) for name, one in value.items()}
    if isinstance(value, _SPELLED):
        return str(value)
    return {name: _plain(one, language) for name, one in _parts_of(value, language).items()}


def _parts_of(value: object, language: Language) -> Mapping[str, object]:
    match value:
        case Change():
            return {"text": str(value), **_fields(value)}
        case Address() | Route() | Rule() | LinkSetting():
            return {"kind": type(value).__name__.lower(), **_fields(value)}
        case Finding():
            return {
                "code": value.code,
                "severity": value.severity,
                "accepted": value.accepted,
                "subject": value.subject,
                "about": value.about,
                "saw": value.saw,
                "means": value.means,
                "do": value.do,
                "commands": value.commands,
                "proof": value.kind.proof,
            }
        case Kind():
            templates = ("title", "saw", "means", "do")
            return {**_fields(value), **{name: language.text(getattr(value, name)) for name in templates}}
    if dataclasses.is_dataclass(value):
        return _fields(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def _fields(value: object) -> dict[str, object]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}  # type: ignore[arg-type]  # checked by the caller
