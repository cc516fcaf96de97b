"""Scenes with all rules and routes, for what is found on this host.

The builders' instance: `main` leads by eth0, the primary ENI, unless a test says otherwise.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from eip_agent.core.facts import AddressFact, IPAddress, LinkFact
from eip_agent.core.scene import Scene
from eip_agent.core.surroundings import Hop, LinkSeen, RouteSeen, RuleSeen, Surroundings
from tests.builders import address, device, ip4, kernel, link, net4
from tests.core.findings.support import scene_of

RULES = (RuleSeen(4, 32766, table=254, protocol=2), RuleSeen(6, 32766, table=254, protocol=2))
CONF = {"rp_filter": 0, "arp_announce": 0, "arp_ignore": 0, "arp_filter": 0, "src_valid_mark": 0, "forwarding": 0}
HERE = (address("192.168.0.10", 0), address("192.168.1.10", 1))


def default(number: int, table: int = 254, gateway: str | None = None, **overrides: Any) -> RouteSeen:
    """A default route by the link of an ENI and its gateway."""
    via = ip4(gateway or f"192.168.{number}.253")
    return replace(RouteSeen(table, net4("0.0.0.0/0"), hops=(Hop(device(number).index, via),)), **overrides)


def rule_for(source: str, table: int, priority: int = 30000, **overrides: Any) -> RuleSeen:
    """A rule for a source, made by hand."""
    return replace(RuleSeen(4, priority, table=table, source=net4(source), protocol=3), **overrides)


def surrounded(  # noqa: PLR0913  surroundings have that many sides
    *routes: RouteSeen,
    rules: Iterable[RuleSeen] = (),
    links: tuple[LinkFact, ...] = (),
    addresses: Iterable[AddressFact] = HERE,
    seen: dict[str, int] | None = None,
    common: dict[str, int] | None = None,
    carrier: bool = True,
    taken: frozenset[IPAddress] = frozenset(),
    **scene: Any,
) -> Scene:
    """The builders' instance with these rules and routes; `seen` are more settings of every link, `common` of all."""
    links = links or (link(0), link(1))
    ordered = sorted((*rules, *RULES), key=lambda rule: (rule.family, rule.priority))
    around = Surroundings(
        tuple(ordered),
        routes or (default(0),),
        links=tuple(LinkSeen(one.link.index, carrier, tuple((CONF | (seen or {})).items())) for one in links),
        common=tuple((CONF | (common or {})).items()),
    )
    holds = kernel(*links, addresses=tuple(addresses), taken=taken)
    return replace(scene_of(holds=holds, **scene), surroundings=around)
