"""Real packets from one namespace to another, without a process for each: what a user at a keyboard would try."""

import contextlib
import itertools
import os
import select
import socket
import struct
import time
from ipaddress import IPv4Address, ip_address
from typing import Final, Literal

from eip_agent.core.facts import IPAddress
from eip_agent.lab.echo import PORT
from eip_agent.lab.namespace import Namespace

Proto = Literal["tcp", "udp", "icmp"]

_TRIES: Final = 3
"""Within the time of one probe; a first packet may meet a link that is just coming up."""
_ICMP: Final = {4: (socket.IPPROTO_ICMP, 8, 0), 6: (socket.IPPROTO_ICMPV6, 128, 129)}
"""By IP version: protocol, type of an echo request, type of its reply."""

_ETH_P_ARP: Final = 0x0806
_ARP_WAIT: Final = 0.3
"""Seconds; a kernel of the same machine answers within a millisecond."""

_numbers = itertools.count(int.from_bytes(os.urandom(2), "big"))
"""Tells the answers of one probe from those of another."""


def reach(  # noqa: PLR0913 - a packet has that many sides
    namespace: Namespace,
    dst: IPAddress | str,
    proto: Proto = "tcp",
    *,
    source: IPAddress | str | None = None,
    device: str | None = None,
    port: int = PORT,
    timeout: float = 0.5,
) -> bool:
    """Whether `dst` answers an echo from inside `namespace`, within `timeout` seconds.

    `source` binds to an address, `device` to a link (`SO_BINDTODEVICE`).  Only an answer that comes from `dst` counts.
    Never raises for the network's reasons: an address that is not there or a missing route is an unreachable `dst`.
    """
    return _ask(namespace, (str(dst), port), proto, source, device, timeout) is not None


def seen_source(  # noqa: PLR0913 - a packet has that many sides
    namespace: Namespace,
    dst: IPAddress | str,
    proto: Literal["tcp", "udp"] = "tcp",
    *,
    source: IPAddress | str | None = None,
    device: str | None = None,
    port: int = PORT,
    timeout: float = 0.5,
) -> IPAddress | None:
    """Which source address the echo server at `dst` saw, after all translation; None where it does not answer."""
    answer = _ask(namespace, (str(dst), port), proto, source, device, timeout)
    return None if answer is None else ip_address(answer.split(b"\n")[0].decode())


def answers_arp(namespace: Namespace, device: str, sender: IPv4Address, target: IPv4Address) -> bool:
    """Whether somebody on the wire of `device` answers an ARP request for `target` within 0.3 seconds.

    What is heard is heard before any packet filter of this side.
    """
    with namespace.entered():
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP))
    with wire:
        wire.bind((device, _ETH_P_ARP))
        mac = wire.getsockname()[4]
        request = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, sender.packed, bytes(6), target.packed)
        wire.send(b"\xff" * 6 + mac + struct.pack("!H", _ETH_P_ARP) + request)
        until = time.monotonic() + _ARP_WAIT
        while _readable(wire, until):
            frame = wire.recv(256)
            if frame[20:22] == b"\x00\x02" and frame[28:32] == target.packed:
                return True
    return False


def _ask(
    namespace: Namespace,
    dst: tuple[str, int],
    proto: Proto,
    source: IPAddress | str | None,
    device: str | None,
    timeout: float,
) -> bytes | None:
    """What `dst` answers, if it does; each try has its share of the time."""
    version = ip_address(dst[0]).version
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    kind, number = {
        "tcp": (socket.SOCK_STREAM, 0),
        "udp": (socket.SOCK_DGRAM, 0),
        "icmp": (socket.SOCK_RAW, _ICMP[version][0]),
    }[proto]
    end = time.monotonic() + timeout
    for left in range(_TRIES, 0, -1):
        with contextlib.suppress(OSError), namespace.socket(family, kind, number) as probe:
            if device:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
            if source is not None:
                probe.bind((str(source), 0))
            until = time.monotonic() + (end - time.monotonic()) / left
            answer = {"tcp": _tcp, "udp": _udp, "icmp": _icmp}[proto](probe, dst, until)
            if answer is not None:
                return answer
    return None


def _tcp(probe: socket.socket, dst: tuple[str, int], until: float) -> bytes | None:
    """The greeting of the server."""
    probe.settimeout(max(until - time.monotonic(), 0.01))
    probe.connect(dst)
    return probe.recv(256) or None


def _udp(probe: socket.socket, dst: tuple[str, int], until: float) -> bytes | None:
    """The answer; being connected, the socket hears nobody but `dst`."""
    ours = f"probe {next(_numbers)}".encode()
    probe.connect(dst)
    probe.send(ours)
    while _readable(probe, until):
        answer = probe.recv(256)
        if answer.endswith(b"\n" + ours):
            return answer
    return None


def _icmp(probe: socket.socket, dst: tuple[str, int], until: float) -> bytes | None:
    """The echo reply to our very request; a raw socket reads the IPv4 header as well, but no IPv6 one."""
    _, request, reply = _ICMP[4 if probe.family == socket.AF_INET else 6]
    number = next(_numbers)
    body = struct.pack("!HHQ", number & 0xFFFF, 1, number)
    probe.connect((dst[0], 0))
    probe.send(struct.pack("!BBH", request, 0, _checksum(struct.pack("!BBH", request, 0, 0) + body)) + body)
    while _readable(probe, until):
        packet = probe.recv(256)
        start = (packet[0] & 0xF) * 4 if probe.family == socket.AF_INET else 0
        if packet[start] == reply and packet[start + 4 :] == body:
            return packet
    return None


def _readable(probe: socket.socket, until: float) -> bool:
    return bool(select.select([probe], [], [], max(until - time.monotonic(), 0))[0])


def _checksum(packet: bytes) -> int:
    """RFC 1071, of an even number of bytes; for ICMPv6 the kernel puts its own in place of this."""
    total: int = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
