"""What a single match of a firewall rule says about a class of packets.

The other end of the packets may be anybody, so that a match by its address takes a part of them; of those of the
Internet none, where it names private addresses only.
"""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, summarize_address_range
from typing import Final

from eip_agent.core.facts import IPAddress

Span = tuple[int, int]
"""The first and the last of neighbouring numbers."""


class Share(enum.IntEnum):
    """Which part of the packets matches.  Of several matches of a rule, the least counts."""

    NONE = 0
    UNKNOWN = 1
    """All, some or none: nobody can tell from here."""
    SOME = 2
    """Some do and some do not."""
    ALL = 3


@dataclass(frozen=True, slots=True)
class Match:
    """One condition of a rule."""

    field: str
    """As `nft` spells it: `iifname`, `ip daddr`, `ct state`, `th dport`; `part` for limits and their like."""
    spans: tuple[Span, ...] = ()
    """The numbers that match; an address is a number too."""
    names: tuple[str, ...] = ()
    """The same for names of links; one with `*` at its end stands for all that begin so."""
    inverted: bool = False
    """All others match."""
    named: str = ""
    """The name of a set that was not read, in place of values."""
    mask: int | None = None
    """The bits that are compared, of a mark; None: all."""


@dataclass(frozen=True, slots=True)
class Packets:
    """TCP and UDP between an address of ours and any other, by one link."""

    incoming: bool
    address: IPAddress
    link: str
    index: int
    group: int = 0
    new: bool = True
    """They begin connections; False: they belong to one that was begun."""
    internet: bool = True
    """The other end is on the Internet; False: it may be in the VPC as well."""
    marks: tuple[Span, ...] = ()
    """Marks that rules of this firewall may give them.  Others may too: tc, eBPF, a program by its socket."""


_INVALID, ESTABLISHED, _RELATED, NEW, _UNTRACKED = 1, 2, 4, 8, 64
"""NF_CT_STATE_* bits of `ct state`, linux/netfilter/nf_conntrack_common.h."""
STATES: Final = {
    _INVALID: "invalid",
    ESTABLISHED: "established",
    _RELATED: "related",
    NEW: "new",
    _UNTRACKED: "untracked",
}
_NFPROTO: Final = {4: 2, 6: 10}
_ETHERTYPE: Final = {4: 0x0800, 6: 0x86DD}
PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
_TCP_AND_UDP: Final = (6, 17)
_DHCP: Final = frozenset((68, 546))
"""Ports of DHCP clients: what is let in there is no service of this host."""
_HOST: Final = 0
"""PACKET_HOST of `pkttype`: for this host alone, as a packet for an address of ours is."""
_NOT_INTERNET: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
        ),
    )
) + tuple(map(IPv6Network, ("::/127", "fc00::/7", "fe80::/10")))
"""Whence nothing comes from the Internet.  Not `ipaddress.is_private`, for that has addresses of documents in it."""


def share(match: Match, packets: Packets) -> Share:
    """Which part of the packets it matches."""
    if match.field in _NAMES:
        return _sure(match, any(_is(name, _NAMES[match.field](packets)) for name in match.names))
    if match.field in _ONE:
        value = _ONE[match.field](packets)
        if value is None or match.named:
            return Share.UNKNOWN
        return _sure(match, _holds(match.spans, value))
    if match.field in MARKS:
        return _by_mark(match, packets)
    if match.field in _ADDRESSES:
        return _by_address(match, packets)
    if match.field == "l4proto":
        held = [_holds(match.spans, protocol) is not match.inverted for protocol in _TCP_AND_UDP]
        return Share.ALL if all(held) else Share.SOME if any(held) else Share.NONE
    if match.field in ("th dport", "th sport"):
        return _by_port(match)
    return Share.SOME if match.field == "part" else Share.UNKNOWN


def _by_address(match: Match, packets: Packets) -> Share:
    version, source = _ADDRESSES[match.field]
    if version != packets.address.version:
        return Share.NONE
    if source is not packets.incoming:
        return Share.UNKNOWN if match.named else _sure(match, _holds(match.spans, int(packets.address)))
    if match.named:
        return Share.SOME
    if match.spans == (EVERY[version],):
        return Share.NONE if match.inverted else Share.ALL
    outside = [
        (int(net.network_address), int(net.broadcast_address)) for net in _NOT_INTERNET if net.version == version
    ]
    if packets.internet and all(
        any(low <= first and last <= high for low, high in outside) for first, last in match.spans
    ):
        return Share.ALL if match.inverted else Share.NONE
    return Share.SOME


def _by_mark(match: Match, packets: Packets) -> Share:
    """Some, where a rule gives such a mark or those without any match; else nobody can tell."""
    if match.named:
        return Share.UNKNOWN
    return Share.SOME if any(_has_mark(match, span) for span in ((0, 0), *packets.marks)) else Share.UNKNOWN


def _has_mark(match: Match, given: Span) -> bool:
    """Whether a mark that is given may match; one of many may."""
    first, last = given
    value = first if match.mask is None else first & match.mask
    return first != last or _holds(match.spans, value) is not match.inverted


def _by_port(match: Match) -> Share:
    if not match.inverted and match.spans and all(first == last and first in _DHCP for first, last in match.spans):
        return Share.NONE if match.field == "th dport" else Share.SOME
    return Share.SOME


def _sure(match: Match, held: object) -> Share:
    if match.named:
        return Share.UNKNOWN
    return Share.ALL if bool(held) is not match.inverted else Share.NONE


def _holds(spans: Iterable[Span], value: int) -> bool:
    return any(first <= value <= last for first, last in spans)


def _is(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


EVERY: Final[Mapping[int, Span]] = {4: (0, 2**32 - 1), 6: (0, 2**128 - 1)}
"""All addresses."""
_ADDRESSES: Final = {"ip saddr": (4, True), "ip daddr": (4, False), "ip6 saddr": (6, True), "ip6 daddr": (6, False)}
"""IP version, and whether it is the source."""
MARKS: Final[Mapping[str, str]] = {"mark": "meta mark", "ct mark": "ct mark"}
"""Of a packet and of its connection, as `nft` spells them."""
ANY_MARK: Final[Span] = (0, 2**32 - 1)
_NAMES: Final[Mapping[str, Callable[[Packets], str]]] = {
    "iifname": lambda packets: packets.link if packets.incoming else "",
    "oifname": lambda packets: "" if packets.incoming else packets.link,
}
_ONE: Final[Mapping[str, Callable[[Packets], int | None]]] = {
    "iif": lambda packets: packets.index if packets.incoming else 0,
    "oif": lambda packets: 0 if packets.incoming else packets.index,
    "iifgroup": lambda packets: packets.group if packets.incoming else None,
    "oifgroup": lambda packets: None if packets.incoming else packets.group,
    "ct state": lambda packets: NEW if packets.new else ESTABLISHED,
    "nfproto": lambda packets: _NFPROTO[packets.address.version],
    "protocol": lambda packets: _ETHERTYPE[packets.address.version],
    "pkttype": lambda packets: _HOST if packets.incoming else None,
}
"""What all the packets have in common; None: not known."""


_META: Final = frozenset(("nfproto", "l4proto", "pkttype", "protocol"))
_WORDS: Final[Mapping[str, Mapping[int, str]]] = {
    "ct state": STATES,
    "l4proto": PROTOCOLS,
    "nfproto": {number: f"ipv{version}" for version, number in _NFPROTO.items()},
    "protocol": {_ETHERTYPE[4]: "ip", _ETHERTYPE[6]: "ip6", 0x0806: "arp"},
    "pkttype": {0: "host", 1: "broadcast", 2: "multicast", 3: "other"},
}


def spelled(match: Match) -> str:
    """As `nft` spells it."""
    if match.field == "part":
        return "limit ..."
    if match.named:
        values = [f"@{match.named}"]
    elif match.field in MARKS:
        values = [f"{first:#010x}" if first == last else f"{first:#010x}-{last:#010x}" for first, last in match.spans]
    else:
        values = [f'"{name}"' for name in match.names] + [
            text for span in match.spans for text in _span(match.field, span)
        ]
    one = values[0] if len(values) == 1 else "{ " + ", ".join(values) + " }"
    field = MARKS.get(match.field) or (f"meta {match.field}" if match.field in _META else match.field)
    if match.mask is not None:
        return f"{field} & {match.mask:#010x} {'!=' if match.inverted else '=='} {one}"
    return f"{field} != {one}" if match.inverted else f"{field} {one}"


def _span(field: str, span: Span) -> list[str]:
    first, last = span
    if field in _ADDRESSES:
        ends = _ends(_ADDRESSES[field][0], span)
        nets = list(summarize_address_range(*ends))
        if len(nets) == 1:
            return [str(nets[0].network_address) if first == last else str(nets[0])]
        return ["-".join(map(str, ends))]
    if first == last and field in _WORDS:
        return [_WORDS[field].get(first, str(first))]
    return [str(first) if first == last else f"{first}-{last}"]


def _ends(version: int, span: Span) -> tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address]:
    if version == 4:
        return IPv4Address(span[0]), IPv4Address(span[1])
    return IPv6Address(span[0]), IPv6Address(span[1])
