"""Gateways, route tables and IPv6 addresses out of answers: read whole or not at all."""

import copy
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from eip_agent.core.openapi import ApiFact, Unanswered
from eip_agent.core.silence import Silence
from eip_agent.core.vpc import TO_IPV4_GATEWAY, Ipv4GatewayFact, VpcFact, VpcRoute
from eip_agent.lab.openapi_answers import Quirks
from eip_agent.lab.openapi_vpc import GATEWAY6, table_id
from eip_agent.lab.topology import DEMO, Gateway4
from eip_agent.sources.openapi_document import decode
from tests.openapi.support import CLOUD, RICH, document

CALLS = document(RICH)["calls"]
WHOLE = decode({"calls": CALLS}, CLOUD)
(VPC,) = WHOLE.vpcs
VSWITCHES = RICH.vswitches

Change = Callable[[dict[str, Any]], object]


def changed(action: str, change: Change, of: str = "") -> ApiFact:
    """A round in which the answers to one action, or to one call of it, are changed."""
    calls = copy.deepcopy(CALLS)
    for call in calls:
        if call["action"] == action and of in ("", call["of"]):
            change(call)
    return decode({"calls": calls}, CLOUD)


def failed(call: dict[str, Any]) -> None:
    call.update(answers=[], error={"code": "Timeout", "message": "late", "status": None})


def denied(call: dict[str, Any]) -> None:
    call.update(answers=[], error={"code": "Forbidden.RAM", "message": "no", "status": 403})


def odd(call: dict[str, Any]) -> None:
    call["answers"] = [{}]


def test_all_of_it() -> None:
    gateway = RICH.gateway4
    assert gateway is not None
    assert VPC.vpc_id == "vpc-bp1lab"
    assert VPC.gateways4 == (Ipv4GatewayFact(gateway.gateway_id, enabled=True),)
    assert VPC.gateways6 == (GATEWAY6,)
    assert {table.table_id: table.vswitches for table in VPC.tables} == {table_id(v): (v.name,) for v in VSWITCHES}
    public = next(table for table in VPC.tables if table.vswitches == ("vsw-lab1",))
    private = next(table for table in VPC.tables if table.vswitches == ("vsw-lab2",))
    assert public.default == VpcRoute(IPv4Network("0.0.0.0/0"), TO_IPV4_GATEWAY, gateway.gateway_id)
    assert private.default == VpcRoute(IPv4Network("0.0.0.0/0"), "NatGateway", "ngw-bp1a")
    assert (public.is_private, private.is_private) == (False, True)
    assert all(route.destination.version == 4 for route in public.routes)


def test_ipv6_addresses_with_bandwidth_without_and_one_way() -> None:
    one, two = DEMO.enis[1], DEMO.enis[3]
    found = {fact.address: (fact.public, fact.egress_only) for fact in WHOLE.ipv6s}

    assert set(found) == {address for eni in DEMO.enis for address in eni.ipv6s}
    assert found[one.ipv6s[0]] == (True, False)
    assert found[one.ipv6s[1]] == (False, False)
    assert found[two.ipv6s[0]] == (True, True)
    assert {fact.gateway_id for fact in WHOLE.ipv6s} == {GATEWAY6}


def test_enis_have_their_vpc_and_vswitch() -> None:
    assert [(eni.vpc, eni.vswitch) for eni in WHOLE.enis or ()] == [
        ("vpc-bp1lab", eni.vswitch.name) for eni in DEMO.enis
    ]


@pytest.mark.parametrize("number", range(16))
def test_no_quirk_changes_what_is_read(number: int) -> None:
    quirks = Quirks(*(bool(number >> bit & 1) for bit in range(4)))
    fact = decode(document(RICH, quirks=quirks), CLOUD)

    assert (fact.vpcs, fact.ipv6s) == (WHOLE.vpcs, WHOLE.ipv6s)


@pytest.mark.parametrize("gateway", [None, Gateway4(enabled=False)])
def test_where_no_table_decides_none_is_known(gateway: Gateway4 | None) -> None:
    (vpc,) = decode(document(replace(DEMO, gateway4=gateway)), CLOUD).vpcs

    assert vpc.gateways4 == (() if gateway is None else (Ipv4GatewayFact(gateway.gateway_id, enabled=False),))
    assert vpc.tables == ()


def test_a_pass_that_does_not_explain_knows_nothing_of_it() -> None:
    fact = decode(document(RICH, everything=False), CLOUD)

    assert (fact.vpcs, fact.ipv6s) == ((), ())


UNKNOWN: dict[str, Callable[[ApiFact], bool]] = {
    "ListIpv4Gateways": lambda fact: fact.vpcs[0].gateways4 is None,
    "DescribeRouteTableList": lambda fact: fact.vpcs[0].tables == (),
    "DescribeRouteEntryList": lambda fact: fact.vpcs[0].tables == (),
    "DescribeIpv6Gateways": lambda fact: fact.vpcs[0].gateways6 is None,
    "DescribeIpv6Addresses": lambda fact: fact.ipv6s == (),
    "DescribeIpv6EgressOnlyRules": lambda fact: all(one.egress_only is None for one in fact.ipv6s),
}


@pytest.mark.parametrize("action", UNKNOWN)
@pytest.mark.parametrize("trouble", [failed, denied, odd])
def test_what_fails_is_unknown_and_makes_nothing_else_so(action: str, trouble: Change) -> None:
    fact = changed(action, trouble)
    same = replace(fact, vpcs=WHOLE.vpcs, ipv6s=WHOLE.ipv6s, denied=(), unanswered=())

    assert UNKNOWN[action](fact)
    assert same == WHOLE, "no other fact, and no missing one"
    told = [*(one.action for one in fact.denied), *(one.action for one in fact.unanswered)]
    assert told == [f"vpc:{action}"]
    if trouble is odd:
        assert fact.unanswered[0].why is Silence.ODD


def test_it_is_told_once_for_all_calls_of_an_action() -> None:
    fact = changed("DescribeIpv6Addresses", failed)

    assert fact.unanswered == (Unanswered("vpc:DescribeIpv6Addresses", Silence.UNREACHABLE, "Timeout: late"),)


def routes_of(call: dict[str, Any]) -> list[dict[str, Any]]:
    routes: list[dict[str, Any]] = call["answers"][0]["RouteEntrys"]["RouteEntry"]
    return routes


def without_system(call: dict[str, Any]) -> None:
    call["answers"][0]["RouteEntrys"]["RouteEntry"] = [one for one in routes_of(call) if one["Type"] != "System"]


def of_a_prefix_list(call: dict[str, Any]) -> None:
    routes_of(call)[-1]["DestinationCidrBlock"] = "pl-bp1lab"


def more_to_come(call: dict[str, Any]) -> None:
    call["answers"][-1]["NextToken"] = "next-100"


@pytest.mark.parametrize("change", [without_system, of_a_prefix_list, more_to_come])
def test_a_table_that_may_lack_a_route_is_not_known(change: Change) -> None:
    fact = changed("DescribeRouteEntryList", change, table_id(VSWITCHES[1]))

    assert {table.table_id for table in fact.vpcs[0].tables} == {table_id(v) for v in VSWITCHES} - {
        table_id(VSWITCHES[1])
    }


def test_the_next_hop_may_be_spelt_as_that_of_ipv6_and_be_one_of_several() -> None:
    def change(call: dict[str, Any]) -> None:
        hops = [
            {"NextHopType": "Instance", "NextHopId": "i-1"},
            {"NextHopType": "IPv4Gateway", "NextHopId": "ipv4gw-9"},
        ]
        default = next(one for one in routes_of(call) if one["DestinationCidrBlock"] == "0.0.0.0/0")
        default["NextHops"] = {"NextHop": hops}

    fact = changed("DescribeRouteEntryList", change, table_id(VSWITCHES[1]))
    table = next(table for table in fact.vpcs[0].tables if table.table_id == table_id(VSWITCHES[1]))

    assert (table.is_private, table.default) == (
        False,
        VpcRoute(IPv4Network("0.0.0.0/0"), TO_IPV4_GATEWAY, "ipv4gw-9"),
    )


@pytest.mark.parametrize(
    ("value", "enabled"), [(True, True), ("true", True), ("False", False), (0, False), (None, None), ("odd", None)]
)
def test_a_gateway_is_activated_where_it_says_so(value: object, enabled: bool | None) -> None:  # noqa: FBT001
    fact = changed("ListIpv4Gateways", lambda call: call["answers"][0]["Ipv4GatewayModels"][0].update(Enabled=value))

    assert [one.enabled for one in fact.vpcs[0].gateways4 or ()] == [enabled]


@pytest.mark.parametrize(
    ("fields", "public"),
    [
        ({"NetworkType": "Public", "Ipv6InternetBandwidth": {"Bandwidth": "5"}}, True),
        ({"NetworkType": "Private", "Ipv6InternetBandwidth": {"Bandwidth": 0}}, False),
        ({"NetworkType": "Private", "Ipv6InternetBandwidth": None}, False),
        ({"NetworkType": "", "Ipv6InternetBandwidth": {"Bandwidth": 5}}, True),
        ({"NetworkType": "", "Ipv6InternetBandwidth": {}}, None),
        ({"NetworkType": "Private", "Ipv6InternetBandwidth": {"Bandwidth": 5}}, None),
        ({"NetworkType": "New", "Ipv6InternetBandwidth": {"Bandwidth": "odd"}}, None),
    ],
)
def test_bandwidth_is_known_where_the_fields_agree(fields: dict[str, Any], public: bool | None) -> None:  # noqa: FBT001
    of = DEMO.enis[2].eni_id
    fact = changed(
        "DescribeIpv6Addresses", lambda call: call["answers"][0]["Ipv6Addresses"]["Ipv6Address"][0].update(fields), of
    )

    assert [one.public for one in fact.ipv6s if one.address == DEMO.enis[2].ipv6s[0]] == [public]


def test_an_address_that_is_told_in_two_ways_is_not_known() -> None:
    calls = copy.deepcopy(CALLS)
    call = next(one for one in calls if one["action"] == "DescribeIpv6Addresses")
    other = copy.deepcopy(call)
    other["answers"][0]["Ipv6Addresses"]["Ipv6Address"][0].update(
        NetworkType="Private", Ipv6InternetBandwidth={"Bandwidth": 0}
    )
    fact = decode({"calls": [*calls, other]}, CLOUD)

    assert [one.public for one in fact.ipv6s if one.address == DEMO.primary.ipv6s[0]] == [None]


def test_an_address_that_is_none_leaves_the_others() -> None:
    of = DEMO.enis[1].eni_id
    fact = changed(
        "DescribeIpv6Addresses",
        lambda call: call["answers"][0]["Ipv6Addresses"]["Ipv6Address"][0].update(Ipv6Address="none"),
        of,
    )

    assert len(fact.ipv6s) == len(WHOLE.ipv6s) - 1
    assert [one.action for one in fact.unanswered] == ["vpc:DescribeIpv6Addresses"]


def test_a_vpc_is_known_by_the_call_about_it() -> None:
    fact = decode({"calls": [call for call in CALLS if call["action"] == "DescribeIpv6Gateways"]}, CLOUD)

    assert fact.vpcs == (VpcFact("vpc-bp1lab", gateways6=(GATEWAY6,)),)
