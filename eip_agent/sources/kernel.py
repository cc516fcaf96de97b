"""The kernel's network configuration, by netlink dumps with the kernel's own filters, decoded into facts.

Numbers: linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/fib_rules.h, linux/ip.h.
"""

import socket
import struct
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from eip_agent.core.facts import (
    AddressFact,
    IPAddress,
    IPNetwork,
    KernelFact,
    Link,
    LinkFact,
    Mac,
    RouteFact,
    RuleFact,
)
from eip_agent.core.numbers import MAIN, PRIORITIES, ROUTE_PROTOCOL
from eip_agent.netlink import Netlink, address_of, attribute, attributes, network_of, number_of, text_of

_RTM_GETLINK, _RTM_GETADDR, _RTM_GETROUTE, _RTM_GETRULE = 18, 22, 26, 34
_RTM_NEWROUTE: Final = 24

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_LINK, _IFLA_MASTER, _IFLA_LINKINFO = 1, 3, 5, 10, 18
_IFLA_AF_SPEC, _IFLA_GROUP, _IFLA_EXT_MASK, _IFLA_LINK_NETNSID, _IFLA_PERM_ADDRESS = 26, 27, 29, 37, 54
_IFLA_INFO_KIND, _IFLA_INET_CONF = 1, 1
_IFLA_INET6_CONF: Final = 2
_DISABLE_IPV6: Final = 4 * 26
"""Where DEVCONF_DISABLE_IPV6 (linux/ipv6.h) stands in IFLA_INET6_CONF."""
_SKIP_STATISTICS: Final = 1 << 3
_IFF_UP: Final = 1

CONF: Final[Mapping[str, int]] = {"rp_filter": 8, "arp_announce": 18, "arp_ignore": 19, "promote_secondaries": 20}
"""IPV4_DEVCONF_*: places, counted from 1, of the values of `/proc/sys/net/ipv4/conf/<link>/` (linux/ip.h)."""

_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHEINFO, _IFA_FLAGS, _IFA_PROTO = 1, 2, 6, 8, 11
_IFA_F_PERMANENT: Final = 0x80
_IFA_F_NOPREFIXROUTE: Final = 0x200

_RTA_DST, _RTA_SRC, _RTA_IIF, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC = 1, 2, 3, 4, 5, 6, 7
_RTA_METRICS, _RTA_MULTIPATH, _RTA_TABLE, _RTA_VIA, _RTA_ENCAP, _RTA_NH_ID = 8, 9, 15, 18, 22, 30
_UNREPEATABLE = frozenset((_RTA_SRC, _RTA_MULTIPATH, _RTA_VIA, _RTA_ENCAP, _RTA_NH_ID))
_RTN_UNICAST, _RTN_UNREACHABLE = 1, 7
_RTM_F_CLONED: Final = 0x200
_RTM_F_FIB_MATCH: Final = 0x2000

_FRA_DST, _FRA_SRC, _FRA_IIFNAME, _FRA_GOTO, _FRA_PRIORITY, _FRA_FWMARK = 1, 2, 3, 4, 6, 10
_FRA_SUPPRESS_GROUP, _FRA_SUPPRESS_LENGTH, _FRA_TABLE, _FRA_FWMASK, _FRA_OIFNAME = 13, 14, 15, 16, 17
_FRA_PAD, _FRA_PROTOCOL = 18, 21
_PLAIN = frozenset(
    (_FRA_SRC, _FRA_GOTO, _FRA_PRIORITY, _FRA_SUPPRESS_GROUP, _FRA_SUPPRESS_LENGTH, _FRA_TABLE, _FRA_OIFNAME)
) | {_FRA_PAD, _FRA_PROTOCOL}
_FR_ACT_TO_TBL, _FR_ACT_GOTO, _FR_ACT_NOP = 1, 2, 3
_FIB_RULE_INVERT: Final = 2
_NOT_SET: Final = 0xFFFFFFFF

_IFINFO = struct.Struct("=BxHiII")
_IFADDR = struct.Struct("=BBBBi")
_RTMSG = struct.Struct("=BBBBBBBBI")
_U32 = struct.Struct("=I")
_FAMILIES: Final[Mapping[int, int]] = {4: socket.AF_INET, 6: socket.AF_INET6}
_VERSIONS: Final[Mapping[int, int]] = {family: version for version, family in _FAMILIES.items()}


def read(netlink: Netlink, macs: Collection[Mac], candidates: Collection[IPAddress] = ()) -> KernelFact:
    """What the kernel holds of what matters to the ENIs with these MACs.  Raises KernelReadError.

    `candidates` are the addresses that the cloud has given to them: of those that are not local it is asked whether
    somebody has a host route for them.

    Routes are filtered by the kernel, so that the ten thousand routes of a router next to us cost nothing:
    those of our protocol, and those in `main` that leave by an ENI.
    """
    links = tuple(_links(netlink))
    enis = [link.link.index for link in links if link.mac in macs]
    addresses = tuple(_addresses(netlink))
    absent = set(candidates) - {fact.ip for fact in addresses}
    return KernelFact(
        links=links,
        addresses=addresses,
        routes=(*_our_routes(netlink), *(route for index in enis for route in _main_routes(netlink, index))),
        rules=tuple(_rules(netlink)),
        taken=frozenset(ip for ip in absent if _is_taken(netlink, ip, enis)),
    )


def _links(netlink: Netlink) -> Iterator[LinkFact]:
    body = _IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + attribute(_IFLA_EXT_MASK, _U32.pack(_SKIP_STATISTICS))
    for _, payload in netlink.dump(_RTM_GETLINK, body):
        _, _, index, flags, _ = _IFINFO.unpack_from(payload)
        attrs = attributes(payload, _IFINFO.size)
        lower = number_of(attrs, _IFLA_LINK)
        # A veth's other end in another namespace is no device it rides on; nor is a device that points at itself.
        rides = lower not in (None, 0, index) and _IFLA_LINK_NETNSID not in attrs
        yield LinkFact(
            link=Link(index, text_of(attrs.get(_IFLA_IFNAME, b""))),
            mac=Mac((attrs.get(_IFLA_PERM_ADDRESS) or attrs.get(_IFLA_ADDRESS, b"")).hex(":")),
            up=bool(flags & _IFF_UP),
            group=number_of(attrs, _IFLA_GROUP) or 0,
            kind=text_of(attributes(attrs.get(_IFLA_LINKINFO, b""), 0).get(_IFLA_INFO_KIND, b"")),
            master=number_of(attrs, _IFLA_MASTER),
            lower=lower if rides else None,
            conf=_conf(attrs.get(_IFLA_AF_SPEC, b"")),
            ipv6=_has_ipv6(attrs.get(_IFLA_AF_SPEC, b"")),
        )


def _conf(spec: bytes) -> tuple[tuple[str, int], ...]:
    values = attributes(attributes(spec, 0).get(socket.AF_INET, b""), 0).get(_IFLA_INET_CONF, b"")
    return tuple(
        (name, _U32.unpack_from(values, 4 * (place - 1))[0]) for name, place in CONF.items() if len(values) >= 4 * place
    )


def _has_ipv6(spec: bytes) -> bool:
    """Not where `disable_ipv6` is set; nor where the kernel tells nothing of IPv6 though it does of IPv4."""
    told = attributes(spec, 0)
    if socket.AF_INET6 not in told:
        return socket.AF_INET not in told
    values = attributes(told[socket.AF_INET6], 0).get(_IFLA_INET6_CONF, b"")
    return len(values) < _DISABLE_IPV6 + 4 or not _U32.unpack_from(values, _DISABLE_IPV6)[0]


def _addresses(netlink: Netlink) -> Iterator[AddressFact]:
    for _, payload in netlink.dump(_RTM_GETADDR, _IFADDR.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        family, length, flags, scope, index = _IFADDR.unpack_from(payload)
        attrs = attributes(payload, _IFADDR.size)
        # IPv4 tells the address in IFA_LOCAL and a point-to-point peer in IFA_ADDRESS; IPv6 has only the latter.
        ip = attrs.get(_IFA_LOCAL) or attrs.get(_IFA_ADDRESS)
        if family not in _VERSIONS or ip is None:
            continue
        flags = number_of(attrs, _IFA_FLAGS) or flags
        yield AddressFact(
            link=index,
            ip=address_of(ip),
            prefix_length=length,
            leased=not flags & _IFA_F_PERMANENT,
            universal=scope == 0,
            protocol=attrs.get(_IFA_PROTO, b"\0")[0],
            no_prefix_route=bool(flags & _IFA_F_NOPREFIXROUTE),
        )


def _our_routes(netlink: Netlink) -> Iterator[RouteFact]:
    for family in _VERSIONS:
        body = _RTMSG.pack(family, 0, 0, 0, 0, ROUTE_PROTOCOL, 0, 0, 0)
        yield from (route for route in _routes(netlink, body) if route.protocol == ROUTE_PROTOCOL)


def _main_routes(netlink: Netlink, link: int) -> Iterator[RouteFact]:
    for family in _VERSIONS:
        body = _RTMSG.pack(family, 0, 0, 0, MAIN, 0, 0, 0, 0)
        body += attribute(_RTA_TABLE, _U32.pack(MAIN)) + attribute(_RTA_OIF, _U32.pack(link))
        for route in _routes(netlink, body):
            if route.table == MAIN and route.link == link and route.protocol != ROUTE_PROTOCOL:
                yield route


def _routes(netlink: Netlink, body: bytes) -> Iterator[RouteFact]:
    for kind, payload in netlink.dump(_RTM_GETROUTE, body):
        family, length, _, tos, table, protocol, _, type_, flags = _RTMSG.unpack_from(payload)
        if kind != _RTM_NEWROUTE or family not in _VERSIONS or flags & _RTM_F_CLONED:
            continue
        attrs = attributes(payload, _RTMSG.size)
        gateway = attrs.get(_RTA_GATEWAY)
        yield RouteFact(
            table=number_of(attrs, _RTA_TABLE) or table,
            destination=_network(family, attrs.get(_RTA_DST), length),
            link=None if type_ == _RTN_UNREACHABLE else number_of(attrs, _RTA_OIF),
            gateway=address_of(gateway) if gateway else None,
            protocol=protocol,
            metric=number_of(attrs, _RTA_PRIORITY) or 0,
            unreachable=type_ == _RTN_UNREACHABLE,
            plain=type_ == _RTN_UNICAST and not tos and not _UNREPEATABLE & attrs.keys(),
        )


def _is_taken(netlink: Netlink, ip: IPAddress, enis: Collection[int]) -> bool:
    """Whether a packet to it follows a host route by a device that is no ENI, as those of containers do."""
    body = _RTMSG.pack(_FAMILIES[ip.version], ip.max_prefixlen, 0, 0, 0, 0, 0, 0, _RTM_F_FIB_MATCH)
    payload = netlink.ask(_RTM_GETROUTE, body + attribute(_RTA_DST, ip.packed))
    if payload is None:
        return False
    _, length, _, _, _, _, _, type_, _ = _RTMSG.unpack_from(payload)
    device = number_of(attributes(payload, _RTMSG.size), _RTA_OIF)
    return type_ == _RTN_UNICAST and length == ip.max_prefixlen and device is not None and device not in enis


def _rules(netlink: Netlink) -> Iterator[RuleFact]:
    for family, version in _VERSIONS.items():
        for _, payload in netlink.dump(_RTM_GETRULE, _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
            # struct fib_rule_hdr has the shape of struct rtmsg: family, dst_len, src_len, tos, table, -, -, action.
            of, to_length, from_length, tos, table, _, _, action, flags = _RTMSG.unpack_from(payload)
            attrs = attributes(payload, _RTMSG.size)
            priority = number_of(attrs, _FRA_PRIORITY) or 0
            if of != family or priority not in PRIORITIES:
                continue
            source = attrs.get(_FRA_SRC)
            device = attrs.get(_FRA_OIFNAME)
            local = attrs.get(_FRA_IIFNAME) == b"lo\0" and source is not None
            yield RuleFact(
                family=version,
                priority=priority,
                protocol=attrs.get(_FRA_PROTOCOL, b"\0")[0],
                source=_network(family, source, from_length) if source else None,
                device=text_of(device) if device else None,
                table=(number_of(attrs, _FRA_TABLE) or table) if action == _FR_ACT_TO_TBL else None,
                goto=number_of(attrs, _FRA_GOTO) if action == _FR_ACT_GOTO else None,
                nop=action == _FR_ACT_NOP,
                forwarded=source is not None and not local,
                suppress_group=_set(attrs, _FRA_SUPPRESS_GROUP),
                suppress_length=_set(attrs, _FRA_SUPPRESS_LENGTH),
                plain=not (
                    tos
                    or to_length
                    or flags & _FIB_RULE_INVERT
                    or attrs.keys() - (_PLAIN | {_FRA_IIFNAME} if local else _PLAIN)
                )
                and action in (_FR_ACT_TO_TBL, _FR_ACT_GOTO, _FR_ACT_NOP),
            )


def _set(attrs: Mapping[int, bytes], kind: int) -> int | None:
    """A number that the kernel writes as all ones when it is not set."""
    value = number_of(attrs, kind)
    return None if value == _NOT_SET else value


def _network(family: int, value: bytes | None, length: int) -> IPNetwork:
    return network_of(_VERSIONS[family], value, length)
