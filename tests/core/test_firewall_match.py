"""A match takes all, some or none of a class of packets, and is spelled as `nft` does."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.firewall_match import ESTABLISHED, EVERY, NEW, Match, Packets, Share, share, spelled
from tests.builders import ip4, ip6

COMING = Packets(incoming=True, address=ip4("172.16.1.10"), link="eth1", index=3, group=20000)
GOING = replace(COMING, incoming=False)
SIX = replace(COMING, address=ip6("2001:db8::10"))
OWN = int(COMING.address)
PRIVATE = (int(IPv4Address("10.0.0.0")), int(IPv4Address("10.255.255.255")))
OUTSIDE = (int(IPv4Address("198.51.100.0")), int(IPv4Address("198.51.100.255")))


def one(field: str, *values: int, inverted: bool = False) -> Match:
    return Match(field, tuple((value, value) for value in values), inverted=inverted)


@pytest.mark.parametrize(
    ("match", "packets", "expected"),
    [
        (Match("iifname", names=("eth1",)), COMING, Share.ALL),
        (Match("iifname", names=("eth*",)), COMING, Share.ALL),
        (Match("iifname", names=("eth10", "lo")), COMING, Share.NONE),
        (Match("iifname", names=("lo",), inverted=True), COMING, Share.ALL),
        (Match("iifname", names=("eth1",)), GOING, Share.NONE),
        (Match("oifname", names=("eth1",)), GOING, Share.ALL),
        (Match("oifname", names=("eth1",)), COMING, Share.NONE),
        (Match("iifname", named="links"), COMING, Share.UNKNOWN),
        (one("iif", 3), COMING, Share.ALL),
        (one("iif", 1), COMING, Share.NONE),
        (one("oif", 3), GOING, Share.ALL),
        (one("iifgroup", 20000), COMING, Share.ALL),
        (one("iifgroup", 0), COMING, Share.NONE),
        (one("oifgroup", 20000), COMING, Share.UNKNOWN),
        (one("ip daddr", OWN), COMING, Share.ALL),
        (one("ip daddr", OWN, inverted=True), COMING, Share.NONE),
        (one("ip daddr", OWN + 1), COMING, Share.NONE),
        (one("ip daddr", OWN), GOING, Share.NONE),
        (one("ip daddr", OWN), replace(GOING, internet=False), Share.SOME),
        (one("ip saddr", OWN), GOING, Share.ALL),
        (Match("ip daddr", named="mine"), COMING, Share.UNKNOWN),
        (Match("ip saddr", named="blocked"), COMING, Share.SOME),
        (Match("ip saddr", (OUTSIDE,)), COMING, Share.SOME),
        (Match("ip saddr", (PRIVATE,)), COMING, Share.NONE),
        (Match("ip saddr", (PRIVATE, OUTSIDE)), COMING, Share.SOME),
        (Match("ip saddr", (PRIVATE,), inverted=True), COMING, Share.ALL),
        (Match("ip saddr", (PRIVATE,)), replace(COMING, internet=False), Share.SOME),
        (Match("ip saddr", (EVERY[4],)), COMING, Share.ALL),
        (Match("ip saddr", (EVERY[4],), inverted=True), COMING, Share.NONE),
        (Match("ip6 saddr", (EVERY[6],)), COMING, Share.NONE),
        (Match("ip saddr", (EVERY[4],)), SIX, Share.NONE),
        (one("ip6 daddr", int(SIX.address)), SIX, Share.ALL),
        (one("l4proto", 6, 17), COMING, Share.ALL),
        (one("l4proto", 6), COMING, Share.SOME),
        (one("l4proto", 1, 58), COMING, Share.NONE),
        (one("l4proto", 1, inverted=True), COMING, Share.ALL),
        (one("l4proto", 6, inverted=True), COMING, Share.SOME),
        (one("th dport", 22), COMING, Share.SOME),
        (one("th dport", 22, inverted=True), COMING, Share.SOME),
        (one("th dport", 68), COMING, Share.NONE),
        (one("th sport", 67), COMING, Share.SOME),
        (one("ct state", NEW), COMING, Share.ALL),
        (one("ct state", ESTABLISHED), COMING, Share.NONE),
        (one("ct state", ESTABLISHED), replace(COMING, new=False), Share.ALL),
        (one("ct state", ESTABLISHED, inverted=True), COMING, Share.ALL),
        (one("nfproto", 2), COMING, Share.ALL),
        (one("nfproto", 10), COMING, Share.NONE),
        (one("protocol", 0x86DD), SIX, Share.ALL),
        (one("pkttype", 1, 2), COMING, Share.NONE),
        (one("pkttype", 0), GOING, Share.UNKNOWN),
        (Match("part"), COMING, Share.SOME),
        (one("skuid", 0), GOING, Share.UNKNOWN),
    ],
)
def test_a_match_takes_its_share(match: Match, packets: Packets, expected: Share) -> None:
    assert share(match, packets) is expected


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**16)).map(lambda two: (two[0], sum(two)))))
def test_an_address_is_in_a_set_or_in_its_opposite(spans: list[tuple[int, int]]) -> None:
    plain = Match("ip daddr", tuple(spans))
    both = {share(plain, COMING), share(replace(plain, inverted=True), COMING)}

    assert both == {Share.ALL, Share.NONE}


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match("iifname", names=("eth1",)), 'iifname "eth1"'),
        (Match("iifname", names=("eth*", "lo"), inverted=True), 'iifname != { "eth*", "lo" }'),
        (one("ip daddr", OWN), "ip daddr 172.16.1.10"),
        (Match("ip saddr", (PRIVATE,)), "ip saddr 10.0.0.0/8"),
        (Match("ip saddr", ((OWN, OWN + 4),)), "ip saddr 172.16.1.10-172.16.1.14"),
        (one("ip6 daddr", int(IPv6Address("2001:db8::10"))), "ip6 daddr 2001:db8::10"),
        (one("ct state", 2, 4), "ct state { established, related }"),
        (one("l4proto", 6, 99), "meta l4proto { tcp, 99 }"),
        (one("nfproto", 10), "meta nfproto ipv6"),
        (one("protocol", 0x800), "meta protocol ip"),
        (Match("th dport", ((80, 90),)), "th dport 80-90"),
        (Match("ip saddr", named="blocked"), "ip saddr @blocked"),
        (Match("part"), "limit ..."),
    ],
)
def test_a_match_is_spelled_as_nft_does(match: Match, expected: str) -> None:
    assert spelled(match) == expected
