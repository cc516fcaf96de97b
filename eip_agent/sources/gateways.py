"""Whether gateways answer: ARP for IPv4 (RFC 826), neighbour solicitation for IPv6 (RFC 4861 section 4.3).

Sent with the link's own MAC and an address of its own, so that nobody learns anything that is not so.
Needs CAP_NET_RAW; where that is missing, nothing is sent.
"""

import contextlib
import errno
import os
import select
import socket
import struct
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from time import monotonic
from typing import Final, Self

from eip_agent.core.facts import IPAddress
from eip_agent.core.message import Message, say
from eip_agent.core.probed import Reply, Said
from eip_agent.core.probing import Ask

_ARP: Final = 0x0806
_ETHERNET: Final = struct.Struct("!6s6sH")
_PACKET: Final = struct.Struct("!HHBBH6s4s6s4s")
_REQUEST, _ANSWER = 1, 2
_EVERYBODY: Final = b"\xff" * 6
_SOLICITATION, _ADVERTISEMENT = 135, 136
_NEIGHBOUR: Final = struct.Struct("!BBHI16s")
_FILTER: Final = 1
"""ICMP6_FILTER of linux/icmpv6.h: a bit for every type that is not to be heard."""
_HEARD: Final = struct.Struct("=8I")
_PKTINFO: Final = struct.Struct("@16sI")

Key = tuple[int, IPAddress]
"""A gateway: index of the link, and address."""


def ask(questions: Iterable[Ask], timeout: float) -> Mapping[Ask, Said]:
    """Who answers within that many seconds; asked again once, after half of it.  Never raises."""
    asks = [one for one in questions if one.gateway is not None]
    found: dict[Ask, Said] = {}
    for version, heard in (4, _Arp), (6, _Discovery):
        of_version = [one for one in asks if one.source.version == version]
        if of_version:
            found.update(_all(heard, of_version, timeout))
    return found


def _all(kind: "type[_Arp | _Discovery]", asks: list[Ask], timeout: float) -> Mapping[Ask, Said]:
    try:
        with kind() as wire:
            return _answers(wire, asks, timeout)
    except OSError as no:
        return dict.fromkeys(asks, Said(Reply.UNSENT, _why(no)))


def _answers(wire: "_Arp | _Discovery", asks: list[Ask], timeout: float) -> Mapping[Ask, Said]:
    said: dict[Ask, Said] = {}
    start = monotonic()
    for until in (start + timeout / 2, start + timeout):
        for one in asks:
            if one not in said:
                try:
                    wire.send(one)
                except OSError as no:
                    said[one] = Said(Reply.UNSENT, _why(no))
        while len(said) < len(asks) and (left := until - monotonic()) > 0:
            if not select.select([wire.socket], [], [], left)[0]:
                break
            key = wire.receive()
            for one in asks:
                if one.gateway is not None and key == (one.link.link.index, one.gateway) and one not in said:
                    said[one] = Said(Reply.ANSWERED)
    return {one: said.get(one, Said(Reply.SILENT)) for one in asks}


class _Arp:
    """Asks by ARP on any link."""

    def __init__(self) -> None:
        self.socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, socket.htons(_ARP)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, one: Ask) -> None:
        """Raises OSError."""
        assert one.gateway is not None  # noqa: S101  `ask` sorted the others out
        mac = bytes.fromhex(one.link.mac.replace(":", ""))
        request = _PACKET.pack(1, 0x0800, 6, 4, _REQUEST, mac, one.source.packed, bytes(6), one.gateway.packed)
        self.socket.sendto(_ETHERNET.pack(_EVERYBODY, mac, _ARP) + request, (one.link.link.name, _ARP))

    def receive(self) -> Key | None:
        """Whose answer came."""
        with contextlib.suppress(OSError):  # it was not for us, or the link is gone
            frame, where = self.socket.recvfrom(256)
            return heard_arp(frame, socket.if_nametoindex(where[0]))
        return None


class _Discovery:
    """Asks by ICMPv6 on any link; the kernel adds the checksum."""

    def __init__(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self.socket = socket.socket(socket.AF_INET6, kind, socket.IPPROTO_ICMPV6)
        deaf = [0xFFFFFFFF] * 8
        deaf[_ADVERTISEMENT // 32] &= ~(1 << _ADVERTISEMENT % 32) & 0xFFFFFFFF
        self.socket.setsockopt(socket.IPPROTO_ICMPV6, _FILTER, _HEARD.pack(*deaf))
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, one: Ask) -> None:
        """Raises OSError."""
        assert isinstance(one.gateway, IPv6Address)  # noqa: S101  `ask` sorted the others out
        mac, index = bytes.fromhex(one.link.mac.replace(":", "")), one.link.link.index
        # Option 1: the link-layer address of who asks, in units of eight bytes.
        question = _NEIGHBOUR.pack(_SOLICITATION, 0, 0, 0, one.gateway.packed) + b"\x01\x01" + mac
        own = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _PKTINFO.pack(one.source.packed, index))
        self.socket.sendmsg([question], [own], 0, (str(solicited(one.gateway)), 0, 0, index))

    def receive(self) -> Key | None:
        """Whose answer came."""
        with contextlib.suppress(OSError):
            packet, ancillary, _, _ = self.socket.recvmsg(256, socket.CMSG_SPACE(_PKTINFO.size))
            for level, kind, value in ancillary:
                if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
                    return heard_advertisement(packet, _PKTINFO.unpack(value[: _PKTINFO.size])[1])
        return None


def heard_arp(frame: bytes, link: int) -> Key | None:
    """Who says by ARP that it is there; None for what is no answer."""
    if len(frame) < _ETHERNET.size + _PACKET.size:
        return None
    hardware, protocol, _, _, operation, _, sender, _, _ = _PACKET.unpack_from(frame, _ETHERNET.size)
    return (link, IPv4Address(sender)) if (hardware, protocol, operation) == (1, 0x0800, _ANSWER) else None


def heard_advertisement(packet: bytes, link: int) -> Key | None:
    """Who says by neighbour discovery that it is there; None for what is no answer."""
    if len(packet) < _NEIGHBOUR.size:
        return None
    kind, _, _, _, target = _NEIGHBOUR.unpack_from(packet)
    return (link, IPv6Address(target)) if kind == _ADVERTISEMENT else None


def solicited(target: IPv6Address) -> IPv6Address:
    """The group that an address listens to (RFC 4291 section 2.7.1)."""
    return IPv6Address(int(IPv6Address("ff02::1:ff00:0")) | int(target) & 0xFFFFFF)


def _why(no: OSError) -> Message | str:
    if no.errno in (errno.EPERM, errno.EACCES):
        return say("CAP_NET_RAW is missing: run it with sudo")
    return no.strerror or os.strerror(no.errno or errno.EIO)
