"""What the OpenAPI says of the VPC of the builders' instance."""

from dataclasses import replace
from typing import Any

from eip_agent.core.openapi import ApiEniFact, ApiFact
from eip_agent.core.vpc import (
    TO_IPV4_GATEWAY,
    Ipv4GatewayFact,
    Ipv6AddressFact,
    RouteTableFact,
    VpcFact,
    VpcRoute,
)
from tests.builders import ip4, ip6, mac, net4

GATEWAY = Ipv4GatewayFact("ipv4gw-1", enabled=True)
LOCAL = VpcRoute(net4("192.168.0.0/16"), "local")
TO_GATEWAY = VpcRoute(net4("0.0.0.0/0"), TO_IPV4_GATEWAY, "ipv4gw-1")
TO_NAT = VpcRoute(net4("0.0.0.0/0"), "NatGateway", "ngw-1")
SIX = ip6("2001:db8:0:1::10")
"""That of the builders' second ENI."""


def with_vpc(api: ApiFact, vpc: VpcFact | None = None, *ipv6s: Ipv6AddressFact, **others: Any) -> ApiFact:
    """The same, and both ENIs are of the VPC `vpc-1`, in a vSwitch each."""
    enis = tuple(
        ApiEniFact(
            f"eni-{number}",
            mac(number),
            primary=not number,
            private_ipv4s=(ip4(f"192.168.{number}.10"),),
            vpc="vpc-1",
            vswitch=f"vsw-{number}",
        )
        for number in (0, 1)
    )
    return replace(api, enis=enis, vpcs=(vpc or VpcFact("vpc-1"),), ipv6s=ipv6s, **others)


def behind(*routes: VpcRoute, enabled: bool | None = True) -> VpcFact:
    """A VPC with an IPv4 gateway: the table of the first ENI leads there, that of the second has these routes."""
    tables = (
        RouteTableFact("vtb-0", ("vsw-0",), (LOCAL, TO_GATEWAY)),
        RouteTableFact("vtb-1", ("vsw-1",), (LOCAL, *routes)),
    )
    return VpcFact("vpc-1", (replace(GATEWAY, enabled=enabled),), tables if enabled else (), ("ipv6gw-1",))


def six(public: bool | None = None, *, egress_only: bool | None = None) -> Ipv6AddressFact:  # noqa: FBT001 - a table
    """What is told of the IPv6 address."""
    return Ipv6AddressFact(SIX, "ipv6-1", public, egress_only=egress_only)
