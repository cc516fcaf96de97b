"""Questions 1 to 4."""

from eip_agent.core.faq.answer import Sign
from eip_agent.core.faq.resources import regions, resources, several_resources, zones
from eip_agent.core.openapi import Bound, HavipFact
from eip_agent.core.settings import Mode
from tests.builders import cloud, declared, ip4
from tests.core.faq.support import WHOLE, explained, instance, says, unseen
from tests.core.findings.support import nat_eip, told

HAVIP = HavipFact("havip-1", ip4("192.168.1.99"), "InUse", "i-1", ("i-1",), (ip4("203.0.113.99"),))


def test_what_can_be_bound_is_said_of_each_eni_by_its_mode() -> None:
    answer = resources(explained())
    assert "2 EIPs are known" in answer.short
    assert "eth1 (eni-1) is `nat`: one EIP for each of its private addresses, 192.168.1.10" in says(answer)
    assert "eth0 (eni-0, primary)" in says(answer)
    assert not answer.gaps

    multi = resources(explained(None, declared=(declared("203.0.113.20", Mode.MULTI_EIP_VISIBLE),)))
    assert "up to ten EIPs beside" in says(multi)
    visible = resources(explained(None, declared=(declared("203.0.113.20", Mode.EIP_VISIBLE),)))
    assert "in the place of its private address" in says(visible)
    assert "which EIPs are bound to eth0, eth1" in unseen(visible)


def test_the_havips_of_this_instance_are_named() -> None:
    assert "HAVIP havip-1 (192.168.1.99), which can have one EIP: 203.0.113.99" in says(
        resources(explained(told(havips=(HAVIP,))))
    )
    assert "HAVIP" not in says(resources(explained(told(havips=(HAVIP,)), of=cloud(instance_id="i-2"))))


def test_an_eip_that_is_elsewhere_is_told_with_the_finding() -> None:
    elsewhere = nat_eip(instance_id="lb-1", bound=Bound.SLB, mode=None)
    answer = several_resources(explained(told(elsewhere), declared=(declared("203.0.113.11"),)))

    assert "name different places" in answer.short
    (wrong,) = [point for point in answer.here if point.sign is Sign.WRONG]
    assert (wrong.says, wrong.codes) == ("203.0.113.11 is bound to the load balancer lb-1", ("EIP402",))
    assert Sign.WRONG not in {point.sign for point in several_resources(explained(WHOLE)).here}


def test_region_and_zone_are_this_instances() -> None:
    assert "cn-hangzhou" in regions(explained()).short
    assert "cn-hangzhou-j" in zones(explained()).short
    unknown = explained(of=instance(region=None))
    assert "a region that nobody told" in regions(unknown).short
    assert "a zone that nobody told" in zones(explained(of=cloud())).short
