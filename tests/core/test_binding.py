"""Which EIPs an ENI has, by the highest source that tells of each."""

from dataclasses import replace

from eip_agent.core.binding import BEFORE, CIDR, METADATA, OPENAPI, SETTINGS, bindings
from eip_agent.core.openapi import Bound
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from tests.builders import cloud, declared, eni, ip4, net4
from tests.core.findings.support import direct_eip, nat_eip, scene_of, told

Row = tuple[str, str, str]


def rows(scene: Scene, number: int = 1) -> list[Row]:
    found = bindings(scene.report.stories[number], scene)
    return [(str(one.eip), str(one.private), str(one.known_by)) for one in found]


def test_the_openapi_tells_all_so_that_nothing_is_guessed() -> None:
    two = eni(1, private_ipv4s=(ip4("192.168.1.10"), ip4("192.168.1.11")))
    scene = scene_of(told(nat_eip(11, private="192.168.1.11"), direct_eip()), of=cloud(eni(0), two))

    assert rows(scene) == [("203.0.113.11", "192.168.1.11", OPENAPI)]
    assert rows(scene, 0) == [("203.0.113.10", "192.168.0.10", OPENAPI)]


def test_the_settings_add_what_the_openapi_was_not_asked() -> None:
    scene = scene_of(declared=(declared("203.0.113.30", private_address=ip4("192.168.1.10")),))

    assert rows(scene) == [("203.0.113.30", "192.168.1.10", SETTINGS)]


def test_what_the_openapi_said_last_counts_while_it_is_silent_only() -> None:
    before = told(nat_eip(12))

    assert rows(scene_of(None, api_before=before)) == [("203.0.113.12", "192.168.1.10", BEFORE)]
    assert rows(scene_of(told(), api_before=before)) == []


def test_the_metadata_tells_that_of_the_primary_eni() -> None:
    seen = cloud(eipv4=ip4("203.0.113.10"))
    scene = scene_of(of=seen)
    found = bindings(scene.report.stories[0], scene)
    fixed = scene_of(told(static_ip=ip4("203.0.113.10")), of=seen)

    assert rows(scene, 0) == [("203.0.113.10", "192.168.0.10", METADATA)]
    assert "may be an EIP or a static public address" in found[0].notes[0]
    assert "static public address of the instance" in bindings(fixed.report.stories[0], fixed)[0].notes[0]


def test_a_public_primary_address_is_its_own_eip() -> None:
    public = eni(1, primary=ip4("192.0.2.44"), private_ipv4s=(ip4("192.0.2.44"),), subnet=net4("192.0.2.0/24"))
    scene = scene_of(of=cloud(eni(0), replace(public, gateway=ip4("192.0.2.253"))))

    assert rows(scene) == [("192.0.2.44", "192.0.2.44", CIDR)]


def test_an_address_that_nobody_tells_of_may_have_one() -> None:
    assert rows(scene_of()) == [("None", "192.168.1.10", "")]


def test_a_visible_eip_needs_no_private_address() -> None:
    eip = replace(nat_eip(20), mode=Mode.EIP_VISIBLE, private_address=None, gateway=ip4("203.0.113.1"))

    assert rows(scene_of(told(eip))) == [("203.0.113.20", "192.168.1.10", OPENAPI)]


def test_what_is_unusual_is_noted() -> None:
    scene = scene_of(told(replace(nat_eip(), status="Associating", locks=("financial",))))
    (found,) = bindings(scene.report.stories[1], scene)

    assert [str(note) for note in found.notes] == [
        "its status is Associating, so it may not work at the moment",
        "it is locked (financial): it carries nothing until that is settled",
    ]
    assert found.eip_id == "eip-11"


def test_an_eip_of_another_eni_is_not_this_ones() -> None:
    assert rows(scene_of(told(replace(nat_eip(), bound=Bound.SLB)))) == []
