"""UDP datagrams in Ethernet frames, for DHCP: who asks has no address yet, so a UDP socket could not carry it.

Sources: RFC 768, RFC 791, RFC 1071, packet(7), linux/filter.h.
"""

import array
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

BROADCAST_MAC: Final = b"\xff" * 6
EVERYBODY: Final = IPv4Address("255.255.255.255")

_ETHERNET: Final = struct.Struct("!6s6sH")
_IPV4: Final = struct.Struct("!BBHHHBBH4s4s")
_UDP: Final = struct.Struct("!HHHH")
_PSEUDO: Final = struct.Struct("!4s4sxBH")
_ETHERTYPE_IPV4: Final = 0x0800
_FRAGMENT: Final = 0x3FFF
"""More fragments follow, or this is not the first one."""
_ATTACH_FILTER: Final = 26
"""SO_ATTACH_FILTER of asm-generic/socket.h, which the socket module does not name."""


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP datagram in an Ethernet frame."""

    to_mac: bytes
    from_mac: bytes
    source: tuple[IPv4Address, int]
    """Address and port."""
    destination: tuple[IPv4Address, int]
    payload: bytes

    def encode(self) -> bytes:
        """The frame, with its checksums."""
        (source, from_port), (destination, to_port) = self.source, self.destination
        size = _UDP.size + len(self.payload)
        pseudo = _PSEUDO.pack(source.packed, destination.packed, socket.IPPROTO_UDP, size)
        udp = _UDP.pack(from_port, to_port, size, 0)
        # RFC 768: a sum of nought is sent as all ones, for nought says that there is none.
        udp = _UDP.pack(from_port, to_port, size, ~_sum(pseudo + udp + self.payload) & 0xFFFF or 0xFFFF)
        head = (0x45, 0, _IPV4.size + size, 0, 0, 64, socket.IPPROTO_UDP)
        ip = _IPV4.pack(*head, 0, source.packed, destination.packed)
        ip = _IPV4.pack(*head, ~_sum(ip) & 0xFFFF, source.packed, destination.packed)
        return _ETHERNET.pack(self.to_mac, self.from_mac, _ETHERTYPE_IPV4) + ip + udp + self.payload


def unwrap(frame: bytes) -> Datagram | None:
    """The datagram in a frame; None where it is none, a fragment, shorter than it says, or damaged.  Never raises.

    Its UDP checksum may be none, right, or the start that a sender on this machine leaves for a network card to finish.
    """
    if len(frame) < _ETHERNET.size + _IPV4.size:
        return None
    to_mac, from_mac, ethertype = _ETHERNET.unpack_from(frame)
    packet = frame[_ETHERNET.size :]
    version, _, total, _, fragment, _, protocol, _, source, destination = _IPV4.unpack_from(packet)
    start = (version & 15) * 4
    if (ethertype, version >> 4, fragment & _FRAGMENT, protocol) != (_ETHERTYPE_IPV4, 4, 0, socket.IPPROTO_UDP):
        return None
    if not _IPV4.size <= start <= start + _UDP.size <= total <= len(packet) or _sum(packet[:start]) != 0xFFFF:
        return None
    from_port, to_port, size, checksum = _UDP.unpack_from(packet, start)
    if not _UDP.size <= size <= total - start:
        return None
    pseudo = _PSEUDO.pack(source, destination, socket.IPPROTO_UDP, size)
    if checksum not in (0, _sum(pseudo)) and _sum(pseudo + packet[start : start + size]) != 0xFFFF:
        return None
    payload = packet[start + _UDP.size : start + size]
    return Datagram(to_mac, from_mac, (IPv4Address(source), from_port), (IPv4Address(destination), to_port), payload)


def _sum(data: bytes) -> int:
    """The ones' complement sum of RFC 1071."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def attach_filter(listener: socket.socket, source: int, destination: int) -> None:
    """Let the kernel hand over datagrams between these two ports only: a packet socket would see all traffic else.

    Classic BPF, as `tcpdump -dd 'not vlan and udp src port 67 and dst port 68'` has it for IPv4: a frame of a VLAN
    arrives on the lower device too, without its tag.
    """
    program = (
        (0x30, 0, 0, 0xFFFFF030),  # load whether there is a VLAN tag (SKF_AD_VLAN_TAG_PRESENT)
        (0x15, 0, 12, 0),  # none, or drop
        (0x28, 0, 0, 12),  # load the EtherType
        (0x15, 0, 10, _ETHERTYPE_IPV4),  # IPv4, or drop
        (0x30, 0, 0, 23),  # load the protocol
        (0x15, 0, 8, socket.IPPROTO_UDP),  # UDP, or drop
        (0x28, 0, 0, 20),  # load the fragment's place
        (0x45, 6, 0, _FRAGMENT),  # not in fragments, or drop
        (0xB1, 0, 0, 14),  # the length of the IP header
        (0x48, 0, 0, 14),  # load the source port behind it
        (0x15, 0, 3, source),  # or drop
        (0x48, 0, 0, 16),  # load the destination port
        (0x15, 0, 1, destination),  # or drop
        (0x06, 0, 0, 0xFFFF),
        (0x06, 0, 0, 0),
    )
    code = array.array("B", b"".join(struct.pack("HBBI", *step) for step in program))
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", len(program), code.buffer_info()[0]))
