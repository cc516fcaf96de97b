"""By which links packets leave, for many sources: a few questions, asked of `walk` as seldom as may be."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from eip_agent.core.facts import IPAddress, LinkFact
from eip_agent.core.numbers import DEFAULT_LENGTHS, MAIN, PRIORITIES, RULE_PROTOCOL, TABLES
from eip_agent.core.scene import Scene
from eip_agent.core.surroundings import RouteSeen, RuleSeen
from eip_agent.core.walk import Flow, Outcome, Tables, Walk

_SOMEBODY: Final = 65534
"""`nobody`: no rule for the processes of one user catches what everybody sends."""
_TRIES: Final = 64
_STARTS: Final = {
    4: tuple((quarter << 30) + 0x0B000001 for quarter in (3, 0, 1, 2)),
    6: ((0x2A00 << 112) + 1,),
}
"""Addresses of the Internet, one in each quarter of IPv4: a VPN that takes over the default route does it by halves."""
_STEP: Final = {4: 1 << 16, 6: 1 << 96}


class Departures:
    """Where packets of this host go by the rules and routes that were seen."""

    def __init__(self, rules: Iterable[RuleSeen], routes: Iterable[RouteSeen], links: Iterable[LinkFact]) -> None:
        rules = tuple(rules)
        # What asks for a device, a mark or a port is not met by a packet of which only source and destination are told.
        aims = {rule.goto for rule in rules}
        kept = [rule for rule in rules if rule.inverted or rule.priority in aims or not _is_particular(rule)]
        self._routes = tuple(routes)
        self._tables = Tables(kept, self._routes, links)
        self._bounds = {version: _bounds(kept, version) for version in (4, 6)}
        self._walks: dict[tuple[int, IPAddress], Walk] = {}
        self._internet: dict[int, tuple[IPAddress, ...]] = {}

    def walk(self, source: IPAddress | None, destination: IPAddress) -> Walk:
        """The way of a packet; `source` None: of a socket that is bound to no address."""
        place = -1 if source is None else bisect_right(self._bounds[source.version], int(source))
        known = self._walks.get((place, destination))
        if known is None:
            flow = Flow(destination, source, user=_SOMEBODY)
            known = self._walks[place, destination] = self._tables.walk(flow)
        return known

    def to_internet(self, source: IPAddress | None, version: int = 4) -> tuple[Walk, ...]:
        """The ways to several places of the Internet; empty where they cannot be told.

        Whoever is bound has the IP version of its address.
        """
        version = version if source is None else source.version
        walks = tuple(self.walk(source, destination) for destination in self.internet(version))
        return () if any(walk.doubtful for walk in walks) else walks

    def internet(self, version: int) -> tuple[IPAddress, ...]:
        """Addresses to which only default routes lead, and halves and quarters that stand for one."""
        if version not in self._internet:
            self._internet[version] = tuple(self._unrouted(version))
        return self._internet[version]

    def links_to(self, table: int, destination: IPAddress) -> frozenset[int]:
        """The links by which one table leads to an address."""
        route = self._tables.lookup(table, Flow(destination))
        return frozenset(hop.link for hop in route.hops if hop.link is not None) if route is not None else frozenset()

    def name(self, link: int | None) -> str:
        """The name of a link."""
        return self._tables.name(link)

    def _unrouted(self, version: int) -> Iterator[IPAddress]:
        nets = [route.destination for route in self._routes if route.destination.version == version]
        halved = any(0 < net.prefixlen <= DEFAULT_LENGTHS[version] for net in nets)
        spans = [
            (int(net.network_address), net.num_addresses) for net in nets if net.prefixlen > DEFAULT_LENGTHS[version]
        ]
        for start in _STARTS[version] if halved else _STARTS[version][:1]:
            for number in range(start, start + _TRIES * _STEP[version], _STEP[version]):
                if not any(low <= number < low + size for low, size in spans):
                    yield IPv4Address(number) if version == 4 else IPv6Address(number)
                    break


def departures(scene: Scene) -> Departures | None:
    """What answers by which link a packet leaves; None where rules or routes were not read."""
    around = scene.surroundings
    if around is None or around.rules is None or around.routes is None:
        return None
    return Departures(around.rules, around.routes, scene.kernel.links)


def out_of(walk: Walk) -> frozenset[int]:
    """The links by which a packet may leave; empty where it does not."""
    return frozenset(hop.link for hop in walk.hops if hop.link is not None)


def is_shadow(rule: RuleSeen) -> bool:
    """Whether a rule is somebody else's and comes before the end of our band."""
    return rule.priority in range(1, PRIORITIES.stop) and not is_ours(rule)


def taker(walk: Walk) -> RuleSeen | None:
    """Somebody else's rule by which the rules of ours are not asked: it decides before them, or jumps over them."""
    if walk.end is not None and is_shadow(walk.end.rule):
        return walk.end.rule
    jumps = (step.rule for step in walk.steps if step.outcome is Outcome.JUMPS and is_shadow(step.rule))
    return next((rule for rule in jumps if (rule.goto or 0) > PRIORITIES.start), None)


def is_ours(rule: RuleSeen) -> bool:
    """Whether a rule has the marks of ours; `ownership.is_our_rule` looks closer, against forgeries."""
    return (
        rule.priority in PRIORITIES
        and rule.protocol == RULE_PROTOCOL
        and (rule.table is None or rule.table == MAIN or rule.table in TABLES)
    )


def _is_particular(rule: RuleSeen) -> bool:
    return bool(
        rule.outgoing
        or (rule.mark or 0) & rule.mask
        or rule.tos
        or rule.ip_protocol
        or rule.source_ports
        or rule.destination_ports
        or rule.incoming not in (None, "lo")
    )


def _bounds(rules: Iterable[RuleSeen], version: int) -> list[int]:
    """Where the sources of rules begin and end: between two of these numbers every address goes the same way."""
    found = set()
    for rule in rules:
        if rule.family == version and rule.source is not None:
            found |= {int(rule.source.network_address), int(rule.source.broadcast_address) + 1}
    return sorted(found)
