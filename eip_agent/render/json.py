"""A report as JSON: version 1, keys named as the fields are."""

import dataclasses
import enum
import json
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from eip_agent.core.changes import Change
from eip_agent.core.finding import Finding
from eip_agent.core.items import Address, LinkSetting, Route, Rule
from eip_agent.core.message import Message
from eip_agent.core.report import Report
from eip_agent.render.language import ENGLISH, Language

VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""


def document(report: Report, language: Language = ENGLISH) -> str:
    """The whole report, indented, ending in a newline."""
    found = {"version": VERSION, "outcome": report.outcome.value, **_fields(report, language)}
    return json.dumps(found, indent=2, default=lambda value: _plain(value, language), ensure_ascii=False) + "\n"


def _plain(value: object, language: Language) -> object:
    match value:
        case IPv4Address() | IPv6Address() | IPv4Network() | IPv6Network():
            return str(value)
        case enum.Enum():
            return value.value
        case frozenset():
            return sorted(value)
        case Change():
            return {"text": str(value), **_fields(value, language)}
        case Finding():
            return {
                "code": value.code,
                "severity": value.severity.value,
                "subject": value.subject,
                "about": value.about,
                "saw": language(value.saw),
                "means": language(value.means),
                "do": language(value.do),
                "commands": value.commands,
                "proof": value.kind.proof,
            }
        case Address() | Route() | Rule() | LinkSetting():
            return {"kind": type(value).__name__.lower(), **_fields(value, language)}
    if dataclasses.is_dataclass(value):
        return _fields(value, language)
    message = f"no JSON for {type(value).__name__}"
    raise TypeError(message)


def _fields(value: object, language: Language) -> dict[str, object]:
    """The fields of a dataclass, not yet converted: `json` asks for each value in turn."""
    return {field.name: _said(getattr(value, field.name), language) for field in dataclasses.fields(value)}  # type: ignore[arg-type]  # checked by the caller


def _said(value: object, language: Language) -> object:
    return language(value) if isinstance(value, Message) else value
