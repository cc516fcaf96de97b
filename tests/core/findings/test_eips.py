"""Where EIPs are, and in which state."""

from typing import Any

import pytest

from eip_agent.core.findings.eips import displaced, locked, moving, place_of
from eip_agent.core.openapi import ApiFact, Bound
from eip_agent.core.settings import Mode
from tests.builders import declared, ip4
from tests.core.findings.support import codes, direct_eip, nat_eip, scene_of, told

EIP = "203.0.113.11"
DECLARED = (declared(EIP),)


@pytest.mark.parametrize(
    ("bound", "what"),
    [
        (Bound.SLB, "the load balancer x-1"),
        (Bound.NAT_GATEWAY, "the NAT gateway x-1"),
        (Bound.HAVIP, "the HAVIP x-1"),
        (Bound.ENI, "the ENI x-1"),
        (Bound.ECS, "the instance x-1"),
        (Bound.IP_ADDRESS, "the IP address x-1"),
        (Bound.OTHER, "x-1, which is of a kind"),
    ],
)
def test_a_declared_eip_that_is_elsewhere_is_told_with_where(bound: Bound, what: str) -> None:
    api = told(nat_eip(instance_id="x-1", bound=bound, mode=None))
    (found,) = displaced(scene_of(api, declared=DECLARED))

    assert codes([found]) == ["EIP402"]
    assert f"bound to {what}" in found.saw
    assert found.about == {EIP, "eth1"}


def test_a_declared_eip_that_is_bound_to_nothing_is_told_with_how_to_bind_it() -> None:
    free = nat_eip(instance_id="", bound=Bound.NOTHING, mode=None, status="Available")
    (found,) = displaced(scene_of(told(free), declared=DECLARED))

    assert found.code == "EIP403"
    assert found.commands[0].endswith(
        "--InstanceType NetworkInterface --InstanceId eni-1 --PrivateIpAddress 192.168.1.10 --Mode NAT"
    )
    multi = (declared(EIP, Mode.MULTI_EIP_VISIBLE),)
    assert next(displaced(scene_of(told(free), declared=multi))).commands[0].endswith("--Mode MULTI_BINDED")
    primary = (declared(EIP, number=0),)
    (direct,) = displaced(scene_of(told(free), declared=primary))
    assert direct.commands[0].endswith("--InstanceType EcsInstance --InstanceId i-1")
    beside = (declared(EIP, number=0, private_address=ip4("192.168.0.11")),)
    (second,) = displaced(scene_of(told(free), declared=beside))
    assert "--InstanceType NetworkInterface --InstanceId eni-0 --PrivateIpAddress 192.168.0.11" in second.commands[0]
    leaving = nat_eip(status="Unassociating", instance_id="x-1")
    assert codes(displaced(scene_of(told(leaving), declared=DECLARED))) == ["EIP403"]


def test_a_declared_eip_that_is_here_or_of_which_nobody_tells_is_not() -> None:
    assert codes(displaced(scene_of(told(nat_eip()), declared=DECLARED))) == []
    assert codes(displaced(scene_of(told(direct_eip(11)), declared=(declared(EIP, number=0),)))) == []
    assert codes(displaced(scene_of(told(), declared=DECLARED))) == []
    assert codes(displaced(scene_of(None, declared=DECLARED))) == []
    elsewhere = nat_eip(instance_id="eni-9")
    assert codes(displaced(scene_of(ApiFact(eips=(elsewhere,)), declared=DECLARED))) == []
    assert codes(displaced(scene_of(told(elsewhere), declared=(declared(EIP, number=7),)))) == []


def test_an_eip_on_its_way_is_told_and_one_of_somebody_else_is_not() -> None:
    def found(status: str, **others: Any) -> list[str]:
        return codes(moving(scene_of(told(nat_eip(status=status, **others)))))

    assert found("Associating") == ["EIP404"]
    assert found("Unassociating") == found("Releasing") == ["EIP405"]
    assert found("InUse") == found("Available") == found("Unassociating", instance_id="eni-9") == []


def test_a_lock_is_told_with_its_kind() -> None:
    def found(*locks: str) -> list[str]:
        return codes(locked(scene_of(told(nat_eip(locks=locks)))))

    assert found("financial") == found("FinancialLocked") == found("security", "financial") == ["EIP406"]
    assert found("security") == ["EIP407"]
    assert found() == codes(locked(scene_of())) == []


def test_nothing_is_a_place_too() -> None:
    assert place_of(nat_eip(bound=Bound.NOTHING)) == "nothing"
    assert place_of(nat_eip()) == "the ENI eni-1"
