"""All policy rules, and all routes of the tables they look up: what a packet meets, whoever made it.

Numbers: linux/fib_rules.h, linux/rtnetlink.h.
"""

import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from eip_agent.core.facts import IPAddress
from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen
from eip_agent.netlink import Netlink, address_of, attribute, attributes, network_of, number_of, text_of

_RTM_GETROUTE, _RTM_GETRULE, _RTM_NEWROUTE = 26, 34, 24
_RTMSG = struct.Struct("=BBBBBBBBI")
_U32 = struct.Struct("=I")
_PORTS = struct.Struct("=HH")
_USERS = struct.Struct("=II")
_NEXTHOP = struct.Struct("=HBBi")

FAMILIES: Final[Mapping[int, int]] = {4: socket.AF_INET, 6: socket.AF_INET6}
_ACTIONS: Final = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
KINDS: Final = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
    9: "throw",
}
"""`RTN_*`, as `ip` spells them."""

_FRA_DST, _FRA_SRC, _FRA_IIFNAME, _FRA_GOTO, _FRA_PRIORITY, _FRA_FWMARK, _FRA_TUN_ID = 1, 2, 3, 4, 6, 10, 12
_FRA_SUPPRESS_GROUP, _FRA_SUPPRESS_LENGTH, _FRA_TABLE, _FRA_FWMASK, _FRA_OIFNAME, _FRA_PAD = range(13, 19)
_FRA_L3MDEV, _FRA_UID_RANGE, _FRA_PROTOCOL, _FRA_IP_PROTO, _FRA_SPORT_RANGE, _FRA_DPORT_RANGE = range(19, 25)
_FRA_SPORT_MASK, _FRA_DPORT_MASK = 28, 29
_KNOWN: Final = frozenset((*range(1, 25), _FRA_SPORT_MASK, _FRA_DPORT_MASK)) - {_FRA_TUN_ID, _FRA_L3MDEV}
"""Newer kernels tell the mask of every port; `ip` writes no other than a full one."""
_INVERT: Final = 2
_NOT_SET: Final = 0xFFFFFFFF

_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC = 1, 2, 4, 5, 6, 7
_RTA_MULTIPATH, _RTA_TABLE, _RTA_VIA = 9, 15, 18
_RTM_F_CLONED: Final = 0x200
_RTNH_F_ONLINK: Final = 4


def read_rules(netlink: Netlink) -> tuple[RuleSeen, ...]:
    """All rules of both IP versions, in the order in which the kernel walks them.  Raises KernelReadError."""
    return tuple(rule for version in FAMILIES for rule in _rules(netlink, version))


def read_routes(netlink: Netlink, tables: Iterable[int]) -> tuple[RouteSeen, ...]:
    """All routes of these tables, both IP versions.  Raises KernelReadError."""
    wanted = sorted(set(tables))
    return tuple(route for version in FAMILIES for table in wanted for route in _routes(netlink, version, table))


def _rules(netlink: Netlink, version: int) -> Iterator[RuleSeen]:
    family = FAMILIES[version]
    for _, payload in netlink.dump(_RTM_GETRULE, _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
        of, to_length, from_length, tos, table, _, _, action, flags = _RTMSG.unpack_from(payload)
        if of != family:
            continue
        attrs = attributes(payload, _RTMSG.size)
        source, destination = attrs.get(_FRA_SRC), attrs.get(_FRA_DST)
        protocol = attrs.get(_FRA_IP_PROTO)
        yield RuleSeen(
            family=version,
            priority=number_of(attrs, _FRA_PRIORITY) or 0,
            action=_ACTIONS.get(action, str(action)),
            table=(number_of(attrs, _FRA_TABLE) or table) if action == 1 else None,
            goto=number_of(attrs, _FRA_GOTO) if action == 2 else None,
            source=network_of(version, source, from_length) if source or from_length else None,
            destination=network_of(version, destination, to_length) if destination or to_length else None,
            incoming=_name(attrs, _FRA_IIFNAME),
            outgoing=_name(attrs, _FRA_OIFNAME),
            mark=number_of(attrs, _FRA_FWMARK),
            mask=_or(number_of(attrs, _FRA_FWMASK), _NOT_SET),
            inverted=bool(flags & _INVERT),
            tos=tos,
            ip_protocol=protocol[0] if protocol else None,
            source_ports=_pair(attrs, _FRA_SPORT_RANGE, _PORTS),
            destination_ports=_pair(attrs, _FRA_DPORT_RANGE, _PORTS),
            users=_pair(attrs, _FRA_UID_RANGE, _USERS),
            suppress_length=_set(attrs, _FRA_SUPPRESS_LENGTH),
            suppress_group=_set(attrs, _FRA_SUPPRESS_GROUP),
            protocol=attrs.get(_FRA_PROTOCOL, b"\0")[0],
            strange=tuple(sorted(attrs.keys() - _KNOWN)),
        )


def _routes(netlink: Netlink, version: int, table: int) -> Iterator[RouteSeen]:
    family = FAMILIES[version]
    body = _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0) + attribute(_RTA_TABLE, _U32.pack(table))
    for kind, payload in netlink.dump(_RTM_GETROUTE, body):
        if kind != _RTM_NEWROUTE:
            continue
        of, length, from_length, tos, short, protocol, scope, type_, flags = _RTMSG.unpack_from(payload)
        attrs = attributes(payload, _RTMSG.size)
        if of != family or flags & _RTM_F_CLONED or (number_of(attrs, _RTA_TABLE) or short) != table:
            continue
        preferred = attrs.get(_RTA_PREFSRC)
        yield RouteSeen(
            table=table,
            destination=network_of(version, attrs.get(_RTA_DST), length),
            kind=KINDS.get(type_, str(type_)),
            hops=tuple(hops_of(attrs, flags)),
            metric=number_of(attrs, _RTA_PRIORITY) or 0,
            protocol=protocol,
            scope=scope,
            preferred=address_of(preferred) if preferred else None,
            tos=tos,
            source=network_of(version, attrs.get(_RTA_SRC), from_length) if from_length else None,
        )


def hops_of(attrs: Mapping[int, bytes], flags: int) -> Iterator[Hop]:
    """The ways of a route: one, or those of its RTA_MULTIPATH."""
    several = attrs.get(_RTA_MULTIPATH)
    if several is None:
        link = number_of(attrs, _RTA_OIF)
        if link is not None:
            yield Hop(link, _gateway(attrs), onlink=bool(flags & _RTNH_F_ONLINK))
        return
    start = 0
    while start + _NEXTHOP.size <= len(several):
        length, hop_flags, weight, link = _NEXTHOP.unpack_from(several, start)
        if length < _NEXTHOP.size:
            break
        inner = attributes(several[start : start + length], _NEXTHOP.size)
        yield Hop(link, _gateway(inner), weight + 1, onlink=bool(hop_flags & _RTNH_F_ONLINK))
        start += length + 3 & ~3


def _gateway(attrs: Mapping[int, bytes]) -> IPAddress | None:
    gateway = attrs.get(_RTA_GATEWAY)
    via = attrs.get(_RTA_VIA)
    if gateway:
        return address_of(gateway)
    # struct rtvia: a family, then the address; an IPv6 gateway of an IPv4 route.
    return address_of(via[2:]) if via and len(via) in (6, 18) else None


def _name(attrs: Mapping[int, bytes], kind: int) -> str | None:
    value = attrs.get(kind)
    return text_of(value) if value else None


def _pair(attrs: Mapping[int, bytes], kind: int, shape: struct.Struct) -> tuple[int, int] | None:
    value = attrs.get(kind)
    if value is None or len(value) < shape.size:
        return None
    first, last = shape.unpack_from(value)
    return first, last


def _set(attrs: Mapping[int, bytes], kind: int) -> int | None:
    """A number that the kernel writes as all ones when it is not set."""
    value = number_of(attrs, kind)
    return None if value == _NOT_SET else value


def _or(value: int | None, other: int) -> int:
    return other if value is None else value
