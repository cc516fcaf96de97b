"""A verdict: the binding mode of one ENI, how sure that is, and the evidence.  `judge` reaches it."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from eip_agent.core.facts import EniFact, Mac, RouteFact
from eip_agent.core.settings import Mode

PRIVATE: Final = tuple(
    map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"))
)
"""What a vSwitch's own addresses look like: RFC 1918, RFC 6598, RFC 3927."""


class Certainty(enum.Enum):
    """How sure a verdict is."""

    CERTAIN = "certain"
    """A source that is authoritative says so."""
    PROBABLE = "probable"
    """What was seen fits this mode, and no source that would know has been asked."""
    UNDECIDED = "undecided"
    """Sources contradict each other, or a fact is missing without which nothing can be said."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fact used as a reason."""

    source: str
    """`settings`, `OpenAPI`, `DHCP offer`, `kernel` or `metadata`, with the place in it."""
    says: str


@dataclass(frozen=True, slots=True)
class VisibleEip:
    """An EIP that belongs on the link itself."""

    address: IPv4Address
    prefix_length: int
    gateway: IPv4Address


@dataclass(frozen=True, slots=True)
class Verdict:
    """The binding mode of one ENI."""

    mac: Mac
    mode: Mode
    certainty: Certainty
    because: tuple[Evidence, ...]
    """Never empty."""
    visible: tuple[VisibleEip, ...] = ()
    """What the mode puts on the link besides (or, EIP-visible, instead of) the private addresses."""
    contradiction: str = ""
    """When undecided: what contradicts what, or what is missing."""
    remedy: str = ""
    """When undecided: what to do."""

    @property
    def decided(self) -> bool:
        """Whether the ENI may be configured by it."""
        return self.mode is not Mode.UNDECIDED


def gateway_by(routes: Sequence[RouteFact]) -> IPv4Address | None:
    """The router a DHCP client was given: the gateway of the best IPv4 default route in `main` by this link."""
    defaults = [route for route in routes if not route.destination.prefixlen and isinstance(route.gateway, IPv4Address)]
    best = min(defaults, key=lambda route: route.metric, default=None)
    return best.gateway if best and isinstance(best.gateway, IPv4Address) else None


def undecided(eni: EniFact, because: Sequence[Evidence], contradiction: str, remedy: str) -> Verdict:
    """The verdict that nothing may be done by."""
    return Verdict(
        eni.mac, Mode.UNDECIDED, Certainty.UNDECIDED, tuple(because), contradiction=contradiction, remedy=remedy
    )


def is_private(address: IPv4Address) -> bool:
    """Whether it looks like a vSwitch's own address, as opposed to one of a public block added to the VPC."""
    return any(address in block for block in PRIVATE)
