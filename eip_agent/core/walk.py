"""The way of a packet through rules and tables, as the kernel walks them, and why each rule did what it did.

After `fib_rules_lookup` (net/core/fib_rules.c), `fib_table_lookup` (net/ipv4/fib_trie.c) and `ip6_pol_route`
(net/ipv6/route.c).  The kernel's own answer (`sources.lookup`) is what counts: this explains it.  What it cannot know:
which of several equal ways the kernel takes, and what lies behind selectors that this version does not read.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from eip_agent.core.facts import AddressFact, IPAddress, IPNetwork, LinkFact
from eip_agent.core.networks import around, lone
from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen

LOCAL: Final = 255
"""The kernel's `local` table."""
HERE: Final = "lo"
"""What `iif` is for packets of this host."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A packet as a route lookup sees it: struct flowi."""

    destination: IPAddress
    source: IPAddress | None = None
    """None: a socket that is bound to no address."""
    incoming: str = HERE
    outgoing: str | None = None
    """The device a socket is bound to."""
    mark: int = 0
    tos: int = 0
    ip_protocol: int = 0
    """IPPROTO_*; 0: not known."""
    source_port: int = 0
    """0: not known."""
    destination_port: int = 0
    user: int = 0


@dataclass(frozen=True, slots=True)
class LookupFact:
    """How the kernel routes one packet, or what it answers instead."""

    error: int = 0
    """Its errno; 0: it has a route."""
    kind: str = ""
    """`unicast`, `local` ...; the words of ip-route(8)."""
    table: int | None = None
    destination: IPNetwork | None = None
    """Of the route that was found; None where the kernel does not tell it."""
    metric: int = 0
    link: int | None = None
    gateway: IPAddress | None = None
    source: IPAddress | None = None
    """What a socket that is bound to no address gets."""

    @property
    def routed(self) -> bool:
        """Whether the packet goes somewhere."""
        return not self.error


class Outcome(enum.Enum):
    """What came of a rule."""

    PASSED = "passed"
    """It does not match."""
    FOUND = "found"
    """Its table has the route that is taken."""
    NOTHING = "nothing"
    """Its table has no route."""
    SHORT = "short"
    """The route of its table is suppressed, for its prefix is too short."""
    GROUPED = "grouped"
    """The route of its table is suppressed, for it leaves by a device of that group."""
    JUMPS = "jumps"
    ASTRAY = "astray"
    """It would jump, and there is no such rule behind it."""
    IDLE = "idle"
    """It does nothing."""
    REFUSES = "refuses"
    UNKNOWN = "unknown"
    """It asks for something that this version does not know, or its route is suppressed for some of its ways."""


class Selector(enum.Enum):
    """What of a packet a rule asks for; the words of ip-rule(8)."""

    INCOMING = "iif"
    OUTGOING = "oif"
    MARK = "fwmark"
    USER = "uidrange"
    SOURCE = "from"
    DESTINATION = "to"
    TOS = "tos"
    PROTOCOL = "ipproto"
    SOURCE_PORT = "sport"
    DESTINATION_PORT = "dport"
    NOT = "not"
    """It would match, and is inverted."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that the packet met."""

    rule: RuleSeen
    outcome: Outcome
    unlike: Selector | None = None
    """What did not match, the first of several."""
    route: RouteSeen | None = None
    """What its table has for the packet, whether taken or suppressed."""


@dataclass(frozen=True, slots=True)
class Walk:
    """All rules that the packet met, and what they led to."""

    flow: Flow
    steps: tuple[Step, ...]

    @property
    def end(self) -> Step | None:
        """The rule that decided; None where no rule did."""
        last = self.steps[-1] if self.steps else None
        return last if last is not None and last.outcome in (Outcome.FOUND, Outcome.REFUSES) else None

    @property
    def route(self) -> RouteSeen | None:
        """The route that the packet takes, or that refuses it; None where there is none."""
        return self.end.route if self.end is not None else None

    @property
    def hops(self) -> tuple[Hop, ...]:
        """By which ways it may leave; empty where it does not."""
        route = self.route
        return route.hops if route is not None and route.kind in _TAKEN else ()

    @property
    def doubtful(self) -> bool:
        """Whether it met a rule that cannot be told."""
        return any(step.outcome is Outcome.UNKNOWN for step in self.steps)


_REFUSING: Final = frozenset(("unreachable", "blackhole", "prohibit"))
"""Actions of rules and kinds of routes that end a lookup."""
_TAKEN: Final = frozenset(("unicast", "local", "broadcast", "anycast", "multicast"))


class Tables:
    """Rules and routes, arranged for many walks."""

    def __init__(self, rules: Iterable[RuleSeen], routes: Iterable[RouteSeen], links: Iterable[LinkFact] = ()) -> None:
        """`rules` in the order in which the kernel walks them."""
        self._rules: dict[int, list[RuleSeen]] = {4: [], 6: []}
        for rule in rules:
            self._rules[rule.family].append(rule)
        self._first: dict[tuple[int, int], int] = {}
        for version, ordered in self._rules.items():
            for place, rule in enumerate(ordered):
                self._first.setdefault((version, rule.priority), place)
        self._routes: dict[tuple[int, int], dict[int, dict[int, list[RouteSeen]]]] = {}
        for route in routes:
            net = route.destination
            lengths = self._routes.setdefault((net.version, route.table), {})
            lengths.setdefault(net.prefixlen, {}).setdefault(int(net.network_address), []).append(route)
        links = tuple(links)
        self._names = {link.link.index: link.link.name for link in links}
        self._indexes = {link.link.name: link.link.index for link in links}
        self._groups = {link.link.index: link.group for link in links}

    def walk(self, flow: Flow) -> Walk:
        """The way of a packet."""
        return Walk(flow, tuple(self._steps(flow, self._rules[flow.destination.version])))

    def lookup(self, table: int, flow: Flow) -> RouteSeen | None:
        """What one table has for a packet: the longest prefix, and of equals the lowest metric."""
        version, bits = flow.destination.version, flow.destination.max_prefixlen
        lengths = self._routes.get((version, table), {})
        for length in sorted(lengths, reverse=True):
            start = int(flow.destination) >> (bits - length) << (bits - length)
            fitting = [route for route in lengths[length].get(start, ()) if self._fits(route, flow)]
            if fitting:
                return min(fitting, key=self._rank(flow))
        return None

    def name(self, link: int | None) -> str:
        """The name of a link; empty for none."""
        return "" if link is None else self._names.get(link, f"if{link}")

    def _steps(self, flow: Flow, rules: Sequence[RuleSeen]) -> Iterator[Step]:
        place = 0
        while place < len(rules):
            rule = rules[place]
            place += 1
            if rule.strange:
                yield Step(rule, Outcome.UNKNOWN)
                continue
            unlike = _unlike(rule, flow)
            if unlike is not None:
                yield Step(rule, Outcome.PASSED, unlike)
                continue
            if rule.action == "goto":
                target = self._first.get((rule.family, rule.goto or 0))
                # The kernel only jumps ahead, and to the first rule of that priority.
                ahead = target is not None and target >= place
                yield Step(rule, Outcome.JUMPS if ahead else Outcome.ASTRAY)
                place = target if ahead and target is not None else place
                continue
            step = self._done(rule, flow)
            yield step
            if step.outcome in (Outcome.FOUND, Outcome.REFUSES):
                return

    def _done(self, rule: RuleSeen, flow: Flow) -> Step:
        """What a rule that matches and does not jump does."""
        if rule.action == "nop":
            return Step(rule, Outcome.IDLE)
        if rule.action != "lookup" or rule.table is None:
            return Step(rule, Outcome.REFUSES if rule.action in _REFUSING else Outcome.UNKNOWN)
        route = self.lookup(rule.table, flow)
        if route is None or route.kind == "throw":
            return Step(rule, Outcome.NOTHING, route=route)
        if route.kind in _REFUSING:
            return Step(rule, Outcome.REFUSES, route=route)
        if rule.suppress_length is not None and route.destination.prefixlen <= rule.suppress_length:
            return Step(rule, Outcome.SHORT, route=route)
        if rule.suppress_group is not None and route.hops:
            grouped = [self._groups.get(hop.link or 0) == rule.suppress_group for hop in route.hops]
            # IPv4 goes by the first way.  IPv6 goes by the way that it chooses for the packet.
            if route.destination.version == 6 and len(set(grouped)) > 1:
                return Step(rule, Outcome.UNKNOWN, route=route)
            if grouped[0]:
                return Step(rule, Outcome.GROUPED, route=route)
        return Step(rule, Outcome.FOUND, route=route)

    def _fits(self, route: RouteSeen, flow: Flow) -> bool:
        if route.tos not in (0, flow.tos):
            return False
        if route.source is not None and (flow.source is None or flow.source not in route.source):
            return False
        if flow.outgoing is None or not route.hops:
            return True
        # For a bound socket only ways by its device count; for IPv6 with a source they are only preferred.
        six = route.destination.version == 6
        if (six and flow.source is not None) or (not six and route.kind not in _TAKEN):
            return True
        bound = self._indexes.get(flow.outgoing)
        return any(hop.link == bound for hop in route.hops)

    def _rank(self, flow: Flow) -> "_Rank":
        return _Rank(self._indexes.get(flow.outgoing or ""))


class _Rank:
    """How good a route is: the less the better."""

    def __init__(self, bound: int | None) -> None:
        self._bound = bound

    def __call__(self, route: RouteSeen) -> tuple[int, bool, int, int]:
        away = self._bound is not None and all(hop.link != self._bound for hop in route.hops)
        narrow = route.source.prefixlen if route.source is not None else 0
        return -narrow, not route.tos, route.metric, int(away)


def local_routes(addresses: Iterable[AddressFact]) -> tuple[RouteSeen, ...]:
    """What the kernel keeps in its `local` table for these addresses, broadcasts left out."""
    return tuple(
        RouteSeen(LOCAL, net, "local", (Hop(fact.link),), protocol=2, scope=254)
        for fact in addresses
        for net in dict.fromkeys(
            (lone(fact.ip), around(fact.ip, fact.prefix_length))
            if fact.ip.version == 4 and fact.ip.is_loopback
            else (lone(fact.ip),)
        )
    )


def _unlike(rule: RuleSeen, flow: Flow) -> Selector | None:
    """What of a rule does not match; None where it matches."""
    found = next((selector for selector, matches in _selectors(rule, flow) if not matches), None)
    if rule.inverted:
        return Selector.NOT if found is None else None
    return found


def _selectors(rule: RuleSeen, flow: Flow) -> Iterator[tuple[Selector, bool]]:
    yield Selector.INCOMING, rule.incoming in (None, flow.incoming)
    yield Selector.OUTGOING, rule.outgoing in (None, flow.outgoing)
    yield Selector.MARK, rule.mark is None or (rule.mark ^ flow.mark) & rule.mask == 0
    yield Selector.USER, rule.users is None or rule.users[0] <= flow.user <= rule.users[1]
    yield Selector.SOURCE, _within(flow.source, rule.source)
    yield Selector.DESTINATION, _within(flow.destination, rule.destination)
    yield Selector.TOS, rule.tos in (0, flow.tos)
    yield Selector.PROTOCOL, rule.ip_protocol in (None, 0, flow.ip_protocol)
    yield Selector.SOURCE_PORT, _between(flow.source_port, rule.source_ports)
    yield Selector.DESTINATION_PORT, _between(flow.destination_port, rule.destination_ports)


def _within(address: IPAddress | None, net: IPNetwork | None) -> bool:
    """An unbound socket has the unspecified address, which only a rule from everywhere matches."""
    return net is None or not net.prefixlen or (address is not None and address in net)


def _between(port: int, ports: tuple[int, int] | None) -> bool:
    return ports is None or ports[0] <= port <= ports[1]


def agree(walk: Walk, fact: LookupFact, bound: int | None = None) -> bool:
    """Whether the kernel says the same; `bound` is the index of the device that the socket is bound to.

    Of several equal ways it may have taken any.
    """
    route = walk.route
    if not walk.hops or route is None:
        # IPv4: for a bound socket without a route the kernel takes the destination to be on the link.
        assumed = bound is not None and walk.flow.destination.version == 4 and fact.link == bound
        return not fact.routed or (assumed and fact.gateway is None)
    # While nobody has made rules the kernel keeps `local` and `main` as one, and calls it `main`.
    if not fact.routed or route.table not in (fact.table, LOCAL):
        return False
    if fact.destination is not None and fact.destination != route.destination:
        return False
    # A packet to this host itself goes by `lo`, wherever the address is.
    return fact.kind == "local" or any((hop.link, hop.gateway) == (fact.link, fact.gateway) for hop in walk.hops)
