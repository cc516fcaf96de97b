"""The way of a packet out of this host: from a socket to the other side."""

from collections.abc import Iterator, Mapping
from typing import Final

from eip_agent.core.facts import IPAddress
from eip_agent.core.ground import Ground, name_of, stranger
from eip_agent.core.message import Message, say
from eip_agent.core.outside import Area, Judgement, State
from eip_agent.core.path import Leg, Place, Stop
from eip_agent.core.report import Story
from eip_agent.core.spelling import spelled
from eip_agent.core.walk import Flow, LookupFact, Walk, agree

_REASONS: Final[Mapping[int, Message]] = {
    1: say("not permitted"),
    13: say("prohibited"),
    22: say("not allowed"),
    99: say("no source address"),
    101: say("no route"),
    113: say("unreachable"),
}
"""By errno of Linux."""


def leave(ground: Ground, near: IPAddress | None, *, sport: int = 0, dport: int = 0) -> tuple[Leg, IPAddress | None]:
    """The way out of a packet, and as whom the other side sees it where that is known.

    `near` None: of a socket that is bound to a link and no address.
    """
    if near is not None and ground.held(near) is None:
        return Leg((ground.absent(near),)), None
    ends = ground.ends
    protocol = ends.protocol.number(ends.far.version)
    flow = Flow(
        ends.far,
        near,
        outgoing=ends.link,
        ip_protocol=protocol,
        source_port=sport,
        destination_port=dport,
        user=ends.user,
    )
    fact, walk = ground.look(flow), ground.walk(flow)
    agrees = walk is None or walk.doubtful or agree(walk, fact, ground.index(ends.link))
    source = near or fact.source
    story = ground.outside.story_by(fact.link) if fact.routed and fact.kind != "local" else None
    carried = ground.outside.carries(story, source, ends.far) if story is not None and source is not None else None
    stops = (_program(ground, near, source), _routing(ground, fact, walk if agrees else None, source))
    beyond = tuple(_beyond(ground, fact, story, source, carried)) if fact.routed and source is not None else ()
    arrives = all(stop.state is not State.STOPS for stop in beyond)
    seen = carried.seen if carried is not None and arrives else None
    return Leg((*stops, *beyond), walk, fact, agrees), seen


def _program(ground: Ground, near: IPAddress | None, source: IPAddress | None) -> Stop:
    if near is not None:
        return Stop(Place.PROGRAM, str(near), say("a socket that is bound to this address"))
    link = ground.ends.link or ""
    if source is None:
        return Stop(Place.PROGRAM, link, say("a socket that is bound to this link"))
    says = say("what the kernel chooses for a socket that is bound to {link}", link=link)
    return Stop(Place.PROGRAM, str(source), says)


def _routing(ground: Ground, fact: LookupFact, walk: Walk | None, source: IPAddress | None) -> Stop:
    end = walk.end if walk is not None else None
    rule = spelled(end.rule) if end is not None else ""
    route = ground.route(end.route) if end is not None and end.route is not None else ""
    if not fact.routed:
        reason = _REASONS.get(fact.error) or say("errno {number}", number=fact.error)
        says = say("the kernel refuses: {reason}", reason=reason)
        if rule:
            says = say("the kernel refuses: {reason}, by the rule {rule}", reason=reason, rule=rule)
        return Stop(Place.ROUTING, route, says, State.STOPS)
    if fact.kind == "local":
        return Stop(Place.ROUTING, route or str(ground.ends.far), say("an address of this host: it never leaves"))
    if fact.destination is None and not route:
        says = say("no route: the kernel takes the destination to be on the link")
        return Stop(Place.ROUTING, ground.name(fact.link), says, State.UNKNOWN)
    if source is None:
        return Stop(Place.ROUTING, route or _spelled(ground, fact), say("a route, and no source for it"), State.STOPS)
    says = say("by the rule {rule}", rule=rule) if rule else say("as the kernel says")
    if walk is not None and len(walk.hops) > 1:
        ways, link = len(walk.hops), ground.name(fact.link)
        says = say("one of {number} ways, here by {link}, by the rule {rule}", number=ways, link=link, rule=rule)
    return Stop(Place.ROUTING, route or _spelled(ground, fact), says)


def _beyond(
    ground: Ground, fact: LookupFact, story: Story | None, source: IPAddress, carried: Judgement | None
) -> Iterator[Stop]:
    """What comes after the kernel has decided."""
    far = str(ground.ends.far)
    if fact.kind == "local":
        yield Stop(Place.PEER, far, say("delivered here"))
        return
    name = ground.name(fact.link)
    if story is None or carried is None:
        yield Stop(Place.LINK, name, stranger(ground.links.get(fact.link or 0)), State.UNKNOWN)
        yield Stop(Place.PEER, far, say("the other side"))
        return
    yield Stop(Place.LINK, name, say("the link of {eni}", eni=name_of(story)))
    passes = ground.outside.lets_pass(story, source)
    yield Stop(Place.ENI, name_of(story), passes.says, passes.state)
    if passes.state is State.STOPS:
        return
    if fact.gateway is not None:
        yield _gateway(ground, fact.gateway, story, source)
    elif not _is_neighbour(ground, story):
        says = say(
            "no gateway: this host looks for {address} on the link itself, where only neighbours answer", address=far
        )
        yield Stop(Place.GATEWAY, name, says, State.UNKNOWN)
    yield Stop(Place.CLOUD, str(carried.seen or source), carried.says, carried.state)
    if carried.state is not State.STOPS:
        yield Stop(Place.PEER, far, say("the other side"))


def _gateway(ground: Ground, gateway: IPAddress, story: Story, source: IPAddress) -> Stop:
    own = [
        exit_.gateway
        for exit_ in story.exits
        if any(net.version == source.version and source in net for net in exit_.sources)
    ]
    if gateway in own:
        return Stop(Place.GATEWAY, str(gateway), say("the gateway of {source}", source=source))
    if own and ground.outside.area(ground.ends.far) is Area.INTERNET:
        says = say("not the gateway of {source}, which is {gateway}", source=source, gateway=own[0])
        return Stop(Place.GATEWAY, str(gateway), says, State.UNKNOWN)
    return Stop(Place.GATEWAY, str(gateway), say("the next hop"))


def _is_neighbour(ground: Ground, story: Story) -> bool:
    """Whether the other side is in the ENI's own vSwitch."""
    far, eni = ground.ends.far, story.eni
    return any(net is not None and net.version == far.version and far in net for net in (eni.subnet, eni.subnet6))


def _spelled(ground: Ground, fact: LookupFact) -> str:
    """A route as far as the kernel's answer tells it."""
    words = ["default" if fact.destination is not None and not fact.destination.prefixlen else str(fact.destination)]
    words += [f"via {fact.gateway}"] if fact.gateway is not None else []
    return " ".join((*words, f"dev {ground.name(fact.link)}", *([f"table {fact.table}"] if fact.table else [])))
