"""What the agent writes: addresses, routes, rules and settings of links.  Spelled as `ip` spells them."""

from dataclasses import dataclass, field
from typing import Final

from eip_agent.core.facts import IPAddress, IPNetwork, Link
from eip_agent.core.numbers import DEFAULT_LENGTHS, DEVICE_GROUP, MAIN


@dataclass(frozen=True, slots=True)
class Address:
    """An address on a link, with the mask the documents promise and without a connected route (`noprefixroute`)."""

    link: Link
    ip: IPAddress
    prefix_length: int
    main: bool = field(default=False, compare=False)
    """The ENI's primary private address, written before the others: a socket bound to nothing but the link has the one
    that came first."""

    spare: bool = field(default=False, compare=False)
    """IPv6: written as deprecated, so that no socket gets it that did not ask for it.  What is added to the primary ENI
    must not change whom the other side of an unbound socket sees, and the kernel prefers what came last."""

    @property
    def key(self) -> tuple[object, ...]:
        """The kernel's identity of it."""
        return ("address", self.link.index, self.ip, self.prefix_length)

    def __str__(self) -> str:
        return f"address {self.ip}/{self.prefix_length} dev {self.link.name} noprefixroute"


@dataclass(frozen=True, slots=True)
class Route:
    """A route in one of our tables."""

    table: int
    destination: IPNetwork
    link: Link | None
    """None: unreachable."""
    gateway: IPAddress | None = None
    """IPv4: always written `onlink`, for a gateway may lie outside the address's mask.  IPv6: never, for then the
    kernel asks `main`, which may know the same subnet by another ENI; so its table holds the way to it first."""

    @property
    def key(self) -> tuple[object, ...]:
        """The kernel's identity of it: a route with another gateway replaces this one."""
        return ("route", self.table, self.destination)

    def __str__(self) -> str:
        to = str(self.destination) if self.destination.prefixlen else "default"
        if self.link is None:
            return f"route unreachable {to} table {self.table}"
        via = f" via {self.gateway}" if self.gateway else ""
        onlink = " scope link" if not self.gateway else " onlink" if self.gateway.version == 4 else ""
        family = "-6 " if self.destination.version == 6 and not self.destination.prefixlen else ""
        return f"{family}route {to}{via} dev {self.link.name}{onlink} table {self.table}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy rule in our band of priorities.

    With `goto` it jumps; with table `main` it is a main-first rule, suppressed for defaults and for ENIs; with any
    other table it looks that up; with neither it is a `nop`, the place where a jump ends.
    """

    family: int
    """4 or 6."""
    priority: int
    source: IPNetwork | None = None
    device: str | None = None
    """`oif`: only packets of sockets bound to this device."""
    table: int | None = None
    goto: int | None = None
    forwarded: bool = False
    """Whether a rule with a source is for forwarded packets as well.  Else it is for our own only (`iif lo`): what
    somebody else of the same subnet sends through this host, as its router, is routed as if there were no rules."""

    @property
    def key(self) -> tuple[object, ...]:
        """The whole rule: the kernel takes rules that differ in anything for different ones."""
        return ("rule", self)

    def __str__(self) -> str:
        words = ["-6 rule" if self.family == 6 else "rule", f"{self.priority}:", f"from {self.source or 'all'}"]
        if self.source is not None and not self.forwarded:
            words.append("iif lo")
        if self.device:
            words.append(f"oif {self.device}")
        if self.goto is not None:
            words.append(f"goto {self.goto}")
        elif self.table == MAIN:
            length = DEFAULT_LENGTHS[self.family]
            words.append(f"lookup main suppress_prefixlength {length} suppress_ifgroup {DEVICE_GROUP}")
        elif self.table is not None:
            words.append(f"lookup {self.table}")
        else:
            words.append("nop")
        return " ".join(words)


UP: Final = "up"
GROUP_SETTING: Final = "group"
PROMOTE_SECONDARIES: Final = "promote_secondaries"
ARP_IGNORE: Final = "arp_ignore"
ARP_ANNOUNCE: Final = "arp_announce"


@dataclass(frozen=True, slots=True)
class LinkSetting:
    """One setting of a link; there is always a value, so it is only ever replaced."""

    link: Link
    name: str
    """`up`, `group`, or a name below `/proc/sys/net/ipv4/conf/<link>/`."""
    value: int

    @property
    def key(self) -> tuple[object, ...]:
        """The kernel's identity of it."""
        return ("setting", self.link.index, self.name)

    def __str__(self) -> str:
        if self.name == UP:
            return f"link {self.link.name} {'up' if self.value else 'down'}"
        return f"link {self.link.name} {self.name} {self.value}"


Item = Address | Route | Rule | LinkSetting
