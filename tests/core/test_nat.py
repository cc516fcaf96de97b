"""Why EIPs are hidden, and in which modes they would be seen: what is known from here is answered."""

import pytest

from eip_agent.core.chain import chains
from eip_agent.core.nat import EIP_VISIBLE_REGIONS, MULTI_REGIONS, Choice, choices, hidden
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.vpc import VpcFact
from tests.builders import cloud, declared, eni, ip4
from tests.core.findings.support import nat_eip, scene_of, told
from tests.core.vpcs import behind, with_vpc


def answers(scene: Scene, mode: Mode) -> dict[str, bool | None]:
    (choice,) = (one for one in choices(scene) if one.mode is mode)
    return {str(want.what): want.here for want in choice.wants}


def test_it_is_told_once_with_this_instances_own_addresses() -> None:
    scene = scene_of(told(nat_eip(11), nat_eip(12, private="192.168.1.11")))
    found = hidden(scene, chains(scene))

    assert found is not None
    assert found.pairs[0] == (ip4("203.0.113.11"), ip4("192.168.1.10"))
    assert "`ip addr` does not show the EIP" in found.why[0]
    assert "203.0.113.11 arrives here with the destination 192.168.1.10" in found.why[1]


def test_where_nothing_is_hidden_nothing_is_said() -> None:
    scene = scene_of(told())

    assert hidden(scene, chains(scene)) is None
    visible = scene_of(declared=(declared("203.0.113.20", Mode.EIP_VISIBLE),))
    assert hidden(visible, tuple(chain for chain in chains(visible) if chain.mode is Mode.EIP_VISIBLE)) is None


def test_an_eip_that_nobody_names_is_hidden_too() -> None:
    scene = scene_of()
    found = hidden(scene, chains(scene))

    assert found is not None
    assert all("203.0.113" not in why for why in found.why)


def test_the_recommended_mode_comes_first() -> None:
    assert [choice.mode for choice in choices(scene_of())] == [
        Mode.SECONDARY_CIDR,
        Mode.EIP_VISIBLE,
        Mode.MULTI_EIP_VISIBLE,
    ]
    assert all(isinstance(choice, Choice) and choice.wants and choice.steps for choice in choices(scene_of()))


@pytest.mark.parametrize(("region", "one", "several"), [("cn-hangzhou", True, False), ("cn-shanghai", True, True)])
def test_regions_are_checked(region: str, one: bool, several: bool) -> None:  # noqa: FBT001
    scene = scene_of(of=cloud(region=region))

    assert answers(scene, Mode.EIP_VISIBLE)["a region that has it"] is one
    assert answers(scene, Mode.MULTI_EIP_VISIBLE)["a region that has it"] is several
    assert MULTI_REGIONS < EIP_VISIBLE_REGIONS


@pytest.mark.parametrize(
    ("kind", "has"),
    [("ecs.g5.large", True), ("ecs.t5-lc1m2.small", True), ("ecs.g8i.large", False), (None, None), ("odd", None)],
)
def test_families_are_checked(kind: str | None, has: bool | None) -> None:  # noqa: FBT001
    found = answers(scene_of(of=cloud(instance_type=kind)), Mode.MULTI_EIP_VISIBLE)

    assert [here for what, here in found.items() if "instance family" in what] == [has]


@pytest.mark.parametrize(
    ("private", "single"), [(("192.168.1.10",), True), (("192.168.1.10", "192.168.1.11"), False), (None, None)]
)
def test_an_eni_with_one_address_is_looked_for(private: tuple[str, ...] | None, single: bool | None) -> None:  # noqa: FBT001
    one = eni(1, private_ipv4s=None if private is None else tuple(map(ip4, private)))
    found = answers(scene_of(of=cloud(eni(0), one)), Mode.EIP_VISIBLE)

    assert found["a secondary ENI with one private address only"] is single


def test_what_cannot_be_known_from_here_is_unknown() -> None:
    assert answers(scene_of(), Mode.EIP_VISIBLE)["no IPv4 gateway in the VPC"] is None
    assert set(answers(scene_of(), Mode.SECONDARY_CIDR).values()) == {None}


@pytest.mark.parametrize("mode", [Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE])
def test_an_ipv4_gateway_stands_in_the_way_where_there_is_one(mode: Mode) -> None:
    without, there = VpcFact("vpc-1", gateways4=()), behind(enabled=False)

    assert answers(scene_of(with_vpc(told(), without)), mode)["no IPv4 gateway in the VPC"] is True
    assert answers(scene_of(with_vpc(told(), there)), mode)["no IPv4 gateway in the VPC"] is False
    assert answers(scene_of(with_vpc(told())), mode)["no IPv4 gateway in the VPC"] is None
