"""The way to an EIP and back, hop by hop, as it is here: what a packet comes by, and what of it is missing.

::

    in    client -> EIP -> the cloud translates, or lets it be -> ENI -> address
    out   address -> rule -> route -> gateway -> the cloud -> client

A value for pictures: text, SVG and JSON are drawn from it.  `chains` gives those of the ENIs; `afar` (the module) those
of EIPs that are bound to something else.
"""

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core.binding import Binding, bindings
from eip_agent.core.changes import replay
from eip_agent.core.facts import AddressFact, IPAddress, IPNetwork, Link, RouteFact
from eip_agent.core.items import UP, Address, Item, LinkSetting, Route, Rule
from eip_agent.core.layout import Exit
from eip_agent.core.message import Message, say
from eip_agent.core.numbers import MAIN
from eip_agent.core.ownership import ours
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.verdict import Certainty


class Step(enum.Enum):
    """What a packet comes by."""

    CLIENT = "client"
    EIP = "eip"
    CLOUD = "cloud"
    """Where the address is translated, or passes as it is."""
    HOLDER = "holder"
    """What the EIP is bound to when that is no ENI: a HAVIP, a NAT gateway, a load balancer."""
    ENI = "eni"
    ADDRESS = "address"
    RULE = "rule"
    ROUTE = "route"
    GATEWAY = "gateway"


class State(enum.Enum):
    """Whether a hop is there."""

    THERE = "there"
    PLANNED = "planned"
    """`apply` makes it so."""
    MISSING = "missing"
    """It is not there, and `apply` does not change that."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing on the way."""

    step: Step
    what: str
    """As `ip` spells it, or a message."""
    state: State = State.THERE
    why: str = ""
    """Where it is not simply there."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The way from a client to an EIP, and that of the reply."""

    eip: IPv4Address | None
    """None: nobody says which one the cloud maps to the address."""
    inward: tuple[Hop, ...]
    outward: tuple[Hop, ...] = ()
    """Empty where the way does not lead here."""
    address: IPv4Address | None = None
    """Where packets for it arrive here."""
    link: str | None = None
    eni: str | None = None
    eip_id: str = ""
    mode: Mode | None = None
    certainty: Certainty | None = None
    known_by: str = ""
    """Who says that the EIP is bound to this."""
    notes: tuple[Message, ...] = ()

    @property
    def hops(self) -> tuple[Hop, ...]:
        """All of them, in the order of a request and its reply."""
        return (*self.inward, *self.outward)

    @property
    def whole(self) -> bool:
        """Whether all that is known of it is there."""
        return all(hop.state in (State.THERE, State.UNKNOWN) for hop in self.hops)


@dataclass(frozen=True, slots=True)
class Ground:
    """What there is here, and what there will be after `apply`."""

    scene: Scene
    now: frozenset[Item]
    then: frozenset[Item]
    rules: Mapping[int, Sequence[tuple[IPNetwork, Hop]]]
    """Those of IPv4 as they will be, by the table they look up: for which sources, and as a hop."""
    routes: Mapping[int, Hop]
    """The IPv4 default routes of our tables, as they will be."""
    exits: Mapping[tuple[int, IPAddress], Exit]
    """By which exit an address leaves, by the index of its ENI's link."""
    gateways: Mapping[int, Hop]
    """Those of the exits, by table."""
    held: Mapping[IPAddress, AddressFact]
    """What is on links now; of an address that stands on several, the first."""
    planned: Mapping[tuple[IPAddress, Link], Address]
    """What will be there by us."""


CLIENT: Final = Hop(Step.CLIENT, say("client"))
PLANNED: Final = say("not there yet: `eip-agent apply` adds it")
"""Why most hops are planned."""


def ground(scene: Scene) -> Ground:
    """What chains stand on."""
    now = ours(scene.kernel, scene.remembered)
    then = replay(now, scene.report.plan)
    rules: dict[int, list[tuple[IPNetwork, Hop]]] = {}
    for rule in sorted((item for item in then if isinstance(item, Rule)), key=lambda one: one.priority):
        if rule.family == 4 and rule.table is not None and rule.source is not None:
            rules.setdefault(rule.table, []).append((rule.source, _item_hop(Step.RULE, rule, now)))
    defaults = [item for item in then if isinstance(item, Route) and item.destination.version == 4]
    routes = {
        route.table: _item_hop(Step.ROUTE, route, now)
        for route in defaults
        if not route.destination.prefixlen and route.link
    }
    held = {fact.ip: fact for fact in reversed(scene.kernel.addresses)}
    planned = {(item.ip, item.link): item for item in then if isinstance(item, Address)}
    exits = [exit_ for story in scene.report.stories for exit_ in story.exits if exit_.family == 4]
    leaving = {
        (exit_.link.index, source.network_address): exit_
        for exit_ in reversed(exits)
        for source in exit_.sources
        if source.prefixlen == source.max_prefixlen
    }
    # What stays as it is while the mode is undecided has no subnet of its own to tell.
    subnets: Mapping[tuple[int, IPAddress | None], IPNetwork | None] = {
        (story.link.link.index, story.eni.gateway): story.eni.subnet for story in scene.report.stories
    }
    gateways = {
        exit_.table: _gateway(exit_, exit_.subnet or subnets.get((exit_.link.index, exit_.gateway))) for exit_ in exits
    }
    return Ground(scene, now, then, rules, routes, leaving, gateways, held, planned)


def chains(scene: Scene) -> tuple[Chain, ...]:
    """Those of all ENIs, in the order of the stories."""
    under = ground(scene)
    return tuple(chain for story in scene.report.stories for chain in of_eni(story, under))


def of_eni(story: Story, under: Ground) -> Iterator[Chain]:
    """One for each EIP of an ENI, and one for each private address of which nobody says whether it has one."""
    eni = eni_hop(story, under)
    for binding in bindings(story, under.scene):
        yield _bound(binding, eni, story, under)


def _bound(binding: Binding, eni: Hop, story: Story, under: Ground) -> Chain:
    mode = story.verdict.mode if story.verdict.decided else None
    visible = mode in (Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE) and binding.eip is not None
    address = binding.eip if visible or binding.private is None else binding.private
    cloud = _cloud(binding, address)
    arriving = (eni, *([address_hop(address, story, under)] if address else []))
    return Chain(
        binding.eip,
        (CLIENT, eip_hop(binding.eip, binding.eip_id), cloud[0], *arriving),
        (*way_out(address, story, under), cloud[1], CLIENT) if address else (),
        address,
        story.link.link.name,
        story.eni.eni_id,
        binding.eip_id,
        mode,
        story.verdict.certainty,
        binding.known_by,
        binding.notes,
    )


def eip_hop(eip: IPv4Address | None, eip_id: str) -> Hop:
    """The EIP itself."""
    if eip is None:
        return Hop(
            Step.EIP,
            say("an EIP, if one is bound"),
            State.UNKNOWN,
            say("no source that was asked tells which one it is"),
        )
    return Hop(Step.EIP, f"{eip} ({eip_id})" if eip_id else str(eip))


def _cloud(binding: Binding, address: IPv4Address | None) -> tuple[Hop, Hop]:
    """What the cloud does to a request, and to its reply."""
    if address is None:
        unknown = Hop(Step.CLOUD, say("the cloud"), State.UNKNOWN, say("which address it is mapped to is not known"))
        return unknown, unknown
    return translation(binding.eip, address)


def translation(eip: IPv4Address | None, address: IPv4Address) -> tuple[Hop, Hop]:
    """How the cloud's Internet gateway translates a request, and its reply; or does not."""
    if eip == address:
        same = say("the cloud lets it pass as it is")
        return Hop(Step.CLOUD, same), Hop(Step.CLOUD, same)
    if eip is None:
        some = say("the cloud translates the EIP to {address}", address=address)
        back = say("the cloud translates {address} to the EIP", address=address)
        return Hop(Step.CLOUD, some, State.UNKNOWN), Hop(Step.CLOUD, back, State.UNKNOWN)
    return tuple(  # type: ignore[return-value]  # two of them
        Hop(Step.CLOUD, say("the cloud translates {one} to {other}", one=one, other=other))
        for one, other in ((eip, address), (address, eip))
    )


def eni_hop(story: Story, under: Ground) -> Hop:
    """The ENI and its link."""
    link = story.link.link
    what = f"{story.eni.eni_id or story.eni.mac} ({link.name})"
    if story.link.up:
        return Hop(Step.ENI, what)
    if LinkSetting(link, UP, 1) in under.then:
        return Hop(Step.ENI, what, State.PLANNED, say("the link is down: `eip-agent apply` brings it up"))
    return Hop(Step.ENI, what, State.MISSING, say("the link is down"))


def address_hop(address: IPv4Address, story: Story, under: Ground) -> Hop:
    """The address on the link."""
    link = story.link.link
    fact, item = under.held.get(address), under.planned.get((address, link))
    if fact is not None:
        what = f"{address}/{fact.prefix_length} dev {_name(fact.link, under)}"
        if fact.link == link.index:
            return Hop(Step.ADDRESS, what)
        return Hop(Step.ADDRESS, what, State.MISSING, say("it is on another link than that of its ENI"))
    if item is not None:
        return Hop(Step.ADDRESS, f"{address}/{item.prefix_length} dev {link.name}", State.PLANNED, PLANNED)
    if address in under.scene.kernel.taken:
        return Hop(Step.ADDRESS, str(address), State.UNKNOWN, say("a container has it"))
    return Hop(Step.ADDRESS, f"{address} dev {link.name}", State.MISSING, _unwritten(story, under))


def way_out(address: IPv4Address, story: Story, under: Ground) -> tuple[Hop, ...]:
    """How a reply of that address leaves: rule, route, gateway."""
    exit_ = under.exits.get((story.link.link.index, address))
    if exit_ is None:
        exit_ = next((one for one in story.exits if any(address in source for source in one.sources)), None)
    if not under.rules and story.primary:
        return _by_main(story, under)
    if exit_ is None:
        return (Hop(Step.RULE, say("no rule for {address}", address=address), State.MISSING, _unwritten(story, under)),)
    rule = next((hop for source, hop in under.rules.get(exit_.table, ()) if address in source), None)
    route = under.routes.get(exit_.table)
    return (
        rule or Hop(Step.RULE, say("no rule for {address}", address=address), State.MISSING, _unwritten(story, under)),
        route or Hop(Step.ROUTE, say("no default route in table {table}", table=exit_.table), State.MISSING),
        under.gateways[exit_.table],
    )


def _item_hop(step: Step, item: Rule | Route, now: Collection[Item]) -> Hop:
    what = str(item).partition(" ")[2]
    if item in now:
        return Hop(step, what)
    changed = any(isinstance(held, Route) and held.key == item.key for held in now)
    return Hop(
        step, what, State.PLANNED, say("it is another one now: `eip-agent apply` changes it") if changed else PLANNED
    )


def _gateway(exit_: Exit, subnet: IPNetwork | None) -> Hop:
    if subnet is not None:
        return Hop(Step.GATEWAY, say("{gateway}, of the vSwitch {subnet}", gateway=exit_.gateway, subnet=subnet))
    return Hop(Step.GATEWAY, say("{gateway}, of the EIP", gateway=exit_.gateway))


def _by_main(story: Story, under: Ground) -> tuple[Hop, ...]:
    """The only ENI needs no rule."""
    defaults = [
        route
        for route in under.scene.kernel.routes
        if route.table == MAIN and route.link == story.link.link.index and route.destination.prefixlen == 0
    ]
    v4 = [route for route in defaults if route.destination.version == 4]
    best = min(v4, key=lambda route: route.metric, default=None)
    rule = Hop(Step.RULE, say("no rule is needed: everything leaves by the primary ENI"))
    if best is None:
        none = say("no default route dev {link} in `main`", link=story.link.link.name)
        return (rule, Hop(Step.ROUTE, none, State.MISSING))
    return (rule, Hop(Step.ROUTE, _spelled(best, story.link.link.name)), Hop(Step.GATEWAY, str(best.gateway)))


def _spelled(route: RouteFact, link: str) -> str:
    metric = f" metric {route.metric}" if route.metric else ""
    return f"default via {route.gateway} dev {link}{metric} table main"


def _unwritten(story: Story, under: Ground) -> Message:
    """Why `apply` does not add what is not there."""
    settings = under.scene.settings
    if story.excluded or (story.primary and settings.leave_primary):
        return say("left alone, as the settings say")
    if not story.verdict.decided:
        return say("the binding mode is undecided, so nothing is added")
    return say("it is not there, and `eip-agent apply` does not add it")


def _name(index: int, under: Ground) -> str:
    return next((fact.link.name for fact in under.scene.kernel.links if fact.link.index == index), f"if{index}")
