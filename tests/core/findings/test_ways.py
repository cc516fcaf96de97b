"""Packets that leave by another NIC, by none, and by one that cannot reach the cloud's services."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from eip_agent.core.conclude import NOBODY_ELSE, conclude
from eip_agent.core.facts import Remembered
from eip_agent.core.findings.all import find_all
from eip_agent.core.findings.ways import astray, marked, services
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen, Surroundings
from tests.builders import address, declared, device, ip4, link, net4
from tests.core.findings.support import codes, nat_eip, told
from tests.core.findings.surrounded import HERE, default, rule_for, surrounded
from tests.strategies import World, worlds

STRICT = {"rp_filter": 1}
TUNNEL = 9


def test_an_address_that_main_sends_by_the_primary_is_told_with_its_eip_and_what_becomes_of_it() -> None:
    (loose,) = astray(surrounded(default(0), api=told(nat_eip(11))))
    (strict,) = astray(surrounded(default(0), common=STRICT))

    assert (loose.code, loose.subject) == ("EIP111", "eth1 192.168.1.10")
    assert "192.168.1.10 (EIP 203.0.113.11)" in loose.saw
    assert "leave by eth0: rule 32766 leads to `default via 192.168.0.253 dev eth0`" in loose.saw
    assert loose.means.startswith("the ENI of eth0 does not have that address")
    assert strict.means.startswith("requests to it are dropped on arrival")


def test_the_filter_is_strict_only_where_the_larger_value_says_so() -> None:
    (found,) = astray(surrounded(common={"rp_filter": 2}, links=(link(0), link(1, conf=(("rp_filter", 1),)))))

    assert "dropped on arrival" not in found.means


def test_a_rule_by_whomever_that_leads_out_by_the_own_nic_is_right() -> None:
    assert not list(astray(surrounded(default(0), default(1, 100), rules=(rule_for("192.168.1.0/24", 100),))))
    assert not list(astray(surrounded(default(0), addresses=HERE[:1])))


def test_a_tunnel_that_takes_the_replies_is_told() -> None:
    halves = [RouteSeen(254, net4(to), hops=(Hop(TUNNEL),)) for to in ("0.0.0.0/1", "128.0.0.0/1")]
    found = list(astray(surrounded(default(0), *halves)))

    assert codes(found) == ["EIP111", "EIP111"]
    assert "is not the NIC of its ENI" in found[0].means


def test_addresses_that_share_a_wrong_way_are_one_finding() -> None:
    many = [*HERE, *(address(f"192.168.1.{host}") for host in range(20, 40))]
    (found,) = astray(surrounded(addresses=many))

    assert found.subject == "eth1 192.168.1.10 +20"
    assert "13 more" in found.saw


def test_an_address_without_any_route_is_told_with_why() -> None:
    (nothing,) = astray(surrounded(RouteSeen(7, net4("10.0.0.0/8")), addresses=HERE[1:]))
    refused = RouteSeen(254, net4("0.0.0.0/0"), "unreachable")
    (unreachable,) = astray(surrounded(refused, addresses=HERE[1:]))

    assert (nothing.code, unreachable.code) == ("EIP112", "EIP112")
    assert "no table that a rule looks up has a default route" in nothing.saw
    assert "rule 32766 leads to `unreachable default`" in unreachable.saw


def test_what_main_refuses_no_pass_heals() -> None:
    """For `suppress_prefixlength` passes over routes, and not over refusals."""
    refused = RouteSeen(254, net4("0.0.0.0/0"), "unreachable", metric=7)
    elsewhere = RouteSeen(100, net4("0.0.0.0/0"), "prohibit")
    (of_main,) = astray(surrounded(refused))
    (other,) = astray(surrounded(elsewhere, rules=(rule_for("192.168.0.0/16", 100, 30000),), addresses=HERE[1:]))

    assert of_main.commands == ("ip route del unreachable default metric 7", "eip-agent apply")
    assert "delete that route" in str(of_main.do)
    assert {"eth0", "eth1"} <= of_main.about, "one finding for one trouble"
    assert other.commands == ("eip-agent apply",)
    assert str(other.do) == "let eip-agent give it a rule and a table of its own"


def test_what_a_rule_of_somebody_else_takes_is_told_of_that_rule() -> None:
    assert not list(astray(surrounded(rules=(rule_for("192.168.0.0/16", 254, 100),))))
    assert codes(astray(surrounded(rules=(rule_for("192.168.0.0/16", 254, 30000),)))) == ["EIP111"], "ours come first"


def test_replies_that_are_routed_by_marks_are_not_judged() -> None:
    mark = RuleSeen(4, 700, table=77, mark=7)
    by_mark = surrounded(default(0), default(1, 77), rules=(mark,))

    assert dict(marked(by_mark)) == {device(1).index: mark}
    assert not list(astray(by_mark))


def test_what_was_not_read_is_not_judged() -> None:
    assert not list(astray(replace(surrounded(), surroundings=None)))
    assert not list(services(replace(surrounded(), surroundings=None)))


def test_services_by_an_eip_visible_nic_are_told() -> None:
    eip = declared("203.0.113.42", Mode.EIP_VISIBLE)
    range_ = RouteSeen(254, net4("100.64.0.0/10"), hops=(Hop(device(1).index),))
    (found,) = services(surrounded(default(0), range_, declared=(eip,)))

    assert (found.code, found.subject) == ("EIP131", "eth1")
    assert found.commands[0] == "ip route replace 100.64.0.0/10 via 192.168.0.253 dev eth0"
    assert not list(services(surrounded(default(0), declared=(eip,))))
    assert not list(services(surrounded(default(0), range_))), "which a NAT ENI reaches"


def routes_of(world: World, draw: st.DataObject) -> tuple[RouteSeen, ...]:
    """Routes by any link to anywhere, in `main` and in tables of ours and of others."""
    links = st.sampled_from([one.link.index for one in world.kernel.links] or [2])
    hops = st.lists(st.builds(Hop, links, st.sampled_from((None, ip4("192.168.1.253")))), max_size=2).map(tuple)
    nets = st.sampled_from([net4(to) for to in ("0.0.0.0/0", "0.0.0.0/1", "192.168.0.0/24", "100.64.0.0/10")])
    kinds = st.sampled_from(("unicast", "unicast", "unreachable", "throw"))
    route = st.builds(RouteSeen, st.sampled_from((254, 100, 20_000_048)), nets, kinds, hops, st.integers(0, 2))
    return tuple(draw.draw(st.lists(route, max_size=8)))


def rules_of(draw: st.DataObject) -> tuple[RuleSeen, ...]:
    nets = st.sampled_from((None, net4("192.168.0.0/16"), net4("192.168.1.10/32"), net4("203.0.113.0/24")))
    rule = st.builds(
        RuleSeen,
        st.just(4),
        st.sampled_from((100, 24011, 24500, 30000)),
        st.sampled_from(("lookup", "lookup", "prohibit", "goto")),
        st.sampled_from((None, 254, 100, 20_000_048)),
        goto=st.sampled_from((None, 30000)),
        source=nets,
        destination=nets,
        mark=st.sampled_from((None, 7)),
    )
    return tuple(draw.draw(st.lists(rule, max_size=6)))


@given(worlds(), st.data())
@settings(max_examples=60)
def test_whatever_rules_and_routes_there_are_looking_never_fails(world: World, draw: st.DataObject) -> None:
    report = conclude(world.cloud, world.kernel, Remembered(), world.settings)
    around = Surroundings(rules_of(draw), routes_of(world, draw))
    scene = Scene(report, world.kernel, NOBODY_ELSE, world.settings, Remembered(), surroundings=around)

    for finding in find_all(scene):
        assert all((finding.subject, finding.saw, finding.means, finding.do)), finding
        assert all("None" not in command for command in finding.commands), finding
