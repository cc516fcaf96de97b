"""What was seen, and where.  A fact that could not be read is None: unknown, never "no"."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NewType

from eip_agent.core.silence import Silence

Mac = NewType("Mac", str)
"""A MAC address in lower case with colons, the only name of an ENI that the guest and the cloud share."""


@dataclass(frozen=True, slots=True)
class Link:
    """The kernel's network device for an ENI: the number the kernel knows it by, and the name people do."""

    index: int
    name: str


IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Unread:
    """A fact that could not be read, so that nothing is concluded from its absence."""

    path: str
    """Where it would have come from, for example `macs/00:16:3e:00:00:02/gateway`."""
    reason: str
    silence: Silence | None = None
    """Which it is, where the whole source is silent."""


@dataclass(frozen=True, slots=True)
class EniFact:
    """One ENI as the metadata service lists it below `network/interfaces/macs/<mac>/`.

    None means not read (see `unread`); an empty tuple means the cloud says there is none.
    """

    mac: Mac
    eni_id: str | None = None
    primary: IPv4Address | None = None
    """`primary-ip-address`."""
    private_ipv4s: tuple[IPv4Address, ...] | None = None
    """`private-ipv4s`: no repeats, `primary` first when it is among them."""
    subnet: IPv4Network | None = None
    """`vswitch-cidr-block`; from `primary-ip-address` and `netmask` where that is absent."""
    gateway: IPv4Address | None = None
    ipv4_prefixes: tuple[IPv4Network, ...] | None = ()
    """Delegated prefixes, `ipv4-prefixes`; absent (404) is empty."""
    ipv6s: tuple[IPv6Address, ...] | None = ()
    """`ipv6s`; absent (404) is empty."""
    subnet6: IPv6Network | None = None
    """`vswitch-ipv6-cidr-block`; None also when `ipv6s` is empty."""
    gateway6: IPv6Address | None = None
    """`ipv6-gateway`; None also when `ipv6s` is empty."""
    ipv6_prefixes: tuple[IPv6Network, ...] | None = ()
    vpc: IPv4Network | None = None
    """`vpc-cidr-block`: one block; secondary blocks of the VPC are not promised in it."""
    unread: tuple[Unread, ...] = ()
    """The items of this ENI that could not be read; while there are any, nothing of it is ever removed."""


@dataclass(frozen=True, slots=True)
class CloudFact:
    """What the metadata service says of this instance."""

    enis: tuple[EniFact, ...]
    """In the order of their MACs."""
    primary_mac: Mac | None
    """`mac`: which of them is the primary ENI."""
    instance_id: str | None = None
    region: str | None = None
    eipv4: IPv4Address | None = None
    """`eipv4`: EIP or static public address of the primary ENI; None when absent or not read."""
    public_ipv4: IPv4Address | None = None
    """`public-ipv4`: public address of the primary ENI.  This and what follows only explains: None also when bad."""
    instance_type: str | None = None
    """`instance/instance-type`: `ecs.g8i.large`."""
    zone: str | None = None
    """`zone-id`: `cn-hangzhou-j`."""
    unread: tuple[Unread, ...] = ()
    """What could not be read outside the single ENIs."""


@dataclass(frozen=True, slots=True)
class LinkFact:
    """A network device, from a netlink dump."""

    link: Link
    mac: Mac
    """The permanent one where the driver tells it: the other may have been changed."""
    up: bool
    group: int = 0
    kind: str = ""
    """`IFLA_INFO_KIND`: empty for hardware, else `veth`, `bridge`, `vlan` ..."""
    master: int | None = None
    """Index of the bridge, bond or failover device that has taken the link in."""
    lower: int | None = None
    """Index of the device in this namespace that the link rides on, as a VLAN does."""
    conf: tuple[tuple[str, int], ...] = ()
    """`/proc/sys/net/ipv4/conf/<link>/*` by name, as far as the agent knows them; empty when IPv4 is not told."""

    ipv6: bool = True
    """False where IPv6 is switched off on it, so that the kernel takes no IPv6 address or route."""

    def setting(self, name: str) -> int | None:
        """One value of `conf`; None when it was not told."""
        return dict(self.conf).get(name)


@dataclass(frozen=True, slots=True)
class AddressFact:
    """A local address, from a netlink dump."""

    link: int
    ip: IPAddress
    prefix_length: int
    leased: bool = False
    """It has a lifetime, so a DHCP client or router advertisements put it there."""
    universal: bool = True
    """Scope global: not a link-local or host address."""
    protocol: int = 0
    """`IFA_PROTO`; 0 also on kernels before 5.18."""
    no_prefix_route: bool = False


@dataclass(frozen=True, slots=True)
class RouteFact:
    """A route in `main` that leaves by an ENI, or one of ours, from a netlink dump."""

    table: int
    destination: IPNetwork
    link: int | None
    """None for unreachable and other routes without a device."""
    gateway: IPAddress | None
    protocol: int
    metric: int = 0
    unreachable: bool = False
    plain: bool = True
    """One next hop, and nothing about it that the agent could not repeat in a table of its own."""


@dataclass(frozen=True, slots=True)
class RuleFact:
    """A policy rule whose priority lies in our band, from a netlink dump."""

    family: int
    priority: int
    protocol: int
    source: IPNetwork | None = None
    device: str | None = None
    table: int | None = None
    goto: int | None = None
    nop: bool = False
    forwarded: bool = False
    """It has a source, and is not for packets of this host alone (`iif lo`)."""
    suppress_group: int | None = None
    suppress_length: int | None = None
    plain: bool = True
    """It has no selector or action besides those above."""


@dataclass(frozen=True, slots=True)
class KernelFact:
    """What the kernel holds of what matters here, at one moment."""

    links: tuple[LinkFact, ...] = ()
    addresses: tuple[AddressFact, ...] = ()
    """All of the namespace: a rule must be right for every local address."""
    routes: tuple[RouteFact, ...] = ()
    """Those of our protocol in any table, and those in `main` that leave by a link whose MAC was asked for."""
    rules: tuple[RuleFact, ...] = ()
    """Those in our band of priorities, whoever made them."""
    taken: frozenset[IPAddress] = frozenset()
    """Addresses of the ENIs that are not local, and to which a host route leads by a device that is no ENI: those of
    containers, that a network plug-in has given them to."""


@dataclass(frozen=True, slots=True)
class Borrowed:
    """One setting of a link that the agent changed, and what it was before: the journal's memory."""

    link: Link
    mac: Mac
    name: str
    before: int
    written: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the journal says the agent wrote and nothing in the kernel can say: see `sinks.journal`."""

    borrowed: tuple[Borrowed, ...] = ()
    addresses: frozenset[tuple[int, IPAddress, int]] = frozenset()
    """Link index, address, prefix length."""
