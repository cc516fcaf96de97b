"""Topologies as data: what the owner of a cloud account would have set up in the console.

Everything else (namespaces, packets, metadata, DHCP offers) follows from these values.
Public addresses are from the documentation ranges 192.0.2.0/24, 198.51.100.0/24 and 203.0.113.0/24 and 2001:db8::/32.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from eip_agent.core.facts import Mac
from eip_agent.core.openapi import Bound, DnatFact, HavipFact
from eip_agent.core.settings import Mode


@dataclass(frozen=True, slots=True)
class VSwitch:
    """A subnet of the VPC."""

    name: str
    cidr: IPv4Network
    cidr6: IPv6Network | None = None

    @property
    def gateway(self) -> IPv4Address:
        """Third address from the top (cloud documentation: the last three of a vSwitch are reserved)."""
        return self.cidr.broadcast_address - 2

    @property
    def gateway6(self) -> IPv6Address | None:
        """Ninth from the top, a global address: documented examples end in `…:fff7`."""
        return None if self.cidr6 is None else self.cidr6.broadcast_address - 8

    @property
    def peer(self) -> IPv4Address:
        """Where the lab puts another instance of this vSwitch."""
        return self.cidr.broadcast_address - 5

    @property
    def peer6(self) -> IPv6Address | None:
        """The IPv6 address of `peer`."""
        return None if self.cidr6 is None else self.cidr6.broadcast_address - 100


@dataclass(frozen=True, slots=True)
class Eip:
    """An elastic IP address and how it is bound to the ENI that lists it."""

    address: IPv4Address
    mode: Mode = Mode.NAT
    private_address: IPv4Address | None = None
    """NAT: the private address it maps to; None means the ENI's primary one."""
    gateway: IPv4Address | None = None
    """Visible modes."""
    prefix_length: int = 32
    """Visible modes: the mask that goes with the address."""
    status: str = "InUse"
    """What the OpenAPI says of it; packets pass whatever that is."""
    locks: tuple[str, ...] = ()
    """`financial`, `security`: why it would be locked."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An EIP of the account that is not on an ENI of this instance.  Only the OpenAPI knows; no packet ever comes."""

    address: IPv4Address
    bound: Bound = Bound.NOTHING
    instance_id: str = ""
    mode: str = "NAT"
    """As the OpenAPI spells it; NAT gateways have theirs in `MULTI_BINDED`."""
    private_address: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class Gateway4:
    """An IPv4 gateway.  Each vSwitch of the lab has a route table of its own."""

    leading: frozenset[str] = frozenset()
    """Names of the vSwitches whose route table has a default route to it."""
    enabled: bool = True
    nat: str = ""
    """Id of the NAT gateway to which all other route tables have a default route; empty: they have none."""
    gateway_id: str = "ipv4gw-bp1lab00000000000001"


@dataclass(frozen=True, slots=True)
class Eni:
    """An elastic network interface attached to the instance."""

    link: str
    """Name of the link in the guest."""
    mac: Mac
    eni_id: str
    vswitch: VSwitch
    private: tuple[IPv4Address, ...]
    """Private IPv4 addresses, the primary one first."""
    ipv6s: tuple[IPv6Address, ...] = ()
    eips: tuple[Eip, ...] = ()
    listed: bool = True
    """Whether the metadata service knows the ENI already; it lags behind an attach."""
    status: str = "InUse"
    """What the OpenAPI says of it; packets pass whatever that is."""
    service_managed: bool = False
    """Another service of the cloud made it, says the OpenAPI."""

    @property
    def binded(self) -> Eip | None:
        """The EIP that has replaced the private address, in EIP-visible mode."""
        return next((eip for eip in self.eips if eip.mode is Mode.EIP_VISIBLE), None)

    @property
    def owned(self) -> tuple[IPv4Address, ...]:
        """The IPv4 sources the cloud accepts on this ENI."""
        if self.binded:
            return (self.binded.address,)
        return (*self.private, *(eip.address for eip in self.eips if eip.mode is Mode.MULTI_EIP_VISIBLE))

    def private_of(self, eip: Eip) -> IPv4Address:
        """The private address that a NAT EIP of this ENI maps to."""
        return eip.private_address or self.private[0]


@dataclass(frozen=True, slots=True)
class Havip:
    """A high-availability virtual address that packets find: with the ENI, of those it is bound to, that announced it.

    Source: cloud documentation, "High-availability virtual IP (HaVip)" and AssociateHaVip, 2026: it is bound to up to
    ten instances, or to as many primary or secondary ENIs, in its vSwitch; who announces it by ARP becomes the master.
    """

    address: IPv4Address
    bound: tuple[str, ...]
    """Links of the ENIs it is bound to, of either instance."""
    eip: IPv4Address | None = None
    holder: str = ""
    """The link of the ENI that announced it last; empty while nobody has."""


@dataclass(frozen=True, slots=True)
class Topology:
    """One ECS instance in one VPC, or two."""

    enis: tuple[Eni, ...]
    """The first one is the primary ENI."""
    vpc: IPv4Network = IPv4Network("172.16.0.0/12")
    vpc6: IPv6Network = IPv6Network("2001:db8:100::/56")
    extra_vswitches: tuple[VSwitch, ...] = ()
    """vSwitches in which the instance has no ENI, with a peer all the same."""
    instance_id: str = "i-bp1lab00000000000000"
    region: str = "cn-hangzhou"
    internet: tuple[IPv4Address | IPv6Address, ...] = field(
        default=(IPv4Address("198.51.100.7"), IPv4Address("203.0.113.200"), IPv6Address("2001:db8:ffff::7"))
    )
    """Hosts of the Internet; the second one lives inside the mask of the demo's visible EIPs, a stranger to them."""
    elsewhere: tuple[Elsewhere, ...] = ()
    static_ip: IPv4Address | None = None
    """The instance's static public address, for the OpenAPI and the metadata service; no packet ever comes."""
    dnat: tuple[DnatFact, ...] = ()
    """Entries of NAT gateways; only the OpenAPI knows of them."""
    havips: tuple[HavipFact, ...] = ()
    """Of the VPC; only the OpenAPI knows of them."""
    floating: tuple[Havip, ...] = ()
    """HAVIPs that move while the cloud runs; only packets find them."""
    partner: tuple[Eni, ...] = ()
    """ENIs of a second instance, its primary one first; their links have other names than those of the first."""
    partner_id: str = "i-bp1lab00000000000001"
    most_enis: int = 8
    """How many the instance type may have, the primary one included; only the OpenAPI knows."""
    most_private: int = 15
    """How many private addresses one of them may have."""
    gateway4: Gateway4 | None = None
    """The IPv4 gateway of the VPC; None where there is none."""
    gateway6: bool = True
    """Whether the VPC has an IPv6 gateway: without one no IPv6 address has the Internet."""
    private6: tuple[IPv6Address, ...] = ()
    """IPv6 addresses without Internet bandwidth."""
    asking6: tuple[IPv6Address, ...] = ()
    """IPv6 addresses with an egress-only rule."""

    @property
    def primary(self) -> Eni:
        """The ENI that was created with the instance."""
        return self.enis[0]

    @property
    def vswitches(self) -> tuple[VSwitch, ...]:
        """Every vSwitch once, in the order of first use."""
        return tuple(dict.fromkeys([*(eni.vswitch for eni in self.attached), *self.extra_vswitches]))

    @property
    def attached(self) -> tuple[Eni, ...]:
        """The ENIs of both instances."""
        return (*self.enis, *self.partner)

    @property
    def closed6(self) -> tuple[IPv6Address, ...]:
        """The IPv6 addresses of the instance that do not have the Internet."""
        return tuple(ip for eni in self.enis for ip in eni.ipv6s if not self.gateway6 or ip in self.private6)

    def is_private(self, vswitch: VSwitch) -> bool:
        """Whether its route table keeps it from the Internet, whatever EIPs are bound."""
        gateway = self.gateway4
        return gateway is not None and gateway.enabled and vswitch.name not in gateway.leading

    def eni(self, link: str) -> Eni:
        """The ENI whose link has that name.  Raises KeyError for a name nobody has."""
        for eni in self.attached:
            if eni.link == link:
                return eni
        raise KeyError(link)

    def with_eni(self, eni: Eni) -> "Topology":
        """The same with one more ENI, or with the one of the same link replaced."""
        enis = [eni if old.link == eni.link else old for old in self.enis]
        return replace(self, enis=tuple(enis if eni in enis else [*enis, eni]))

    def seen_from(self, address: str) -> "Topology":
        """The same for the instance that has an address: of two instances, the partner is the first for itself."""
        if all(address not in map(str, eni.owned) for eni in self.partner):
            return self
        return replace(
            self, enis=self.partner, partner=self.enis, instance_id=self.partner_id, partner_id=self.instance_id
        )

    def announced(self, address: IPv4Address, link: str) -> "Topology":
        """The same after the ENI of a link has announced an address: a HAVIP that is bound to it is with it now."""
        return replace(
            self,
            floating=tuple(
                replace(one, holder=link) if one.address == address and link in one.bound else one
                for one in self.floating
            ),
        )

    def without(self, link: str) -> "Topology":
        """The same with one ENI detached."""
        return replace(self, enis=tuple(eni for eni in self.enis if eni.link != link))


def vswitch(number: int, *, dual_stack: bool = True) -> VSwitch:
    """The lab's n-th vSwitch: 172.16.n.0/24 and 2001:db8:100:n::/64; n from 0 to 255."""
    cidr6 = IPv6Network(f"2001:db8:100:{number:x}::/64") if dual_stack else None
    return VSwitch(f"vsw-lab{number}", IPv4Network(f"172.16.{number}.0/24"), cidr6)


def eni(index: int, subnet: VSwitch, hosts: Iterable[int] = (10,), eips: Iterable[Eip] = ()) -> Eni:
    """The ENI of link `eth<index>` with the given host numbers in `subnet`; as many IPv6 ones where that has them."""
    hosts = tuple(hosts)
    ipv6s = tuple(subnet.cidr6.network_address + 0x1000 + host for host in hosts) if subnet.cidr6 else ()
    return Eni(
        link=f"eth{index}",
        mac=Mac(f"00:16:3e:00:{index // 256:02x}:{index % 256:02x}"),
        eni_id=f"eni-bp1lab{index:014d}",
        vswitch=subnet,
        private=tuple(subnet.cidr.network_address + host for host in hosts),
        ipv6s=ipv6s,
        eips=tuple(eips),
    )


def public(host: int) -> IPv4Address:
    """An address of 203.0.113.0/24, the range of the lab's EIPs."""
    return IPv4Address("203.0.113.0") + host


SECONDARY_CIDR = VSwitch("vsw-public", IPv4Network("192.0.2.0/24"))
"""A vSwitch cut from a public block that was added to the VPC as a secondary CIDR."""

DEMO = Topology(
    enis=(
        eni(0, vswitch(0), (10,), [Eip(public(10))]),
        eni(1, vswitch(1), (10, 11), [Eip(public(11)), Eip(public(12), private_address=IPv4Address("172.16.1.11"))]),
        eni(2, vswitch(2), (10,), [Eip(public(20), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)]),
        eni(
            3,
            vswitch(3),
            (10,),
            [
                Eip(public(42), Mode.MULTI_EIP_VISIBLE, gateway=public(33), prefix_length=27),
                Eip(public(43), Mode.MULTI_EIP_VISIBLE, gateway=public(33), prefix_length=27),
                Eip(public(70), Mode.MULTI_EIP_VISIBLE, gateway=public(65), prefix_length=26),
            ],
        ),
        eni(4, SECONDARY_CIDR, (44,), [Eip(IPv4Address("192.0.2.44"))]),
    ),
    extra_vswitches=(vswitch(9),),
)
"""One primary, one NAT, one EIP-visible, one multi-EIP-visible with EIPs in two subnets, one secondary-CIDR."""
