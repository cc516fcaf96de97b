"""Rules and routes of any kind, written by `ip` and read back, in a namespace of their own."""

from ipaddress import ip_address, ip_network

import pytest

from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen
from eip_agent.lab.namespace import Namespace
from eip_agent.netlink import Netlink
from eip_agent.sources.routing import read_routes, read_rules

pytestmark = pytest.mark.lab

WRITTEN = """\
link add eth0 type veth peer name eth1
link set eth0 up
link set eth1 up
addr add 192.0.2.1/24 dev eth0
route add default via 192.0.2.254 dev eth0 metric 100 table 100
route add 198.51.100.0/24 table 100 nexthop via 192.0.2.2 weight 1 nexthop via 192.0.2.3 dev eth1 weight 3 onlink
route add blackhole 203.0.113.0/24 table 100
route add 192.0.2.128/25 dev eth0 src 192.0.2.1 table 100 proto 99
rule add priority 100 from 192.0.2.0/24 to 198.51.100.7 fwmark 0x10/0xf0 lookup 100 suppress_prefixlength 0
rule add priority 200 not iif lo oif eth0 ipproto tcp sport 1000-2000 dport 80 uidrange 0-99 goto 300
rule add priority 300 from all unreachable
"""


def test_rules_and_routes_are_read_as_they_were_written() -> None:
    with Namespace("guest") as guest:
        guest.ip(WRITTEN)
        with guest.entered(), Netlink() as netlink:
            rules = [rule for rule in read_rules(netlink) if rule.family == 4 and 0 < rule.priority < 1000]
            routes = set(read_routes(netlink, [100]))
        first, second, third = rules

    assert first == RuleSeen(
        4,
        100,
        table=100,
        source=ip_network("192.0.2.0/24"),
        destination=ip_network("198.51.100.7/32"),
        mark=0x10,
        mask=0xF0,
        suppress_length=0,
        protocol=first.protocol,
    )
    assert second == RuleSeen(
        4,
        200,
        action="goto",
        goto=300,
        incoming="lo",
        outgoing="eth0",
        inverted=True,
        ip_protocol=6,
        source_ports=(1000, 2000),
        destination_ports=(80, 80),
        users=(0, 99),
        protocol=second.protocol,
    )
    assert (third.action, third.table, third.source) == ("unreachable", None, None)
    found = {route.destination: route for route in routes}
    default = found[ip_network("0.0.0.0/0")]
    assert (default.metric, default.hops[0].gateway) == (100, ip_address("192.0.2.254"))
    eth0 = default.hops[0].link
    several = found[ip_network("198.51.100.0/24")].hops
    assert several[0] == Hop(eth0, ip_address("192.0.2.2"))
    assert (several[1].gateway, several[1].weight, several[1].onlink) == (ip_address("192.0.2.3"), 3, True)
    assert found[ip_network("203.0.113.0/24")].kind == "blackhole"
    mine = found[ip_network("192.0.2.128/25")]
    assert mine == RouteSeen(
        100, mine.destination, hops=(Hop(eth0),), protocol=99, scope=253, preferred=ip_address("192.0.2.1")
    )
