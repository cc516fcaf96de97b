"""Rules of others that come before ours."""

from dataclasses import replace

from eip_agent.core.findings.shadows import shadowed
from eip_agent.core.findings.ways import astray
from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen
from tests.builders import device, net4
from tests.core.findings.support import codes
from tests.core.findings.surrounded import HERE, default, rule_for, surrounded

TAKING = rule_for("192.168.0.0/16", 254, 100)
BRIDGE = 9
NEAR = RouteSeen(254, net4("192.168.0.0/24"), hops=(Hop(device(0).index),), protocol=2)
FAR = RouteSeen(254, net4("172.17.0.0/16"), hops=(Hop(BRIDGE),), protocol=2)


def test_a_rule_that_takes_the_way_to_the_internet_is_named() -> None:
    (found,) = shadowed(surrounded(rules=(TAKING,)))
    (refusing,) = shadowed(surrounded(rules=(replace(TAKING, action="prohibit", table=None),), addresses=HERE[1:]))

    assert (found.code, found.subject) == ("EIP141", "eth1 192.168.1.10")
    assert found.commands == ("ip rule del priority 100 from 192.168.0.0/16 lookup main",)
    assert "to the Internet" in found.saw
    assert "leave by eth0" in found.saw
    assert "are refused" in refusing.saw


def test_a_rule_that_takes_the_way_to_one_network_is_named_where_that_is_by_another_eni() -> None:
    own = (default(0), default(1, 100), NEAR, FAR)
    rules = (rule_for("192.168.1.0/24", 100, 24011),)
    to_near = RuleSeen(4, 50, table=254, destination=NEAR.destination, protocol=3)
    to_bridge = RuleSeen(4, 51, table=254, destination=FAR.destination, protocol=3)

    (found,) = shadowed(surrounded(*own, rules=(*rules, to_near, to_bridge)))
    assert found.commands == ("ip rule del priority 50 from all to 192.168.0.0/24 lookup main",)
    assert "to 192.168.0.0/24 meet the rule" in found.saw
    assert not list(shadowed(surrounded(*own, rules=(*rules, to_bridge))))
    assert not list(shadowed(surrounded(*own, rules=(*rules, replace(to_near, source=net4("10.0.0.0/8"))))))


def test_a_rule_that_jumps_over_ours_is_named() -> None:
    """No pass heals what comes before it."""
    over, within = (RuleSeen(4, 10, "goto", goto=to, inverted=True, mark=1, protocol=3) for to in (32766, 20))
    of = surrounded(rules=(over, rule_for("192.168.1.0/24", 100, 24011)))
    (found,) = shadowed(of)

    assert found.commands == ("ip rule del priority 10 not from all fwmark 0x1 goto 32766",)
    assert "rule 10" in found.about
    assert not list(astray(of))
    assert codes(astray(surrounded(rules=(within, rule_for("10.0.0.0/8", 100, 20))))) == ["EIP111"]


def test_one_rule_is_one_finding_for_all_that_it_takes() -> None:
    everything = RuleSeen(4, 100, table=7, protocol=3)
    (found,) = shadowed(
        surrounded(default(0), RouteSeen(7, net4("0.0.0.0/0"), hops=(Hop(BRIDGE),)), rules=(everything,))
    )

    assert found.subject == "eth0, eth1 192.168.0.10 +1"


def test_a_rule_that_comes_later_or_leads_right_or_asks_for_more_is_not() -> None:
    assert not list(shadowed(surrounded(rules=(replace(TAKING, priority=30000),))))
    assert not list(shadowed(surrounded(default(0), default(1, 100), rules=(rule_for("192.168.1.0/24", 100, 100),))))
    assert not list(shadowed(surrounded(rules=(replace(TAKING, mark=7), replace(TAKING, ip_protocol=6)))))
    assert codes(shadowed(surrounded(rules=(replace(TAKING, priority=24500),)))) == ["EIP141"], "among ours, too"
    assert not list(shadowed(replace(surrounded(rules=(TAKING,)), surroundings=None)))
