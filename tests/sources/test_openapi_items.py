"""One item, one fact; what else is decoded is in `test_openapi_document`."""

import pytest

from eip_agent.core.openapi import LimitFact
from eip_agent.core.silence import Silence
from eip_agent.sources.openapi_items import limits, silence_of


@pytest.mark.parametrize(
    ("code", "silence"),
    [
        ("Throttling.User", Silence.THROTTLED),
        ("Rejected.Throttling", Silence.THROTTLED),
        ("Unreachable", Silence.UNREACHABLE),
        ("Deadline", Silence.UNREACHABLE),
        ("Certificate", Silence.UNTRUSTED),
        ("Credentials", Silence.CREDENTIALS),
        ("InvalidAccessKeyId.NotFound", Silence.CREDENTIALS),
        ("InvalidSecurityToken.Expired", Silence.CREDENTIALS),
        ("SignatureDoesNotMatch", Silence.CREDENTIALS),
        ("ServiceUnavailable", Silence.ODD),
        ("", Silence.ODD),
    ],
)
def test_why_a_call_failed_is_told_by_its_code(code: str, silence: Silence) -> None:
    assert silence_of(code) is silence


def test_limits_come_as_numbers_or_as_text_and_a_bad_one_is_unknown() -> None:
    item = {"InstanceTypeId": " ecs.x", "EniQuantity": "3", "EniPrivateIpAddressQuantity": 6}

    assert limits(item) == LimitFact("ecs.x", 3, 6)
    assert limits({**item, "EniQuantity": -1, "EniPrivateIpAddressQuantity": True}) == LimitFact("ecs.x")
