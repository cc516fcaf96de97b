"""The binding mode of one ENI, judged from what every source claims about it.

Sources rank: settings, OpenAPI, DHCP offer, kernel (a lease on the link), OpenAPI as last known, metadata.
Settings, OpenAPI and offer are live: where two of them contradict each other, the verdict is undecided and both are
named.  A lease may be ten years old, so a live offer outranks it; without an offer it contradicts like the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from eip_agent.core.facts import AddressFact, EniFact, RouteFact
from eip_agent.core.numbers import SLOTS
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import Bound, EipFact
from eip_agent.core.pairing import Port
from eip_agent.core.settings import DeclaredEip, Mode
from eip_agent.core.verdict import Certainty, Evidence, Verdict, VisibleEip, gateway_by, is_private, undecided

VISIBLE = frozenset((Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE))
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


@dataclass(frozen=True, slots=True)
class _Way:
    """What some source knows of how an EIP leaves."""

    gateway: IPv4Address | None
    prefix_length: int | None


class _DoubtError(Exception):
    """What contradicts what, or what is missing, and what to do."""

    def __init__(self, saw: str, remedy: str) -> None:
        super().__init__(saw)
        self.remedy = remedy


def judge(seen: Case) -> Verdict:
    """Name the binding mode of one ENI.  Never raises: doubt is `Mode.UNDECIDED`."""
    claims = list(_claims(seen))
    unread = "; ".join(f"{item.path}: {item.reason}" for item in seen.port.eni.unread)
    because = tuple(evidence for claim in claims for evidence in claim.because)
    because = because or (Evidence("metadata", unread or "no address"),)
    try:
        _at_home(seen)
        chosen = _agreed(claims)
        _check(seen, chosen)
        visible = tuple(_visible(seen, chosen)) if chosen.mode in VISIBLE else ()
        _spare_what_works(seen, chosen, visible)
    except _DoubtError as doubt:
        return undecided(seen.port.eni, because, str(doubt), doubt.remedy)
    return Verdict(seen.port.eni.mac, chosen.mode, chosen.sure, because, visible)


def _claims(seen: Case) -> Iterator[Claim]:
    """What each source says, the highest first; the metadata only where nobody above it says anything."""
    found = [claim for claim in (_by_settings(seen), _by_openapi(seen), _by_offer(seen), _by_lease(seen)) if claim]
    yield from found
    if not found or all(claim.mode is Mode.UNDECIDED for claim in found):
        # What is remembered is never believed against a live source.
        memory = next((one for one in _by_memory(seen) if not found or one.mode is not Mode.EIP_VISIBLE), None)
        weaker = memory or _by_metadata(seen)
        if weaker is not None:
            yield weaker


def _agreed(claims: Sequence[Claim]) -> Claim:
    """The highest claim, once no other contradicts it.

    A claim without a mode only says that the ENI is not EIP-visible.
    """
    chosen = next((claim for claim in claims if claim.mode is not Mode.UNDECIDED), None)
    if chosen is None:
        raise _DoubtError("the metadata service did not tell its addresses", "nothing: the next pass asks again")
    for other in claims:
        hidden = other.mode is Mode.UNDECIDED and chosen.mode is Mode.EIP_VISIBLE
        # A secondary CIDR is NAT mode to the API, and to an operator who declares it so.
        alike = {other.mode, chosen.mode} == {Mode.NAT, Mode.SECONDARY_CIDR}
        another = other.mode not in (Mode.UNDECIDED, chosen.mode) and not alike
        if hidden or another:
            raise _DoubtError(_both(chosen, other), "correct the one that is wrong; `eip-agent explain` shows both")
        if other.mode is chosen.mode and other.eips and not set(chosen.eips) <= set(other.eips):
            raise _DoubtError(_both(chosen, other), "correct the one that is wrong; `eip-agent explain` shows both")
    # Settings and OpenAPI may each know an EIP that the other one was not told.
    eips = dict.fromkeys(eip for claim in claims if claim.mode is chosen.mode for eip in claim.eips)
    return replace(chosen, eips=tuple(eips)) if chosen.mode is Mode.MULTI_EIP_VISIBLE else chosen


def _both(one: Claim, other: Claim) -> str:
    said = (f"{claim.because[0].source} says: {claim.because[0].says}" for claim in (one, other))
    return "two sources contradict each other: " + "; but ".join(said)


def _by_settings(seen: Case) -> Claim | None:
    if not seen.declared:
        return None
    because = tuple(Evidence("settings", f"{eip.address} is {eip.mode.value} ({eip.place})") for eip in seen.declared)
    return Claim(seen.declared[0].mode, because, tuple(eip.address for eip in seen.declared))


def _by_openapi(seen: Case) -> Claim | None:
    return None if seen.told is None else _told(seen.port, seen.told, "OpenAPI")


def _by_memory(seen: Case) -> Iterator[Claim]:
    if seen.told_before is not None:
        claim = _told(seen.port, seen.told_before, f"OpenAPI, as it was {seen.told_age} ago")
        if claim is not None:
            yield replace(claim, sure=Certainty.PROBABLE)
    if seen.offer is None and seen.offer_before is not None:
        claim = _offered(seen.port, seen.offer_before, f"DHCP offer, as it was {seen.offer_age} ago")
        if claim is not None and claim.mode is Mode.EIP_VISIBLE:
            yield replace(claim, sure=Certainty.PROBABLE)


def _told(port: Port, eips: Sequence[EipFact], source: str) -> Claim | None:
    """What the OpenAPI says; None when an EIP has a mode that this version does not know."""
    bound = [eip for eip in eips if eip.status not in GONE]
    if not bound:
        # Without an EIP an ENI is what NAT mode looks like in the guest: private addresses only.
        mode = Mode.NAT if port.eni.primary is None or is_private(port.eni.primary) else Mode.SECONDARY_CIDR
        return Claim(mode, (Evidence(source, "no EIP is bound to this ENI"),))
    modes = {Mode.NAT if eip.bound is Bound.ECS else eip.mode for eip in bound}
    if None in modes or len(modes) > 1:
        return None
    mode = next(iter(modes)) or Mode.NAT
    if mode is Mode.NAT and any(eip.address == eip.private_address for eip in bound):
        mode = Mode.SECONDARY_CIDR
    because = tuple(Evidence(source, _sentence(eip, mode)) for eip in bound)
    return Claim(mode, because, tuple(eip.address for eip in bound))


def _sentence(eip: EipFact, mode: Mode) -> str:
    to = f" for {eip.private_address}" if mode is Mode.NAT and eip.private_address else ""
    pending = "" if eip.status == "InUse" else f", {eip.status}"
    return f"{eip.address} is {mode.value}{to} ({eip.allocation_id}{pending})"


def _by_offer(seen: Case) -> Claim | None:
    return None if seen.offer is None else _offered(seen.port, seen.offer, "DHCP offer")


def _offered(port: Port, offer: OfferFact, source: str) -> Claim | None:
    """An offer outside the vSwitch is proof of EIP-visible mode; one inside proves that it is not."""
    subnet = port.eni.subnet
    if subnet is None:
        return None
    outside = offer.address not in subnet
    if outside and (is_private(offer.address) or offer.router == offer.address or offer.prefix_length < _WIDEST):
        # No EIP looks like that: some other DHCP server answered, and what it says proves nothing.
        return None
    says = f"{offer.address}/{offer.prefix_length}" + (f" by {offer.router}" if offer.router else "")
    if offer.address in subnet:
        return Claim(Mode.UNDECIDED, (Evidence(source, f"{says}, of the vSwitch {subnet}"),))
    because = (Evidence(source, f"{says}, outside the vSwitch {subnet}"),)
    return Claim(Mode.EIP_VISIBLE, because, (offer.address,))


def _by_lease(seen: Case) -> Claim | None:
    """What a DHCP client was given, as long as no live offer says what it would be given now."""
    leases = public_leases(seen)
    if not leases or (seen.offer is not None and seen.port.eni.subnet is not None):
        return None
    link = seen.port.link.link.name
    says = ", ".join(f"{lease.ip}/{lease.prefix_length}" for lease in leases)
    because = Evidence(
        f"kernel address dev {link}", f"{says}, put by a DHCP client, outside the vSwitch {seen.port.eni.subnet}"
    )
    return Claim(Mode.EIP_VISIBLE, (because,), tuple(IPv4Address(int(lease.ip)) for lease in leases))


def _by_metadata(seen: Case) -> Claim | None:
    eni = seen.port.eni
    if eni.private_ipv4s is None or eni.primary is None:
        return None
    because = (Evidence("metadata private-ipv4s", ", ".join(map(str, eni.private_ipv4s)) or "none"),)
    mode = Mode.NAT if is_private(eni.primary) else Mode.SECONDARY_CIDR
    return Claim(mode, because, sure=Certainty.PROBABLE)


def _at_home(seen: Case) -> None:
    """Raise where a declared EIP is bound to something else: that says more than that it is not here."""
    for eip in seen.elsewhere:
        raise _DoubtError(
            f"the settings declare {eip.address} for this ENI, yet the OpenAPI says that it is bound to "
            f"{eip.bound.value or 'nothing'} {eip.instance_id}".rstrip(),
            f"bind it to {seen.port.eni.eni_id}, or remove it from the settings",
        )


def _check(seen: Case, chosen: Claim) -> None:
    """Raise what speaks against a mode besides another source's word."""
    place = seen.declared[0].place if seen.declared else "the settings"
    if len({eip.mode for eip in seen.declared}) > 1:
        modes = ", ".join(f"{eip.address} {eip.mode.value}" for eip in seen.declared)
        raise _DoubtError(f"an ENI has one binding mode, the settings declare several: {modes}", f"correct {place}")
    if seen.port.primary and chosen.mode in VISIBLE:
        raise _DoubtError(f"the primary ENI only has NAT mode, not {chosen.mode.value}", f"correct {place}")
    private = seen.port.eni.private_ipv4s
    if chosen.mode is not Mode.EIP_VISIBLE and private is None:
        raise _DoubtError("the metadata service did not tell its private addresses", "see what was not read")
    for declared in seen.declared:
        wanted = declared.address if declared.mode is Mode.SECONDARY_CIDR else declared.private_address
        if wanted is not None and declared.mode not in VISIBLE and wanted not in (private or ()):
            raise _DoubtError(
                f"{declared.place} maps {declared.address} to {wanted}, which is not an address of this ENI",
                "correct the settings, or assign the address to the ENI",
            )


def _visible(seen: Case, chosen: Claim) -> Iterator[VisibleEip]:
    """The EIPs on the link with their gateways, from whichever source knows them."""
    if chosen.mode is Mode.EIP_VISIBLE and len(chosen.eips) != 1:
        raise _DoubtError(
            f"{len(chosen.eips)} EIPs are said to replace the private address of one ENI", "declare the right one"
        )
    gateways = set()
    for address in chosen.eips:
        ways = [way for way in _ways(seen, address) if way.gateway is not None]
        if not ways:
            raise _DoubtError(
                f"no source tells the gateway of {address}",
                "`eip-agent apply` asks by DHCP, once the link is up; or declare the EIP with its `gateway`"
                if chosen.mode is Mode.EIP_VISIBLE
                else "declare the EIP in the settings, with `gateway` and `prefix_length`, "
                "or grant `vpc:DescribeEipGatewayInfo` to the instance's RAM role",
            )
        gateway = ways[0].gateway
        length = next((way.prefix_length for way in ways if way.prefix_length is not None), 32)
        assert gateway is not None, "filtered above"  # noqa: S101  for the type checker
        gateways.add(gateway)
        yield VisibleEip(address, length, gateway)
    if len(gateways) >= SLOTS:
        raise _DoubtError(f"one ENI has more than {SLOTS - 1} EIP gateways", "move some EIPs to another ENI")


def _spare_what_works(seen: Case, chosen: Claim, visible: Sequence[VisibleEip]) -> None:
    """Raise where a guess would take away an EIP that is configured: silence does not say that it went.

    An offer of the vSwitch does, for an ENI that has nothing but the EIP: it is not EIP-visible any more.
    """
    lost = sorted(set(seen.held) - {eip.address for eip in visible})
    if chosen.sure is not Certainty.PROBABLE or not lost:
        return
    private = set(seen.port.eni.private_ipv4s or ())
    subnet = seen.port.eni.subnet
    inside = seen.offer is not None and subnet is not None and seen.offer.address in subnet
    if inside and not private & {fact.ip for fact in seen.addresses}:
        return
    raise _DoubtError(
        f"{', '.join(map(str, lost))} is configured here, and no source tells any more whether it is still bound",
        "see why the OpenAPI or DHCP is silent; or declare the EIP in the settings; "
        "or, if it was unbound: `eip-agent revert`, then `eip-agent apply`",
    )


def _ways(seen: Case, address: IPv4Address) -> Iterator[_Way]:
    for declared in seen.declared:
        if declared.address == address:
            yield _Way(declared.gateway, declared.prefix_length)
    for eip in (*(seen.told or ()), *(seen.told_before or ())):
        if eip.address == address:
            yield _Way(eip.gateway, eip.prefix_length)
    for offer in (seen.offer, seen.offer_before):
        if offer is not None and offer.address == address:
            yield _Way(offer.router, offer.prefix_length)
    for lease in public_leases(seen):
        if lease.ip == address:
            yield _Way(gateway_by(seen.routes), lease.prefix_length)


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
