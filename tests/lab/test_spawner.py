"""Agents that begin by fork are the same program: what they say and how they end is what a process of its own does."""

from collections.abc import Iterator

import pytest

from eip_agent.errors import LabError
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import Topology, eni, vswitch
from tests.lab.spawner import Spawner

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(Topology((eni(0, vswitch(0)), eni(1, vswitch(1)))), peers=False) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def spawner() -> Iterator[Spawner]:
    spawner = Spawner()
    yield spawner
    spawner.close()


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain",),
        ("explain", "--format", "json"),
        ("apply", "--dry-run", "--lang", "zh"),
        ("explain", "finding", "EIP999"),
        ("explain", "--nonsense"),
        ("--version",),
        (),
    ],
    ids=" ".join,
)
def test_it_is_the_same_as_a_process_of_its_own(cloud: Cloud, spawner: Spawner, arguments: tuple[str, ...]) -> None:
    forked = spawner.run(cloud, arguments, 60)
    own = cloud.guest.run(cloud.agent_command(*arguments), env=cloud.agent_environment, check=False)

    assert forked is not None
    assert (forked.stdout, forked.stderr, forked.returncode) == (own.stdout, own.stderr, own.returncode)


def test_one_leaves_nothing_behind_for_the_next(cloud: Cloud, spawner: Spawner) -> None:
    before = spawner.run(cloud, ["explain", "--format", "json"], 60)
    for arguments in ["apply"], ["explain", "--lang", "zh"], ["revert"]:
        assert spawner.run(cloud, arguments, 60) is not None
    after = spawner.run(cloud, ["explain", "--format", "json"], 60)

    assert before is not None
    assert after is not None
    assert after.stdout == before.stdout


def test_what_takes_too_long_is_ended(cloud: Cloud, spawner: Spawner) -> None:
    with pytest.raises(LabError, match="longer than"):
        spawner.run(cloud, ["run"], 0.3)
    assert spawner.run(cloud, ["--version"], 60) is not None
