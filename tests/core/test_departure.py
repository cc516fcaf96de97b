"""Ways of packets for many sources."""

from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.departure import Departures, is_ours, is_shadow
from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen
from eip_agent.core.walk import Flow, Tables
from tests.builders import ip4, link, net4

MAIN = RuleSeen(4, 32766, table=254)


def default(index: int, table: int = 254, to: str = "0.0.0.0/0", **overrides: Any) -> RouteSeen:
    return RouteSeen(table, ip_network(to), hops=(Hop(index, ip4("192.168.0.253")),), **overrides)


def links_of(departing: Departures, source: str | None) -> list[set[int | None]]:
    walks = departing.to_internet(ip_address(source) if source else None)
    return [{hop.link for hop in walk.hops} for walk in walks]


def test_every_source_goes_by_its_rule() -> None:
    rules = (RuleSeen(4, 24011, table=7, source=net4("192.168.1.0/24")), MAIN)
    departing = Departures(rules, (default(2), default(3, 7)), (link(0), link(1)))

    assert links_of(departing, "192.168.1.10") == [{3}]
    assert links_of(departing, "192.168.2.10") == [{2}]
    assert links_of(departing, None) == [{2}]
    assert departing.name(3) == "eth1"


def test_the_internet_is_where_only_default_routes_lead() -> None:
    taken = default(3, to="203.0.0.0/16")
    departing = Departures((MAIN,), (default(2), taken), ())
    (address,) = departing.internet(4)

    assert address not in taken.destination
    assert links_of(departing, None) == [{2}]


def test_a_default_route_in_halves_is_asked_for_in_each() -> None:
    halves = (default(2), default(9, to="0.0.0.0/1"))
    departing = Departures((MAIN,), halves, ())

    assert sorted(int(address) >> 30 for address in departing.internet(4)) == [0, 1, 2, 3]
    assert sorted(links_of(departing, None), key=str) == [{2}, {2}, {9}, {9}]


def test_a_rule_that_nobody_here_understands_leaves_the_way_untold() -> None:
    departing = Departures((RuleSeen(4, 1, table=7, strange=(99,)), MAIN), (default(2),), ())

    assert departing.to_internet(None) == ()


def test_where_every_address_has_a_route_of_its_own_nothing_is_told() -> None:
    everything = [default(2, to=f"{high}.0.0.0/8") for high in range(256)]

    assert Departures((MAIN,), everything, ()).to_internet(None) == ()


_sources = st.sampled_from(
    [None, *(net4(f"192.168.0.{host}/32") for host in range(4)), net4("192.168.0.0/31"), net4("192.168.0.0/29")]
)
_rules = st.lists(
    st.builds(
        RuleSeen,
        st.just(4),
        st.sampled_from((10, 20, 30)),
        table=st.sampled_from((5, 6, 254)),
        source=_sources,
        outgoing=st.sampled_from((None, None, "eth1")),
        mark=st.sampled_from((None, None, 7)),
        inverted=st.sampled_from((False, False, True)),
        ip_protocol=st.sampled_from((None, None, 6)),
    ),
    max_size=6,
)


@given(_rules, st.integers(0, 9))
def test_what_is_left_out_and_remembered_changes_no_way(rules: list[RuleSeen], host: int) -> None:
    rules = [*sorted(rules, key=lambda rule: rule.priority), MAIN]
    routes = (default(2), default(3, 5))
    departing, whole = Departures(rules, routes, ()), Tables(rules, routes)
    source, there = ip4(f"192.168.0.{host}"), ip4("203.0.113.7")
    for other in range(10):
        departing.walk(ip4(f"192.168.0.{other}"), there)

    assert departing.walk(source, there).route == whole.walk(Flow(there, source, user=65534)).route


def test_ours_are_known_by_priority_protocol_and_table() -> None:
    ours = RuleSeen(4, 24011, table=20_000_048, protocol=2)

    assert is_ours(ours)
    assert is_ours(RuleSeen(4, 24010, table=254, protocol=2))
    assert not is_ours(RuleSeen(4, 24011, table=20_000_048, protocol=4))
    assert not is_ours(RuleSeen(4, 24011, table=100, protocol=2))
    assert not is_ours(MAIN)
    assert [is_shadow(rule) for rule in (ours, MAIN, RuleSeen(4, 0, table=255), RuleSeen(4, 100, table=7))] == [
        False,
        False,
        False,
        True,
    ]
