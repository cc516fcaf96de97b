"""The kernel's own route lookup, for one packet.  It needs no privilege and sends nothing.

Source: rtnetlink(7), `inet_rtm_getroute` (net/ipv4/route.c), `inet6_rtm_getroute` (net/ipv6/route.c).
"""

import socket
import struct
from collections.abc import Mapping
from typing import Final

from eip_agent.core.walk import HERE, Flow, LookupFact
from eip_agent.netlink import Netlink, address_of, attribute, attributes, network_of, number_of
from eip_agent.sources.routing import FAMILIES, KINDS, hops_of

_RTM_GETROUTE: Final = 26
_RTMSG = struct.Struct("=BBBBBBBBI")
_U32 = struct.Struct("=I")
_RTA_DST, _RTA_SRC, _RTA_IIF, _RTA_OIF, _RTA_PRIORITY, _RTA_PREFSRC = 1, 2, 3, 4, 6, 7
_RTA_TABLE, _RTA_MARK, _RTA_UID, _RTA_IP_PROTO, _RTA_SPORT, _RTA_DPORT = 15, 16, 25, 27, 28, 29
_LOOKUP_TABLE: Final = 0x1000
_FIB_MATCH: Final = 0x2000
_ACCEPTED: Final = frozenset((socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6))
"""Protocols that the kernel lets a question be about."""


def read(netlink: Netlink, flow: Flow, links: Mapping[str, int]) -> LookupFact:
    """How the kernel routes a packet; `links` are the indexes by name.  Raises KernelReadError.

    With `incoming` it is asked about a packet that arrives there, and applies `rp_filter`.  Its error for that is
    EXDEV, or EINVAL as for every other reason on kernels from 6.13.
    """
    # IPv6 always tells the table, and does not know the flag.
    table = _LOOKUP_TABLE if flow.destination.version == 4 else 0
    error, found = netlink.question(_RTM_GETROUTE, question(flow, links, table))
    if found is None:
        return LookupFact(error)
    fact = decode(found)
    # The first answer has this packet's own gateway and source, the second the route that it matched.
    _, match = netlink.question(_RTM_GETROUTE, question(flow, links, table | _FIB_MATCH))
    return fact if match is None else _with_match(fact, match)


def question(flow: Flow, links: Mapping[str, int], flags: int) -> bytes:
    """The body of RTM_GETROUTE for a packet."""
    version = flow.destination.version
    bits = flow.destination.max_prefixlen
    from_bits = bits if flow.source is not None else 0
    attrs = [(_RTA_DST, flow.destination.packed), (_RTA_UID, _U32.pack(flow.user))]
    if flow.source is not None:
        attrs.append((_RTA_SRC, flow.source.packed))
    if flow.incoming != HERE:
        attrs.append((_RTA_IIF, _U32.pack(links.get(flow.incoming, 0))))
    if flow.outgoing is not None:
        attrs.append((_RTA_OIF, _U32.pack(links.get(flow.outgoing, 0))))
    if flow.mark:
        attrs.append((_RTA_MARK, _U32.pack(flow.mark)))
    if flow.ip_protocol in _ACCEPTED:
        attrs.append((_RTA_IP_PROTO, bytes((flow.ip_protocol,))))
        attrs += [
            (kind, port.to_bytes(2))
            for kind, port in ((_RTA_SPORT, flow.source_port), (_RTA_DPORT, flow.destination_port))
            if port
        ]
    head = _RTMSG.pack(FAMILIES[version], bits, from_bits, flow.tos, 0, 0, 0, 0, flags)
    return head + b"".join(attribute(kind, value) for kind, value in attrs)


def decode(payload: bytes) -> LookupFact:
    """An answer, where it is about a single packet."""
    _, _, _, _, short, _, _, type_, flags = _RTMSG.unpack_from(payload)
    attrs = attributes(payload, _RTMSG.size)
    hop = next(hops_of(attrs, flags), None)
    source = attrs.get(_RTA_PREFSRC)
    return LookupFact(
        kind=KINDS.get(type_, str(type_)),
        table=number_of(attrs, _RTA_TABLE) or short or None,
        metric=number_of(attrs, _RTA_PRIORITY) or 0,
        link=hop.link if hop is not None else None,
        gateway=hop.gateway if hop is not None else None,
        source=address_of(source) if source else None,
    )


def _with_match(fact: LookupFact, payload: bytes) -> LookupFact:
    family, length, *_ = _RTMSG.unpack_from(payload)
    attrs = attributes(payload, _RTMSG.size)
    version = 4 if family == socket.AF_INET else 6
    return LookupFact(
        kind=fact.kind,
        table=number_of(attrs, _RTA_TABLE) or fact.table,
        destination=network_of(version, attrs.get(_RTA_DST), length),
        metric=number_of(attrs, _RTA_PRIORITY) or 0,
        link=fact.link,
        gateway=fact.gateway,
        source=fact.source,
    )
