"""What the firewall stops is told for sure, perhaps, or not at all."""

from dataclasses import replace
from typing import Any

import pytest

from eip_agent.core.claims import Case
from eip_agent.core.conclude import Witnesses
from eip_agent.core.facts import Remembered
from eip_agent.core.finding import Finding, Severity
from eip_agent.core.findings.firewall import firewall
from eip_agent.core.firewall import Chain, FirewallRule
from eip_agent.core.firewall_match import ESTABLISHED, Match
from eip_agent.core.judge import judge
from eip_agent.core.openapi import ApiFact, Bound, EipFact
from eip_agent.core.report import Report, Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.surroundings import Ruleset, Surroundings
from tests.builders import address, cloud, declared, ip4, kernel, link, port

ETH1 = Match("iifname", names=("eth1",))
OLD = Match("ct state", ((ESTABLISHED, ESTABLISHED),))
SSH = Match("th dport", ((22, 22),))
INSIDE = Match("ip saddr", ((int(ip4("10.0.0.0")), int(ip4("10.255.255.255"))),))
HELD = (address("192.168.1.10"), address("192.168.1.11"), address("fe80::1", universal=False))


def rule(verdict: str, *matches: Match, strange: bool = False) -> FirewallRule:
    return FirewallRule(9, matches, verdict, strange=strange)


def chain(*rules: FirewallRule, drops: bool = False, hook: str = "input") -> Chain:
    return Chain("inet", "filter", hook, rules, hook=hook, drops=drops)


def scene(*chains: Chain, settings: Settings | None = None, api: ApiFact | None = None, **more: Any) -> Scene:
    of = port(1)
    story = replace(Story(of.eni, of.link, of.primary, judge(Case(of))), **more)
    around = Surroundings(firewall=Ruleset(chains))
    bare = Scene(
        Report(cloud(), (story,)), kernel(addresses=HELD), Witnesses(api), settings or Settings(), Remembered()
    )
    return replace(bare, surroundings=around)


def found(*chains: Chain, **more: Any) -> list[Finding]:
    findings = list(firewall(scene(*chains, **more)))
    assert all(one.subject and one.saw and one.means and one.do for one in findings)
    return findings


@pytest.mark.parametrize(
    ("chains", "expected"),
    [
        ((), []),
        ((chain(rule("drop", ETH1)),), ["EIP251"]),
        ((chain(drops=True),), ["EIP251"]),
        ((chain(rule("accept", OLD), rule("drop", ETH1)),), ["EIP252"]),
        ((chain(rule("accept", OLD), drops=True),), ["EIP252"]),
        ((chain(rule("accept", OLD), rule("accept", SSH), drops=True),), []),
        ((chain(rule("accept", OLD), rule("accept", strange=True), drops=True),), ["EIP253"]),
        ((chain(rule("drop", Match("oifname", names=("eth1",))), hook="output"),), ["EIP254"]),
        ((chain(rule("accept", OLD), drops=True, hook="output"),), []),
        ((chain(rule("drop", Match("iifname", names=("eth0",)))),), []),
        ((chain(drops=True, hook="forward"),), []),
        ((chain(rule("drop", ETH1), rule("accept", OLD)), chain(drops=True, hook="output")), ["EIP254", "EIP251"]),
    ],
)
def test_what_is_stopped_is_told(chains: tuple[Chain, ...], expected: list[str]) -> None:
    assert [one.code for one in found(*chains)] == expected


def test_all_addresses_that_one_rule_stops_are_told_together() -> None:
    (one,) = found(chain(rule("drop", ETH1)))

    assert "192.168.1.10, 192.168.1.11" in one.saw
    assert 'the rule `iifname "eth1" drop` in chain `inet filter input`' in one.saw
    assert one.commands == ("nft delete rule inet filter input handle 9",)
    assert one.about == {"eth1", "192.168.1.10", "192.168.1.11"}
    (policy,) = found(chain(drops=True))
    assert policy.commands == ("nft -a list chain inet filter input",)


def test_addresses_that_rules_tell_apart_are_told_apart() -> None:
    second = int(ip4("192.168.1.11"))
    (one,) = found(chain(rule("drop", Match("ip daddr", ((second, second),)))))
    (other,) = found(chain(rule("drop", Match("ip daddr", ((second, second),), inverted=True))))

    assert "for 192.168.1.11:" in one.saw
    assert "for 192.168.1.10:" in other.saw


def test_what_only_the_vpc_may_reach_is_closed_to_an_eip_and_open_to_a_private_address() -> None:
    inside = chain(rule("accept", OLD), rule("accept", INSIDE), drops=True)
    bound = EipFact(ip4("203.0.113.9"), "eip-1", Bound.ENI, "eni-1", Mode.NAT, private_address=ip4("192.168.1.10"))

    assert not found(inside), "whether an EIP is bound is not known"
    (by_api,) = found(inside, api=ApiFact(eips=(bound,)))
    (by_settings,) = found(inside, settings=Settings(eips=(declared("203.0.113.9"),)))
    assert "for 192.168.1.10:" in by_api.saw
    assert "for 192.168.1.10:" in by_settings.saw
    assert not found(inside, api=ApiFact(eips=(replace(bound, status="Available"),)))


def test_a_link_that_is_down_or_left_alone_is_not_looked_at() -> None:
    closed = chain(drops=True)

    assert not found(closed, link=link(1, up=False))
    assert not found(closed, excluded=True)


def test_rules_that_were_not_looked_at_are_told() -> None:
    bare = scene()
    legacy = Surroundings(firewall=Ruleset(legacy=("filter", "nat", "filter")))

    (one,) = firewall(replace(bare, surroundings=legacy))
    assert (one.code, one.saw) == ("EIP255", "tables of iptables-legacy are in use: filter, nat")
    assert not list(firewall(replace(bare, surroundings=Surroundings())))
    assert not list(firewall(replace(bare, surroundings=None)))


MARKED = Match("mark", ((1, 1),))


def test_what_a_mark_lets_in_is_not_known_where_no_rule_gives_it() -> None:
    (one,) = found(chain(rule("accept", OLD), rule("accept", MARKED), drops=True))

    assert (one.code, one.severity) == ("EIP253", Severity.NOTE)
    assert (
        "the rule `meta mark 0x00000001 accept` in chain `inet filter input` decides by a mark that no rule" in one.saw
    )
    assert "what is left is dropped by the policy of chain `inet filter input`" in one.saw
    assert one.commands == ("nft -a list chain inet filter input",)


@pytest.mark.parametrize(("gives", "expected"), [((1, 1), []), ((2, 2), ["EIP253"])])
def test_a_firewall_that_accepts_by_the_mark_it_gives_is_none_to_tell_of(
    gives: tuple[int, int], expected: list[str]
) -> None:
    giving = replace(rule("", SSH), gives=(gives,))
    before = chain(giving, hook="prerouting")

    assert [
        one.code for one in found(before, chain(rule("accept", OLD), rule("accept", MARKED), drops=True))
    ] == expected
    assert [one.code for one in found(before, chain(rule("accept", OLD), drops=True))] == ["EIP252"], "a near miss"


def test_a_mark_is_not_blamed_for_what_else_is_strange() -> None:
    (one,) = found(chain(rule("accept", OLD), rule("accept", MARKED, strange=True), drops=True))

    assert "what the rule `meta mark 0x00000001 ... accept` in chain" in one.saw


def test_what_is_handed_on_is_told_by_the_rule_that_does() -> None:
    away = replace(chain(rule("other", SSH), hook="prerouting"), kind="nat")
    (one,) = found(away, chain(rule("accept", OLD), drops=True))

    assert one.code == "EIP253"
    assert (
        "what the rule `th dport 22 ...` in chain `inet filter prerouting` lets in, or hands on, cannot be" in one.saw
    )
    assert one.commands == ("nft -a list chain inet filter prerouting", "nft -a list chain inet filter input")
