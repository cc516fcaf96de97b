"""Route tables of a VPC."""

from dataclasses import replace

from eip_agent.core.vpc import TO_IPV4_GATEWAY, RouteTableFact, VpcRoute
from tests.builders import ip4, net4

LOCAL = VpcRoute(net4("192.168.0.0/16"), "local")
PART = VpcRoute(net4("198.51.100.0/24"), TO_IPV4_GATEWAY, "ipv4gw-1")
REST = VpcRoute(net4("0.0.0.0/0"), "NatGateway", "ngw-1")
TABLE = RouteTableFact("vtb-1", ("vsw-1",), (LOCAL, REST, PART))


def test_the_longest_route_counts() -> None:
    assert TABLE.lookup(ip4("198.51.100.7")) == PART
    assert TABLE.lookup(ip4("203.0.113.7")) == TABLE.default == REST
    assert replace(TABLE, routes=(LOCAL,)).lookup(ip4("203.0.113.7")) is None


def test_one_route_to_the_gateway_makes_it_public() -> None:
    assert not TABLE.is_private
    assert replace(TABLE, routes=(LOCAL, REST)).is_private
    assert replace(TABLE, routes=(LOCAL,)).default is None


def test_a_next_hop_is_spelled() -> None:
    assert (REST.hop, LOCAL.hop) == ("NatGateway ngw-1", "local")
