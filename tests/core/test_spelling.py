"""Rules and routes as `ip` wants them."""

from ipaddress import ip_network

import pytest

from eip_agent.core.spelling import spelled, spelled_route
from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen
from tests.builders import ip4, net4

MAIN = RuleSeen(4, 32766, table=254)
BY = (Hop(2, ip4("192.168.0.253")),)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (MAIN, "priority 32766 from all lookup main"),
        (
            RuleSeen(4, 5, action="prohibit", source=net4("192.0.2.0/24"), inverted=True),
            "priority 5 not from 192.0.2.0/24 prohibit",
        ),
        (
            RuleSeen(4, 5, action="goto", goto=9, mark=16, mask=0xF0, incoming="lo", outgoing="eth0", tos=16),
            "priority 5 from all tos 0x10 fwmark 0x10/0xf0 iif lo oif eth0 goto 9",
        ),
        (
            RuleSeen(4, 5, table=7, ip_protocol=6, source_ports=(1, 2), destination_ports=(80, 80), users=(0, 9)),
            "priority 5 from all uidrange 0-9 ipproto 6 sport 1-2 dport 80 lookup 7",
        ),
    ],
)
def test_a_rule_is_spelled_as_ip_wants_it(rule: RuleSeen, words: str) -> None:
    assert spelled(rule) == words


def test_a_route_is_spelled_as_ip_wants_it() -> None:
    assert (
        spelled_route(RouteSeen(254, net4("0.0.0.0/0"), hops=BY, metric=5), "eth0")
        == "default via 192.168.0.253 dev eth0 metric 5"
    )
    assert spelled_route(RouteSeen(7, net4("10.0.0.0/8"), "blackhole"), "") == "blackhole 10.0.0.0/8 table 7"
    assert spelled_route(RouteSeen(254, ip_network("::/0"), hops=(Hop(2),), metric=1024), "eth0") == "default dev eth0"
    nowhere = RouteSeen(254, ip_network("::/0"), "unreachable", hops=(Hop(1),), metric=7)
    assert spelled_route(nowhere, "") == "unreachable default metric 7", "IPv6 has them on `lo`"
