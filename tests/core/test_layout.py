"""The rules, walked as the kernel walks them."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_network
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eip_agent.core.changes import diff
from eip_agent.core.facts import IPAddress
from eip_agent.core.items import Rule
from eip_agent.core.layout import FLAT, Exit, arrange, rules
from eip_agent.core.numbers import BLOCKS, END, GROUP, MAIN, PRIORITIES, SKIP, slot_of, table_of
from tests.builders import device, exit_of, ip4, net4
from tests.strategies import Layout, changed_layouts, layouts
from tests.world import table_for, walk


def families(exits: Iterable[Exit]) -> set[int]:
    return {exit_.family for exit_ in exits}


def laid(layout: Layout) -> frozenset[Rule]:
    exits, foreign = layout
    return frozenset(rule for family in families(exits) for rule in rules(family, exits, foreign))


def homes(layout: Layout) -> dict[IPAddress, int]:
    """The table each address should look up."""
    return {source.network_address: exit_.table for exit_ in layout[0] for source in exit_.sources}


def strangers(layout: Layout) -> list[IPAddress]:
    return [net.network_address for net in layout[1]]


def unbound(family: int) -> IPAddress:
    return IPv4Address(0) if family == 4 else IPv6Address(0)


def test_one_eni_with_a_subnet_of_its_own_takes_three_rules() -> None:
    found = rules(4, [exit_of(1, "192.168.1.10/32", "192.168.1.11/32")], [])

    assert sorted(map(str, found)) == [
        "rule 24010: from 192.168.1.0/24 iif lo lookup main suppress_prefixlength 2 suppress_ifgroup 20000",
        f"rule 24011: from 192.168.1.0/24 iif lo lookup {table_of(3, 0)}",
        f"rule 24020: from all oif eth1 lookup {table_of(3, 0)}",
    ]


def test_the_rules_of_the_primary_come_first() -> None:
    found = rules(4, [exit_of(0, "192.168.0.10/32"), exit_of(1, "192.168.1.10/32")], [])

    assert {rule.priority for rule in found if rule.source == net4("192.168.0.0/24")} == {24000, 24001}


def test_many_sources_stand_in_blocks() -> None:
    mixed = [[f"192.168.1.{host}/32" for host in range(1, 251) if host % 5 == number] for number in range(5)]
    exits = [exit_of(number, *sources, bound=net4("192.168.1.0/24")) for number, sources in enumerate(mixed, 1)]
    found = rules(4, exits, [])

    assert Rule(4, SKIP, goto=END) in found
    assert Rule(4, END) in found
    longest = max(
        sum(rule.priority in (block, block + 1) for rule in found)
        for block in {rule.goto for rule in found if rule.goto}
    )
    assert sum(rule.priority == GROUP for rule in found) + longest < 60


def test_few_sources_stand_in_none() -> None:
    exits = [exit_of(number, f"192.168.{number}.10/32") for number in range(1, FLAT + 1)]

    assert not [rule for rule in rules(4, exits, []) if rule.goto is not None]


def test_a_link_with_several_gateways_sends_by_the_vswitchs_what_is_bound_to_it_alone() -> None:
    own = exit_of(1, "192.168.1.10/32")
    eip = exit_of(1, "203.0.113.10/32", slot=1, gateway=ip4("203.0.113.1"), bound=net4("203.0.113.0/27"))
    found = rules(4, [eip, own], [])

    assert table_for(found, unbound(4), "eth1") == own.table
    assert table_for(found, ip4("203.0.113.10"), "eth1") == eip.table


def test_without_exits_there_are_no_rules() -> None:
    assert rules(4, [], []) == frozenset()
    assert rules(6, [exit_of(1, "192.168.1.10/32")], []) == frozenset()


@given(layouts())
def test_every_source_looks_main_up_and_then_its_own_table(layout: Layout) -> None:
    found = laid(layout)

    for ip, table in homes(layout).items():
        assert walk(found, ip) == [MAIN, table], ip


@given(layouts())
def test_strangers_and_unbound_sockets_meet_none_of_our_rules(layout: Layout) -> None:
    found = laid(layout)

    for ip in [*strangers(layout), *map(unbound, families(layout[0]))]:
        assert walk(found, ip) == [], ip


@given(layouts())
def test_a_socket_bound_to_a_device_leaves_by_it(layout: Layout) -> None:
    found = laid(layout)

    for exit_ in layout[0]:
        best = min(other.table for other in layout[0] if other.link == exit_.link)
        assert walk(found, unbound(exit_.family), exit_.link.name) == [best]


@given(layouts())
def test_a_socket_bound_to_a_device_and_an_address_leaves_by_the_address(layout: Layout) -> None:
    found = laid(layout)

    for exit_ in layout[0]:
        for source in exit_.sources:
            assert table_for(found, source.network_address, exit_.link.name) == exit_.table


@given(changed_layouts(), st.randoms(use_true_random=False))
@settings(max_examples=80)
def test_at_no_moment_does_a_healthy_address_leave_by_a_wrong_link(pair: tuple[Layout, Layout], random: Random) -> None:
    old, new = pair
    have, want = sorted(laid(old), key=str), laid(new)
    random.shuffle(have)  # rules of one priority stand in the order they came in
    plan = diff(have, want, lambda _: True)
    before, afterwards = homes(old), homes(new)
    healthy = {ip: table for ip, table in before.items() if afterwards.get(ip) == table}
    outside = set(strangers(old)) & set(strangers(new)) | {unbound(family) for family in families([*old[0], *new[0]])}

    held: list[Rule] = have
    for change in plan:
        if isinstance(change.before, Rule):
            held = [rule for rule in held if rule != change.before]
        if isinstance(change.after, Rule):
            held = [*held, change.after]
        for ip, table in healthy.items():
            seen = walk(held, ip)
            assert seen[-1:] == [table], f"{ip} after {change}"
            assert MAIN in seen, f"{ip} after {change}"
        for ip in outside:
            assert walk(held, ip) == [], f"{ip} after {change}"


@given(layouts())
def test_rules_stay_within_their_budget(layout: Layout) -> None:
    found = laid(layout)
    sources = sum(len(exit_.sources) for exit_ in layout[0])
    jumps = sum(rule.priority == GROUP for rule in found)

    assert len(found) <= 2 * sources + jumps + len(layout[0]) + 2
    assert {rule.priority for rule in found} <= set(PRIORITIES)


@given(st.integers(1, 80), st.integers(1, 20))
def test_where_no_subnet_is_shared_a_table_takes_four_rules_at_most(enis: int, addresses: int) -> None:
    exits = [
        exit_of(
            number,
            *(f"10.{number}.0.{host}/32" for host in range(1, addresses + 1)),
            link=device(number),
            table=table_of(number + 2, 0),
            bound=net4(f"10.{number}.0.0/24"),
        )
        for number in range(enis)
    ]

    assert len(rules(4, exits, [])) <= 4 * enis + 2


@given(st.sets(st.integers(0, 4000), max_size=150))
def test_the_arrangement_loses_nothing(hosts: set[int]) -> None:
    leaves = [(ip_network((0x0A000000 + host, 32)), host % 7) for host in sorted(hosts)]
    flat, blocks = arrange(leaves)

    inner = [leaf for narrow in blocks.values() for block in narrow.values() for leaf in block]
    assert sorted([*flat, *inner]) == leaves
    for wide, narrows in blocks.items():
        for narrow, members in narrows.items():
            assert narrow.subnet_of(wide)  # type: ignore[arg-type]
            assert all(net.network_address in narrow for net, _ in members)
    assert len(leaves) > FLAT or not blocks


@pytest.mark.parametrize("block", [BLOCKS[0], BLOCKS[-1]])
def test_blocks_stand_between_skip_and_end(block: int) -> None:
    assert SKIP < block < block + 1 < END


def test_the_vswitchs_gateway_has_slot_zero() -> None:
    assert slot_of(exit_of(1, "192.168.1.10/32").table) == 0
