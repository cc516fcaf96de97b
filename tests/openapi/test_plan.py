"""What is asked, in which order, and when the last page has come."""

from dataclasses import replace
from typing import Any

import pytest

from eip_agent.core.openapi import ASIDE, CORE_ACTIONS
from eip_agent.lab.document import INSTANCE_TYPE
from eip_agent.lab.openapi_answers import Quirks
from eip_agent.lab.openapi_vpc import GATEWAY6, table_id
from eip_agent.lab.topology import DEMO, Gateway4, Topology, eni, vswitch
from eip_agent.openapi.plan import VPC, Call, first_page, next_page
from tests.openapi.support import RICH, document, wide

EIPS = Call(VPC, "DescribeEipAddresses", "eni-a")


def asked(**options: Any) -> list[tuple[str, str]]:
    return [(call["action"], call["of"]) for call in document(RICH, **options)["calls"]]


def page(count: int, **others: object) -> dict[str, Any]:
    return {"EipAddresses": {"EipAddress": [{}] * count}, **others}


def test_the_core_is_one_call_for_each_eni_the_instance_and_the_gateways() -> None:
    enis = [one.eni_id for one in DEMO.enis]

    assert asked(everything=False) == [
        ("DescribeNetworkInterfaces", DEMO.instance_id),
        ("DescribeEipAddresses", DEMO.instance_id),
        *(("DescribeEipAddresses", one) for one in enis),
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
        ("ListIpv4Gateways", "vpc-bp1lab"),
        ("DescribeRouteTableList", "vpc-bp1lab"),
        *(("DescribeRouteEntryList", table_id(vswitch)) for vswitch in RICH.vswitches),
        ("DescribeIpv6Gateways", "vpc-bp1lab"),
        ("DescribeIpv6EgressOnlyRules", GATEWAY6),
        ("DescribeIpv6Addresses", DEMO.instance_id),
        *(("DescribeIpv6Addresses", one.eni_id) for one in DEMO.enis[1:4]),
    }


@pytest.mark.parametrize("gateway", [None, Gateway4(enabled=False)])
def test_route_tables_are_asked_for_only_where_they_decide(gateway: Gateway4 | None) -> None:
    actions = {call["action"] for call in document(replace(DEMO, gateway4=gateway))["calls"]}

    assert "ListIpv4Gateways" in actions
    assert not {"DescribeRouteTableList", "DescribeRouteEntryList"} & actions


def test_nothing_of_ipv6_is_asked_where_there_is_none() -> None:
    alone = Topology((eni(0, vswitch(0, dual_stack=False)),))

    assert not [call["action"] for call in document(alone)["calls"] if "Ipv6" in call["action"]]


def test_what_only_explains_hangs_on_no_other_answer() -> None:
    actions = {f"{call['product']}:{call['action']}" for call in document(RICH, everything=False)["calls"]}

    assert actions == set(CORE_ACTIONS)
    assert not ASIDE & set(CORE_ACTIONS)


@pytest.mark.parametrize(
    ("action", "size", "wrapper"),
    [("ListIpv4Gateways", "MaxResults", None), ("DescribeRouteEntryList", "MaxResult", "RouteEntrys")],
)
def test_pages_of_gateways_and_routes_have_tokens(action: str, size: str, wrapper: str | None) -> None:
    call = Call(VPC, action)
    items: dict[str, Any] = {wrapper: {"RouteEntry": [{}]}} if wrapper else {"Ipv4GatewayModels": [{}]}

    assert first_page(call) == {size: "100"}
    assert next_page(call, [{**items, "NextToken": "a"}]) == {size: "100", "NextToken": "a"}
    assert next_page(call, [{**items, "NextToken": "", "TotalCount": "1"}]) is None


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
