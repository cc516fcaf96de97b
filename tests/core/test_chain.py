"""The way to an EIP and back: every hop by its own values, and whether it is there."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from eip_agent.core.chain import PLANNED, Chain, State, Step, chains
from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.facts import Remembered
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from tests.builders import address, cloud, declared, eni, ip4, kernel, link, main_route
from tests.core.findings.support import direct_eip, nat_eip, scene_of, told
from tests.strategies import World, worlds
from tests.world import after

HERE = (link(0), link(1))


def settled(scene: Scene) -> Scene:
    """The scene after `apply`."""
    holds = after(scene.kernel, scene.report.plan)
    report = conclude(scene.report.cloud or cloud(), holds, Remembered(), scene.settings, scene.witnesses)
    return replace(scene, kernel=holds, report=report)


def spelled(found: Chain) -> list[str]:
    return [f"{hop.step.value} {hop.state.value} {hop.what}" for hop in found.hops]


def of(scene: Scene, eip: str | None) -> Chain:
    (found,) = (chain for chain in chains(scene) if chain.eip == (ip4(eip) if eip else None))
    return found


def test_a_nat_eip_by_every_hop() -> None:
    scene = scene_of(told(nat_eip(11)), holds=kernel(*HERE))

    assert spelled(of(scene, "203.0.113.11")) == [
        "client there client",
        "eip there 203.0.113.11 (eip-11)",
        "cloud there the cloud translates 203.0.113.11 to 192.168.1.10",
        "eni there eni-1 (eth1)",
        "address planned 192.168.1.10/24 dev eth1",
        "rule planned 24011: from 192.168.1.0/24 iif lo lookup 20000048",
        "route planned default via 192.168.1.253 dev eth1 onlink table 20000048",
        "gateway there 192.168.1.253, of the vSwitch 192.168.1.0/24",
        "cloud there the cloud translates 192.168.1.10 to 203.0.113.11",
        "client there client",
    ]
    assert {hop.why for hop in of(scene, "203.0.113.11").hops if hop.state is State.PLANNED} == {PLANNED}


def test_after_apply_all_of_it_is_there() -> None:
    scene = settled(scene_of(told(nat_eip(11), direct_eip()), holds=kernel(*HERE)))
    found = chains(scene)

    assert [chain.eip for chain in found] == [ip4("203.0.113.10"), ip4("203.0.113.11")]
    assert all(hop.state is State.THERE for chain in found for hop in chain.hops)
    assert all(chain.whole for chain in found)


def test_a_visible_eip_is_let_pass_and_leaves_by_its_own_gateway() -> None:
    eips = (declared("203.0.113.20", Mode.MULTI_EIP_VISIBLE),)
    lines = spelled(of(scene_of(declared=eips, holds=kernel(*HERE)), "203.0.113.20"))

    assert "cloud there the cloud lets it pass as it is" in lines
    assert "address planned 203.0.113.20/27 dev eth1" in lines
    assert "gateway there 203.0.113.1, of the EIP" in lines


def test_the_private_address_of_an_eip_visible_eni_is_no_hop() -> None:
    eips = (declared("203.0.113.20", Mode.EIP_VISIBLE),)
    (found,) = (chain for chain in chains(scene_of(declared=eips, holds=kernel(*HERE))) if chain.link == "eth1")

    assert found.address == ip4("203.0.113.20")
    assert not any("192.168.1.10" in str(hop.what) for hop in found.hops)


def test_an_eip_that_nobody_names_is_unknown_and_its_way_is_not() -> None:
    found = next(chain for chain in chains(scene_of(holds=kernel(*HERE))) if chain.link == "eth1")

    assert (found.eip, found.address) == (None, ip4("192.168.1.10"))
    assert [hop.state for hop in found.hops if hop.step in (Step.EIP, Step.CLOUD)] == [State.UNKNOWN] * 3
    assert any(hop.step is Step.RULE and hop.state is State.PLANNED for hop in found.hops)


def test_a_link_that_is_down_is_brought_up_or_left() -> None:
    down = kernel(link(0), link(1, up=False))
    brought = of(scene_of(told(nat_eip(11)), holds=down), "203.0.113.11")
    excluded = scene_of(told(nat_eip(11)), holds=down)
    excluded = replace(excluded, report=replace(excluded.report, plan=()))
    left = of(excluded, "203.0.113.11")

    assert [hop.state for hop in brought.hops if hop.step is Step.ENI] == [State.PLANNED]
    assert [hop.state for hop in left.hops if hop.step is Step.ENI] == [State.MISSING]


def test_an_address_on_another_link_is_missing() -> None:
    wrong = kernel(*HERE, addresses=(address("192.168.1.10", number=0),))
    (hop,) = (
        hop for hop in of(scene_of(told(nat_eip(11)), holds=wrong), "203.0.113.11").hops if hop.step is Step.ADDRESS
    )

    assert (hop.state, hop.what) == (State.MISSING, "192.168.1.10/24 dev eth0")


@pytest.mark.parametrize("default", [True, False])
def test_the_only_eni_needs_no_rule(default: bool) -> None:  # noqa: FBT001  a parameter of a test
    routes = (main_route("0.0.0.0/0", 0, "192.168.0.253", metric=100),) if default else ()
    alone = kernel(link(0), addresses=(address("192.168.0.10", 0),), routes=routes)
    found = of(scene_of(told(direct_eip(), asked=frozenset(("eni-0",))), of=cloud(eni(0)), holds=alone), "203.0.113.10")
    lines = [line for line in spelled(found) if line.startswith(("rule", "route", "gateway"))]

    assert lines[0] == "rule there no rule is needed: everything leaves by the primary ENI"
    assert lines[1:] == (
        [
            "route there default via 192.168.0.253 dev eth0 metric 100 table main",
            "gateway there 192.168.0.253",
        ]
        if default
        else ["route missing no default route dev eth0 in `main`"]
    )


def test_an_undecided_eni_gets_nothing() -> None:
    eips = (declared("203.0.113.20"), declared("203.0.113.21", Mode.EIP_VISIBLE))
    found = of(scene_of(declared=eips, holds=kernel(*HERE)), "203.0.113.20")

    assert found.mode is None
    assert any("undecided" in hop.why for hop in found.hops if hop.state is State.MISSING)


def test_what_stays_while_the_mode_is_undecided_leaves_by_the_vswitch() -> None:
    scene = settled(scene_of(told(nat_eip(11)), holds=kernel(*HERE)))
    eips = (declared("203.0.113.20"), declared("203.0.113.21", Mode.EIP_VISIBLE))
    found = of(scene_of(declared=eips, holds=scene.kernel), "203.0.113.20")

    assert found.mode is None
    assert "gateway there 192.168.1.253, of the vSwitch 192.168.1.0/24" in spelled(found)


@given(worlds())
@settings(max_examples=50)
def test_what_is_planned_is_there_after_apply(world: World) -> None:
    report = conclude(world.cloud, world.kernel, Remembered(), world.settings)
    then = settled(Scene(report, world.kernel, Witnesses(), world.settings, Remembered()))
    states = [hop.state for chain in chains(then) for hop in chain.hops]

    assert (State.PLANNED in states) <= bool(then.report.plan)
