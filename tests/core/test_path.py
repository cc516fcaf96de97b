"""The value of a way."""

from eip_agent.core.message import say
from eip_agent.core.outside import State
from eip_agent.core.path import Leg, Place, Stop


def stop(state: State) -> Stop:
    return Stop(Place.LINK, "eth1", say("a link"), state)


def test_a_leg_is_as_good_as_its_worst_stop() -> None:
    assert Leg((stop(State.PASSES), stop(State.PASSES))).state is State.PASSES
    assert Leg((stop(State.UNKNOWN), stop(State.PASSES))).state is State.UNKNOWN
    assert Leg((stop(State.UNKNOWN), stop(State.STOPS), stop(State.PASSES))).state is State.STOPS
    assert Leg(()).state is State.UNKNOWN
