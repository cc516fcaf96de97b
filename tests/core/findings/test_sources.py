"""Each finding says what is so, what it means, and what to do; a healthy instance gets none."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from eip_agent.core.claims import Case
from eip_agent.core.conclude import Witnesses
from eip_agent.core.facts import KernelFact, Remembered, RuleFact
from eip_agent.core.finding import Finding
from eip_agent.core.findings.sources import contradictions, denied, released, stale_leases, strangers, turned
from eip_agent.core.judge import judge
from eip_agent.core.known import Known, ModeSeen
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import ApiFact, Bound, Denied, EipFact, policy
from eip_agent.core.pairing import Port
from eip_agent.core.report import Report, Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.surroundings import RuleSeen, Surroundings
from tests.builders import address, cloud, declared, device, eni, ip4, kernel, mac, net4, port


def story(of: Port | None = None, *eips: str) -> Story:
    of = of or port(1)
    verdict = judge(Case(of, declared=[declared(eip, Mode.MULTI_EIP_VISIBLE) for eip in eips]))
    return Story(of.eni, of.link, of.primary, verdict)


def scene(stories: Sequence[Story] = (), holds: KernelFact | None = None, **witnesses: Any) -> Scene:
    report = Report(cloud(), tuple(stories))
    return Scene(report, holds or kernel(), Witnesses(**witnesses), Settings(), Remembered())


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    assert all((finding.subject, finding.saw, finding.means, finding.do))
    return finding


def test_an_undecided_eni_is_told_unless_it_is_excluded() -> None:
    doubtful = story(port(1, eni=eni(1, private_ipv4s=None)))

    assert "did not tell" in only(contradictions(scene([doubtful]))).saw
    assert not list(contradictions(scene([replace(doubtful, excluded=True), story()])))


def test_a_strangers_rule_in_our_band_is_told_with_how_to_remove_it() -> None:
    stranger = RuleFact(6, 24500, 4, table=100)
    (command,) = only(strangers(scene(holds=kernel(rules=(stranger,))))).commands
    assert command == "ip -6 rule del priority 24500 from all lookup 100 protocol 4"


def test_a_strangers_rule_is_told_whole_lest_one_of_ours_be_deleted() -> None:
    """For the kernel deletes the first of a priority that is like what it is told."""
    marked = RuleFact(4, 24001, 3, net4("172.16.0.0/24"), table=254, forwarded=True, plain=False)
    seen = RuleSeen(4, 24001, source=net4("172.16.0.0/24"), table=254, mark=7, protocol=3)
    ours = replace(seen, mark=None, protocol=2, incoming="lo", suppress_length=2)
    of = replace(scene(holds=kernel(rules=(marked,))), surroundings=Surroundings(rules=(ours, seen)))

    found = only(strangers(of))
    assert found.commands == ("ip rule del priority 24001 from 172.16.0.0/24 fwmark 0x7 lookup main protocol 3",)
    assert "EIP141" in found.kind.caused_by
    assert found.about == {"rule 24001"}


def test_a_lease_that_the_cloud_would_not_give_any_more_is_told() -> None:
    held = kernel(addresses=(address("192.168.1.10", leased=True),))
    eip = OfferFact(device(1).index, ip4("203.0.113.10"), 24)
    same = OfferFact(device(1).index, ip4("192.168.1.10"), 24)

    assert "now offers 203.0.113.10" in only(stale_leases(scene([story()], held, offers=(eip,)))).saw
    assert not list(stale_leases(scene([story()], held, offers=(same,))))
    assert not list(stale_leases(scene([story()], held)))
    assert not list(stale_leases(scene([story()], offers=(eip,))))


def test_a_mode_that_changed_is_told_with_when_it_was_last_seen() -> None:
    known = Known("i-1", mac(0), {}, 1000.0, modes=(ModeSeen(mac(1), Mode.EIP_VISIBLE),))
    same = replace(known, modes=(ModeSeen(mac(1), Mode.NAT),))

    found = only(turned(scene([story()], known=known, now=1120.0)))
    assert "was eip-visible 2 minutes ago, and is nat" in found.saw
    assert not list(turned(scene([story()], known=same, now=1120.0)))
    assert not list(turned(scene([story()], now=1120.0)))


def test_an_eip_that_was_unbound_or_moved_is_told() -> None:
    bound = EipFact(ip4("203.0.113.10"), "eip-1", Bound.ENI, "eni-1", Mode.NAT)
    before = ApiFact(eips=(bound,), asked=frozenset(("eni-1", "eni-2")))
    moved = replace(before, eips=(replace(bound, instance_id="eni-2"),))
    gone = replace(before, eips=(replace(bound, status="Available", instance_id=""),))

    def found(former: ApiFact | None, now: ApiFact | None) -> list[Finding]:
        return list(released(scene([story()], api_before=former, api=now)))

    assert "bound to eni-2 now" in only(found(before, moved)).saw
    assert "bound to nothing here" in only(found(before, gone)).saw
    assert not found(before, before)
    assert not found(before, replace(gone, asked=frozenset()))
    assert not found(None, gone)
    assert not found(before, None)


def test_a_denied_call_names_the_action_that_is_missing() -> None:
    api = ApiFact(denied=(Denied("vpc:DescribeEipAddresses", "Forbidden.RAM"),))

    assert "vpc:DescribeEipAddresses" in only(denied(scene(api=api))).subject
    assert policy() in only(denied(scene(api=api))).do
    assert not list(denied(scene()))
    left_out = ApiFact(denied=(Denied("ecs:DescribeInstanceTypes", "Forbidden.RAM"),))
    assert not list(denied(scene(api=left_out))), "what only fills an answer in may be left out of the policy"
