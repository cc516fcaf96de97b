"""The way of a packet and of its reply as a value: every place it passes, and whether it gets past.

::

    out   program -> routing -> link -> ENI -> gateway -> cloud -> other side
    in    other side -> cloud -> ENI -> link -> routing -> program

`trace` makes it; nothing in it depends on how it is shown.
"""

import enum
from dataclasses import dataclass

from eip_agent.core.ends import Ends
from eip_agent.core.facts import IPAddress
from eip_agent.core.message import Message
from eip_agent.core.outside import State
from eip_agent.core.walk import LookupFact, Walk


class Place(enum.Enum):
    """What a packet passes."""

    PROGRAM = "program"
    ROUTING = "routing"
    LINK = "link"
    ENI = "eni"
    GATEWAY = "gateway"
    CLOUD = "cloud"
    PEER = "peer"


@dataclass(frozen=True, slots=True)
class Stop:
    """One place, and what happens there."""

    place: Place
    name: str
    """Never translated: an address, a link, an ENI, a route."""
    says: Message
    state: State = State.PASSES


@dataclass(frozen=True, slots=True)
class Leg:
    """One direction, as far as the packet gets."""

    stops: tuple[Stop, ...]
    walk: Walk | None = None
    """Rule by rule; None: no rule was asked, or rules and routes could not be read."""
    fact: LookupFact | None = None
    """The kernel's own answer; None: it was not asked."""
    agrees: bool = True
    """Whether the walk comes to the kernel's answer."""

    @property
    def state(self) -> State:
        """Whether the packet arrives: the worst of all places."""
        order = list(State)
        return max((stop.state for stop in self.stops), key=order.index, default=State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Path:
    """A request and its reply."""

    ends: Ends
    near: IPAddress | None
    """The address of this instance that is used; None: there is none."""
    request: Leg
    reply: Leg | None
    """None: there is nothing to reply to."""
    seen: IPAddress | None = None
    """As whom the other side sees this instance; None: not known."""
    notes: tuple[Message, ...] = ()
