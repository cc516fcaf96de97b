"""Question 10: each cause by itself."""

from dataclasses import replace
from typing import Any

import pytest

from eip_agent.core.faq.answer import Answer, Sign
from eip_agent.core.faq.refusals import refusals
from eip_agent.core.openapi import ApiEniFact, DnatFact
from eip_agent.core.settings import Mode
from tests.builders import declared, eni, ip4, mac, net4
from tests.core.faq.support import WHOLE, explained, instance, says, unseen
from tests.core.findings.support import nat_eip

ENTRY = DnatFact(ip4("203.0.113.230"), "80", ip4("192.168.1.12"), "80", "tcp", "ngw-1")


def wrong(answer: Answer) -> str:
    return says(answer, Sign.WRONG)


def test_where_all_is_known_nothing_is_unknown_or_wrong() -> None:
    answer = refusals(explained())

    assert wrong(answer) == says(answer, Sign.UNKNOWN) == ""
    assert answer.short == "of 5 causes checked here 0 hold, and 0 cannot be checked"
    assert "has the EIP 203.0.113.10, for 192.168.0.10" in says(answer, Sign.FACT)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"network_type": "classic"}, "OperationFailed.InstanceNotExist"),
        ({"static_ip": ip4("203.0.113.250")}, "EIP_CAN_NOT_ASSOCIATE_WITH_PUBLIC_IP"),
        ({"dnat": (ENTRY,)}, "BIND_INSTANCE_HAVE_PORTMAP_OR_BIND_EIP"),
        ({"eips": (nat_eip(locks=("financial",)),)}, "Forbidden.FinancialLocked"),
        (
            {"enis": (ApiEniFact("eni-1", mac(1), primary=False, status="Attaching"),)},
            "InvalidStatus.EniStatusNotSupport",
        ),
    ],
)
def test_each_cause_is_found_by_itself_with_the_error_of_the_cloud(change: dict[str, Any], error: str) -> None:
    answer = refusals(explained(replace(WHOLE, **change)))

    assert error in wrong(answer)
    assert wrong(answer).count("\n") == 0


def test_delegated_prefixes_stand_in_the_way() -> None:
    prefixed = eni(1, ipv4_prefixes=(net4("192.168.1.128/28"),))

    assert "OperationFailed.IpPrefixConflict" in wrong(refusals(explained(of=instance(eni(0), prefixed))))


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        (Mode.NAT, "InvalidEip.EipQuotaExceeded"),
        (Mode.EIP_VISIBLE, "Mode.Conflict"),
        (Mode.MULTI_EIP_VISIBLE, "QuotaExceed.MultiBindedEip"),
    ],
)
def test_what_another_eip_meets_depends_on_the_mode(mode: Mode, error: str) -> None:
    assert error in says(refusals(explained(None, declared=(declared("203.0.113.20", mode),))))


def test_without_the_openapi_most_is_unknown_and_how_to_know_it_is_told() -> None:
    answer = refusals(explained(None, of=instance(eipv4=ip4("203.0.113.10"))))

    assert "which may be static" in says(answer, Sign.UNKNOWN)
    assert "whether a DNAT entry leads to it is not known" in says(answer, Sign.UNKNOWN)
    assert "ecs:DescribeInstanceAttribute" in unseen(answer)
    assert "Ipv4GatewayExist" in unseen(answer)
    without = refusals(explained(None))
    assert "tells no public address" in says(without, Sign.FINE)
    assert "the instance itself has no EIP" in says(without, Sign.FINE)
