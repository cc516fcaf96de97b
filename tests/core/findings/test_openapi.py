"""Each reason for which the OpenAPI does not tell is another finding."""

import pytest

from eip_agent.core.findings.openapi import silent
from eip_agent.core.openapi import Denied, Unanswered
from eip_agent.core.silence import Silence
from tests.core.findings.support import codes, scene_of, told

EIPS, HAVIPS = "vpc:DescribeEipAddresses", "vpc:DescribeHaVips"


@pytest.mark.parametrize(
    ("action", "why", "code"),
    [
        ("", Silence.CREDENTIALS, "EIP312"),
        ("", Silence.UNREACHABLE, "EIP313"),
        (EIPS, Silence.UNREACHABLE, "EIP313"),
        (EIPS, Silence.THROTTLED, "EIP314"),
        (EIPS, Silence.ODD, "EIP315"),
        (EIPS, Silence.UNTRUSTED, "EIP315"),
        (EIPS, Silence.CREDENTIALS, "EIP316"),
    ],
)
def test_each_reason_is_another_finding(action: str, why: Silence, code: str) -> None:
    scene = scene_of(told(unanswered=(Unanswered(action, why, "it says no"),)))

    assert codes(silent(scene)) == [code]
    assert "it says no" in next(silent(scene)).saw


def test_calls_that_fail_for_one_reason_are_one_finding() -> None:
    calls = tuple(Unanswered(action, Silence.THROTTLED, "Throttling") for action in (HAVIPS, EIPS))
    (found,) = silent(scene_of(told(unanswered=calls)))

    assert found.subject == f"OpenAPI {EIPS}, {HAVIPS}"


def test_who_answers_or_was_not_asked_is_not_told_of() -> None:
    assert codes(silent(scene_of())) == []
    assert codes(silent(scene_of(told(denied=(Denied(EIPS, "no"),))))) == []
