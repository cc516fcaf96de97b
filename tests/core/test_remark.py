"""A remark says what is so, what it means and what to do; each that the agent makes says all of it."""

from hypothesis import given, settings

from eip_agent.core.conclude import conclude
from eip_agent.core.facts import Remembered
from tests.strategies import World, worlds


@given(worlds())
@settings(max_examples=30)
def test_every_remark_is_complete(world: World) -> None:
    for remark in conclude(world.cloud, world.kernel, Remembered(), world.settings).remarks:
        assert all((remark.subject, remark.saw, remark.means, remark.do)), remark
