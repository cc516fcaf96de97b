"""The binding mode of one ENI, judged from what every source claims about it.

Sources rank: settings, OpenAPI, DHCP offer, kernel (a lease on the link), OpenAPI as last known, metadata.
Settings, OpenAPI and offer are live: where two of them contradict each other, the verdict is undecided and both are
named.  A lease may be ten years old, so a live offer outranks it; without an offer it contradicts like the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from eip_agent.core.claims import Case, Claim, claims_of, public_leases
from eip_agent.core.message import Message, say
from eip_agent.core.numbers import SLOTS
from eip_agent.core.settings import Mode
from eip_agent.core.verdict import Certainty, Evidence, Verdict, VisibleEip, gateway_by, undecided

VISIBLE = frozenset((Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE))


@dataclass(frozen=True, slots=True)
class _Way:
    """What some source knows of how an EIP leaves."""

    gateway: IPv4Address | None
    prefix_length: int | None


class _DoubtError(Exception):
    """What contradicts what, or what is missing, and what to do."""

    def __init__(self, saw: Message, remedy: Message) -> None:
        super().__init__(saw)
        self.saw = saw
        self.remedy = remedy


def judge(seen: Case) -> Verdict:
    """Name the binding mode of one ENI.  Never raises: doubt is `Mode.UNDECIDED`."""
    claims = list(claims_of(seen))
    unread = tuple(say("{place}: {reason}", place=item.path, reason=item.reason) for item in seen.port.eni.unread)
    because = tuple(evidence for claim in claims for evidence in claim.because)
    because = because or (Evidence(say("metadata"), say("{unread}", unread=unread) if unread else say("no address")),)
    try:
        _at_home(seen)
        chosen = _agreed(claims)
        _check(seen, chosen)
        visible = tuple(_visible(seen, chosen)) if chosen.mode in VISIBLE else ()
        _spare_what_works(seen, chosen, visible)
    except _DoubtError as doubt:
        return undecided(seen.port.eni, because, doubt.saw, doubt.remedy)
    return Verdict(seen.port.eni.mac, chosen.mode, chosen.sure, because, visible)


def _agreed(claims: Sequence[Claim]) -> Claim:
    """The highest claim, once no other contradicts it.

    A claim without a mode only says that the ENI is not EIP-visible.
    """
    chosen = next((claim for claim in claims if claim.mode is not Mode.UNDECIDED), None)
    if chosen is None:
        raise _DoubtError(
            say("the metadata service did not tell its addresses"), say("nothing: the next pass asks again")
        )
    for other in claims:
        hidden = other.mode is Mode.UNDECIDED and chosen.mode is Mode.EIP_VISIBLE
        # A secondary CIDR is NAT mode to the API, and to an operator who declares it so.
        alike = {other.mode, chosen.mode} == {Mode.NAT, Mode.SECONDARY_CIDR}
        another = other.mode not in (Mode.UNDECIDED, chosen.mode) and not alike
        if hidden or another:
            raise _DoubtError(
                _both(chosen, other), say("correct the one that is wrong; `eip-agent explain` shows both")
            )
        if other.mode is chosen.mode and other.eips and not set(chosen.eips) <= set(other.eips):
            raise _DoubtError(
                _both(chosen, other), say("correct the one that is wrong; `eip-agent explain` shows both")
            )
    # Settings and OpenAPI may each know an EIP that the other one was not told.
    eips = dict.fromkeys(eip for claim in claims if claim.mode is chosen.mode for eip in claim.eips)
    return replace(chosen, eips=tuple(eips)) if chosen.mode is Mode.MULTI_EIP_VISIBLE else chosen


def _both(one: Claim, other: Claim) -> Message:
    first, second = one.because[0], other.because[0]
    return say(
        "two sources contradict each other: {source} says: {says}; but {source2} says: {says2}",
        source=first.source,
        says=first.says,
        source2=second.source,
        says2=second.says,
    )


def _at_home(seen: Case) -> None:
    """Raise where a declared EIP is bound to something else: that says more than that it is not here."""
    for eip in seen.elsewhere:
        told = say(
            "the settings declare {address} for this ENI, yet the OpenAPI says that it is bound to {bound}",
            address=eip.address,
            bound=f"{eip.bound.value} {eip.instance_id}".rstrip() if eip.bound.value else say("nothing"),
        )
        raise _DoubtError(told, say("bind it to {eni}, or remove it from the settings", eni=seen.port.eni.eni_id))


def _check(seen: Case, chosen: Claim) -> None:
    """Raise what speaks against a mode besides another source's word."""
    place = seen.declared[0].place if seen.declared else say("the settings")
    if len({eip.mode for eip in seen.declared}) > 1:
        modes = ", ".join(f"{eip.address} {eip.mode.value}" for eip in seen.declared)
        raise _DoubtError(
            say("an ENI has one binding mode, the settings declare several: {modes}", modes=modes),
            say("correct {place}", place=place),
        )
    if seen.port.primary and chosen.mode in VISIBLE:
        raise _DoubtError(
            say("the primary ENI only has NAT mode, not {mode}", mode=chosen.mode.value),
            say("correct {place}", place=place),
        )
    private = seen.port.eni.private_ipv4s
    if chosen.mode is not Mode.EIP_VISIBLE and private is None:
        raise _DoubtError(say("the metadata service did not tell its private addresses"), say("see what was not read"))
    for declared in seen.declared:
        wanted = declared.address if declared.mode is Mode.SECONDARY_CIDR else declared.private_address
        if wanted is not None and declared.mode not in VISIBLE and wanted not in (private or ()):
            raise _DoubtError(
                say(
                    "{place} maps {address} to {wanted}, which is not an address of this ENI",
                    place=declared.place,
                    address=declared.address,
                    wanted=wanted,
                ),
                say("correct the settings, or assign the address to the ENI"),
            )


def _visible(seen: Case, chosen: Claim) -> Iterator[VisibleEip]:
    """The EIPs on the link with their gateways, from whichever source knows them."""
    if chosen.mode is Mode.EIP_VISIBLE and len(chosen.eips) != 1:
        raise _DoubtError(
            say("{number} EIPs are said to replace the private address of one ENI", number=len(chosen.eips)),
            say("declare the right one"),
        )
    gateways = set()
    for address in chosen.eips:
        ways = [way for way in _ways(seen, address) if way.gateway is not None]
        if not ways:
            raise _DoubtError(
                say("no source tells the gateway of {address}", address=address),
                say("`eip-agent apply` asks by DHCP, once the link is up; or declare the EIP with its `gateway`")
                if chosen.mode is Mode.EIP_VISIBLE
                else say(
                    "declare the EIP in the settings, with `gateway` and `prefix_length`, or grant "
                    "`vpc:DescribeEipGatewayInfo` to the instance's RAM role"
                ),
            )
        gateway = ways[0].gateway
        length = next((way.prefix_length for way in ways if way.prefix_length is not None), 32)
        assert gateway is not None, "filtered above"  # noqa: S101  for the type checker
        gateways.add(gateway)
        yield VisibleEip(address, length, gateway)
    if len(gateways) >= SLOTS:
        raise _DoubtError(
            say("one ENI has more than {most} EIP gateways", most=SLOTS - 1), say("move some EIPs to another ENI")
        )


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
        say(
            "{listed} is configured here, and no source tells any more whether it is still bound",
            listed=tuple(lost),
        ),
        say(
            "see why the OpenAPI or DHCP is silent; or declare the EIP in the settings; or, if it was unbound: "
            "`eip-agent revert`, then `eip-agent apply`"
        ),
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
