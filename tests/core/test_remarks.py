"""Each remark says what is so, what it means, and what to do; a healthy instance gets none."""

from collections.abc import Iterable
from dataclasses import replace

from eip_agent.core.facts import RuleFact
from eip_agent.core.judge import Case, judge
from eip_agent.core.known import Known, ModeSeen
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import ApiFact, Bound, Denied, EipFact, policy
from eip_agent.core.pairing import Port
from eip_agent.core.remark import Remark
from eip_agent.core.remarks import (
    contradictions,
    denied,
    groups,
    released,
    stale_leases,
    strangers,
    taken,
    turned,
    without_ipv6,
)
from eip_agent.core.report import Story
from eip_agent.core.settings import Mode, Settings
from tests.builders import address, cloud, declared, device, eni, eni6, ip4, kernel, link, mac, port


def story(of: Port | None = None, *eips: str) -> Story:
    of = of or port(1)
    verdict = judge(Case(of, declared=[declared(eip, Mode.MULTI_EIP_VISIBLE) for eip in eips]))
    return Story(of.eni, of.link, of.primary, verdict)


def only(remarks: Iterable[Remark]) -> Remark:
    (remark,) = remarks
    assert all((remark.subject, remark.saw, remark.means, remark.do))
    return remark


def test_an_undecided_eni_is_told_unless_it_is_excluded() -> None:
    doubtful = story(port(1, eni=eni(1, private_ipv4s=None)))

    assert "did not tell" in only(contradictions([doubtful])).saw
    assert not list(contradictions([replace(doubtful, excluded=True), story()]))


def test_a_group_of_somebody_else_is_told() -> None:
    assert "device group 7" in only(groups([port(1, link=link(1, group=7))])).saw
    assert not list(groups([port(1), port(1, link=link(1, group=20000))]))


def test_ipv6_that_is_switched_off_is_told_where_the_cloud_gave_it() -> None:
    off = link(1, ipv6=False)

    assert "disable_ipv6=0" in only(without_ipv6([port(1, eni=eni6(1), link=off)], Settings())).do
    assert not list(without_ipv6([port(1, eni=eni6(1), link=off)], Settings(leave_ipv6=True)))
    assert not list(without_ipv6([port(1, link=off), port(1, eni=eni6(1))], Settings()))


def test_a_strangers_rule_in_our_band_is_told_with_how_to_remove_it() -> None:
    stranger = RuleFact(6, 24500, 4, table=100)

    assert "`ip -6 rule del priority 24500`" in only(strangers(kernel(rules=(stranger,)))).do


def test_a_lease_that_the_cloud_would_not_give_any_more_is_told() -> None:
    held = kernel(addresses=(address("192.168.1.10", leased=True),))
    eip = OfferFact(device(1).index, ip4("203.0.113.10"), 24)
    same = OfferFact(device(1).index, ip4("192.168.1.10"), 24)

    assert "now offers 203.0.113.10" in only(stale_leases([story()], held, [eip])).saw
    assert not list(stale_leases([story()], held, [same]))
    assert not list(stale_leases([story()], held, []))
    assert not list(stale_leases([story()], kernel(), [eip]))


def test_a_mode_that_changed_is_told_with_when_it_was_last_seen() -> None:
    known = Known("i-1", mac(0), {}, 1000.0, modes=(ModeSeen(mac(1), Mode.EIP_VISIBLE),))

    assert "was eip-visible 2 minutes ago, and is nat" in only(turned([story()], known, 1120.0)).saw
    assert not list(turned([story()], replace(known, modes=(ModeSeen(mac(1), Mode.NAT),)), 1120.0))
    assert not list(turned([story()], None, 1120.0))


def test_an_eip_that_was_unbound_or_moved_is_told() -> None:
    bound = EipFact(ip4("203.0.113.10"), "eip-1", Bound.ENI, "eni-1", Mode.NAT)
    before = ApiFact(eips=(bound,), asked=frozenset(("eni-1", "eni-2")))
    moved = replace(before, eips=(replace(bound, instance_id="eni-2"),))
    gone = replace(before, eips=(replace(bound, status="Available", instance_id=""),))

    assert "bound to eni-2 now" in only(released([story()], cloud(), before, moved)).saw
    assert "bound to nothing here" in only(released([story()], cloud(), before, gone)).saw
    assert not list(released([story()], cloud(), before, before))
    assert not list(released([story()], cloud(), before, replace(gone, asked=frozenset())))
    assert not list(released([story()], cloud(), None, gone))
    assert not list(released([story()], cloud(), before, None))


def test_a_denied_call_names_the_action_that_is_missing() -> None:
    api = ApiFact(denied=(Denied("vpc:DescribeEipAddresses", "Forbidden.RAM"),))

    assert "vpc:DescribeEipAddresses" in only(denied(api)).subject
    assert policy() in only(denied(api)).do
    assert not list(denied(None))


def test_an_address_that_a_container_has_is_told() -> None:
    assert "192.168.1.10" in only(taken(kernel(taken=frozenset((ip4("192.168.1.10"),))))).subject
    assert not list(taken(kernel()))
