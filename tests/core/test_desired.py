"""What one ENI should have: its exits, their tables, its addresses and the settings of its link."""

from collections.abc import Sequence
from typing import Any

import pytest

from eip_agent.core.claims import Case
from eip_agent.core.desired import Local, Wish, given, is_excluded, link_settings, tables, wish
from eip_agent.core.facts import KernelFact, Remembered
from eip_agent.core.items import Address
from eip_agent.core.judge import judge
from eip_agent.core.pairing import Port
from eip_agent.core.settings import DeclaredEip, Mode, Settings
from eip_agent.core.verdict import Verdict
from tests.builders import (
    address,
    address_item,
    declared,
    eni,
    eni6,
    exit_of,
    ip4,
    ip6,
    kernel,
    link,
    main_route,
    net4,
    port,
    route_item,
    rule_item,
)
from tests.world import address_fact, route_fact, rule_fact

NOTHING = Remembered()


def verdict_of(of: Port, eips: Sequence[DeclaredEip] = ()) -> Verdict:
    return judge(Case(of, declared=eips))


def wished(
    of: Port | None = None, held: KernelFact | None = None, eips: Sequence[DeclaredEip] = (), **overrides: Any
) -> Wish:
    of, held = of or port(1), held or kernel()
    verdict = verdict_of(of, eips)
    return wish(of, verdict, held, Local(held, NOTHING), Settings(**overrides), given(of.eni, verdict))


def test_a_nat_eni_has_one_exit_by_the_vswitchs_gateway() -> None:
    found = wished()

    assert [(exit_.gateway, exit_.sources) for exit_ in found.exits] == [
        (ip4("192.168.1.253"), (net4("192.168.1.10/32"),))
    ]
    assert found.addresses == (address_item("192.168.1.10"),)
    assert found.families == {4, 6}


def test_a_delegated_prefix_leaves_by_its_eni() -> None:
    found = wished(port(1, eni=eni(1, ipv4_prefixes=(net4("192.168.1.128/28"),))))

    assert net4("192.168.1.128/28") in found.exits[0].sources
    assert found.addresses == (address_item("192.168.1.10"),)


def test_an_address_somebody_else_put_there_is_not_put_twice() -> None:
    found = wished(held=kernel(addresses=(address("192.168.1.10", length=32),)))

    assert found.addresses == ()
    assert found.exits[0].sources == (net4("192.168.1.10/32"),)


def test_an_address_of_ours_stays_wanted() -> None:
    held = kernel(addresses=(address_fact(address_item("192.168.1.10")),))

    assert wished(held=held).addresses == (address_item("192.168.1.10"),)


def test_an_eip_that_an_administrator_put_on_a_visible_link_leaves_by_its_gateway() -> None:
    eips = [declared("203.0.113.10", Mode.MULTI_EIP_VISIBLE)]
    held = kernel(addresses=(address("203.0.113.12", length=27), address("192.168.1.99")))
    found = {exit_.gateway: exit_.sources for exit_ in wished(held=held, eips=eips).exits}

    assert net4("203.0.113.12/32") in found[ip4("203.0.113.1")]
    assert net4("192.168.1.99/32") in found[ip4("192.168.1.253")]


def test_an_eip_gateway_keeps_the_slot_it_has() -> None:
    held = kernel(routes=(route_fact(route_item(gateway="198.51.100.65", slot=1)),))
    eips = [declared(ip, Mode.MULTI_EIP_VISIBLE) for ip in ("203.0.113.10", "198.51.100.70")]
    slots = {exit_.gateway: exit_.table % 16 for exit_ in wished(held=held, eips=eips).exits}

    assert slots == {ip4("192.168.1.253"): 0, ip4("198.51.100.65"): 1, ip4("203.0.113.1"): 2}


@pytest.mark.parametrize("missing", ["private_ipv4s", "subnet", "gateway", "ipv4_prefixes"])
def test_an_eni_of_which_a_fact_is_missing_gets_and_loses_nothing(missing: str) -> None:
    found = wished(port(1, eni=eni(1, **{missing: None})))

    assert 4 not in found.families
    assert [address for address in found.addresses if address.ip.version == 4] == []


@pytest.mark.parametrize("missing", ["ipv6s", "subnet6", "gateway6", "ipv6_prefixes"])
def test_the_same_holds_for_ipv6_alone(missing: str) -> None:
    found = wished(port(1, eni=eni6(1, **{missing: None})))

    assert found.families == {4}
    assert {address.ip.version for address in found.addresses} == {4}


def test_what_an_unknown_eni_has_is_carried_over() -> None:
    held = kernel(
        addresses=(address_fact(address_item("192.168.1.10")),),
        routes=(route_fact(route_item()),),
        rules=(rule_fact(rule_item()),),
    )
    found = wished(port(1, eni=eni(1, private_ipv4s=None)), held)

    assert [(exit_.table, exit_.gateway) for exit_ in found.exits] == [(20000048, ip4("192.168.1.253"))]


def test_ipv6_is_left_alone_when_it_is_to_be() -> None:
    assert {exit_.family for exit_ in wished(port(1, eni=eni6(1))).exits} == {4, 6}
    assert {exit_.family for exit_ in wished(port(1, eni=eni6(1)), leave_ipv6=True).exits} == {4}


def test_the_primary_is_left_alone_when_it_is_to_be() -> None:
    assert wished(port(0), leave_primary=True) == Wish(families=frozenset({4, 6}))


def test_an_excluded_address_is_neither_added_nor_routed() -> None:
    found = wished(exclude_addresses=(net4("192.168.1.10/32"),))

    assert (found.exits, found.addresses) == ((), ())
    assert is_excluded(ip4("192.168.1.10"), Settings(exclude_addresses=(net4("192.168.0.0/16"),)))
    assert not is_excluded(ip6("::1"), Settings(exclude_addresses=(net4("0.0.0.0/0"),)))


def test_the_dead_private_address_is_not_wanted() -> None:
    found = wished(eips=[declared("203.0.113.10", Mode.EIP_VISIBLE)])

    assert found.addresses == (Address(link(1).link, ip4("203.0.113.10"), 27),)
    assert [exit_.reaches_services for exit_ in found.exits] == [False]


def test_a_table_holds_the_subnet_and_the_default() -> None:
    found = tables(exit_of(1, "192.168.1.10/32", subnet=net4("192.168.1.0/24")), kernel())

    assert set(map(str, found)) == {
        "route 192.168.1.0/24 dev eth1 scope link table 20000048",
        "route default via 192.168.1.253 dev eth1 onlink table 20000048",
    }


def test_a_table_of_a_link_without_services_refuses_them_at_once() -> None:
    found = tables(exit_of(1, "203.0.113.10/32", reaches_services=False), kernel())

    assert "route unreachable 100.64.0.0/10 table 20000048" in map(str, found)


@pytest.mark.parametrize(
    ("route", "mirrored"),
    [
        (main_route("10.9.0.0/16", gateway="192.168.1.1"), True),
        (main_route("10.9.0.0/16"), True),
        (main_route("10.9.0.0/16", gateway="192.168.1.1", number=2), False),
        (main_route("10.9.0.0/16", protocol=2), False),
        (main_route("10.9.0.0/16", plain=False), False),
        (main_route("0.0.0.0/0", gateway="192.168.1.1"), False),
        (main_route("128.0.0.0/1", gateway="192.168.1.1"), False),
        (main_route("2001:db8:9::/48", gateway="fe80::1"), False),
        (main_route("10.9.0.0/16", gateway="192.168.1.1", table=100), False),
    ],
    ids=str,
)
def test_only_an_administrators_specific_route_by_this_link_is_mirrored(route: Any, mirrored: bool) -> None:  # noqa: FBT001
    found = tables(exit_of(1, "192.168.1.10/32"), kernel(routes=(route,)))

    assert (route.destination in {one.destination for one in found if one.destination.prefixlen}) == mirrored


def test_of_two_mirrored_routes_the_better_one_counts() -> None:
    routes = (
        main_route("10.9.0.0/16", gateway="192.168.1.2", metric=200),
        main_route("10.9.0.0/16", gateway="192.168.1.1", metric=100),
    )
    found = tables(exit_of(1, "192.168.1.10/32"), kernel(routes=routes))

    assert [one.gateway for one in found if one.destination.prefixlen] == [ip4("192.168.1.1")]


def test_settings_are_only_raised() -> None:
    conf = (("arp_ignore", 2), ("arp_announce", 0), ("promote_secondaries", 0))
    found = link_settings(port(1, link=link(1, conf=conf)), wished(), routed=True, crowded=True, settings=Settings())

    assert {item.name: item.value for item in found} == {"group": 20000, "up": 1, "arp_ignore": 2, "arp_announce": 2}


def test_the_primary_is_never_brought_up_by_us() -> None:
    found = link_settings(port(0), wished(), routed=False, crowded=False, settings=Settings())

    assert found == []
