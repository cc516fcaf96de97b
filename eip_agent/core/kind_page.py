"""The page of a kind of finding: what it says wherever it is found, and whether it is found here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from eip_agent.core.finding import Finding, Kind


@dataclass(frozen=True, slots=True)
class KindPage:
    """All there is to say about a kind."""

    kind: Kind
    found: tuple[Finding, ...]
    """Where it is so here, now."""
    causes: tuple[Kind, ...]
    """Where one of them is found for the same thing, this is not told."""
    consequences: tuple[Kind, ...]
    """What is not told where this is found for the same thing."""


def page(kind: Kind, kinds: Iterable[Kind], findings: Iterable[Finding]) -> KindPage:
    """The page of one of the kinds."""
    known = tuple(kinds)
    return KindPage(
        kind,
        tuple(finding for finding in findings if finding.code == kind.code),
        tuple(one for one in known if one.code in kind.caused_by),
        tuple(one for one in known if kind.code in one.caused_by),
    )


def words(template: str) -> Mapping[str, str]:
    """For each value of a template the word that stands for it, as manual pages have them: `LINK`."""
    return {name: name.upper().replace("_", "-") for name in _NAME.findall(template)}


_NAME: Final = re.compile(r"\{(\w+)\}")
