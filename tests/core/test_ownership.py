"""What is ours, and near misses that are not."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from eip_agent.core.changes import Change, Why
from eip_agent.core.facts import Borrowed, Remembered, RuleFact
from eip_agent.core.items import GROUP_SETTING, UP, Item, LinkSetting, Route, Rule
from eip_agent.core.layout import rules
from eip_agent.core.numbers import BLOCKS, DEVICE_GROUP, END, MAIN, PRIORITIES, ROUTE_PROTOCOL, TABLES, table_of
from eip_agent.core.ownership import (
    borrowed,
    given_back,
    is_our_address,
    is_our_route,
    is_our_rule,
    ours,
    setting_of,
    used_by_others,
)
from tests.builders import address, address_item, device, eni, ip4, kernel, link, mac, main_route, net4, net6, rule_item
from tests.strategies import Layout, layouts
from tests.world import address_fact, route_fact, rule_fact

NOTHING = Remembered()
TABLE_RULE = RuleFact(4, 24011, 2, net4("192.168.1.0/24"), table=table_of(3, 0))
MAIN_FIRST = RuleFact(4, 24010, 2, net4("192.168.1.0/24"), table=MAIN, suppress_group=DEVICE_GROUP, suppress_length=2)
JUMP = RuleFact(4, 24005, 2, net4("192.168.1.0/24"), goto=BLOCKS[0])
NOP = RuleFact(4, END, 2, nop=True)


@pytest.mark.parametrize(
    "rule",
    [
        TABLE_RULE,
        MAIN_FIRST,
        JUMP,
        NOP,
        replace(TABLE_RULE, priority=PRIORITIES[0]),
        replace(TABLE_RULE, priority=PRIORITIES[-1]),
        replace(TABLE_RULE, table=TABLES[0]),
        replace(TABLE_RULE, table=TABLES[-1]),
        replace(TABLE_RULE, source=None, device="eth1"),
        replace(MAIN_FIRST, family=6, source=net6("2001:db8::/64"), suppress_length=4),
        replace(JUMP, goto=END),
        replace(JUMP, goto=BLOCKS[-1]),
    ],
    ids=str,
)
def test_a_rule_of_ours_is_known(rule: RuleFact) -> None:
    assert is_our_rule(rule)


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        (TABLE_RULE, {"protocol": 0}),
        (TABLE_RULE, {"protocol": 4}),
        (TABLE_RULE, {"protocol": ROUTE_PROTOCOL}),
        (TABLE_RULE, {"priority": PRIORITIES[0] - 1}),
        (TABLE_RULE, {"priority": PRIORITIES[-1] + 1}),
        (TABLE_RULE, {"table": TABLES[0] - 1}),
        (TABLE_RULE, {"table": TABLES[-1] + 1}),
        (TABLE_RULE, {"table": 253}),
        (TABLE_RULE, {"plain": False}),
        (TABLE_RULE, {"suppress_length": 0}),
        (TABLE_RULE, {"suppress_group": DEVICE_GROUP}),
        (MAIN_FIRST, {"suppress_group": None}),
        (MAIN_FIRST, {"suppress_group": DEVICE_GROUP + 1}),
        (MAIN_FIRST, {"suppress_length": None}),
        (MAIN_FIRST, {"suppress_length": 0}),
        (MAIN_FIRST, {"family": 6}),
        (MAIN_FIRST, {"plain": False}),
        (JUMP, {"goto": BLOCKS[0] + 1}),
        (JUMP, {"goto": BLOCKS[-1] + 2}),
        (JUMP, {"goto": 32766}),
        (JUMP, {"protocol": 3}),
        (NOP, {"priority": END - 1}),
        (NOP, {"plain": False}),
    ],
    ids=str,
)
def test_a_rule_that_differs_in_one_thing_is_somebody_elses(rule: RuleFact, other: dict[str, Any]) -> None:
    assert not is_our_rule(replace(rule, **other))


@given(layouts())
def test_every_rule_we_make_is_known_again(layout: Layout) -> None:
    exits, foreign = layout
    for family in (4, 6):
        made = rules(family, exits, foreign)
        held = kernel(rules=tuple(map(rule_fact, made)))

        assert ours(held, NOTHING) == made


def test_a_route_is_ours_by_table_and_protocol_together() -> None:
    ours_ = route_fact(Route(table_of(3, 0), net4("10.0.0.0/8"), device(1), ip4("192.168.1.253")))

    assert is_our_route(ours_)
    assert not is_our_route(replace(ours_, protocol=4))
    assert not is_our_route(replace(ours_, table=MAIN))
    assert not is_our_route(replace(ours_, table=TABLES[-1] + 1))
    assert not is_our_route(main_route("10.0.0.0/8", protocol=ROUTE_PROTOCOL))


def test_an_address_is_ours_by_its_protocol() -> None:
    fact = address_fact(address_item("192.168.1.10"))

    assert is_our_address(fact, NOTHING)
    assert not is_our_address(replace(fact, leased=True), NOTHING), "a DHCP client has taken it over"
    assert not is_our_address(replace(fact, protocol=3), NOTHING)
    assert not is_our_address(replace(fact, protocol=3), Remembered(addresses=frozenset({(3, fact.ip, 24)})))


def test_where_the_kernel_has_no_such_protocol_the_journal_knows_it() -> None:
    fact = address_fact(address_item("192.168.1.10"), marks=False)
    journal = Remembered(addresses=frozenset({(3, fact.ip, 24)}))

    assert is_our_address(fact, journal)
    assert not is_our_address(fact, NOTHING)
    assert not is_our_address(replace(fact, prefix_length=25), journal)
    assert not is_our_address(replace(fact, link=4), journal)
    assert not is_our_address(replace(fact, no_prefix_route=False), journal)


def loan(name: str, before: int, written: int, number: int = 1) -> Borrowed:
    return Borrowed(device(number), mac(number), name, before, written)


def test_a_setting_is_ours_while_it_is_as_we_wrote_it() -> None:
    held = kernel(link(0), link(1, conf=(("arp_ignore", 1),)))
    journal = Remembered((loan("arp_ignore", 0, 1),))

    assert list(borrowed(held, journal)) == [
        (LinkSetting(device(1), "arp_ignore", 1), LinkSetting(device(1), "arp_ignore", 0))
    ]
    assert not list(borrowed(kernel(link(1, conf=(("arp_ignore", 2),))), journal))
    assert not list(borrowed(kernel(link(1, conf=())), journal))


def test_a_link_that_came_back_is_another_link() -> None:
    journal = Remembered((loan(UP, 0, 1),))

    assert list(borrowed(kernel(link(1)), journal))
    assert not list(borrowed(kernel(link(1, mac=mac(9))), journal))
    assert not list(borrowed(kernel(link(1, link=replace(device(1), index=9))), journal))


def test_a_link_that_somebody_uses_is_not_taken_down() -> None:
    journal = Remembered((loan(UP, 0, 1),))
    foreign = address("192.168.1.77")

    assert not list(borrowed(kernel(link(1), addresses=(foreign,)), journal))
    assert list(borrowed(kernel(link(1), addresses=(replace(foreign, universal=False),)), journal))
    assert list(borrowed(kernel(link(1), addresses=(address_fact(address_item("192.168.1.10")),)), journal))


def test_a_link_that_a_bridge_took_or_that_carries_another_is_not_taken_down() -> None:
    riding = replace(link(7), kind="macvlan", lower=device(1).index)

    assert used_by_others(kernel(link(1, master=9)), Remembered()) == {device(1).index}
    assert used_by_others(kernel(link(0), link(1), riding), Remembered()) == {device(1).index}
    assert not used_by_others(kernel(link(1)), Remembered())


def test_the_group_is_known_without_a_journal() -> None:
    held = kernel(link(0), link(1, group=DEVICE_GROUP))
    group = LinkSetting(device(1), GROUP_SETTING, DEVICE_GROUP)

    assert list(borrowed(held, NOTHING)) == [(group, LinkSetting(device(1), GROUP_SETTING, 0))]
    assert list(borrowed(held, Remembered((loan(GROUP_SETTING, 5, DEVICE_GROUP),)))) == [
        (group, LinkSetting(device(1), GROUP_SETTING, 5))
    ]


def test_undoing_spares_a_link_that_somebody_uses_by_now() -> None:
    up = Change(LinkSetting(device(1), UP, 0), LinkSetting(device(1), UP, 1), Why.DIFFERS)
    rule = Change(None, rule_item(), Why.MISSING)
    used = kernel(link(1), addresses=(address("192.168.1.77"),))

    assert given_back([up, rule], used, NOTHING) == [rule]
    assert given_back([up, rule], kernel(link(1)), NOTHING) == [up, rule]
    assert given_back([up, rule], kernel(link(0)), NOTHING) == [up, rule]


def test_facts_become_the_items_they_came_from() -> None:
    items: list[Item] = [
        address_item("192.168.1.10"),
        Route(table_of(3, 0), net4("0.0.0.0/0"), device(1), ip4("192.168.1.253")),
        Route(table_of(3, 1), net4("100.64.0.0/10"), None),
        Rule(4, 24020, device="eth1", table=table_of(3, 0)),
    ]
    held = kernel(
        addresses=(address_fact(address_item("192.168.1.10")), address("192.168.1.11")),
        routes=tuple(route_fact(item) for item in items if isinstance(item, Route)),
        rules=tuple(rule_fact(item) for item in items if isinstance(item, Rule)),
    )

    assert ours(held, NOTHING) == frozenset(items)


def test_items_of_a_link_that_is_gone_still_have_a_name() -> None:
    stale = route_fact(Route(table_of(77, 0), net4("0.0.0.0/0"), replace(device(1), index=77), ip4("192.168.1.253")))
    held = kernel(routes=(stale, replace(stale, link=None, destination=net4("10.0.0.0/8"))))

    assert {item.link.name for item in ours(held, NOTHING) if isinstance(item, Route) and item.link} == {"if77"}


def test_settings_of_a_link_are_found_by_name() -> None:
    fact = link(1, up=False, group=7, conf=(("arp_ignore", 3),))

    assert [setting_of(fact, name) for name in (UP, GROUP_SETTING, "arp_ignore", "rp_filter")] == [0, 7, 3, None]
    assert eni(1).mac == fact.mac
