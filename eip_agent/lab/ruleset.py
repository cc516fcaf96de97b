"""What the cloud lets through and what it translates, as nftables files: pure functions of the topology.

Two tables, because ARP has a family of its own.  The rules are always the same and everything else is in sets and maps,
so that a lookup costs the same with 3,000 addresses as with three, and a change is a difference of sets.

Assumptions, where the public documentation is silent:

- Anti-spoofing is a drop at arrival, by source address and ENI.  `0.0.0.0` (DHCP, address probes), `::` and link-local
  sources pass.  MAC addresses are not checked.
- 1:1 NAT keeps no state: a new binding counts for the next packet.  What an ICMP error quotes is not translated.
- There is no way from EIP to EIP through the Internet: the instance and its peers reach each other inside the VPC.
- EIP-visible takes the IPv4 of the ENI out of the VPC in both directions; its IPv6 is as before.
- An IPv6 address without bandwidth is dropped in both directions.  An egress-only rule drops what opens a connection of
  TCP, and echo requests; other packets are let in, for nobody here remembers who has asked.
- Beside an activated IPv4 gateway, what a private vSwitch sends to the Internet is dropped, and what comes in is not.
- A multi-EIP-visible EIP may talk with private addresses of the VPC, un-NATed; a peer routes back by its gateway.
- A HAVIP is with the ENI that announced it last by ARP, of those it is bound to (documented); any gratuitous ARP
  announces it, the cloud follows at once, and who sends from it elsewhere spoofs.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from typing import Final, NamedTuple

from eip_agent.core.settings import Mode
from eip_agent.lab.topology import Eni, Topology, VSwitch

INTERNET: Final = "internet"
"""The router's device towards the Internet.  Towards an ENI it has the name of the ENI's link."""
SERVICES: Final = IPv4Network("100.64.0.0/10")
"""Metadata, DNS and other services of the cloud, for every ENI that is part of the VPC."""
_VISIBLE: Final = frozenset({Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE})
_AT_ONCE: Final = 1000

_INET: Final = """
table inet cloud {
    chain arrive {
        type filter hook prerouting priority raw; policy accept;
        iifname @enis jump anti_spoofing
        iifname @binded ip daddr @inside drop
        iifname @enis udp dport 67 drop comment "the DHCP server hears it before us, the kernel would refuse it"
        iifname "internet" jump from_internet
    }
    chain anti_spoofing {
        ip saddr 0.0.0.0 return
        ip6 saddr { ::, fe80::/10 } return
        iifname . ip saddr @owned return
        iifname . ip6 saddr @owned6 return
        counter name iifname map @spoofed drop
    }
    chain from_internet {
        ip daddr set ip daddr map @eip_to_private accept
        ip daddr @visible accept
        meta nfproto ipv4 drop
        ip6 daddr @closed6 drop
        ip6 daddr @asking6 tcp flags & (syn | ack) == syn drop
        ip6 daddr @asking6 icmpv6 type echo-request drop
    }
    chain pass {
        type filter hook forward priority filter; policy accept;
        oifname @binded ip saddr @inside drop
        oifname "internet" ip saddr != @with_eip drop
        oifname "internet" ip6 saddr @closed6 drop
    }
    chain leave {
        type filter hook postrouting priority srcnat; policy accept;
        oifname "internet" ip saddr set ip saddr map @private_to_eip
    }
}
"""
_ARP: Final = """
table arp cloud {
    chain arrive {
        type filter hook input priority filter; policy drop;
        iifname @enis jump anti_spoofing
        iifname . arp saddr ip . arp daddr ip @gratuitous drop comment "nobody answers it"
        arp operation != request accept
        iifname . arp daddr ip @gateways accept
        meta mark set iifname map @vswitch_of
        meta mark . arp daddr ip @known accept
    }
    chain anti_spoofing {
        arp saddr ip 0.0.0.0 return
        iifname . arp saddr ip @announced return
        counter name iifname map @spoofed drop
    }
}
"""
_KINDS: Final = {
    "inet cloud": {
        "set enis": "type ifname",
        "set owned": "type ifname . ipv4_addr",
        "set owned6": "type ifname . ipv6_addr",
        "map spoofed": "type ifname : counter",
        "set binded": "type ifname",
        "set inside": "type ipv4_addr; flags interval",
        "set visible": "type ipv4_addr",
        "set with_eip": "type ipv4_addr",
        "set closed6": "type ipv6_addr",
        "set asking6": "type ipv6_addr",
        "map eip_to_private": "type ipv4_addr : ipv4_addr",
        "map private_to_eip": "type ipv4_addr : ipv4_addr",
    },
    "arp cloud": {
        "set enis": "type ifname",
        "set announced": "type ifname . ipv4_addr",
        "map spoofed": "type ifname : counter",
        "set gateways": "type ifname . ipv4_addr",
        "set gratuitous": "type ifname . ipv4_addr . ipv4_addr",
        "map vswitch_of": "type ifname : mark",
        "set known": "type mark . ipv4_addr",
    },
}


class Element(NamedTuple):
    """One member of a set or map."""

    table: str
    name: str
    text: str


def skeleton() -> str:
    """The file for `nft -f -` that makes the tables, with nobody in them yet."""
    lines = [f"add table {table}" for table in _KINDS]
    lines += [f"add {kind} {table} {name} {{ {spec}; }}" for table, name, kind, spec in _sets()]
    return "\n".join([*lines, _INET, _ARP])


def change(old: frozenset[Element], new: frozenset[Element]) -> list[str]:
    """The files for `nft -f -` that lead from one set of elements to the other; counters go on counting.

    One file, which the kernel carries out in one step, but for more than 1,000 elements: without root a transaction has
    to fit the usual socket buffer.
    """
    links = [(e.table, e.text.split(" : ")[0].strip('"')) for e in sorted(new - old) if e.name == "spoofed"]
    counters = [f"add counter {table} {counter(link)}" for table, link in links]
    cut = [f"delete element {e.table} {e.name} {{ {e.text.split(' : ')[0]} }}" for e in sorted(old - new)]
    build = [f"add element {e.table} {e.name} {{ {e.text} }}" for e in sorted(new - old)]
    lines = [*counters, *cut, *build]
    return ["\n".join(lines[start : start + _AT_ONCE]) for start in range(0, len(lines), _AT_ONCE)]


def elements(topology: Topology, peers: Mapping[str, str]) -> frozenset[Element]:
    """Who may do what; `peers` are the router's devices by vSwitch name, for the vSwitches that have a peer."""
    texts = _elements(topology, peers)
    return frozenset(Element(table, name, text) for table, name, _, _ in _sets() for text in texts[name])


def counter(link: str) -> str:
    """The name of the counters, one in each table, of what an ENI sent with a source that is not its own."""
    return f"spoof_{link}"


def known_addresses(topology: Topology, vswitch: VSwitch, *, peer: bool) -> tuple[IPv4Address, ...]:
    """Whom the vSwitch answers ARP for besides its gateway: who is alive in it."""
    private = [a for eni in topology.attached if eni.vswitch == vswitch and not eni.binded for a in eni.private]
    private += [havip.address for havip in topology.floating if havip.holder and havip.address in vswitch.cidr]
    return (*private, vswitch.peer) if peer else tuple(private)


def gateways(eni: Eni) -> tuple[IPv4Address, ...]:
    """Who answers ARP on this ENI as a router: that of a vSwitch it is part of, and those of visible EIPs."""
    own = () if eni.binded else (eni.vswitch.gateway,)
    return tuple(dict.fromkeys([*own, *(e.gateway for e in eni.eips if e.mode in _VISIBLE and e.gateway)]))


def vpc_blocks(topology: Topology) -> tuple[IPv4Network, ...]:
    """The private IPv4 network, secondary CIDR blocks included."""
    return tuple(dict.fromkeys([topology.vpc, *(vswitch.cidr for vswitch in topology.vswitches)]))


def _sets() -> Iterator[tuple[str, str, str, str]]:
    """Table, name, kind and type of every set and map."""
    for table, sets in _KINDS.items():
        for declared, spec in sets.items():
            kind, name = declared.split()
            yield table, name, kind, spec


def _elements(topology: Topology, peers: Mapping[str, str]) -> dict[str, list[str]]:
    """What is in each set and map."""
    numbers = {vswitch.name: number for number, vswitch in enumerate(topology.vswitches, 1)}
    enis, held = topology.attached, [havip for havip in topology.floating if havip.holder]
    homes = {eni.link: eni.vswitch for eni in enis if not eni.binded}
    homes |= {peers[vswitch.name]: vswitch for vswitch in topology.vswitches if vswitch.name in peers}
    visible = [str(eip.address) for eni in enis for eip in eni.eips if eip.mode in _VISIBLE]
    translated = {
        str(eip.address): str(eni.private_of(eip))
        for eni in enis
        for eip in eni.eips
        if eip.mode not in _VISIBLE and not eni.binded
    }
    kept = {str(ip) for eni in enis if topology.is_private(eni.vswitch) for ip in eni.private}
    translated |= {str(havip.eip): str(havip.address) for havip in held if havip.eip}
    owned = [f'"{eni.link}" . {address}' for eni in enis for address in eni.owned]
    bound = [(f'"{link}" . {havip.address}', havip.address) for havip in topology.floating for link in havip.bound]
    return {
        "enis": _quoted(eni.link for eni in enis),
        "owned": [*owned, *(f'"{havip.holder}" . {havip.address}' for havip in held)],
        "announced": [*owned, *(where for where, _ in bound)],
        "gratuitous": [f"{where} . {address}" for where, address in bound],
        "owned6": [f'"{eni.link}" . {address}' for eni in enis for address in eni.ipv6s],
        "spoofed": [f'"{eni.link}" : "{counter(eni.link)}"' for eni in enis],
        "binded": _quoted(eni.link for eni in enis if eni.binded),
        "inside": [str(block) for block in collapse_addresses([*vpc_blocks(topology), SERVICES])],
        "visible": visible,
        "with_eip": [*(private for private in translated.values() if private not in kept), *visible],
        "closed6": list(map(str, topology.closed6)),
        "asking6": list(map(str, topology.asking6)),
        "eip_to_private": [f"{eip} : {private}" for eip, private in translated.items()],
        "private_to_eip": [f"{private} : {eip}" for eip, private in translated.items()],
        "gateways": [
            *(f'"{eni.link}" . {gateway}' for eni in enis for gateway in gateways(eni)),
            *(f'"{device}" . {homes[device].gateway}' for device in peers.values() if device in homes),
        ],
        "vswitch_of": [f'"{device}" : {numbers[vswitch.name]}' for device, vswitch in homes.items()],
        "known": [
            f"{numbers[vswitch.name]} . {address}"
            for vswitch in topology.vswitches
            for address in known_addresses(topology, vswitch, peer=vswitch.name in peers)
        ],
    }


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]
