"""What the cloud lets through and what it translates, as one nftables file: a pure function of the topology.

Two tables, because ARP has a family of its own.  Everything is keyed by sets and maps, so that a lookup costs the same
with 3,000 addresses as with three, and so that one transaction replaces all of it while packets flow.

Assumptions, where the public documentation is silent:

- Anti-spoofing is a drop at arrival, by source address and ENI.  `0.0.0.0` (DHCP, address probes), `::` and link-local
  sources pass.  MAC addresses are not checked.
- 1:1 NAT keeps no state: a new binding counts for the next packet.  What an ICMP error quotes is not translated.
- There is no way from EIP to EIP through the Internet: the instance and its peers reach each other inside the VPC.
- EIP-visible takes the IPv4 of the ENI out of the VPC in both directions; its IPv6 is as before.
- A multi-EIP-visible EIP may talk with private addresses of the VPC, un-NATed; a peer routes back by its gateway.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from eip_agent.core.settings import Mode
from eip_agent.lab.topology import Eni, Topology, VSwitch

INTERNET: Final = "internet"
"""The router's device towards the Internet.  Towards an ENI it has the name of the ENI's link."""
SERVICES: Final = IPv4Network("100.64.0.0/10")
"""Metadata, DNS and other services of the cloud, for every ENI that is part of the VPC."""
_VISIBLE: Final = frozenset({Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE})
_TABLES: Final = ("inet cloud", "arp cloud")

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
    }
    chain pass {
        type filter hook forward priority filter; policy accept;
        oifname @binded ip saddr @inside drop
        oifname "internet" ip saddr != @with_eip drop
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
        arp operation != request accept
        iifname . arp daddr ip @gateways accept
        meta mark set iifname map @vswitch_of
        meta mark . arp daddr ip @known accept
    }
    chain anti_spoofing {
        arp saddr ip 0.0.0.0 return
        iifname . arp saddr ip @owned return
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
        "set inside": "type ipv4_addr; flags interval; auto-merge",
        "set visible": "type ipv4_addr",
        "set with_eip": "type ipv4_addr",
        "map eip_to_private": "type ipv4_addr : ipv4_addr",
        "map private_to_eip": "type ipv4_addr : ipv4_addr",
    },
    "arp cloud": {
        "set enis": "type ifname",
        "set owned": "type ifname . ipv4_addr",
        "map spoofed": "type ifname : counter",
        "set gateways": "type ifname . ipv4_addr",
        "map vswitch_of": "type ifname : mark",
        "set known": "type mark . ipv4_addr",
    },
}


def ruleset(topology: Topology, peers: Mapping[str, str]) -> str:
    """The file for `nft -f -`; `peers` are the router's devices by vSwitch name, for the vSwitches that have a peer.

    Loading it replaces an earlier one in one step; the counters of `spoofs` go on counting.
    """
    lines: list[str] = []
    for table, kinds in _KINDS.items():
        lines.append(f"add table {table}")
        lines += [f"add counter {table} {counter(eni.link)}" for eni in topology.enis]
        lines += [f"add {kind.split()[0]} {table} {kind.split()[1]} {{ {spec}; }}" for kind, spec in kinds.items()]
        lines.append(f"flush table {table}")
        lines += [f"flush {kind.split()[0]} {table} {kind.split()[1]}" for kind in kinds]
        elements = _elements(topology, peers)
        for kind in kinds:
            name = kind.split()[1]
            if elements[name]:
                lines.append(f"add element {table} {name} {{ {', '.join(elements[name])} }}")
    return "\n".join([*lines, _INET, _ARP])


def counter(link: str) -> str:
    """The name of the counters, one in each table, of what an ENI sent with a source that is not its own."""
    return f"spoof_{link}"


def known_addresses(topology: Topology, vswitch: VSwitch, *, peer: bool) -> tuple[IPv4Address, ...]:
    """Whom the vSwitch answers ARP for besides its gateway: who is alive in it."""
    private = [a for eni in topology.enis if eni.vswitch == vswitch and not eni.binded for a in eni.private]
    return (*private, vswitch.peer) if peer else tuple(private)


def gateways(eni: Eni) -> tuple[IPv4Address, ...]:
    """Who answers ARP on this ENI as a router: that of a vSwitch it is part of, and those of visible EIPs."""
    own = () if eni.binded else (eni.vswitch.gateway,)
    return tuple(dict.fromkeys([*own, *(e.gateway for e in eni.eips if e.mode in _VISIBLE and e.gateway)]))


def vpc_blocks(topology: Topology) -> tuple[IPv4Network, ...]:
    """The private IPv4 network, secondary CIDR blocks included."""
    return tuple(dict.fromkeys([topology.vpc, *(vswitch.cidr for vswitch in topology.vswitches)]))


def _elements(topology: Topology, peers: Mapping[str, str]) -> dict[str, list[str]]:
    """What is in each set and map."""
    numbers = {vswitch.name: number for number, vswitch in enumerate(topology.vswitches, 1)}
    homes = {eni.link: eni.vswitch for eni in topology.enis if not eni.binded}
    homes |= {peers[vswitch.name]: vswitch for vswitch in topology.vswitches if vswitch.name in peers}
    visible = [str(eip.address) for eni in topology.enis for eip in eni.eips if eip.mode in _VISIBLE]
    translated = {
        str(eip.address): str(eni.private_of(eip))
        for eni in topology.enis
        for eip in eni.eips
        if eip.mode not in _VISIBLE and not eni.binded
    }
    return {
        "enis": _quoted(eni.link for eni in topology.enis),
        "owned": [f'"{eni.link}" . {address}' for eni in topology.enis for address in eni.owned],
        "owned6": [f'"{eni.link}" . {address}' for eni in topology.enis for address in eni.ipv6s],
        "spoofed": [f'"{eni.link}" : "{counter(eni.link)}"' for eni in topology.enis],
        "binded": _quoted(eni.link for eni in topology.enis if eni.binded),
        "inside": [str(block) for block in (*vpc_blocks(topology), SERVICES)],
        "visible": visible,
        "with_eip": [*translated.values(), *visible],
        "eip_to_private": [f"{eip} : {private}" for eip, private in translated.items()],
        "private_to_eip": [f"{private} : {eip}" for eip, private in translated.items()],
        "gateways": [
            *(f'"{eni.link}" . {gateway}' for eni in topology.enis for gateway in gateways(eni)),
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
