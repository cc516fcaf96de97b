"""The register of kinds: complete, and consistent in itself."""

import re
from string import Formatter

import pytest
from hypothesis import given, settings

from eip_agent.core.conclude import NOBODY_ELSE, conclude
from eip_agent.core.facts import Remembered
from eip_agent.core.finding import Kind
from eip_agent.core.findings.all import KINDS, MODULES, find_all
from eip_agent.core.scene import Scene
from tests.strategies import World, worlds

EVERY = tuple(kind for module in MODULES for kind in module.KINDS)


def test_no_code_is_given_twice() -> None:
    assert len(EVERY) == len(KINDS)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: str(kind.code))
def test_a_kind_says_everything(kind: Kind) -> None:
    assert re.fullmatch(r"EIP[1-9][0-9]{2}", kind.code)
    assert all((kind.title, kind.saw, kind.means, kind.do, kind.proof))
    assert not list(filter(None, (name for _, name, _, _ in Formatter().parse(kind.title)))), "a title has no values"
    assert kind.caused_by <= KINDS.keys()


@given(worlds())
@settings(max_examples=30)
def test_looking_never_fails_and_every_finding_is_complete(world: World) -> None:
    report = conclude(world.cloud, world.kernel, Remembered(), world.settings)
    scene = Scene(report, world.kernel, NOBODY_ELSE, world.settings, Remembered())

    for finding in find_all(scene):
        assert all((finding.subject, finding.saw, finding.means, finding.do)), finding
