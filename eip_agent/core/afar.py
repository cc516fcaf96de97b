"""The ways to EIPs that no ENI with a link here has: those of a HAVIP, a NAT gateway, a load balancer, or nothing."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from eip_agent.core.binding import OPENAPI, notes_of
from eip_agent.core.chain import (
    CLIENT,
    Chain,
    Ground,
    Hop,
    State,
    Step,
    address_hop,
    eip_hop,
    eni_hop,
    translation,
    way_out,
)
from eip_agent.core.facts import IPAddress
from eip_agent.core.message import Message, say
from eip_agent.core.openapi import Bound, DnatFact, EipFact, HavipFact
from eip_agent.core.report import Story

_KINDS: Final = {
    Bound.SLB: say("load balancer"),
    Bound.NAT_GATEWAY: say("NAT gateway"),
    Bound.HAVIP: say("HAVIP"),
    Bound.ENI: say("ENI"),
    Bound.ECS: say("instance"),
}


def chains(under: Ground) -> Iterator[Chain]:
    """Those of all EIPs that the OpenAPI tells of, and of all DNAT entries and HAVIPs of this instance."""
    api = under.scene.witnesses.api
    if api is None:
        return
    here = {story.eni.eni_id for story in under.scene.report.stories}
    instance = under.scene.cloud.instance_id if under.scene.cloud else None
    havips = [havip for havip in api.havips or () if _is_ours(havip, under)]
    for havip in havips:
        yield from _havip(havip, under)
    told = {eip for havip in havips for eip in havip.eips}
    for entry in api.dnat or ():
        yield from _dnat(entry, under)
    for eip in api.eips:
        ours = (eip.bound is Bound.ENI and eip.instance_id in here) or (
            eip.bound is Bound.ECS and eip.instance_id == instance
        )
        if not ours and eip.address not in told:
            yield _elsewhere(eip, under)


def _is_ours(havip: HavipFact, under: Ground) -> bool:
    named = under.scene.ids.intersection((havip.master, *havip.instances))
    return bool(named) or _holder(havip.address, under) is not None


def _havip(havip: HavipFact, under: Ground) -> Iterator[Chain]:
    """One for each EIP of a HAVIP, or one without."""
    what = say("HAVIP {id}, {address}", id=havip.havip_id, address=havip.address)
    notes = (_master(havip, under.scene.ids),)
    for eip in havip.eips or (None,):
        request, reply = translation(eip, havip.address)
        known = under.scene.witnesses.api.eips if under.scene.witnesses.api else ()
        eip_id = next((one.allocation_id for one in known if one.address == eip), "")
        front = (CLIENT, eip_hop(eip, eip_id), request) if eip else (replace(CLIENT, what=say("client in the VPC")),)
        back = (reply, CLIENT) if eip else ()
        yield _arriving(havip.address, (*front, Hop(Step.HOLDER, what)), back, under, eip, notes)


def _master(havip: HavipFact, ours: frozenset[str]) -> Message:
    if not havip.master:
        return say("no instance holds the HAVIP now: it carries nothing until keepalived announces it somewhere")
    if havip.master in ours:
        return say("this instance holds the HAVIP now")
    return say("instance {other} holds the HAVIP now, so nothing of it arrives here", other=havip.master)


def _dnat(entry: DnatFact, under: Ground) -> Iterator[Chain]:
    """A port that a NAT gateway forwards to an address of this instance."""
    what = say(
        "NAT gateway {id}: {protocol} port {port} to {address} port {inner}",
        id=entry.gateway_id,
        protocol=entry.protocol,
        port=entry.external_port,
        address=entry.internal,
        inner=entry.internal_port,
    )
    front = (CLIENT, eip_hop(entry.external, ""), Hop(Step.HOLDER, what))
    back = Hop(Step.HOLDER, say("NAT gateway {id} translates back", id=entry.gateway_id))
    yield _arriving(entry.internal, front, (back, CLIENT), under, entry.external, ())


def _elsewhere(eip: EipFact, under: Ground) -> Chain:
    front = (CLIENT, eip_hop(eip.address, eip.allocation_id))
    notes = tuple(notes_of(eip))
    if eip.bound is Bound.IP_ADDRESS:
        address = _parsed(eip.instance_id) or eip.private_address
        if address is not None and _holder(address, under) is not None:
            request, reply = translation(eip.address, address)
            return _arriving(address, (*front, request), (reply, CLIENT), under, eip.address, notes)
        what = say("the address {address} of the VPC, which is not on this instance", address=eip.instance_id)
        return _ended(eip, (*front, Hop(Step.HOLDER, what, State.MISSING)), notes)
    if eip.bound is Bound.NOTHING:
        return _ended(
            eip,
            front,
            (*notes, say("it is bound to nothing, so packets to it end in the cloud: bind it where you need it")),
        )
    kind = _KINDS.get(eip.bound, say("resource"))
    holder = Hop(Step.HOLDER, say("{kind} {id}", kind=kind, id=eip.instance_id or "?"))
    note = say("it is not bound to an ENI that has a link here: what it reaches, and how, is decided there")
    return _ended(eip, (*front, holder), (*notes, note))


def _ended(eip: EipFact, hops: tuple[Hop, ...], notes: tuple[Message, ...]) -> Chain:
    return Chain(eip.address, hops, eip_id=eip.allocation_id, known_by=OPENAPI, notes=notes)


def _arriving(
    address: IPv4Address,
    front: tuple[Hop, ...],
    back: tuple[Hop, ...],
    under: Ground,
    eip: IPv4Address | None,
    notes: tuple[Message, ...],
) -> Chain:
    """A way that leads to an address that is, or should be, on a link here."""
    eip_id = ""
    story = _holder(address, under)
    if story is None:
        nowhere = Hop(Step.ADDRESS, str(address), State.MISSING, say("it is on no link here"))
        return Chain(eip, (*front, nowhere), eip_id=eip_id, known_by=OPENAPI, notes=notes)
    return Chain(
        eip,
        (*front, eni_hop(story, under), address_hop(address, story, under)),
        (*way_out(address, story, under), *back),
        address,
        story.link.link.name,
        story.eni.eni_id,
        known_by=OPENAPI,
        notes=notes,
    )


def _holder(address: IPAddress, under: Ground) -> Story | None:
    """The ENI that has the address on its link, or is said to have it."""
    on = {fact.link for fact in under.scene.kernel.addresses if fact.ip == address}
    for story in under.scene.report.stories:
        if story.link.link.index in on or address in (story.eni.private_ipv4s or ()):
            return story
    return None


def _parsed(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None
