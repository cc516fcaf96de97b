"""The register of kinds: complete, and consistent in itself."""

import re
from pathlib import Path
from string import Formatter
from typing import Final

import pytest
from hypothesis import given, settings

from eip_agent.core.conclude import NOBODY_ELSE, conclude
from eip_agent.core.facts import Remembered
from eip_agent.core.finding import Kind
from eip_agent.core.findings.all import KINDS, MODULES, find_all
from eip_agent.core.scene import Scene
from tests.strategies import World, worlds

UNSEEN: Final = {"EIP255": "no kernel of today that is at hand has iptables-legacy"}
"""Kinds without a situation in the lab, each with the reason."""

EVERY = tuple(kind for module in MODULES for kind in module.KINDS)


def test_no_code_is_given_twice() -> None:
    assert len(EVERY) == len(KINDS)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: str(kind.code))
def test_a_kind_says_everything(kind: Kind) -> None:
    assert re.fullmatch(r"EIP[1-9][0-9]{2}", kind.code)
    assert all((kind.title, kind.saw, kind.means, kind.do, kind.proof))
    assert not list(filter(None, (name for _, name, _, _ in Formatter().parse(kind.title)))), "a title has no values"
    assert kind.caused_by <= KINDS.keys()


def test_every_kind_was_seen_for_real() -> None:
    """A golden file of its texts is only written by a test in the lab that made its situation."""
    golden = {path.stem[:6] for path in (Path(__file__).parents[2] / "golden" / "findings").glob("EIP*.txt")}

    assert golden == KINDS.keys() - UNSEEN.keys()


@given(worlds())
@settings(max_examples=30)
def test_looking_never_fails_and_every_finding_is_complete(world: World) -> None:
    report = conclude(world.cloud, world.kernel, Remembered(), world.settings)
    scene = Scene(report, world.kernel, NOBODY_ELSE, world.settings, Remembered())

    for finding in find_all(scene):
        assert all((finding.subject, finding.saw, finding.means, finding.do)), finding
