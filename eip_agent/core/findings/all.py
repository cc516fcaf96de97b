"""All that can be found: the register of kinds, and what explaining looks for.

A module of kinds has `KINDS`, and its generators in `FINDERS`.
"""

from collections.abc import Mapping
from typing import Final

from eip_agent.core.finding import Finding, Kind, told
from eip_agent.core.findings import (
    FINDERS,
    addresses,
    carriers,
    changed,
    defaults,
    eips,
    enis,
    exclusions,
    firewall,
    forwarding,
    havips,
    links,
    managers,
    memory,
    metadata,
    openapi,
    outlets,
    probes,
    shadows,
    sources,
    sweepers,
    vicinity,
    ways,
)
from eip_agent.core.scene import Scene

MODULES: Final = (
    links,
    sources,
    metadata,
    openapi,
    eips,
    exclusions,
    havips,
    enis,
    outlets,
    memory,
    carriers,
    ways,
    shadows,
    addresses,
    defaults,
    vicinity,
    forwarding,
    changed,
    sweepers,
    managers,
    firewall,
    probes,
)

KINDS: Final[Mapping[str, Kind]] = {kind.code: kind for module in MODULES for kind in module.KINDS}
"""Every kind by its code."""

MORE: Final = (
    *openapi.FINDERS,
    *eips.FINDERS,
    *exclusions.FINDERS,
    *havips.FINDERS,
    *enis.FINDERS,
    *outlets.FINDERS,
    *carriers.FINDERS,
    *ways.FINDERS,
    *shadows.FINDERS,
    *addresses.FINDERS,
    *defaults.FINDERS,
    *vicinity.FINDERS,
    *forwarding.FINDERS,
    *changed.FINDERS,
    *sweepers.FINDERS,
    *managers.FINDERS,
    *firewall.FINDERS,
    *probes.FINDERS,
)
"""Finders that need what only explaining reads."""


def find_all(scene: Scene) -> tuple[Finding, ...]:
    """What explaining tells: that of every pass, and what else is wrong here."""
    found = [finding for finder in (*FINDERS, *MORE) for finding in finder(scene)]
    return told((*scene.report.findings, *found), scene.settings.accepted)
