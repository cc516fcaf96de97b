"""Question 12."""

from dataclasses import replace

from eip_agent.core.faq.answer import Sign
from eip_agent.core.faq.several import several
from eip_agent.core.openapi import LimitFact
from eip_agent.core.settings import Mode
from tests.builders import declared, eni, ip4
from tests.core.faq.support import WHOLE, explained, instance, says, unseen


def test_what_the_type_leaves_is_counted() -> None:
    answer = several(explained())

    assert "2 of 3 ENIs are there" in answer.short
    assert "1 more ENIs can be attached: ecs.g8i.large may have 3" in says(answer, Sign.FINE)
    assert "eth1 (eni-1): 1 more private addresses can be assigned, up to 2" in says(answer, Sign.FINE)
    assert "multi-EIP-visible mode cannot be had here" in says(answer, Sign.ABSENT)


def test_where_nothing_is_left_that_is_said() -> None:
    answer = several(explained(replace(WHOLE, limits=LimitFact("ecs.g8i.large", 2, 1))))

    assert "no more ENI can be attached" in says(answer, Sign.ABSENT)
    assert "no more private addresses can be assigned" in says(answer, Sign.ABSENT)


def test_private_addresses_without_an_eip_are_named() -> None:
    spare = eni(1, private_ipv4s=(ip4("192.168.1.10"), ip4("192.168.1.11")))

    assert "no EIP is known for 192.168.1.11" in says(several(explained(of=instance(eni(0), spare))))
    assert "no EIP is known" not in says(several(explained()))


def test_without_the_openapi_the_limits_are_unknown() -> None:
    answer = several(explained(None, declared=(declared("203.0.113.20", Mode.MULTI_EIP_VISIBLE),)))

    assert "how many ecs.g8i.large may have is not known" in says(answer, Sign.UNKNOWN)
    assert "ecs:DescribeInstanceTypes" in unseen(answer)
    assert "with 1 EIPs: 9 more can be bound" in says(answer)
    assert "cannot be had here" not in says(answer)
