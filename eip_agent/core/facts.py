"""What was seen, and where.  A fact that could not be read is None: unknown, never "no"."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NewType

Mac = NewType("Mac", str)
"""A MAC address in lower case with colons, the only name of an ENI that the guest and the cloud share."""

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Unread:
    """A fact that could not be read, so that nothing is concluded from its absence."""

    path: str
    """Where it would have come from, for example `macs/00:16:3e:00:00:02/gateway`."""
    reason: str


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
    unread: tuple[Unread, ...] = ()
    """What could not be read outside the single ENIs."""
