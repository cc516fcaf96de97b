"""What leads from a VPC to the Internet, as the OpenAPI tells who explains: gateways, route tables, IPv6 addresses.

Names and values of the fields: alibabacloud-go/vpc-20160428 (August 2026), `client/list_ipv_4gateways_*_model.go`,
`describe_route_table_list_*`, `describe_route_entry_list_*`, `describe_ipv_6gateways_*`, `describe_ipv_6addresses_*`,
`describe_ipv_6egress_only_rules_*`.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Final

TO_IPV4_GATEWAY: Final = "Ipv4Gateway"
"""`NextHopType` of a route that leads to one."""


@dataclass(frozen=True, slots=True)
class Ipv4GatewayFact:
    """The IPv4 gateway of a VPC, which has one at most: ListIpv4Gateways."""

    gateway_id: str
    enabled: bool | None
    """Whether it is activated: until then nothing is different (VPC guide, "IPv4 gateway").  None: not told."""


@dataclass(frozen=True, slots=True)
class VpcRoute:
    """A route of a route table of the VPC, IPv4: DescribeRouteEntryList."""

    destination: IPv4Network
    kind: str
    """`NextHopType`: `Ipv4Gateway`, `NatGateway`, `Instance` ...; `local` of the cloud's own."""
    to: str = ""
    """Id of the next hop; may be empty."""

    @property
    def hop(self) -> str:
        """The next hop: `NatGateway ngw-bp1...`."""
        return f"{self.kind} {self.to}".strip()


@dataclass(frozen=True, slots=True)
class RouteTableFact:
    """A route table that vSwitches use: DescribeRouteTableList, and its routes to their end."""

    table_id: str
    vswitches: tuple[str, ...]
    """Ids of those that use it."""
    routes: tuple[VpcRoute, ...]

    @property
    def is_private(self) -> bool:
        """Whether no route leads to an IPv4 gateway.

        The guide calls a vSwitch with such a table private: "with a public address bound, what is in it cannot reach
        the Internet directly" (VPC guide, "IPv4 gateway", 2026).
        """
        return all(route.kind != TO_IPV4_GATEWAY for route in self.routes)

    @property
    def default(self) -> VpcRoute | None:
        """Where everything else goes; None where nothing says so."""
        return next((route for route in self.routes if not route.destination.prefixlen), None)

    def lookup(self, destination: IPv4Address) -> VpcRoute | None:
        """The route of a destination, which is the longest that holds it; None where none does."""
        found = (route for route in self.routes if destination in route.destination)
        return max(found, key=lambda route: route.destination.prefixlen, default=None)


@dataclass(frozen=True, slots=True)
class VpcFact:
    """One VPC in which this instance has ENIs.  What is None was not read."""

    vpc_id: str
    gateways4: tuple[Ipv4GatewayFact, ...] | None = None
    """Empty: there is no IPv4 gateway."""
    tables: tuple[RouteTableFact, ...] = ()
    """Those that were read to their end; none is asked for without an activated IPv4 gateway."""
    gateways6: tuple[str, ...] | None = None
    """Ids; empty: there is no IPv6 gateway."""


@dataclass(frozen=True, slots=True)
class Ipv6AddressFact:
    """An IPv6 address of an ENI: DescribeIpv6Addresses."""

    address: IPv6Address
    address_id: str
    public: bool | None
    """Whether it has Internet bandwidth, by `NetworkType` and `Bandwidth`; None where they do not tell, or disagree."""
    gateway_id: str = ""
    """The IPv6 gateway that it is told to be of; empty: none."""
    egress_only: bool | None = None
    """Whether a rule lets it ask and nobody ask it: DescribeIpv6EgressOnlyRules; None: not read."""
