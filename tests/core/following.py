"""An instance on which ways are followed: eth0 is the primary, eth1 has a NAT EIP; and a kernel that answers."""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.ends import Ends
from eip_agent.core.facts import IPAddress, KernelFact, Remembered
from eip_agent.core.ground import Ground
from eip_agent.core.path import Leg
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Settings
from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen, Surroundings
from eip_agent.core.walk import HERE, Flow, LookupFact, Tables, local_routes
from tests.builders import address, cloud, declared, eni, ip4, kernel, link, net4, settings

WEB, PEER = ip4("198.51.100.7"), ip4("192.168.0.250")
FIRST, OWN, EIP = ip4("192.168.0.10"), ip4("192.168.1.10"), ip4("203.0.113.11")
ETH0, ETH1, TUN = link(0).link.index, link(1).link.index, 99
LOCAL_RULE, MAIN_RULE = RuleSeen(4, 0, table=255), RuleSeen(4, 32766, table=254)
OURS: Final = RuleSeen(4, 24011, table=100, source=net4("192.168.1.0/24"), incoming="lo")
ROUTES: Final = (
    RouteSeen(254, net4("0.0.0.0/0"), hops=(Hop(ETH0, ip4("192.168.0.253")),)),
    RouteSeen(254, net4("192.168.0.0/24"), hops=(Hop(ETH0),)),
    RouteSeen(100, net4("0.0.0.0/0"), hops=(Hop(ETH1, ip4("192.168.1.253")),)),
)
APPLIED: Final = (LOCAL_RULE, OURS, MAIN_RULE)
BEFORE: Final = (LOCAL_RULE, MAIN_RULE)


@dataclass
class Instance:
    """A scene, and a kernel that routes by its rules and routes; `strict` is its `rp_filter`."""

    rules: tuple[RuleSeen, ...] = APPLIED
    routes: tuple[RouteSeen, ...] = ROUTES
    strict: bool = False
    wanted: Settings = field(default_factory=lambda: settings(eips=(declared(str(EIP)),)))
    overrides: dict[str, Any] = field(default_factory=dict)
    asked: list[Flow] = field(default_factory=list)
    answer: Callable[[Flow], LookupFact] | None = None

    @property
    def held(self) -> KernelFact:
        links = tuple(replace(link(n), conf=(("rp_filter", int(self.strict)),)) for n in (0, 1))
        facts = (address(FIRST, 0), address(OWN))
        return replace(kernel(*links, addresses=facts), **self.overrides)

    @property
    def scene(self) -> Scene:
        report = conclude(cloud(eni(0), eni(1)), self.held, Remembered(), self.wanted)
        around = Surroundings(self.rules, self.routes, common=(("rp_filter", 0),))
        return Scene(report, self.held, Witnesses(), self.wanted, Remembered(), surroundings=around)

    def ground(self, far: IPAddress = WEB, near: IPAddress | None = OWN, **ends: Any) -> Ground:
        return Ground(self.scene, Ends(far, near, **ends), self.look)

    def look(self, flow: Flow) -> LookupFact:
        """As the kernel would."""
        self.asked.append(flow)
        if self.answer is not None:
            return self.answer(flow)
        tables = Tables(self.rules, (*self.routes, *local_routes(self.held.addresses)), self.held.links)
        if flow.incoming != HERE:
            back = tables.walk(Flow(flow.source or WEB, flow.destination))
            here = [one.link.index for one in self.held.links if one.link.name == flow.incoming]
            if self.strict and [hop.link for hop in back.hops] != here:
                return LookupFact(errno.EXDEV)
        walk = tables.walk(replace(flow, incoming=HERE))
        route = walk.route
        if route is None or not walk.hops:
            return LookupFact(errno.ENETUNREACH)
        hop = route.hops[0]
        source = FIRST if hop.link == ETH0 else OWN
        return LookupFact(0, route.kind, route.table, route.destination, route.metric, hop.link, hop.gateway, source)


def said(leg: Leg) -> list[tuple[str, str, str]]:
    """Place, name and state of every stop."""
    return [(stop.place.value, stop.name, stop.state.value) for stop in leg.stops]


def why(leg: Leg) -> str:
    """What the last stop says."""
    return str(leg.stops[-1].says)
