"""HAVIPs and the addresses on the links."""

from dataclasses import replace

from eip_agent.core.finding import told as told_findings
from eip_agent.core.findings.havips import havips
from eip_agent.core.openapi import HavipFact
from tests.builders import address, ip4, kernel
from tests.core.findings.support import codes, scene_of, told

OURS = HavipFact("havip-1", ip4("192.168.1.99"), "InUse", "i-1", ("i-1", "i-2"))
THEIRS = replace(OURS, master="i-2")
HELD = kernel(addresses=(address("192.168.1.99", length=32),))


def found(havip: HavipFact, *programs: str, here: bool = False) -> list[str]:
    scene = scene_of(told(havips=(havip,)), holds=HELD if here else None, programs=programs)
    return codes(told_findings(havips(scene)))


def test_a_master_without_the_address_is_told_whatever_runs() -> None:
    assert found(OURS, "keepalived") == ["EIP421"]
    assert found(OURS) == ["EIP421"], "the other one is a consequence"


def test_who_would_not_take_it_over_is_told() -> None:
    assert found(THEIRS, "dhclient") == ["EIP422"]
    assert found(THEIRS, "keepalived") == []
    assert found(replace(THEIRS, instances=("i-2",))) == []
    assert codes(havips(scene_of(told(havips=(THEIRS,))))) == [], "nobody has looked what runs"


def test_an_address_that_another_master_has_is_told() -> None:
    assert found(THEIRS, "keepalived", here=True) == ["EIP423"]
    assert found(OURS, "keepalived", here=True) == found(replace(OURS, master=""), here=True) == []


def test_one_that_is_bound_to_enis_is_ours_by_ours() -> None:
    bound = replace(OURS, master="eni-1", instances=("eni-1", "eni-9"))

    assert found(bound, "keepalived", here=True) == []
    assert found(bound, "keepalived") == ["EIP421"]
    assert found(replace(bound, master="eni-9"), "dhclient") == ["EIP422"]
    assert found(replace(bound, master="eni-9"), "keepalived", here=True) == ["EIP423"]


def test_without_havips_nothing_is_told() -> None:
    assert codes(havips(scene_of(told()))) == codes(havips(scene_of(programs=()))) == []
