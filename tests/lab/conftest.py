"""What all tests of the lab share."""

from collections.abc import Iterator

import pytest

from eip_agent.lab.cloud import Cloud
from tests.lab.spawner import Spawner


@pytest.fixture(scope="session", autouse=True)
def _spawner() -> Iterator[None]:
    """Agents are started by a process that has imported them already: half of the time of these tests went there."""
    spawner = Spawner()
    Cloud.spawner = spawner
    yield
    Cloud.spawner = None
    spawner.close()
