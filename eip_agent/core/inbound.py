"""The way of a packet into this host: from the other side to who listens."""

from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Final

from eip_agent.core.facts import IPAddress
from eip_agent.core.ground import Ground, name_of, stranger
from eip_agent.core.message import Message, say
from eip_agent.core.outside import Area, State
from eip_agent.core.path import Leg, Place, Stop
from eip_agent.core.report import Story
from eip_agent.core.walk import Flow, LookupFact

_STRICT: Final = 1
"""The `rp_filter` that asks whether the way back is by the same link; 2 only asks whether there is one."""


def arrive(ground: Ground, near: IPAddress, public: IPAddress | None, *, sport: int = 0, dport: int = 0) -> Leg:
    """The way in of a packet for an address of this instance, which the other side knows as `public`."""
    stops = [Stop(Place.PEER, str(ground.ends.far), say("the other side"))]
    story = ground.home(near)
    if story is None:
        return Leg((*stops, *_from_elsewhere(ground, near)))
    stops += _delivered(ground, near, public, story)
    if stops[-1].state is State.STOPS:
        return Leg(tuple(stops))
    link = story.link
    if not link.up:
        stops.append(Stop(Place.LINK, link.link.name, say("the link is down: nothing arrives"), State.STOPS))
        return Leg(tuple(stops))
    stops.append(Stop(Place.LINK, link.link.name, say("the link of {eni}", eni=name_of(story))))
    flow = Flow(
        near,
        ground.ends.far,
        incoming=link.link.name,
        ip_protocol=ground.ends.protocol.number(near.version),
        source_port=sport,
        destination_port=dport,
        user=ground.ends.user,
    )
    fact = ground.look(flow)
    stops += _taken_in(ground, near, link.link.name, fact)
    return Leg(tuple(stops), None, fact)


def _from_elsewhere(ground: Ground, near: IPAddress) -> Iterator[Stop]:
    """What comes for an address that no ENI is known to have."""
    held = ground.held(near)
    if held is not None:
        link = ground.links.get(held.link)
        yield Stop(Place.LINK, ground.name(held.link), stranger(link), State.UNKNOWN)
        yield Stop(Place.PROGRAM, str(near), say("whether it comes here at all is not known"), State.UNKNOWN)
    else:
        yield ground.absent(near)


def _delivered(ground: Ground, near: IPAddress, public: IPAddress | None, story: Story) -> Iterator[Stop]:
    """What the cloud does with a packet for an address of an ENI."""
    outside, far = ground.outside, ground.ends.far
    carried = outside.carries(story, near, far)
    if isinstance(near, IPv6Address) and outside.area(far) is Area.INTERNET:
        # What answers somebody here comes in where he was let out.
        if ground.ends.incoming:
            carried = outside.lets_in(story, near)
        if carried.state is State.STOPS:
            yield Stop(Place.CLOUD, str(near), carried.says, State.STOPS)
            return
    public = public or carried.seen
    if public is not None and public != near:
        says = say("the cloud's gateway translates {eip} into {private}", eip=public, private=near)
        yield Stop(Place.CLOUD, str(public), says)
    elif carried.state is State.STOPS:
        says = say("not reached from there: its ENI is in EIP-visible mode")
        yield Stop(Place.CLOUD, str(near), says, State.STOPS)
        return
    elif public is not None:
        yield Stop(Place.CLOUD, str(near), say("nobody translates: it comes as {address}", address=near), carried.state)
    elif outside.area(far) is Area.INTERNET:
        says = say("no EIP of it is known here, and from the Internet nobody reaches it without one")
        yield Stop(Place.CLOUD, str(near), says, State.UNKNOWN)
    else:
        yield Stop(Place.CLOUD, str(near), carried.says, carried.state)
    passes = outside.lets_pass(story, near)
    if passes.state is State.PASSES:
        yield Stop(Place.ENI, name_of(story), say("the cloud delivers {address} to it", address=near))
    else:
        says = say("the address is on its link; whether the cloud delivers it there is not known")
        yield Stop(Place.ENI, name_of(story), says, State.UNKNOWN)


def _taken_in(ground: Ground, near: IPAddress, name: str, fact: LookupFact) -> Iterator[Stop]:
    """What the kernel does with what comes in: the source is checked, then the destination looked up."""
    if ground.held(near) is None:
        yield ground.absent(near)
    elif not fact.routed:
        yield Stop(Place.ROUTING, f"local {near}", _refused(ground, near, name), State.STOPS)
    elif fact.kind != "local":
        says = say("not taken for an address of this host: it is sent on by {link}", link=ground.name(fact.link))
        yield Stop(Place.ROUTING, name, says, State.STOPS)
    else:
        yield Stop(Place.ROUTING, f"local {near}", _checked(ground, near, name))
        yield Stop(Place.PROGRAM, str(near), say("delivered to who listens there"))


def _way_back(ground: Ground, near: IPAddress) -> tuple[str, ...]:
    """The links of the way back, as `rp_filter` looks it up: of IPv4, source and destination alone."""
    return ground.names(ground.walk(Flow(ground.ends.far, near))) if near.version == 4 else ()


def _checked(ground: Ground, near: IPAddress, name: str) -> Message:
    back = _way_back(ground, near)
    if not back:
        return say("taken in")
    if name in back:
        return say("taken in: the way back is by {link} too, so that any `rp_filter` lets it pass", link=name)
    return say("taken in: the way back is by {other}, and `rp_filter` of {link} is not strict", other=back, link=name)


def _refused(ground: Ground, near: IPAddress, name: str) -> Message:
    back = _way_back(ground, near)
    if near.version == 4 and name not in back and _filter(ground, name) == _STRICT:
        if back:
            return say(
                "dropped: the way back is by {other}, and `rp_filter` of {link} is strict", other=back, link=name
            )
        return say("dropped: there is no way back, and `rp_filter` of {link} is strict", link=name)
    return say("dropped: the kernel does not take it in")


def _filter(ground: Ground, name: str) -> int:
    """The `rp_filter` that counts: the larger of the link's and that of all; 0 where neither was told."""
    around = ground.scene.surroundings
    link = ground.links.get(ground.index(name) or 0)
    own = link.setting("rp_filter") if link is not None else None
    common = around.of_all("rp_filter") if around is not None else None
    return max(own or 0, common or 0)
