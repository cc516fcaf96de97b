"""Question 5."""

from dataclasses import replace

from eip_agent.core.faq.answer import Sign
from eip_agent.core.faq.quotas import quotas
from eip_agent.core.settings import Mode
from tests.builders import declared
from tests.core.faq.support import WHOLE, explained, says, unseen
from tests.core.findings.support import nat_eip, told


def test_what_is_there_is_held_against_what_can_be() -> None:
    answer = quotas(explained())

    assert answer.short == "the ENIs here can have 2 EIPs as they are, and 2 are known"
    assert "`ecs.g8i.large` may have 3 ENIs of 2 private IPv4 addresses: at most 6 EIPs" in says(answer)
    assert not answer.gaps
    multi = declared("203.0.113.20", Mode.MULTI_EIP_VISIBLE)
    assert "it can have 10 as it is" in says(quotas(explained(None, declared=(multi,))))
    visible = declared("203.0.113.20", Mode.EIP_VISIBLE)
    assert "can have 2 EIPs" in quotas(explained(None, declared=(visible,))).short


def test_more_than_there_can_be_is_wrong() -> None:
    both = told(nat_eip(11), nat_eip(12))

    assert "EIPs known: 2; it can have 1 as it is" in says(quotas(explained(both)), Sign.WRONG)
    assert says(quotas(explained()), Sign.WRONG) == ""


def test_limits_that_are_not_told_are_a_gap() -> None:
    assert "how many ENIs and addresses `ecs.g8i.large` may have" in unseen(quotas(explained(None)))
    assert "ecs:DescribeInstanceTypes" in unseen(quotas(explained(replace(WHOLE, limits=None))))
