"""Netlink dumps become facts: decoded from bytes, and compared with what `ip` and pyroute2 see of the same kernel.

::

    a namespace full of odd things:

    eth1 ═══ peer1      eth2 ═══ peer2       br0 ── eth3 ═══ peer3      (veth pairs, all here)
     ├─ eth1.5  (VLAN)
     └─ mac0    (macvlan)
"""

import contextlib
import json
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from eip_agent.core.facts import AddressFact, KernelFact, Link, LinkFact, Mac, RouteFact, RuleFact
from eip_agent.core.numbers import DEVICE_GROUP, MAIN, table_of
from eip_agent.core.ownership import is_our_rule
from eip_agent.errors import LabError
from eip_agent.lab.namespace import Namespace
from eip_agent.netlink import Netlink, attribute
from eip_agent.sources.kernel import read
from tests.builders import ip4, ip6, mac, net4, net6

NEWLINK, NEWADDR, NEWROUTE, NEWRULE = 16, 20, 24, 32
MAC = bytes.fromhex("00163e000001")
UNICAST, UNREACHABLE, BLACKHOLE = 1, 7, 6


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def packed(header: bytes, attrs: Mapping[int, bytes]) -> bytes:
    return header + b"".join(attribute(kind, value) for kind, value in attrs.items())


def link_message(attrs: Mapping[int, bytes], *, index: int = 3, flags: int = 1) -> bytes:
    return packed(struct.pack("=BxHiII", 0, 1, index, flags, 0), {3: b"eth1\0", 1: MAC, **attrs})


def address_message(
    family: int, length: int, attrs: Mapping[int, bytes], *, flags: int = 0x80, scope: int = 0
) -> bytes:
    return packed(struct.pack("=BBBBi", family, length, flags, scope, 3), attrs)


def route_message(attrs: Mapping[int, bytes], **header: int) -> bytes:
    fields = {"family": 2, "to": 0, "from": 0, "tos": 0, "table": 254, "protocol": 4, "scope": 0, "type": 1, "flags": 0}
    return packed(struct.pack("=BBBBBBBBI", *(fields | header).values()), attrs)


class Recorded(Netlink):
    """Answers dumps from memory; routes and rules by IP version, as the kernel does."""

    def __init__(self, *messages: tuple[int, bytes]) -> None:
        self._messages = messages
        self.asked: list[tuple[int, bytes]] = []

    def dump(self, kind: int, body: bytes) -> list[tuple[int, bytes]]:
        self.asked.append((kind, body))
        new = kind - 2
        return [(of, payload) for of, payload in self._messages if of == new and (not body[0] or payload[0] == body[0])]


def seen(*messages: tuple[int, bytes], macs: Iterable[Mac] = (mac(1),)) -> KernelFact:
    return read(Recorded(*messages), list(macs))


def link_of(attrs: Mapping[int, bytes], **header: int) -> LinkFact:
    return seen((NEWLINK, link_message(attrs, **header))).links[0]


def conf4(values: Mapping[int, int]) -> bytes:
    inet = struct.pack("=33I", *(values.get(place, 0) for place in range(1, 34)))
    return attribute(socket.AF_INET, attribute(1, inet))


def conf6(*, disabled: int) -> bytes:
    inet6 = struct.pack("=40I", *(disabled if place == 26 else 0 for place in range(40)))
    return attribute(socket.AF_INET6, attribute(2, inet6))


def test_a_link_is_told_with_its_group_and_settings() -> None:
    spec = conf4({8: 1, 18: 2, 19: 3, 20: 4}) + conf6(disabled=0)

    assert link_of({27: number(20000), 26: spec}) == LinkFact(
        Link(3, "eth1"),
        mac(1),
        up=True,
        group=20000,
        conf=(("rp_filter", 1), ("arp_announce", 2), ("arp_ignore", 3), ("promote_secondaries", 4)),
    )


def test_a_link_that_is_down_and_tells_nothing_more() -> None:
    found = link_of({}, flags=0)

    assert (found.up, found.group, found.conf, found.kind, found.master, found.lower) == (False, 0, (), "", None, None)


def test_the_permanent_mac_wins() -> None:
    assert link_of({1: bytes(6), 54: MAC}).mac == mac(1)


def test_what_rides_on_a_device_says_so_and_a_veth_does_not() -> None:
    assert link_of({5: number(9)}).lower == 9
    assert link_of({5: number(9), 37: number(0)}).lower is None
    assert link_of({5: number(3)}).lower is None
    assert link_of({5: number(0)}).lower is None


def test_kind_and_master() -> None:
    found = link_of({18: attribute(1, b"vlan\0"), 10: number(7)})

    assert (found.kind, found.master) == ("vlan", 7)


@pytest.mark.parametrize(
    ("spec", "has"),
    [
        (conf4({}) + conf6(disabled=0), True),
        (conf4({}) + conf6(disabled=1), False),
        (conf4({}), False),
        (b"", True),
        (conf4({}) + attribute(socket.AF_INET6, b""), True),
    ],
    ids=["on", "off", "not told", "nothing told", "not told how"],
)
def test_a_link_without_ipv6_is_known(spec: bytes, has: bool) -> None:  # noqa: FBT001
    assert link_of({26: spec}).ipv6 == has


def address_of(family: int, length: int, attrs: Mapping[int, bytes], **header: int) -> AddressFact:
    return seen((NEWADDR, address_message(family, length, attrs, **header))).addresses[0]


def test_an_address_of_ours() -> None:
    ip = bytes([192, 168, 1, 10])
    found = address_of(socket.AF_INET, 24, {1: ip, 2: ip, 8: number(0x280), 11: b"E"})

    assert found == AddressFact(3, ip4("192.168.1.10"), 24, protocol=69, no_prefix_route=True)


def test_of_a_point_to_point_address_the_local_end_counts() -> None:
    found = address_of(socket.AF_INET, 32, {1: bytes([10, 0, 0, 2]), 2: bytes([10, 0, 0, 1])})

    assert found.ip == ip4("10.0.0.1")


def test_an_ipv6_address_stands_in_the_other_attribute() -> None:
    assert address_of(socket.AF_INET6, 64, {1: ip6("2001:db8::1").packed}).ip == ip6("2001:db8::1")


def test_an_address_with_a_lifetime_is_leased() -> None:
    ip = {2: bytes([10, 0, 0, 1])}

    assert not address_of(socket.AF_INET, 24, ip).leased
    assert address_of(socket.AF_INET, 24, ip, flags=0).leased
    assert address_of(socket.AF_INET, 24, {**ip, 8: number(0x200)}, flags=0x80).leased


def test_a_link_local_address_is_not_universal() -> None:
    assert not address_of(socket.AF_INET6, 64, {1: ip6("fe80::1").packed}, scope=253).universal


def test_addresses_of_other_families_are_passed_over() -> None:
    assert seen((NEWADDR, address_message(29, 8, {1: b"m"})), (NEWADDR, address_message(2, 8, {}))).addresses == ()


def route_of(attrs: Mapping[int, bytes], **header: int) -> RouteFact:
    """A route in `main` by the ENI's link."""
    return seen((NEWLINK, link_message({})), (NEWROUTE, route_message({4: number(3), **attrs}, **header))).routes[0]


def test_a_route_of_an_administrator() -> None:
    attrs = {15: number(254), 1: bytes([10, 9, 0, 0]), 5: bytes([192, 168, 1, 1]), 6: number(100)}

    assert route_of(attrs, to=16) == RouteFact(MAIN, net4("10.9.0.0/16"), 3, ip4("192.168.1.1"), 4, 100)


def test_a_default_has_no_destination() -> None:
    assert route_of({}).destination == net4("0.0.0.0/0")
    assert route_of({}, family=socket.AF_INET6).destination == net6("::/0")


@pytest.mark.parametrize("odd", [2, 9, 18, 22, 30])
def test_what_cannot_be_repeated_is_not_plain(odd: int) -> None:
    assert route_of({8: bytes(8)}).plain
    assert not route_of({odd: bytes(8)}).plain
    assert not route_of({}, tos=16).plain
    assert not route_of({}, type=BLACKHOLE).plain


def test_routes_by_other_links_and_cached_ones_are_passed_over() -> None:
    routes = [
        route_message({4: number(9)}),
        route_message({4: number(3)}, flags=0x200),
        route_message({4: number(3)}, table=255),
        route_message({4: number(3), 15: number(100)}, table=0),
        route_message({}),
    ]
    found = seen((NEWLINK, link_message({})), *((NEWROUTE, route) for route in routes))

    assert found.routes == ()


def test_routes_of_ours_are_found_in_any_table() -> None:
    table = table_of(3, 1)
    ours = route_message(
        {15: number(table), 1: bytes([100, 64, 0, 0])}, to=10, protocol=69, type=UNREACHABLE, table=252
    )

    assert seen((NEWROUTE, ours), macs=[]).routes == (
        RouteFact(table, net4("100.64.0.0/10"), None, None, 69, unreachable=True, plain=False),
    )


def test_the_kernel_is_asked_for_no_more_than_is_needed() -> None:
    recorded = Recorded((NEWLINK, link_message({})), (NEWLINK, link_message({1: bytes(6)}, index=4)))
    read(recorded, [mac(1)])
    routes = [body for kind, body in recorded.asked if kind == 26]

    assert [body[5] for body in routes] == [69, 69, 0, 0]
    assert routes[2][12:] == attribute(15, number(254)) + attribute(4, number(3))


def rules_of(attrs: Mapping[int, bytes], **header: int) -> tuple[RuleFact, ...]:
    header = {"protocol": 0, "table": 0, "to": 0} | header
    return seen((NEWRULE, route_message({6: number(24011), 21: b"\2", **attrs}, **header))).rules


def rule_of(attrs: Mapping[int, bytes], **header: int) -> RuleFact:
    return rules_of(attrs, **header)[0]


def test_a_rule_of_ours() -> None:
    table = table_of(3, 0)
    attrs = {2: bytes([192, 168, 1, 0]), 15: number(table), 14: number(0xFFFFFFFF)}
    found = rule_of({**attrs, 3: b"lo\0"}, **{"from": 24})

    assert found == RuleFact(4, 24011, 2, net4("192.168.1.0/24"), table=table)
    assert is_our_rule(found)
    assert rule_of(attrs, **{"from": 24}) == replace(found, forwarded=True)
    assert not rule_of({**attrs, 3: b"eth0\0"}, **{"from": 24}).plain


def test_a_main_first_rule() -> None:
    found = rule_of({15: number(254), 13: number(DEVICE_GROUP), 14: number(2)}, table=254)

    assert (found.suppress_group, found.suppress_length, is_our_rule(found)) == (DEVICE_GROUP, 2, True)


def test_a_jump_a_landing_place_and_a_device() -> None:
    assert rule_of({4: number(24100)}, type=2).goto == 24100
    assert rule_of({}, type=3).nop
    assert rule_of({17: b"eth1\0"}, table=100).device == "eth1"


@pytest.mark.parametrize("odd", [1, 3, 5, 7, 10, 11, 12, 16, 19, 20, 22, 23, 24])
def test_a_rule_with_anything_more_is_not_plain(odd: int) -> None:
    assert rule_of({}).plain
    assert not rule_of({odd: bytes(4)}).plain


def test_neither_is_one_with_more_in_its_header() -> None:
    assert not rule_of({}, tos=4).plain
    assert not rule_of({}, to=8).plain
    assert not rule_of({}, flags=2).plain
    assert not rule_of({}, type=BLACKHOLE).plain


@pytest.mark.parametrize("priority", [0, 23999, 26000, 32766])
def test_rules_outside_our_band_are_passed_over(priority: int) -> None:
    assert rules_of({6: number(priority)}) == ()


# --- with a real kernel -----------------------------------------------------------------------------------------------

LINKS = """\
link add eth1 address 00:16:3e:00:00:01 type veth peer name peer1
link add eth2 address 00:16:3e:00:00:02 type veth peer name peer2
link add eth3 address 00:16:3e:00:00:03 type veth peer name peer3
link add br0 type bridge
link set eth3 master br0
link set eth2 group 20000
link set eth1 up
link set eth2 up
link set peer1 up
link set peer2 up
link set br0 up
"""
RIDERS = ("link add link eth1 name eth1.5 type vlan id 5", "link add link eth1 name mac0 type macvlan mode bridge")
"""Each only where this kernel has it."""
ADDRESSES = """\
address add 192.168.1.10/24 dev eth1
address add 192.168.1.11/24 dev eth1
address add 192.168.1.12/32 dev eth1 noprefixroute valid_lft 3600 preferred_lft 1800
address add 10.0.0.1 peer 10.0.0.2 dev eth2
address add 169.254.7.1/16 dev eth2 scope link
address add 2001:db8:0:1::10/64 dev eth1 nodad
address add 2001:db8:0:1::11 peer 2001:db8:0:1::12 dev eth1 nodad
"""
ROUTES = """\
route add 10.1.0.0/16 via 192.168.1.1 dev eth1
route add 10.2.0.0/16 via 192.168.1.1 dev eth1 metric 7 mtu 1400
route add 10.3.0.0/16 nexthop via 192.168.1.1 dev eth1 nexthop via 10.0.0.2 dev eth2
route add blackhole 10.4.0.0/16
route add unreachable 10.5.0.0/16 metric 4000
route add 10.6.0.0/16 dev eth1 tos 0x10
route add 10.7.0.0/16 dev eth1 table 100
route add 10.8.0.0/16 via inet6 fe80::1 dev eth1
route add 10.9.0.0/16 dev eth2 proto 69 table 20000064
route add unreachable 100.64.0.0/10 proto 69 table 20000065
route add default via 192.168.1.253 dev eth1
route add 2001:db8:5::/48 via 2001:db8:0:1::1 dev eth1
route add 2001:db8:6::/48 dev eth2 metric 5 mtu 1300
route add unreachable 2001:db8:7::/48
"""
RULES = """\
rule add priority 24000 from 192.168.1.0/24 lookup 20000048 protocol kernel
rule add priority 24001 from 192.168.1.0/24 lookup main suppress_prefixlength 2 suppress_ifgroup 20000 protocol kernel
rule add priority 24002 oif eth1 lookup 20000048 protocol kernel
rule add priority 24003 goto 25999 protocol kernel
rule add priority 25999 nop protocol kernel
rule add priority 24004 to 10.0.0.0/8 lookup 100
rule add priority 24005 iif lo lookup 100
rule add priority 24006 fwmark 0x7/0xff lookup 100
rule add priority 24007 tos 0x10 lookup 100
rule add priority 24008 ipproto tcp sport 80 lookup 100
rule add priority 24009 dport 1000-2000 lookup 100
rule add priority 24010 uidrange 0-10 lookup 100
rule add priority 24011 not from 10.0.0.0/8 lookup 100
rule add priority 24012 from 10.0.0.0/8 blackhole
rule add priority 24013 from 10.0.0.0/8 prohibit
rule add priority 24014 tun_id 5 lookup 100
rule add priority 24015 lookup 100 realms 3
rule add priority 23999 lookup 100
rule add priority 26000 lookup 100
"""


@pytest.fixture(scope="module")
def odd() -> Iterator[Namespace]:
    with Namespace("odd") as made:
        made.ip(LINKS)
        for rider in RIDERS:
            with contextlib.suppress(LabError):
                made.ip(rider)
        made.ip(ADDRESSES)
        made.ip(ROUTES)
        made.ip(RULES)
        made.ip("rule add priority 24000 from 2001:db8:0:1::/64 lookup 20000048 protocol kernel\n", version=6)
        yield made


@pytest.fixture(scope="module")
def facts(odd: Namespace) -> KernelFact:
    with odd.entered(), Netlink() as netlink:
        return read(netlink, [mac(1), mac(2)])


def shown(odd: Namespace, *command: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(odd.run(["ip", "-details", "-json", *command]).stdout)
    return found


@pytest.mark.lab
def test_links_are_seen_as_ip_sees_them(odd: Namespace, facts: KernelFact) -> None:
    listed = shown(odd, "link", "show")
    index = {link["ifname"]: link["ifindex"] for link in listed}
    groups = {"default": 0}

    assert {fact.link.name: fact for fact in facts.links} == {
        link["ifname"]: LinkFact(
            Link(link["ifindex"], link["ifname"]),
            Mac(link["address"]),
            up="UP" in link["flags"],
            group=int(groups.get(link["group"], link["group"])),
            kind=link.get("linkinfo", {}).get("info_kind", ""),
            master=index.get(link.get("master", "")),
            lower=index.get(link.get("link", "")),
            conf=conf_of(odd, link["ifname"]),
        )
        for link in listed
    }


def conf_of(odd: Namespace, name: str) -> tuple[tuple[str, int], ...]:
    names = ("rp_filter", "arp_announce", "arp_ignore", "promote_secondaries")
    values = odd.run(["cat", *(f"/proc/sys/net/ipv4/conf/{name}/{one}" for one in names)]).stdout.split()
    return tuple((one, int(value)) for one, value in zip(names, values, strict=True))


@pytest.mark.lab
def test_addresses_are_seen_as_ip_sees_them(odd: Namespace, facts: KernelFact) -> None:
    listed = {
        (
            link["ifindex"],
            one["local"],
            one["prefixlen"],
            "dynamic" in one,
            one["scope"] == "global",
            "noprefixroute" in one,
        )
        for link in shown(odd, "address", "show")
        for one in link["addr_info"]
    }

    assert listed == {
        (fact.link, str(fact.ip), fact.prefix_length, fact.leased, fact.universal, fact.no_prefix_route)
        for fact in facts.addresses
    }
    assert len(listed) == len(facts.addresses)


@pytest.mark.lab
def test_rules_are_seen_as_ip_sees_them(odd: Namespace, facts: KernelFact) -> None:
    both = [(4, rule) for rule in shown(odd, "rule", "show")] + [(6, rule) for rule in shown(odd, "-6", "rule", "show")]
    listed = {(family, rule["priority"]) for family, rule in both if 24000 <= rule["priority"] < 26000}

    assert {(rule.family, rule.priority) for rule in facts.rules} == listed
    assert {rule.priority for rule in facts.rules if is_our_rule(rule)} == {24000, 24001, 24002, 24003, 25999}
    assert [rule.priority for rule in facts.rules if rule.plain and not is_our_rule(rule)] == []


@pytest.mark.lab
def test_routes_in_main_by_an_eni_are_seen_and_told_plain_or_not(facts: KernelFact) -> None:
    plain = {str(route.destination): route.plain for route in facts.routes if route.table == MAIN}

    assert {to: is_plain for to, is_plain in plain.items() if to.startswith("10.")} == {
        "10.1.0.0/16": True,
        "10.2.0.0/16": True,
        "10.6.0.0/16": False,
        "10.8.0.0/16": False,
        "10.0.0.2/32": True,
    }
    assert {to for to in plain if to.startswith("2001:db8:")} >= {"2001:db8:5::/48", "2001:db8:6::/48"}


@pytest.mark.lab
def test_routes_of_ours_are_seen_in_any_table_and_nobody_elses(facts: KernelFact) -> None:
    assert {
        (route.table, str(route.destination), route.unreachable) for route in facts.routes if route.table != MAIN
    } == {
        (20000064, "10.9.0.0/16", False),
        (20000065, "100.64.0.0/10", True),
    }


@pytest.mark.lab
def test_pyroute2_sees_the_same(odd: Namespace, facts: KernelFact) -> None:
    with odd.entered():
        from pyroute2 import IPRoute  # noqa: PLC0415, TID251  what the decoder is measured against

        with IPRoute() as other:
            addresses = {(m["index"], m.get_attr("IFA_LOCAL") or m.get_attr("IFA_ADDRESS")) for m in other.get_addr()}
            links = {(m["index"], m.get_attr("IFLA_IFNAME"), m.get_attr("IFLA_GROUP")) for m in other.get_links()}
            gateways = {
                (m.get_attr("RTA_DST"), m["dst_len"], m.get_attr("RTA_GATEWAY"), m.get_attr("RTA_PRIORITY") or 0)
                for family in (socket.AF_INET, socket.AF_INET6)
                for m in other.get_routes(family=family, table=MAIN)
                if m.get_attr("RTA_OIF") in {fact.link.index for fact in facts.links if fact.mac in (mac(1), mac(2))}
            }
            rules = {
                (m.get_attr("FRA_PRIORITY"), m.get_attr("FRA_TABLE"), m.get_attr("FRA_PROTOCOL"))
                for m in other.get_rules(family=socket.AF_INET)
                if 24000 <= (m.get_attr("FRA_PRIORITY") or 0) < 26000 and m["action"] == 1
            }

    assert {(fact.link, str(fact.ip)) for fact in facts.addresses} == addresses
    assert {(fact.link.index, fact.link.name, fact.group) for fact in facts.links} == links
    assert gateways >= {
        (
            str(route.destination.network_address) if route.destination.prefixlen else None,
            route.destination.prefixlen,
            str(route.gateway) if route.gateway else None,
            route.metric,
        )
        for route in facts.routes
        if route.table == MAIN
    }
    assert rules == {
        (rule.priority, rule.table, rule.protocol) for rule in facts.rules if rule.family == 4 and rule.table
    }
