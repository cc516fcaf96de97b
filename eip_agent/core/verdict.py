"""How the EIPs of one ENI are bound, judged from facts, with the evidence.

Sources rank: settings, then the kernel (what a DHCP client put on the link), then metadata.
Two of them that contradict each other make the verdict undecided and are both named; nothing is guessed.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from eip_agent.core.facts import AddressFact, EniFact, LinkFact, Mac, RouteFact
from eip_agent.core.numbers import SLOTS
from eip_agent.core.pairing import Port
from eip_agent.core.settings import DeclaredEip, Mode

PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")))
"""What a vSwitch's own addresses look like: RFC 1918, RFC 6598, RFC 3927."""


class Certainty(enum.Enum):
    """How sure a verdict is."""

    CERTAIN = "certain"
    """A source that is authoritative says so."""
    PROBABLE = "probable"
    """What was seen fits this mode, and no source that would know has been asked."""
    UNDECIDED = "undecided"
    """Sources contradict each other, or a fact is missing without which nothing can be said."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fact used as a reason."""

    source: str
    """`settings`, `kernel` or `metadata`, with the place in it."""
    says: str


@dataclass(frozen=True, slots=True)
class VisibleEip:
    """An EIP that belongs on the link itself."""

    address: IPv4Address
    prefix_length: int
    gateway: IPv4Address


@dataclass(frozen=True, slots=True)
class Verdict:
    """The binding mode of one ENI."""

    mac: Mac
    mode: Mode
    certainty: Certainty
    because: tuple[Evidence, ...]
    """Never empty."""
    visible: tuple[VisibleEip, ...] = ()
    """What the mode puts on the link besides (or, EIP-visible, instead of) the private addresses."""
    contradiction: str = ""
    """When undecided: what contradicts what, or what is missing."""
    remedy: str = ""
    """When undecided: what to do."""

    @property
    def decided(self) -> bool:
        """Whether the ENI may be configured by it."""
        return self.mode is not Mode.UNDECIDED


def judge(
    port: Port,
    addresses: Sequence[AddressFact],
    routes: Sequence[RouteFact],
    declared: Sequence[DeclaredEip],
) -> Verdict:
    """Name the binding mode of one ENI from what its own link holds and what was declared for it.

    `addresses` and `routes` (of `main`) are those of its link, `declared` those for it.
    Never raises: doubt is `Mode.UNDECIDED`.
    """
    eni, link = port.eni, port.link
    leases = _public_leases(eni, addresses)
    if len({eip.mode for eip in declared}) > 1:
        says = ", ".join(f"{eip.address} {eip.mode.value}" for eip in declared)
        return _undecided(
            eni, [Evidence("settings", says)], "an ENI has one binding mode, the settings declare several"
        )
    if declared and port.primary and declared[0].mode not in (Mode.NAT, Mode.SECONDARY_CIDR):
        wrong = Evidence("settings", f"{declared[0].address} is {declared[0].mode.value} ({declared[0].place})")
        return _undecided(eni, [wrong], "the settings declare a visible mode for the primary ENI, which only has NAT")
    if declared:
        return _declared(eni, link, declared, leases, routes)
    if leases:
        return _leased(eni, link, leases, routes)
    return _by_metadata(eni)


def gateway_by(routes: Sequence[RouteFact]) -> IPv4Address | None:
    """The router a DHCP client was given: the gateway of the best IPv4 default route in `main` by this link."""
    defaults = [route for route in routes if not route.destination.prefixlen and isinstance(route.gateway, IPv4Address)]
    best = min(defaults, key=lambda route: route.metric, default=None)
    return best.gateway if best and isinstance(best.gateway, IPv4Address) else None


def _declared(
    eni: EniFact,
    link: LinkFact,
    declared: Sequence[DeclaredEip],
    leases: Sequence[AddressFact],
    routes: Sequence[RouteFact],
) -> Verdict:
    mode = declared[0].mode
    because = [Evidence("settings", f"{eip.address} is {mode.value} ({eip.place})") for eip in declared]
    because += [_leased_evidence(link, lease) for lease in leases]
    if mode is Mode.EIP_VISIBLE:
        return _declared_visible(eni, declared[0], because, leases, routes)
    if leases:
        offered = ", ".join(str(lease.ip) for lease in leases)
        return _undecided(
            eni,
            because,
            f"the settings declare {mode.value}, yet a DHCP client put {offered}, outside the vSwitch {eni.subnet}, on "
            f"{link.link.name}, which only EIP-visible mode does",
            "correct `mode` in the settings, or renew the lease if the mode was changed",
        )
    private = eni.private_ipv4s
    if private is None:
        return _undecided(eni, because, "the metadata service did not tell its private addresses", "see what is unread")
    if mode is Mode.MULTI_EIP_VISIBLE:
        if len({eip.gateway for eip in declared}) >= SLOTS:
            return _undecided(eni, because, f"more than {SLOTS - 1} EIP gateways are declared for one ENI")
        visible = [
            VisibleEip(eip.address, eip.prefix_length, eip.gateway)
            for eip in declared
            if eip.gateway is not None and eip.prefix_length is not None
        ]
        return Verdict(eni.mac, mode, Certainty.CERTAIN, tuple(because), tuple(visible))
    for eip in declared:
        wanted = eip.address if mode is Mode.SECONDARY_CIDR else eip.private_address
        if wanted is not None and wanted not in private:
            because.append(Evidence("metadata private-ipv4s", ", ".join(map(str, private)) or "none"))
            return _undecided(
                eni,
                because,
                f"{eip.place} maps {eip.address} to {wanted}, which is not an address of this ENI",
                "correct the settings, or assign the address to the ENI",
            )
    return Verdict(eni.mac, mode, Certainty.CERTAIN, tuple(because))


def _declared_visible(
    eni: EniFact,
    eip: DeclaredEip,
    because: list[Evidence],
    leases: Sequence[AddressFact],
    routes: Sequence[RouteFact],
) -> Verdict:
    lease = next((lease for lease in leases if lease.ip == eip.address), None)
    if leases and lease is None:
        offered = ", ".join(str(other.ip) for other in leases)
        return _undecided(
            eni,
            because,
            f"the settings declare {eip.address}, yet the DHCP client got {offered}",
            "correct `address` in the settings, or renew the lease if another EIP was bound",
        )
    gateway = eip.gateway or gateway_by(routes)
    if gateway is None:
        return _undecided(
            eni,
            because,
            f"no source tells the gateway of {eip.address}",
            f"add `gateway` and `prefix_length` to {eip.place}, or let a DHCP client configure the link",
        )
    length = lease.prefix_length if lease else (eip.prefix_length or 32)
    return Verdict(
        eni.mac, Mode.EIP_VISIBLE, Certainty.CERTAIN, tuple(because), (VisibleEip(eip.address, length, gateway),)
    )


def _leased(eni: EniFact, link: LinkFact, leases: Sequence[AddressFact], routes: Sequence[RouteFact]) -> Verdict:
    """A DHCP client got a public address: what an offer says is what the cloud does."""
    because = [_leased_evidence(link, lease) for lease in leases]
    because.append(Evidence("metadata vswitch-cidr-block", str(eni.subnet)))
    gateway = gateway_by(routes)
    if len(leases) > 1 or gateway is None:
        missing = "several public addresses were leased" if len(leases) > 1 else "no default route tells its gateway"
        return _undecided(eni, because, missing, "declare the EIP in the settings, with `gateway` and `prefix_length`")
    because.append(Evidence(f"kernel route default dev {link.link.name}", f"via {gateway}"))
    lease = leases[0]
    address = IPv4Address(int(lease.ip))
    return Verdict(
        eni.mac,
        Mode.EIP_VISIBLE,
        Certainty.CERTAIN,
        tuple(because),
        (VisibleEip(address, lease.prefix_length, gateway),),
    )


def _by_metadata(eni: EniFact) -> Verdict:
    if eni.private_ipv4s is None or eni.primary is None:
        why = "; ".join(f"{unread.path}: {unread.reason}" for unread in eni.unread) or "no address"
        return _undecided(
            eni,
            [Evidence("metadata", why)],
            "the metadata service did not tell its addresses",
            "nothing: the next pass asks again",
        )
    because = (Evidence("metadata private-ipv4s", ", ".join(map(str, eni.private_ipv4s)) or "none"),)
    if not any(eni.primary in block for block in PRIVATE):
        return Verdict(eni.mac, Mode.SECONDARY_CIDR, Certainty.PROBABLE, because)
    return Verdict(eni.mac, Mode.NAT, Certainty.PROBABLE, because)


def _public_leases(eni: EniFact, addresses: Sequence[AddressFact]) -> list[AddressFact]:
    """The leased IPv4 addresses of the link that its vSwitch cannot have given.

    An offer outside the vSwitch's CIDR is proof of EIP-visible mode; an unknown CIDR proves nothing.
    """
    if eni.subnet is None:
        return []
    return [
        address
        for address in addresses
        if address.leased
        and address.universal
        and isinstance(address.ip, IPv4Address)
        and address.ip not in eni.subnet
        and not any(address.ip in block for block in PRIVATE)
    ]


def _leased_evidence(link: LinkFact, lease: AddressFact) -> Evidence:
    return Evidence(f"kernel address dev {link.link.name}", f"{lease.ip}/{lease.prefix_length}, put by a DHCP client")


def _undecided(
    eni: EniFact, because: Sequence[Evidence], contradiction: str, remedy: str = "correct the settings"
) -> Verdict:
    return Verdict(
        eni.mac, Mode.UNDECIDED, Certainty.UNDECIDED, tuple(because), contradiction=contradiction, remedy=remedy
    )
