"""What only explaining reads: the whole of rules and routes, the firewall, and what other programs are told to do.

Everything may be None: not read, and then nothing is concluded from it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eip_agent.core.facts import IPAddress, IPNetwork

if TYPE_CHECKING:
    # Most hosts have no firewall of their own, and the classes of one take time to be made.
    from eip_agent.core.firewall import Chain
    from eip_agent.core.neighbours import Neighbours


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """Any policy rule, whoever made it; struct fib_rule_hdr and its attributes, ip-rule(8)."""

    family: int
    """4 or 6."""
    priority: int
    action: str = "lookup"
    """`lookup`, `goto`, `nop`, `blackhole`, `unreachable`, `prohibit`."""
    table: int | None = None
    goto: int | None = None
    source: IPNetwork | None = None
    destination: IPNetwork | None = None
    incoming: str | None = None
    """`iif`; `lo` means packets of this host."""
    outgoing: str | None = None
    """`oif`: the device a socket is bound to."""
    mark: int | None = None
    mask: int = 0xFFFFFFFF
    inverted: bool = False
    """`not`."""
    tos: int = 0
    ip_protocol: int | None = None
    source_ports: tuple[int, int] | None = None
    destination_ports: tuple[int, int] | None = None
    users: tuple[int, int] | None = None
    suppress_length: int | None = None
    suppress_group: int | None = None
    protocol: int = 0
    """Who made it: `rtm_protocol`."""
    strange: tuple[int, ...] = ()
    """Attributes that this version does not know, so that whether it matches cannot be said."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One way of a route."""

    link: int | None
    gateway: IPAddress | None = None
    weight: int = 1
    onlink: bool = False


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """Any route of a table that a rule looks up; struct rtmsg and its attributes, ip-route(8)."""

    table: int
    destination: IPNetwork
    kind: str = "unicast"
    """`unicast`, `local`, `broadcast`, `multicast`, `unreachable`, `blackhole`, `prohibit`, `throw`."""
    hops: tuple[Hop, ...] = ()
    metric: int = 0
    protocol: int = 0
    scope: int = 0
    """`RT_SCOPE_*`: 0 universe, 253 link, 254 host."""
    preferred: IPAddress | None = None
    """`src`: the source address of who binds to none."""
    tos: int = 0
    source: IPNetwork | None = None
    """`from`: IPv6 only, for packets of these sources alone."""


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """What explaining wants to know of a link besides `LinkFact`."""

    link: int
    carrier: bool
    """Whether there is somebody at the other end: `LOWER_UP`, as `ip` says."""
    conf: tuple[tuple[str, int], ...] = ()
    """More of `/proc/sys/net/ipv4/conf/<link>/*` by name."""

    def setting(self, name: str) -> int | None:
        """One value of `conf`; None when it was not told."""
        return dict(self.conf).get(name)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The firewall of this network namespace; `core.firewall` says what it does with packets."""

    chains: "tuple[Chain, ...]" = ()
    legacy: tuple[str, ...] = ()
    """Tables of iptables-legacy in use, as `/proc/net/ip_tables_names` lists them; their rules are not read."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that was read besides what every pass reads."""

    rules: tuple[RuleSeen, ...] | None = None
    """Both families, in the order in which the kernel walks them."""
    routes: tuple[RouteSeen, ...] | None = None
    """Of `main`, `default`, and every table that a rule looks up; not of `local`."""
    links: tuple[LinkSeen, ...] | None = None
    common: tuple[tuple[str, int], ...] | None = None
    """`/proc/sys/net/ipv4/conf/all/*` by name: of most settings the larger of this and the link's counts."""
    firewall: Ruleset | None = None
    neighbours: "Neighbours | None" = None
    """What other programs are told to do."""

    def link(self, index: int) -> LinkSeen | None:
        """One link; None when it was not read."""
        return next((seen for seen in self.links or () if seen.link == index), None)

    def of_all(self, name: str) -> int | None:
        """One value of `common`; None when it was not read."""
        return dict(self.common or ()).get(name)
