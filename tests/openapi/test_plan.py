"""What is asked, in which order, and when the last page has come."""

from dataclasses import replace
from typing import Any

import pytest

from eip_agent.lab.document import INSTANCE_TYPE
from eip_agent.lab.openapi_answers import Quirks
from eip_agent.lab.topology import DEMO
from eip_agent.openapi.plan import VPC, Call, next_page
from tests.openapi.support import RICH, document, wide

EIPS = Call(VPC, "DescribeEipAddresses", "eni-a")


def asked(**options: Any) -> list[tuple[str, str]]:
    return [(call["action"], call["of"]) for call in document(RICH, **options)["calls"]]


def page(count: int, **others: object) -> dict[str, Any]:
    return {"EipAddresses": {"EipAddress": [{}] * count}, **others}


def test_the_core_is_one_call_for_each_eni_the_instance_and_the_gateways() -> None:
    enis = [eni.eni_id for eni in DEMO.enis]

    assert asked(everything=False) == [
        ("DescribeNetworkInterfaces", DEMO.instance_id),
        ("DescribeEipAddresses", DEMO.instance_id),
        *(("DescribeEipAddresses", eni) for eni in enis),
        ("DescribeEipGatewayInfo", enis[3]),
    ]


def test_explaining_asks_for_what_else_there_is() -> None:
    extra = set(asked()) - set(asked(everything=False))

    assert extra == {
        ("DescribeInstanceAttribute", DEMO.instance_id),
        ("DescribeInstanceTypes", INSTANCE_TYPE),
        ("DescribeNatGateways", "vpc-bp1lab"),
        ("DescribeHaVips", "vpc-bp1lab"),
        ("DescribeForwardTableEntries", "ngw-bp1a"),
        ("DescribeForwardTableEntries", "ngw-bp1b"),
    }


def test_the_gateway_of_a_nat_gateways_eip_is_not_asked_for() -> None:
    only = replace(RICH, enis=DEMO.enis[:1])
    calls = document(only, declared=tuple(str(other.address) for other in RICH.elsewhere))["calls"]

    assert "DescribeEipGatewayInfo" not in {call["action"] for call in calls}


def test_addresses_are_asked_for_fifty_at_a_time() -> None:
    calls = document(DEMO, declared=tuple(f"198.51.100.{n}" for n in range(120)), everything=False)["calls"]

    assert sum(call["action"] == "DescribeEipAddresses" and not call["of"] for call in calls) == 3


def test_blanks_and_numbers_as_text_change_nothing_of_what_is_asked() -> None:
    strange = Quirks(numbers_as_text=True, leading_blanks=True, upper_ip=True, without_wrappers=True)

    assert asked(quirks=strange) == asked()


@pytest.mark.parametrize(
    ("answers", "number"),
    [
        ([page(100, TotalCount=130)], "2"),
        ([page(100, TotalCount="130")], "2"),
        ([page(100, TotalCount=130), page(30, TotalCount=130)], None),
        ([page(100, TotalCount=100)], None),
        ([page(100)], "2"),
        ([page(100), page(0)], None),
        ([page(99)], None),
        ([page(0, TotalCount=130)], None),
        ([{"EipAddresses": None, "TotalCount": []}], None),
    ],
)
def test_pages_are_asked_for_until_all_are_there(answers: list[dict[str, Any]], number: str | None) -> None:
    assert (next_page(EIPS, answers) or {}).get("PageNumber") == number


def test_a_token_that_repeats_is_the_end() -> None:
    call = Call("ecs", "DescribeNetworkInterfaces")

    assert next_page(call, [{"NextToken": "a"}]) == {"MaxResults": "100", "NextToken": "a"}
    assert next_page(call, [{"NextToken": "a"}, {"NextToken": "a"}]) is None
    assert next_page(call, [{"NextToken": ""}]) is None
    assert next_page(call, [{"NextToken": {}}]) is None


def test_more_enis_than_a_page_has_are_all_listed() -> None:
    enis = [call for call in document(wide(120))["calls"] if call["action"] == "DescribeNetworkInterfaces"]

    assert [len(page["NetworkInterfaceSets"]["NetworkInterfaceSet"]) for page in enis[0]["answers"]] == [100, 20]
