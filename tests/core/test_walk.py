"""Our walk through rules and tables, by example; `tests/sources/test_lookup.py` holds it against the kernel."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen
from eip_agent.core.walk import LOCAL, Flow, LookupFact, Outcome, Selector, Tables, agree, local_routes
from tests.builders import address, ip4, link

WEB = ip4("198.51.100.7")
OWN = ip4("192.168.1.10")
ETH0, ETH1 = link(0).link.index, link(1).link.index
MAIN_RULE = RuleSeen(4, 32766, table=254)


def rule(priority: int, table: int | None = 100, **overrides: Any) -> RuleSeen:
    return replace(RuleSeen(4, priority, table=table), **overrides)


def route(to: str = "0.0.0.0/0", table: int = 100, by: int = ETH1, **overrides: Any) -> RouteSeen:
    hop = Hop(by, ip4("192.168.1.253"))
    return replace(RouteSeen(table, ip_network(to), hops=(hop,)), **overrides)


def met(rules: list[RuleSeen], routes: list[RouteSeen], flow: Flow) -> list[tuple[int, Outcome]]:
    tables = Tables(rules, routes, (link(0), link(1, group=7)))
    return [(step.rule.priority, step.outcome) for step in tables.walk(flow).steps]


@pytest.mark.parametrize(
    ("first", "flow", "unlike"),
    [
        (rule(1, source=ip_network("192.168.2.0/24")), Flow(WEB, OWN), Selector.SOURCE),
        (rule(1, source=ip_network("192.168.1.0/24")), Flow(WEB), Selector.SOURCE),
        (rule(1, destination=ip_network("192.0.2.0/24")), Flow(WEB, OWN), Selector.DESTINATION),
        (rule(1, incoming="eth0"), Flow(WEB, OWN), Selector.INCOMING),
        (rule(1, outgoing="eth0"), Flow(WEB, OWN), Selector.OUTGOING),
        (rule(1, mark=0x10, mask=0xF0), Flow(WEB, OWN, mark=0x20), Selector.MARK),
        (rule(1, tos=8), Flow(WEB, OWN), Selector.TOS),
        (rule(1, ip_protocol=17), Flow(WEB, OWN, ip_protocol=6), Selector.PROTOCOL),
        (rule(1, source_ports=(80, 90)), Flow(WEB, OWN), Selector.SOURCE_PORT),
        (rule(1, destination_ports=(80, 90)), Flow(WEB, OWN, destination_port=91), Selector.DESTINATION_PORT),
        (rule(1, users=(1, 9)), Flow(WEB, OWN), Selector.USER),
        (rule(1, source=ip_network("192.168.1.0/24"), inverted=True), Flow(WEB, OWN), Selector.NOT),
    ],
)
def test_a_rule_that_does_not_match_says_why(first: RuleSeen, flow: Flow, unlike: Selector) -> None:
    steps = Tables([first, MAIN_RULE], [route(), route(table=254)]).walk(flow).steps

    assert (steps[0].outcome, steps[0].unlike) == (Outcome.PASSED, unlike)
    assert steps[1].outcome is Outcome.FOUND


@pytest.mark.parametrize(
    ("first", "flow"),
    [
        (rule(1, source=ip_network("192.168.1.0/24"), incoming="lo"), Flow(WEB, OWN)),
        (rule(1, source=ip_network("0.0.0.0/0")), Flow(WEB)),
        (rule(1, mark=0x10, mask=0xF0), Flow(WEB, mark=0x1F)),
        (rule(1, source=ip_network("192.168.2.0/24"), inverted=True), Flow(WEB, OWN)),
        (rule(1, destination_ports=(80, 90)), Flow(WEB, destination_port=90)),
    ],
)
def test_a_rule_that_matches(first: RuleSeen, flow: Flow) -> None:
    assert met([first], [route()], flow) == [(1, Outcome.FOUND)]


def test_jumps_lead_ahead_and_to_the_first_of_that_priority() -> None:
    rules = [rule(1, None, action="goto", goto=5), rule(2), rule(5, 101), rule(5, 102), rule(9)]

    assert met(rules, [route(table=102)], Flow(WEB)) == [
        (1, Outcome.JUMPS),
        (5, Outcome.NOTHING),
        (5, Outcome.FOUND),
    ]
    assert met([rule(1, None, action="goto", goto=4), rule(5)], [route()], Flow(WEB))[0] == (1, Outcome.ASTRAY)
    assert met([rule(1), rule(5, None, action="goto", goto=1)], [], Flow(WEB))[1] == (5, Outcome.ASTRAY)


def test_suppressed_routes_are_passed_over() -> None:
    rules = [rule(1, 100, suppress_length=1), rule(2, 101, suppress_group=7), rule(3, 102)]
    routes = [route("128.0.0.0/1"), route("198.51.100.0/24", 101), route(table=102)]

    assert met(rules, routes, Flow(WEB)) == [(1, Outcome.SHORT), (2, Outcome.GROUPED), (3, Outcome.FOUND)]
    assert met(rules[1:], [route("198.51.100.0/24", 101, by=ETH0)], Flow(WEB)) == [(2, Outcome.FOUND)]


def test_a_rule_or_a_route_may_refuse_or_let_pass() -> None:
    rules = [rule(1), rule(2, None, action="nop"), rule(3, None, action="prohibit")]

    assert met(rules, [route("198.51.100.0/24", kind="throw", hops=())], Flow(WEB)) == [
        (1, Outcome.NOTHING),
        (2, Outcome.IDLE),
        (3, Outcome.REFUSES),
    ]
    assert met(rules, [route(kind="unreachable", hops=())], Flow(WEB)) == [(1, Outcome.REFUSES)]


def test_the_longest_prefix_then_the_lowest_metric() -> None:
    routes = [
        route(metric=5),
        route("198.51.0.0/16", metric=9),
        route("198.51.0.0/16", metric=8),
        route("192.0.2.0/24"),
    ]

    assert Tables([rule(1)], routes).walk(Flow(WEB)).route == routes[2]


def test_a_bound_socket_sees_only_its_device() -> None:
    routes = [route("198.51.100.0/24", by=ETH0), route()]
    tables = Tables([rule(1)], routes, (link(0), link(1)))

    assert tables.walk(Flow(WEB, outgoing="eth1")).route == routes[1]
    assert tables.walk(Flow(WEB)).route == routes[0]


def test_a_route_for_other_sources_does_not_count() -> None:
    six = ip_address("2001:db8::9")
    only = RouteSeen(100, ip_network("::/0"), hops=(Hop(ETH0),), source=ip_network("2001:db8:1::/64"))
    tables = Tables([RuleSeen(6, 1, table=100)], [only])

    assert tables.walk(Flow(six, ip_address("2001:db8:1::1"))).route == only
    assert tables.walk(Flow(six, ip_address("2001:db8:2::1"))).route is None
    assert tables.walk(Flow(six)).route is None


def test_a_rule_with_an_unknown_selector_is_doubtful() -> None:
    walk = Tables([rule(1, strange=(12,)), MAIN_RULE], [route(), route(table=254)]).walk(Flow(WEB))

    assert walk.doubtful
    assert walk.route is not None
    assert walk.route.table == 254


def test_what_is_local_is_known_from_the_addresses() -> None:
    facts = (address("192.168.1.10"), address("127.0.0.1", length=8, universal=False))
    tables = Tables([rule(0, LOCAL)], local_routes(facts))

    for there in ("192.168.1.10", "127.0.0.1", "127.9.9.9"):
        found = tables.walk(Flow(ip4(there))).route
        assert found is not None, there
        assert found.kind == "local"
    assert tables.walk(Flow(ip4("192.168.1.11"))).route is None


def test_who_disagrees() -> None:
    walk = Tables([rule(1)], [route()]).walk(Flow(WEB))
    same = LookupFact(0, "unicast", 100, ip_network("0.0.0.0/0"), 0, ETH1, ip4("192.168.1.253"))

    assert agree(walk, same)
    for other in (
        replace(same, table=254),
        replace(same, link=ETH0),
        replace(same, gateway=ip4("192.168.1.1")),
        replace(same, destination=ip_network("198.51.100.0/24")),
        LookupFact(101),
    ):
        assert not agree(walk, other)
    nothing = Tables([], []).walk(Flow(WEB))
    assert agree(nothing, LookupFact(101))
    assert not agree(nothing, same)
    assert agree(nothing, LookupFact(0, "unicast", link=ETH1), ETH1)
