"""What the router holds for a topology, as `ip` spells it: pure functions, so that a change is a difference of sets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from eip_agent.core.facts import Mac
from eip_agent.lab.ruleset import INTERNET, SERVICES, gateways, vpc_blocks
from eip_agent.lab.topology import Topology, VSwitch

ROUTER_MAC: Final = "ee:ff:ff:ff:ff:ff"
"""How the cloud's gateways, and by proxy all neighbours, answer."""
INTERNET_MAC: Final = "02:00:00:00:00:01"
PEER_MAC: Final = "00:16:3e:ff:00:01"
"""One for all peers, each of which is alone on its wire."""
METADATA_ADDRESS: Final = "100.100.100.200"
OPENAPI_ADDRESS: Final = "100.100.100.201"
SERVICE_ADDRESS: Final = "100.100.2.136"
"""A DNS server of the cloud; in the lab it echoes on port 7."""
TRANSIT: Final = ("169.254.0.1", "169.254.0.2")
TRANSIT6: Final = ("fe80::ee", "fe80::1:1")
"""Next hops between router and Internet, known by permanent neighbour entries only."""

INHERITED: Final = {
    "net/ipv4/ip_forward": 0,
    **{
        f"net/ipv4/conf/{scope}/{key}": value
        for scope in ("all", "default")
        for key, value in {"rp_filter": 0, "send_redirects": 0, "arp_ignore": 1}.items()
    },
    "net/ipv4/icmp_ratelimit": 0,
    "net/ipv6/conf/all/disable_ipv6": 0,
    "net/ipv6/conf/default/disable_ipv6": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/accept_ra": 0,
}
"""What the links of the cloud's side inherit; IPv4 would else inherit the machine's."""
ROUTING: Final = {
    "net/ipv4/ip_forward": 1,
    "net/ipv6/conf/all/forwarding": 1,
    "net/ipv4/conf/default/proxy_arp": 1,
    "net/ipv6/conf/all/proxy_ndp": 1,
    "net/ipv6/icmp/ratelimit": 0,
}
"""The router answers ARP for whatever it routes elsewhere; the ruleset says for whom it may."""
AT_ONCE: Final = (
    "ntable change name arp_cache dev {0} proxy_delay 0\nntable change name ndisc_cache dev {0} proxy_delay 0"
)
"""Not after the usual random 0.8 seconds; a namespace has no default of this to set."""

_ORDER: Final = ("addr", "neigh", "route")
"""A route needs the address or the neighbour it goes by."""


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """An address, a neighbour entry or a route."""

    kind: str
    """`addr`, `neigh` or `route`."""
    spec: str
    """What follows the verb."""
    device: str = ""
    """Empty for routes to nowhere."""

    @property
    def _where(self) -> str:
        return f"{self.spec} dev {self.device}" if self.device else self.spec


def batch(old: Iterable[Item], new: Iterable[Item]) -> str:
    """The lines for `ip -batch` that lead from one set of items to the other.

    Removals come first: an address that moves to another ENI may be on one only.  Who had a HAVIP before may still ask
    from it, of which the kernel then has a neighbour entry of its own.
    """
    old, new = set(old), set(new)
    cut = sorted(old - new, key=lambda item: (-_ORDER.index(item.kind), item.spec, item.device))
    build = sorted(new - old, key=lambda item: (_ORDER.index(item.kind), item.spec, item.device))
    lines = [f"{item.kind} del {item._where}" for item in cut]  # noqa: SLF001 - our own
    verbs = {"neigh": "replace"}
    return "\n".join([*lines, *(f"{item.kind} {verbs.get(item.kind, 'add')} {item._where}" for item in build)])  # noqa: SLF001


def router(topology: Topology, peers: Mapping[str, str]) -> frozenset[Item]:
    """Everything the router holds; `peers` are its devices by vSwitch name, for the vSwitches that have a peer.

    The cloud knows which MAC has which address, so neighbours are permanent entries: the router never asks the guest.
    Routes are per address and everything else of the VPC goes nowhere, so nothing is flooded and strangers are dead.
    """
    items = {
        Item("addr", f"{METADATA_ADDRESS}/32", "lo"),
        Item("addr", f"{OPENAPI_ADDRESS}/32", "lo"),
        Item("addr", f"{SERVICE_ADDRESS}/32", "lo"),
        Item("route", f"blackhole {SERVICES}"),
        Item("route", f"blackhole {topology.vpc6}"),
        *(Item("route", f"blackhole {block}") for block in vpc_blocks(topology)),
        *(
            Item("route", f"blackhole {vswitch.cidr6}")
            for vswitch in topology.vswitches
            if vswitch.cidr6 and not vswitch.cidr6.subnet_of(topology.vpc6)
        ),
        *_uplink(INTERNET, TRANSIT[1], TRANSIT6[1], INTERNET_MAC),
    }
    for eni in topology.attached:
        held = (havip.address for havip in topology.floating if havip.holder == eni.link)
        items |= {Item("addr", f"{gateway}/32", eni.link) for gateway in gateways(eni)}
        items |= _hosts([*eni.owned, *held, *eni.ipv6s], eni.link, eni.mac)
        if eni.ipv6s:
            items |= _vswitch6(topology, eni.vswitch, eni.link, peers)
    for vswitch in topology.vswitches:
        if device := peers.get(vswitch.name):
            items.add(Item("addr", f"{vswitch.gateway}/32", device))
            items |= _hosts([vswitch.peer, *_some(vswitch.peer6)], device, Mac(PEER_MAC))
            items |= _vswitch6(topology, vswitch, device, peers)
    return frozenset(items)


def internet(topology: Topology, device: str) -> frozenset[Item]:
    """What the Internet's namespace holds: all its hosts in one."""
    hosts = (Item("addr", f"{host}/{host.max_prefixlen}", device) for host in topology.internet)
    return frozenset({*hosts, *_uplink(device, TRANSIT[0], TRANSIT6[0], ROUTER_MAC)})


def _uplink(device: str, hop: str, hop6: str, mac: str) -> set[Item]:
    """A default route of each family."""
    return {
        Item("neigh", f"{hop} lladdr {mac} nud permanent", device),
        Item("neigh", f"{hop6} lladdr {mac} nud permanent", device),
        Item("route", f"default via {hop} onlink", device),
        Item("route", f"default via {hop6}", device),
    }


def _hosts(addresses: Iterable[object], device: str, mac: Mac) -> set[Item]:
    """Where these addresses live."""
    return {
        item
        for address in addresses
        for item in (
            Item("neigh", f"{address} lladdr {mac} nud permanent", device),
            Item("route", f"{address}", device),
        )
    }


def _vswitch6(topology: Topology, vswitch: VSwitch, device: str, peers: Mapping[str, str]) -> set[Item]:
    """Who answers neighbour discovery on a device: the gateway, and by proxy everybody else in the vSwitch.

    The kernel has no proxy for all of IPv6 as it has for ARP, so each neighbour is named.
    """
    if vswitch.gateway6 is None:
        return set()
    others = {a for eni in topology.attached if eni.vswitch == vswitch and eni.link != device for a in eni.ipv6s}
    if peers.get(vswitch.name, device) != device:
        others.update(_some(vswitch.peer6))
    proxied = {Item("neigh", f"proxy {address}", device) for address in others}
    return {Item("addr", f"{vswitch.gateway6}/128", device), *proxied}


def _some(address: IPv6Address | None) -> tuple[IPv6Address, ...]:
    return () if address is None else (address,)
