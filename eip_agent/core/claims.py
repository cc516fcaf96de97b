"""What each source claims about the binding mode of one ENI; `judge` weighs the claims."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from eip_agent.core.facts import AddressFact, EniFact, RouteFact
from eip_agent.core.message import Message, say
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import Bound, EipFact
from eip_agent.core.pairing import Port
from eip_agent.core.settings import DeclaredEip, Mode
from eip_agent.core.verdict import Certainty, Evidence, is_private

_WIDEST = 8
"""No EIP has a shorter mask."""
GONE = frozenset(("Available", "Unassociating", "Releasing"))
"""States of an EIP in which it does not work for an ENI any more."""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that was seen about one ENI."""

    port: Port
    addresses: Sequence[AddressFact] = ()
    """Those on its link."""
    routes: Sequence[RouteFact] = ()
    """Those of `main` by its link."""
    declared: Sequence[DeclaredEip] = ()
    """Those for it."""
    told: Sequence[EipFact] | None = None
    """Its EIPs by the OpenAPI; None: that did not tell."""
    told_before: Sequence[EipFact] | None = None
    """The same as last known, of `told_age`, when the OpenAPI is silent now."""
    told_age: str = ""
    elsewhere: Sequence[EipFact] = ()
    """What the OpenAPI says of declared EIPs that are not this ENI's."""
    offer: OfferFact | None = None
    offer_before: OfferFact | None = None
    """What was offered last, `offer_age` ago, when nobody answers now."""
    offer_age: str = ""
    held: Sequence[IPv4Address] = ()
    """The EIPs that the agent has set on its link."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source says of the mode."""

    mode: Mode
    because: tuple[Evidence, ...]
    eips: tuple[IPv4Address, ...] = ()
    sure: Certainty = Certainty.CERTAIN


def claims_of(seen: Case) -> Iterator[Claim]:
    """What each source says, the highest first; the metadata only where nobody above it says anything."""
    found = [claim for claim in (_by_settings(seen), _by_openapi(seen), _by_offer(seen), _by_lease(seen)) if claim]
    yield from found
    if not found or all(claim.mode is Mode.UNDECIDED for claim in found):
        # What is remembered is never believed against a live source.
        memory = next((one for one in _by_memory(seen) if not found or one.mode is not Mode.EIP_VISIBLE), None)
        weaker = memory or _by_metadata(seen)
        if weaker is not None:
            yield weaker


def _by_settings(seen: Case) -> Claim | None:
    if not seen.declared:
        return None
    because = tuple(
        Evidence(
            say("settings"),
            say("{address} is {mode} ({place})", address=eip.address, mode=eip.mode.value, place=eip.place),
        )
        for eip in seen.declared
    )
    return Claim(seen.declared[0].mode, because, tuple(eip.address for eip in seen.declared))


def _by_openapi(seen: Case) -> Claim | None:
    return None if seen.told is None else _told(seen.port, seen.told, say("OpenAPI"))


def _by_memory(seen: Case) -> Iterator[Claim]:
    if seen.told_before is not None:
        claim = _told(seen.port, seen.told_before, say("OpenAPI, as it was {age} ago", age=seen.told_age))
        if claim is not None:
            yield replace(claim, sure=Certainty.PROBABLE)
    if seen.offer is None and seen.offer_before is not None:
        claim = _offered(seen.port, seen.offer_before, say("DHCP offer, as it was {age} ago", age=seen.offer_age))
        if claim is not None and claim.mode is Mode.EIP_VISIBLE:
            yield replace(claim, sure=Certainty.PROBABLE)


def _told(port: Port, eips: Sequence[EipFact], source: str) -> Claim | None:
    """What the OpenAPI says; None when an EIP has a mode that this version does not know."""
    bound = [eip for eip in eips if eip.status not in GONE]
    if not bound:
        # Without an EIP an ENI is what NAT mode looks like in the guest: private addresses only.
        mode = Mode.NAT if port.eni.primary is None or is_private(port.eni.primary) else Mode.SECONDARY_CIDR
        return Claim(mode, (Evidence(source, say("no EIP is bound to this ENI")),))
    modes = {Mode.NAT if eip.bound is Bound.ECS else eip.mode for eip in bound}
    if None in modes or len(modes) > 1:
        return None
    mode = next(iter(modes)) or Mode.NAT
    if mode is Mode.NAT and any(eip.address == eip.private_address for eip in bound):
        mode = Mode.SECONDARY_CIDR
    because = tuple(Evidence(source, _sentence(eip, mode)) for eip in bound)
    return Claim(mode, because, tuple(eip.address for eip in bound))


def _sentence(eip: EipFact, mode: Mode) -> Message:
    to = (
        say("{address} is {mode} for {private}", address=eip.address, mode=mode.value, private=eip.private_address)
        if mode is Mode.NAT and eip.private_address
        else say("{address} is {mode}", address=eip.address, mode=mode.value)
    )
    if eip.status == "InUse":
        return say("{binding} ({allocation})", binding=to, allocation=eip.allocation_id)
    return say("{binding} ({allocation}, {status})", binding=to, allocation=eip.allocation_id, status=eip.status)


def _by_offer(seen: Case) -> Claim | None:
    return None if seen.offer is None else _offered(seen.port, seen.offer, say("DHCP offer"))


def _offered(port: Port, offer: OfferFact, source: str) -> Claim | None:
    """An offer outside the vSwitch is proof of EIP-visible mode; one inside proves that it is not."""
    subnet = port.eni.subnet
    if subnet is None:
        return None
    outside = offer.address not in subnet
    if outside and (is_private(offer.address) or offer.router == offer.address or offer.prefix_length < _WIDEST):
        # No EIP looks like that: some other DHCP server answered, and what it says proves nothing.
        return None
    address = f"{offer.address}/{offer.prefix_length}"
    says = say("{address} by {router}", address=address, router=offer.router) if offer.router else address
    if offer.address in subnet:
        return Claim(
            Mode.UNDECIDED, (Evidence(source, say("{says}, of the vSwitch {subnet}", says=says, subnet=subnet)),)
        )
    because = (Evidence(source, say("{says}, outside the vSwitch {subnet}", says=says, subnet=subnet)),)
    return Claim(Mode.EIP_VISIBLE, because, (offer.address,))


def _by_lease(seen: Case) -> Claim | None:
    """What a DHCP client was given, as long as no live offer says what it would be given now."""
    leases = public_leases(seen)
    if not leases or (seen.offer is not None and seen.port.eni.subnet is not None):
        return None
    link = seen.port.link.link.name
    says = ", ".join(f"{lease.ip}/{lease.prefix_length}" for lease in leases)
    because = Evidence(
        say("kernel address dev {link}", link=link),
        say("{says}, put by a DHCP client, outside the vSwitch {subnet}", says=says, subnet=seen.port.eni.subnet),
    )
    return Claim(Mode.EIP_VISIBLE, (because,), tuple(IPv4Address(int(lease.ip)) for lease in leases))


def _by_metadata(seen: Case) -> Claim | None:
    eni = seen.port.eni
    if eni.private_ipv4s is None or eni.primary is None:
        return None
    because = (
        Evidence(
            say("metadata private-ipv4s"),
            say("{addresses}", addresses=eni.private_ipv4s) if eni.private_ipv4s else say("none"),
        ),
    )
    mode = Mode.NAT if is_private(eni.primary) else Mode.SECONDARY_CIDR
    return Claim(mode, because, sure=Certainty.PROBABLE)


def public_leases(seen: Case) -> list[AddressFact]:
    """The leased IPv4 addresses of the link that its vSwitch cannot have given; none where that is not known."""
    subnet = seen.port.eni.subnet
    if subnet is None:
        return []
    return [
        address
        for address in seen.addresses
        if address.leased
        and address.universal
        and isinstance(address.ip, IPv4Address)
        and address.ip not in subnet
        and not is_private(address.ip)
    ]


def eips_of(eni: EniFact, instance_id: str | None, eips: Sequence[EipFact], *, primary: bool) -> list[EipFact]:
    """The EIPs that are bound to an ENI itself; for the primary one also those bound to the instance."""
    return [
        eip
        for eip in eips
        if (eip.bound is Bound.ENI and eip.instance_id == eni.eni_id)
        or (primary and eip.bound is Bound.ECS and eip.instance_id == instance_id)
    ]
