"""Both directions together."""

from dataclasses import replace
from typing import Any

from eip_agent.core.ends import Ends
from eip_agent.core.outside import State
from eip_agent.core.path import Path
from eip_agent.core.settings import Mode
from eip_agent.core.surroundings import RuleSeen, Surroundings
from eip_agent.core.trace import trace
from eip_agent.core.walk import LookupFact
from tests.builders import address, declared, ip4, settings
from tests.core.following import APPLIED, BEFORE, EIP, FIRST, OWN, WEB, Instance


def path(instance: Instance, near: Any = OWN, far: Any = WEB, **ends: Any) -> Path:
    return trace(instance.scene, Ends(far, near, **ends), instance.look)


def test_a_request_out_and_its_reply() -> None:
    found = path(Instance(), port=443)

    assert (found.near, found.seen) == (OWN, EIP)
    assert found.request.state is State.PASSES
    assert found.reply is not None
    assert found.reply.state is State.PASSES
    assert [stop.name for stop in found.reply.stops][1] == str(EIP)


def test_what_does_not_arrive_is_not_answered() -> None:
    found = path(Instance(BEFORE))

    assert found.request.state is State.STOPS
    assert found.reply is None


def test_a_request_in_and_its_reply() -> None:
    instance = Instance(BEFORE)
    found = path(instance, incoming=True, named=EIP, port=443)

    assert found.request.state is State.PASSES
    assert found.reply is not None
    assert found.reply.state is State.STOPS
    assert instance.asked[1].source_port == 443
    assert any("here it is 192.168.1.10" in note for note in found.notes)


def test_to_this_host_itself_there_is_no_reply_to_follow() -> None:
    assert path(Instance(), near=FIRST, far=OWN).reply is None


def test_a_socket_bound_to_a_link_gets_an_address() -> None:
    oif = RuleSeen(4, 24020, table=100, outgoing="eth1")
    found = path(Instance((*APPLIED, oif)), near=None, link="eth1")

    assert found.near == OWN
    assert found.reply is not None


def test_services_and_eip_visible_mode_are_explained() -> None:
    eip = ip4("203.0.113.20")
    instance = Instance(wanted=settings(eips=(declared(str(eip), Mode.EIP_VISIBLE),)))
    instance.overrides = {"addresses": (*instance.held.addresses, address(str(eip)))}
    notes = path(instance, near=eip, far=ip4("100.100.100.200")).notes

    assert any("100.64.0.0/10" in note for note in notes)
    assert not any("100.64.0.0/10" in note for note in path(instance, near=eip).notes)


def test_doubts_are_told() -> None:
    odd = RuleSeen(4, 5, table=100, strange=(12,))
    assert any("does not know" in note for note in path(Instance((odd, *APPLIED))).notes)
    assert any("something else" in note for note in path(Instance(answer=lambda _: LookupFact(101))).notes)
    instance = Instance()
    blind = replace(instance.scene, surroundings=Surroundings())
    found = trace(blind, Ends(WEB, OWN), instance.look)
    assert any("could not be read" in note for note in found.notes)
    assert found.request.walk is None
    assert found.request.state is State.PASSES


def test_without_metadata_only_the_kernel_speaks() -> None:
    instance = Instance()
    scene = replace(instance.scene, report=replace(instance.scene.report, cloud=None, stories=()))
    found = trace(scene, Ends(WEB, OWN), instance.look)

    assert found.request.state is State.UNKNOWN
    assert any("does not tell the ENIs" in note for note in found.notes)
