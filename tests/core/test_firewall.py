"""The walk of packets through chains; whatever is not known counts for passing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.firewall import Chain, Fate, FirewallRule, Passes, Stop, edges, fate
from eip_agent.core.firewall_match import ESTABLISHED, NEW, Match, Packets
from eip_agent.core.surroundings import Ruleset
from tests.builders import ip4, ip6

COMING = Packets(incoming=True, address=ip4("172.16.1.10"), link="eth1", index=3)
GOING = replace(COMING, incoming=False)
HERE = Match("iifname", names=("eth1",))
ELSEWHERE = Match("iifname", names=("eth0",))
SSH = Match("th dport", ((22, 22),))
OLD = Match("ct state", ((ESTABLISHED, ESTABLISHED),))


def rule(verdict: str, *matches: Match, target: str = "", strange: bool = False) -> FirewallRule:
    return FirewallRule(7, matches, verdict, target, strange=strange)


def chain(*rules: FirewallRule, name: str = "input", hook: str = "input", drops: bool = False, **more: object) -> Chain:
    return replace(Chain("inet", "filter", name, rules, hook=hook, drops=drops), **more)  # type: ignore[arg-type]


def passes(*chains: Chain, packets: Packets = COMING) -> Passes:
    return fate(Ruleset(chains), packets).passes


@pytest.mark.parametrize(
    ("rules", "drops", "expected"),
    [
        ((), False, Passes.YES),
        ((), True, Passes.NO),
        ((rule("drop"),), False, Passes.NO),
        ((rule("reject", HERE),), False, Passes.NO),
        ((rule("drop", ELSEWHERE),), False, Passes.YES),
        ((rule("drop", HERE, SSH),), False, Passes.YES),
        ((rule("drop", HERE, strange=True),), False, Passes.YES),
        ((rule("accept"), rule("drop")), True, Passes.YES),
        ((rule("accept", ELSEWHERE), rule("accept", OLD)), True, Passes.NO),
        ((rule("accept", SSH),), True, Passes.YES),
        ((rule("accept", SSH, strange=True),), True, Passes.MAYBE),
        ((rule("accept", ELSEWHERE, strange=True),), True, Passes.NO),
        ((rule("other"),), True, Passes.MAYBE),
        ((rule("", HERE),), True, Passes.NO),
        ((rule("return"), rule("drop")), False, Passes.YES),
        ((rule("return"), rule("accept")), True, Passes.NO),
        ((rule("return", SSH), rule("drop")), False, Passes.YES),
        ((rule("jump", target="nowhere"),), True, Passes.MAYBE),
    ],
)
def test_rules_come_before_the_policy(rules: tuple[FirewallRule, ...], expected: Passes, *, drops: bool) -> None:
    assert passes(chain(*rules, drops=drops)) is expected


@pytest.mark.parametrize(
    ("verdict", "inner", "after", "expected"),
    [
        ("jump", (rule("drop"),), (rule("accept"),), Passes.NO),
        ("jump", (rule("drop", SSH),), (rule("accept"),), Passes.YES),
        ("jump", (rule("return"),), (rule("accept"),), Passes.YES),
        ("goto", (rule("return"),), (rule("accept"),), Passes.NO),
        ("goto", (rule("accept", SSH),), (), Passes.YES),
        ("jump", (rule("jump", target="more"),), (rule("accept"),), Passes.YES),
    ],
)
def test_a_jump_comes_back_and_a_goto_does_not(
    verdict: str, inner: tuple[FirewallRule, ...], after: tuple[FirewallRule, ...], expected: Passes
) -> None:
    more = chain(*inner, name="more", hook="")

    assert passes(chain(rule(verdict, target="more"), *after, drops=True), more) is expected


def test_a_jump_of_some_packets_leaves_the_others() -> None:
    more = chain(rule("drop"), name="more", hook="")

    assert passes(chain(rule("jump", SSH, target="more")), more) is Passes.YES
    assert passes(chain(rule("jump", HERE, target="more")), more) is Passes.NO
    assert passes(chain(rule("jump", strange=True, target="more")), more) is Passes.YES


def test_where_packets_end_is_told() -> None:
    dropping, policy = chain(rule("drop", HERE)), chain(drops=True)

    assert fate(Ruleset((dropping,)), COMING) == Fate(Passes.NO, Stop(dropping, dropping.rules[0]))
    assert fate(Ruleset((policy,)), COMING) == Fate(Passes.NO, Stop(policy, None))
    assert fate(Ruleset(), COMING) == Fate(Passes.YES)
    assert str(dropping) == "inet filter input"
    assert str(dropping.rules[0]) == 'iifname "eth1" drop'
    assert str(rule("jump", strange=True, target="more")) == "... jump more"


@pytest.mark.parametrize(
    ("more", "packets", "expected"),
    [
        ({}, COMING, Passes.NO),
        ({}, GOING, Passes.YES),
        ({"hook": "output"}, GOING, Passes.NO),
        ({"hook": "forward"}, COMING, Passes.YES),
        ({"hook": "prerouting", "priority": -300}, COMING, Passes.NO),
        ({"hook": "prerouting", "kind": "nat"}, COMING, Passes.YES),
        ({"hook": ""}, COMING, Passes.YES),
        ({"family": "ip"}, COMING, Passes.NO),
        ({"family": "ip6"}, COMING, Passes.YES),
        ({"family": "ip6"}, replace(COMING, address=ip6("2001:db8::1")), Passes.NO),
        ({"family": "netdev", "hook": "ingress", "devices": frozenset(("eth1",))}, COMING, Passes.NO),
        ({"family": "netdev", "hook": "ingress", "devices": frozenset(("eth0",))}, COMING, Passes.YES),
        ({"family": "bridge"}, COMING, Passes.YES),
    ],
)
def test_only_chains_on_their_way_count(more: dict[str, object], packets: Packets, expected: Passes) -> None:
    assert passes(chain(rule("drop"), **more), packets=packets) is expected  # type: ignore[arg-type]


def test_a_later_chain_drops_what_an_earlier_one_accepts() -> None:
    early = chain(rule("accept"), priority=-10)
    late = chain(rule("drop", HERE), priority=10)

    assert fate(Ruleset((late, early)), COMING).stop == Stop(late, late.rules[0])


def test_chains_of_other_tables_are_not_jumped_to() -> None:
    other = replace(chain(rule("drop"), name="more", hook=""), table="other")

    assert passes(chain(rule("jump", target="more")), other) is Passes.YES


def test_what_a_container_may_get_is_not_said_to_be_dropped() -> None:
    closed = chain(drops=True)
    docker = chain(rule("other", SSH), name="docker", hook="")
    jump = rule("jump", strange=True, target="docker")
    before = chain(jump, name="before", hook="prerouting", kind="nat")

    assert passes(closed, before, docker) is Passes.MAYBE
    assert passes(closed, before, replace(docker, rules=(rule("return"),))) is Passes.NO
    assert passes(chain(drops=True, hook="prerouting"), before, docker) is Passes.NO
    assert passes(replace(closed, hook="output"), before, docker, packets=GOING) is Passes.MAYBE


def test_addresses_fare_alike_but_for_the_edges_of_what_rules_name() -> None:
    of = Match("ip daddr", ((10, 19), (30, 30)))
    ruleset = Ruleset((chain(rule("drop", of), rule("accept", Match("ip6 saddr", ((7, 8),)))),))

    assert edges(ruleset, 4) == (10, 20, 30, 31)
    assert edges(ruleset, 6) == (7, 9)


RULES = st.lists(
    st.builds(
        FirewallRule,
        st.just(1),
        st.lists(st.sampled_from([HERE, ELSEWHERE, SSH, OLD, Match("strange")]), max_size=2).map(tuple),
        st.sampled_from(["", "accept", "drop", "return", "jump", "goto", "other"]),
        st.sampled_from(["one", "two"]),
        st.booleans(),
    ),
    max_size=5,
).map(tuple)


@given(first=RULES, one=RULES, two=RULES, drops=st.booleans())
def test_a_walk_ends_and_more_that_accepts_never_makes_it_worse(
    first: tuple[FirewallRule, ...], one: tuple[FirewallRule, ...], two: tuple[FirewallRule, ...], *, drops: bool
) -> None:
    """Circles too, which the kernel would refuse."""
    others = (chain(*one, name="one", hook=""), chain(*two, name="two", hook=""))
    found = fate(Ruleset((chain(*first, drops=drops), *others)), COMING)

    assert found.passes is not Passes.NO or found.stop is not None
    assert found.passes is not Passes.MAYBE or (found.stop is not None and found.doubt is not None)
    assert passes(chain(rule("accept"), *first, drops=drops), *others) is Passes.YES
    assert passes(chain(rule("accept", SSH), *first, drops=drops), *others) is Passes.YES


MARKED = Match("mark", ((5, 5),))
FOREIGN = Match("iifname", names=("eth0",))


def gives(*matches: Match, mark: tuple[int, int] = (5, 5)) -> Chain:
    """A chain that gives marks."""
    giving = replace(rule("", *matches), gives=(mark,))
    return chain(giving, name="mangle", hook="prerouting", priority=-150)


@pytest.mark.parametrize(
    ("before", "match", "expected"),
    [
        ((), MARKED, Passes.MAYBE),
        ((gives(),), MARKED, Passes.YES),
        ((gives(SSH),), MARKED, Passes.YES),
        ((gives(mark=(0, 2**32 - 1)),), MARKED, Passes.YES),
        ((gives(mark=(6, 6)),), MARKED, Passes.MAYBE),
        ((gives(FOREIGN),), MARKED, Passes.MAYBE),
        ((gives(OLD),), MARKED, Passes.MAYBE),
        ((gives(mark=(0x105, 0x105)),), replace(MARKED, mask=255), Passes.YES),
        ((gives(mark=(0x106, 0x106)),), replace(MARKED, mask=255), Passes.MAYBE),
        ((), replace(MARKED, inverted=True), Passes.YES),
        ((), Match("mark", ((0, 0),), inverted=True), Passes.MAYBE),
        ((gives(),), Match("mark", ((0, 0),), inverted=True), Passes.YES),
        ((gives(),), Match("mark", named="marks"), Passes.MAYBE),
    ],
)
def test_a_mark_lets_in_where_a_rule_gives_it_and_else_nobody_can_tell(
    before: tuple[Chain, ...], match: Match, expected: Passes
) -> None:
    assert passes(*before, chain(rule("accept", OLD), rule("accept", match), drops=True)) is expected


def test_the_mark_of_a_connection_is_given_when_it_begins_from_either_side() -> None:
    by_mark = chain(rule("accept", Match("ct mark", ((5, 5),))), drops=True)
    outward = chain(replace(rule("", Match("oifname", names=("eth1",))), gives=((5, 5),)), hook="output", name="o")

    inward = gives(HERE, Match("ct state", ((NEW, NEW),)))

    for begun in (outward, inward):
        assert passes(by_mark, begun, packets=replace(COMING, new=False)) is Passes.YES
    assert passes(by_mark, outward) is Passes.MAYBE


def test_a_doubt_names_the_rule_that_it_is_about() -> None:
    first, second = rule("accept", MARKED), rule("accept", strange=True)
    input_ = chain(rule("accept", OLD), first, second, drops=True)
    away = chain(rule("other", SSH), name="dnat", hook="prerouting", kind="nat")
    below = chain(second, name="below", hook="")
    jumping = chain(rule("jump", target="below"), drops=True)

    assert fate(Ruleset((input_,)), COMING).doubt == Stop(input_, first)
    assert fate(Ruleset((chain(drops=True), away)), COMING).doubt == Stop(away, rule("other", SSH))
    assert fate(Ruleset((jumping, below)), COMING).doubt == Stop(below, second)
    assert fate(Ruleset((chain(drops=True),)), COMING).doubt is None
