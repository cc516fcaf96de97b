"""Question 11."""

from dataclasses import replace

from eip_agent.core.faq.answer import Sign
from eip_agent.core.faq.visibility import visibility
from eip_agent.core.settings import Mode
from tests.builders import declared
from tests.core.faq.support import explained, instance, says


def test_hidden_and_shown_eips_are_counted_and_each_has_its_way() -> None:
    answer = visibility(explained())
    assert "2 are hidden so, 0 show" in answer.short
    assert "203.0.113.11 -> the cloud translates it -> 192.168.1.10 on eth1" in says(answer)

    visible = (declared("203.0.113.20", Mode.EIP_VISIBLE),)
    assert "0 are hidden so, 1 show" in visibility(explained(None, declared=visible)).short


def test_the_other_modes_have_prerequisites_that_are_checked_here() -> None:
    answer = visibility(explained())

    assert "`secondary-cidr`, step by step: add the public block" in says(answer)
    assert "`eip-visible` needs: a region that has it" in says(answer, Sign.FINE)
    assert "`multi-eip-visible` needs: an instance family that has it" in says(answer, Sign.ABSENT)
    old = visibility(explained(of=replace(instance(), instance_type="ecs.g5.large")))
    assert "`multi-eip-visible` needs: an instance family that has it" in says(old, Sign.FINE)
