"""What excludes an EIP, and is there beside it."""

from typing import Any

from eip_agent.core.findings.exclusions import dnat, spelled, static, translated
from eip_agent.core.openapi import Bound, DnatFact
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from tests.builders import declared, ip4
from tests.core.findings.support import codes, direct_eip, nat_eip, scene_of, told

STATIC = ip4("203.0.113.250")


def entry(internal: str) -> DnatFact:
    return DnatFact(ip4("203.0.113.230"), "8080", ip4(internal), "80", "tcp", "ngw-1")


def with_static(*eips: Any, **others: Any) -> Scene:
    return scene_of(told(*eips, static_ip=STATIC), **others)


def test_a_static_address_is_told_and_an_eip_for_the_same_address_more_so() -> None:
    assert codes(static(with_static())) == codes(static(with_static(nat_eip()))) == ["EIP408"]
    assert codes(static(with_static(direct_eip()))) == ["EIP409"]
    assert codes(static(with_static(declared=(declared("203.0.113.10", number=0),)))) == ["EIP409"]
    assert codes(static(with_static(declared=(declared("203.0.113.250", number=0),)))) == ["EIP408"]
    assert codes(static(scene_of(told(direct_eip())))) == codes(static(scene_of())) == []


def test_a_dnat_entry_is_told_and_an_eip_for_the_same_address_more_so() -> None:
    def found(*eips: Any, to: str = "192.168.1.10") -> list[str]:
        return codes(dnat(scene_of(told(*eips, dnat=(entry(to),)))))

    assert found(nat_eip()) == ["EIP410"]
    assert found(direct_eip(), to="192.168.0.10") == ["EIP410"]
    assert found() == found(nat_eip(), to="192.168.1.11") == found(nat_eip(status="Unassociating")) == ["EIP411"]
    assert codes(dnat(scene_of(told(nat_eip(), dnat=())))) == codes(dnat(scene_of(told(nat_eip())))) == []


def test_only_eips_that_are_translated_here_count() -> None:
    visible = nat_eip(12, mode=Mode.EIP_VISIBLE)
    another = nat_eip(13, instance_id="eni-9", private="192.168.1.13")
    gateway = nat_eip(14, bound=Bound.NAT_GATEWAY, private="192.168.1.14")
    scene = scene_of(told(visible, another, gateway, nat_eip(), direct_eip()))

    assert translated(scene) == {ip4("192.168.1.10"): ip4("203.0.113.11"), ip4("192.168.0.10"): ip4("203.0.113.10")}


def test_an_entry_is_spelled_in_the_direction_of_its_packets() -> None:
    assert spelled(entry("192.168.1.10")) == "tcp 203.0.113.230:8080 -> 192.168.1.10:80"
