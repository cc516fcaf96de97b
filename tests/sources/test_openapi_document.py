"""Decoding the OpenAPI's answers: every spelling that was seen, and no mutation that breaks it."""

import copy
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.facts import Unread
from eip_agent.core.openapi import ALL_ACTIONS, ApiFact, Bound, EipFact, LimitFact, Unanswered
from eip_agent.core.settings import Mode
from eip_agent.core.silence import Silence
from eip_agent.lab.document import INSTANCE_TYPE
from eip_agent.lab.openapi_answers import Quirks
from eip_agent.lab.topology import DEMO, Eip, public
from eip_agent.sources.openapi_document import decode
from tests.openapi.support import CLOUD, RICH, document

DECLARED = tuple(str(other.address) for other in RICH.elsewhere)
DOCUMENT = document(RICH, declared=DECLARED)
WHOLE = decode(DOCUMENT, CLOUD)
ENI = DEMO.enis[1].eni_id


def eips(*items: object, of: str = ENI, error: object = None) -> dict[str, Any]:
    """A round whose call for one ENI is answered so, and whose list of ENIs is whole."""
    calls = document(DEMO, everything=False)["calls"]
    answer = {"product": "vpc", "action": "DescribeEipAddresses", "of": of, "error": error}
    return {"calls": [calls[0], {**answer, "answers": [{"EipAddresses": {"EipAddress": list(items)}}]}]}


def eip(**fields: object) -> dict[str, Any]:
    plain = {
        "IpAddress": "203.0.113.9",
        "AllocationId": "eip-bp1x",
        "InstanceId": ENI,
        "InstanceType": "NetworkInterface",
        "Mode": "NAT",
        "Status": "InUse",
        "PrivateIpAddress": "172.16.1.10",
    }
    return {name: value for name, value in {**plain, **fields}.items() if value is not ...}


def one(**fields: object) -> EipFact:
    (fact,) = decode(eips(eip(**fields)), CLOUD).eips
    return fact


def test_an_eip() -> None:
    assert one() == EipFact(
        address=IPv4Address("203.0.113.9"),
        allocation_id="eip-bp1x",
        bound=Bound.ENI,
        instance_id=ENI,
        mode=Mode.NAT,
        status="InUse",
        private_address=IPv4Address("172.16.1.10"),
    )


@pytest.mark.parametrize("number", range(16))
def test_no_quirk_changes_what_is_read(number: int) -> None:
    flags = [bool(number >> bit & 1) for bit in range(4)]

    assert decode(document(RICH, declared=DECLARED, quirks=Quirks(*flags)), CLOUD).eips == WHOLE.eips
    assert decode(document(RICH, declared=DECLARED, quirks=Quirks(*flags[:3])), CLOUD) == WHOLE
    assert (WHOLE.unread, WHOLE.denied) == ((), ())


@pytest.mark.parametrize(
    ("kind", "mode", "bound", "read"),
    [
        ("NetworkInterface", "NAT", Bound.ENI, Mode.NAT),
        ("NetworkInterface", "BINDED", Bound.ENI, Mode.EIP_VISIBLE),
        ("NetworkInterface", "MULTI_BINDED", Bound.ENI, Mode.MULTI_EIP_VISIBLE),
        ("NetworkInterface", " BINDED ", Bound.ENI, Mode.EIP_VISIBLE),
        ("NetworkInterface", "binded", Bound.ENI, None),
        ("NetworkInterface", "SOMETHING_NEW", Bound.ENI, None),
        ("NetworkInterface", ..., Bound.ENI, None),
        ("NetworkInterface", 7, Bound.ENI, None),
        ("NetworkInterface", None, Bound.ENI, None),
        ("EcsInstance", "NAT", Bound.ECS, Mode.NAT),
        ("EcsInstance", "BINDED", Bound.ECS, Mode.NAT),
        ("Nat", "MULTI_BINDED", Bound.NAT_GATEWAY, None),
        ("SlbInstance", "NAT", Bound.SLB, None),
        ("HaVip", "NAT", Bound.HAVIP, None),
        ("IpAddress", "NAT", Bound.IP_ADDRESS, None),
        ("SomethingNew", "BINDED", Bound.OTHER, None),
        ("other", "BINDED", Bound.OTHER, None),
        (..., "BINDED", Bound.OTHER, None),
        ("", "BINDED", Bound.OTHER, None),
        (None, "BINDED", Bound.OTHER, None),
    ],
)
def test_a_mode_is_an_enis_only_where_the_kind_says_so(
    kind: object, mode: object, bound: Bound, read: Mode | None
) -> None:
    fact = one(InstanceType=kind, Mode=mode)

    assert (fact.bound, fact.mode) == (bound, read)


@pytest.mark.parametrize("nothing", ["", None, ...])
def test_a_free_eip_is_bound_to_nothing(nothing: object) -> None:
    fact = one(InstanceId=nothing, InstanceType=nothing, Status="Available", PrivateIpAddress=nothing)

    assert (fact.bound, fact.instance_id, fact.private_address, fact.mode) == (Bound.NOTHING, "", None, None)


@pytest.mark.parametrize("status", ["Associating", "Unassociating", "Releasing"])
def test_an_eip_on_its_way_keeps_its_status(status: str) -> None:
    assert one(Status=f" {status}").status == status


def test_locks_are_told() -> None:
    locks = {"LockReason": [{"LockReason": "financial"}, {"LockReason": " security"}, {}, None]}

    assert one(OperationLocks=locks, BusinessStatus="FinancialLocked").locks == (
        "financial",
        "security",
        "FinancialLocked",
    )
    assert one(OperationLocks=None, BusinessStatus="Normal").locks == ()
    eni = replace(DEMO.enis[1], eips=(Eip(public(11), locks=("financial",)),))
    assert decode(document(DEMO.with_eni(eni)), CLOUD).eips[1].locks == ("financial", "FinancialLocked")


@pytest.mark.parametrize(
    "bad",
    ["", None, ..., 3405803786, "203.0.113.300", "203.0.113.9/32", "::1", "0.0.0.1", "127.0.0.1", "224.0.0.1", []],
)
def test_an_address_that_is_none_is_unread_and_its_eni_not_listed_in_full(bad: object) -> None:
    fact = decode(eips(eip(IpAddress=bad), eip()), CLOUD)

    assert [one.path for one in fact.unread] == [f"openapi/DescribeEipAddresses/{ENI}"]
    assert [one.address for one in fact.eips] == [IPv4Address("203.0.113.9")]
    assert ENI not in fact.asked


def test_an_eip_that_two_answers_tell_differently_is_unknown() -> None:
    calls = eips(eip())["calls"] + eips(eip(InstanceId=DEMO.enis[4].eni_id), of=DEMO.enis[4].eni_id)["calls"][1:]
    fact = decode({"calls": calls}, CLOUD)

    assert fact.eips == ()
    assert fact.asked == frozenset()
    assert [one.reason for one in fact.unread] == ["203.0.113.9 is not the same in two answers"]


def test_pages_before_an_error_count_and_the_eni_is_not_listed_in_full() -> None:
    fact = decode(eips(eip(), error={"code": "Timeout", "message": "no answer within 5 s", "status": None}), CLOUD)

    assert len(fact.eips) == 1
    assert fact.asked == frozenset()
    assert fact.unread == (Unread(f"openapi/DescribeEipAddresses/{ENI}", "Timeout: no answer within 5 s"),)


@pytest.mark.parametrize(
    ("code", "denied"),
    [
        ("Forbidden.RAM", True),
        ("Forbidden", True),
        ("Forbbiden", True),
        ("NoPermission", True),
        ("NoPermission.RAM", True),
        ("ImplicitDeny", True),
        ("Forbidden.RegionNotFound", False),
        ("Forbidden.FinancialLocked", False),
        ("InvalidAccessKeyId.NotFound", False),
    ],
)
def test_which_errors_are_a_lack_of_rights(code: str, denied: bool) -> None:  # noqa: FBT001 - a table
    fact = decode(eips(error={"code": code, "message": "no", "status": 403}), CLOUD)

    assert bool(fact.denied) == denied
    assert bool(fact.unread) != denied


def test_an_eni_is_listed_in_full_only_where_the_account_sees_it() -> None:
    calls = document(DEMO, everything=False)["calls"]
    calls[0]["answers"][0]["NetworkInterfaceSets"]["NetworkInterfaceSet"].pop(1)
    seen_by_eip = decode({"calls": calls}, CLOUD)
    for call in calls:
        if call["of"] == ENI:
            call["answers"] = [{"EipAddresses": {"EipAddress": []}}]
    unseen = decode({"calls": calls}, CLOUD)

    assert ENI in seen_by_eip.asked
    assert ENI not in unseen.asked
    assert ENI in unseen.unread[0].path


def test_the_primary_is_listed_in_full_only_with_the_instance() -> None:
    calls = [c for c in document(DEMO)["calls"] if not (c["of"] == DEMO.instance_id and "Eip" in c["action"])]
    primary = DEMO.primary.eni_id

    assert decode({"calls": calls}, CLOUD).asked == {eni.eni_id for eni in DEMO.enis} - {primary}


def test_a_gateway_that_is_bad_is_missing() -> None:
    calls = document(DEMO, everything=False)["calls"]
    infos = calls[-1]["answers"][0]["EipInfos"]["EipInfo"]
    infos[0]["IpMask"], infos[1]["IpGw"] = "255.0.255.0", "none"
    fact = decode({"calls": calls}, CLOUD)

    assert {e.address: (e.gateway, e.prefix_length) for e in fact.eips if e.mode is Mode.MULTI_EIP_VISIBLE} == {
        public(42): (None, None),
        public(43): (None, None),
        public(70): (public(65), 26),
    }
    assert len(fact.unread) == 2


def test_dnat_entries_are_known_only_when_all_gateways_were_read() -> None:
    calls = copy.deepcopy(DOCUMENT["calls"])
    entry = next(call for call in calls if call["action"] == "DescribeForwardTableEntries")
    assert WHOLE.dnat == RICH.dnat[:1]

    assert decode({"calls": [call for call in calls if call is not entry]}, CLOUD).dnat is None
    entry["error"] = {"code": "Timeout", "message": "", "status": None}
    assert decode({"calls": calls}, CLOUD).dnat is None


def test_the_limits_of_the_instance_type_are_a_help_and_no_more() -> None:
    calls = copy.deepcopy(DOCUMENT["calls"])
    call = next(call for call in calls if call["action"] == "DescribeInstanceTypes")
    assert WHOLE.limits == LimitFact(INSTANCE_TYPE, RICH.most_enis, RICH.most_private, RICH.most_private)

    call["answers"][0]["InstanceTypes"]["InstanceType"][0]["InstanceTypeId"] = "ecs.other"
    assert decode({"calls": calls}, CLOUD).limits is None
    call |= {"answers": [], "error": {"code": "InvalidParameter", "message": "", "status": 400}}
    assert decode({"calls": calls}, CLOUD) == replace(WHOLE, limits=None)


def test_a_call_that_failed_says_why_once_for_each_action() -> None:
    calls = copy.deepcopy(DOCUMENT["calls"])
    for call in calls:
        if call["action"] == "DescribeEipAddresses":
            call["error"] = {"code": "Throttling.User", "message": "slow down", "status": 400}
    fact = decode({"calls": calls}, CLOUD)

    assert fact.unanswered == (Unanswered("vpc:DescribeEipAddresses", Silence.THROTTLED, "Throttling.User: slow down"),)
    assert decode({"error": {"code": "Credentials", "message": "none"}}, CLOUD).unanswered == (
        Unanswered("", Silence.CREDENTIALS, "none"),
    )


def test_every_call_has_its_action() -> None:
    assert set(ALL_ACTIONS) == {f"{call['product']}:{call['action']}" for call in DOCUMENT["calls"]}


# --- mutations --------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["", " ", "0", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    here = [path] if path else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return here + [place for key, below in inside for place in places(below, (*path, key))]


PLACES = places(DOCUMENT)


@given(
    st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from(["put", "drop", "twice"]), JSON), min_size=1, max_size=4
    )
)
def test_no_mutation_of_answers_breaks_it(mutations: list[tuple[tuple[Any, ...], str, Any]]) -> None:
    mutated = copy.deepcopy(DOCUMENT)
    for (*folders, key), how, value in mutations:
        here: Any = mutated
        try:
            for folder in folders:
                here = here[folder]
            if how == "put":
                here[key] = value
            elif how == "drop":
                del here[key]
            elif isinstance(here, list):
                here.append(here[key])
        except (KeyError, IndexError, TypeError):
            continue
    fact = decode(mutated, CLOUD)

    assert isinstance(fact, ApiFact)
    assert len({eip.address for eip in fact.eips}) == len(fact.eips)
    assert all(mark.path.startswith("openapi") and len(mark.reason) < 400 for mark in fact.unread)
    assert all(eip.mode is None for eip in fact.eips if eip.bound not in {Bound.ENI, Bound.ECS})


@given(JSON)
def test_no_document_breaks_it(value: Any) -> None:
    assert decode(value, CLOUD).unread or isinstance(value, dict)
    assert isinstance(decode({"calls": [value]}, CLOUD), ApiFact)
