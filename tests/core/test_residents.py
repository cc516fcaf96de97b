"""What an address on the link of an ENI is to the cloud."""

from dataclasses import replace

import pytest

from eip_agent.core.residents import Role, mapping, named, residents, tended
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode, Settings
from tests.builders import address, cloud, declared, ip4, kernel, mac, net4
from tests.core.findings.support import direct_eip, nat_eip, scene_of, told

VISIBLE = declared("203.0.113.42", Mode.EIP_VISIBLE)


def role(ip: str, scene: Scene) -> Role:
    scene = replace(scene, kernel=kernel(addresses=(address(ip, length=24),)))
    (found,) = residents(scene)
    return found.role


@pytest.mark.parametrize(
    ("ip", "is_a"),
    [
        ("192.168.1.10", Role.GIVEN),
        ("192.168.1.77", Role.UNLISTED),
        ("192.168.0.10", Role.STRAYED),
        ("203.0.113.11", Role.MAPPED),
        ("10.9.9.9", Role.OTHER),
    ],
)
def test_an_address_of_an_eni_in_nat_mode(ip: str, is_a: Role) -> None:
    assert role(ip, scene_of(told(nat_eip(11)))) is is_a


@pytest.mark.parametrize(
    ("ip", "is_a"), [("203.0.113.42", Role.GIVEN), ("192.168.1.10", Role.DEAD), ("192.168.1.77", Role.DEAD)]
)
def test_an_address_of_an_eni_in_eip_visible_mode(ip: str, is_a: Role) -> None:
    assert role(ip, scene_of(declared=(VISIBLE,))) is is_a


def test_what_the_settings_leave_alone_is_none_of_them() -> None:
    scene = replace(scene_of(), kernel=kernel(addresses=(address("192.168.1.10"), address("192.168.0.10", 0))))

    assert [str(one.ip) for one in residents(scene)] == ["192.168.1.10", "192.168.0.10"]
    for settings, left in (
        (Settings(leave_primary=True), ["192.168.1.10"]),
        (Settings(exclude_addresses=(net4("192.168.1.0/24"),)), ["192.168.0.10"]),
    ):
        assert [str(one.ip) for one in residents(replace(scene, settings=settings))] == left
    stories = tuple(replace(story, excluded=True) for story in scene.report.stories)
    assert not list(tended(replace(scene, report=replace(scene.report, stories=stories))))


def test_eips_are_known_by_settings_openapi_and_metadata() -> None:
    by_settings = scene_of(declared=(declared("203.0.113.9", private_address=ip4("192.168.1.10")),))
    by_mac = scene_of(declared=(declared("203.0.113.9", eni=None, mac=mac(1)),))
    by_openapi = scene_of(
        told(nat_eip(11), direct_eip(10), nat_eip(12, status="Unassociating", private="192.168.1.12"))
    )
    by_metadata = scene_of(of=cloud(eipv4=ip4("203.0.113.8")))
    own = scene_of(told(nat_eip(44, private="203.0.113.44")))

    assert dict(mapping(by_settings)) == {ip4("192.168.1.10"): ip4("203.0.113.9")}
    assert dict(mapping(by_mac)) == {ip4("192.168.1.10"): ip4("203.0.113.9")}
    assert dict(mapping(by_openapi)) == {
        ip4("192.168.1.10"): ip4("203.0.113.11"),
        ip4("192.168.0.10"): ip4("203.0.113.10"),
    }
    assert dict(mapping(by_metadata)) == {ip4("192.168.0.10"): ip4("203.0.113.8")}
    assert dict(mapping(own)) == {}, "of a secondary CIDR block"


def test_many_addresses_are_cut_short() -> None:
    ips = tuple(ip4(f"192.168.1.{host}") for host in range(10, 20))
    first, second = named(ips[:2], {ips[0]: ip4("203.0.113.1")})

    assert (str(first), str(second)) == ("192.168.1.10 (EIP 203.0.113.1)", "192.168.1.11")
    assert str(named(ips, {})[-1]) == "2 more"
    assert len(named(ips[:8], {})) == 8
