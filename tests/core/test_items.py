"""Items are spelled as `ip` spells them, and known by what the kernel knows them by."""

from dataclasses import replace

import pytest
from hypothesis import given

from eip_agent.core.items import GROUP_SETTING, UP, Address, Item, LinkSetting, Route, Rule
from eip_agent.core.numbers import MAIN
from tests.builders import address_item, device, ip4, ip6, net4, net6, route_item, rule_item
from tests.strategies import items

SIX = Route(20000048, net6("::/0"), device(1), ip6("fe80::1"))


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (address_item("192.168.1.10"), "address 192.168.1.10/24 dev eth1 noprefixroute"),
        (address_item("2001:db8::10", length=64), "address 2001:db8::10/64 dev eth1 noprefixroute"),
        (route_item(), "route default via 192.168.1.253 dev eth1 onlink table 20000048"),
        (route_item("192.168.1.0/24", None), "route 192.168.1.0/24 dev eth1 scope link table 20000048"),
        (Route(20000049, net4("100.64.0.0/10"), None), "route unreachable 100.64.0.0/10 table 20000049"),
        (SIX, "-6 route default via fe80::1 dev eth1 table 20000048"),
        (replace(SIX, destination=net6("2001:db8::/32")), "route 2001:db8::/32 via fe80::1 dev eth1 table 20000048"),
        (rule_item(), "rule 24011: from 192.168.1.0/24 iif lo lookup 20000048"),
        (
            rule_item("192.168.1.0/24", 24010, table=MAIN),
            "rule 24010: from 192.168.1.0/24 iif lo lookup main suppress_prefixlength 2 suppress_ifgroup 20000",
        ),
        (
            rule_item("2001:db8::/64", 24010, table=MAIN),
            "-6 rule 24010: from 2001:db8::/64 iif lo lookup main suppress_prefixlength 4 suppress_ifgroup 20000",
        ),
        (rule_item(None, 24020, device="eth1"), "rule 24020: from all oif eth1 lookup 20000048"),
        (rule_item(None, 24021, table=None, goto=25999), "rule 24021: from all goto 25999"),
        (Rule(4, 25999), "rule 25999: from all nop"),
        (LinkSetting(device(1), UP, 1), "link eth1 up"),
        (LinkSetting(device(1), UP, 0), "link eth1 down"),
        (LinkSetting(device(1), GROUP_SETTING, 20000), "link eth1 group 20000"),
    ],
    ids=str,
)
def test_an_item_reads_as_ip_would_print_it(item: Item, text: str) -> None:
    assert str(item) == text


def test_another_gateway_is_the_same_route() -> None:
    assert route_item().key == route_item(gateway="192.168.1.1").key
    assert route_item().key != route_item(slot=1).key


def test_another_mask_is_another_address() -> None:
    assert address_item("192.168.1.10").key != address_item("192.168.1.10", length=25).key


def test_being_the_main_address_is_no_difference_to_the_kernel() -> None:
    one = address_item("192.168.1.10")

    assert replace(one, main=True) == one


def test_another_value_is_the_same_setting() -> None:
    assert LinkSetting(device(1), UP, 0).key == LinkSetting(device(1), UP, 1).key


@given(items(), items())
def test_equal_items_have_equal_keys(one: Item, other: Item) -> None:
    assert one != other or one.key == other.key
    assert not isinstance(one, Rule | Address) or (one.key == other.key) == (one == other)


def test_the_default_of_another_version_is_another_route() -> None:
    assert route_item().key != SIX.key
    assert route_item().gateway == ip4("192.168.1.253")
