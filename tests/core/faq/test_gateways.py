"""Questions 6 to 9."""

from dataclasses import replace

from eip_agent.core.faq.answer import Sign
from eip_agent.core.faq.gateways import balancers, console, dnat, nat_gateways
from eip_agent.core.openapi import Bound, DnatFact
from tests.builders import ip4
from tests.core.faq.support import WHOLE, explained, says, unseen
from tests.core.findings.support import nat_eip, told

SLB = nat_eip(12, bound=Bound.SLB, instance_id="lb-1", mode=None)
GATEWAY = nat_eip(13, bound=Bound.NAT_GATEWAY, instance_id="ngw-1", mode=None)


def entry(internal: str) -> DnatFact:
    return DnatFact(ip4("203.0.113.230"), "80", ip4(internal), "80", "tcp", "ngw-1")


def test_eips_of_balancers_and_gateways_are_named() -> None:
    scene = explained(told(SLB, GATEWAY))

    assert "203.0.113.12 is bound to lb-1" in says(balancers(scene))
    assert "1 of the EIPs known here are" in balancers(scene).short
    assert "none of the EIPs known here is" in balancers(explained()).short
    assert "203.0.113.12 is bound to lb-1" in says(console(scene))
    assert "203.0.113.13 is bound to ngw-1" in says(nat_gateways(scene))
    assert "ngw-1 has DNAT entries" in says(nat_gateways(explained(told(dnat=(entry("192.168.1.10"),)))))
    assert "no NAT gateway is known" in says(nat_gateways(explained()))
    for question in (balancers, nat_gateways):
        assert "did not tell" in says(question(explained(None)), Sign.UNKNOWN)


def test_dnat_is_looked_up_and_a_clash_is_wrong() -> None:
    def answered(*entries: str) -> tuple[str, str, tuple[str, ...]]:
        answer = dnat(explained(replace(WHOLE, dnat=tuple(map(entry, entries)))))
        codes = tuple(code for point in answer.here for code in point.codes)
        return answer.short, says(answer, Sign.WRONG), codes

    assert answered() == ("no; no entry leads to this instance", "", ())
    short, wrong, codes = answered("192.168.1.10", "192.168.1.12")
    assert short == "no; 1 entries lead to addresses here that have an EIP"
    assert "203.0.113.11" in wrong
    assert codes == ("EIP410",)
    assert answered("192.168.1.12")[0] == "no; 1 entries lead here, to addresses without an EIP"


def test_dnat_that_nobody_told_of_is_unknown() -> None:
    answer = dnat(explained(None))

    assert "is not known" in answer.short
    assert says(answer, Sign.UNKNOWN)
    assert "vpc:DescribeForwardTableEntries" in unseen(answer)
    assert "vpc:DescribeForwardTableEntries" not in unseen(dnat(explained()))
