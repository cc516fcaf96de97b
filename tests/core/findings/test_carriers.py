"""Links that carry nothing."""

from dataclasses import replace

from eip_agent.core.findings.carriers import dead
from eip_agent.core.settings import Settings
from tests.builders import link
from tests.core.findings.support import codes
from tests.core.findings.surrounded import surrounded


def test_a_link_that_is_down_is_told_with_who_brings_it_up() -> None:
    down = surrounded(links=(link(0), link(1, up=False)))
    (by_us,) = dead(down)
    others = tuple(change for change in down.report.plan if not str(change.item).startswith("link eth1 up"))
    left = replace(down, report=replace(down.report, plan=others), asleep=())
    assert any("link eth1" in str(change.item) for change in others), "another setting brings no link up"
    (by_hand,) = dead(left)

    assert (by_us.code, by_us.subject, by_us.commands) == ("EIP105", "eth1", ("eip-agent apply",))
    assert by_hand.commands == ("ip link set eth1 up", "eip-agent apply")
    assert not list(dead(replace(down, settings=Settings(leave_primary=True), report=surrounded().report)))


def test_a_link_without_a_carrier_is_told_where_that_is_known() -> None:
    unplugged = surrounded(carrier=False)

    assert codes(dead(unplugged)) == ["EIP110", "EIP110"]
    assert not list(dead(replace(unplugged, surroundings=None)))
    assert not list(dead(surrounded()))
