"""What passes on the wires of a namespace: who sent packets, and by which link they came."""

import socket
from ipaddress import IPv4Address
from typing import Final, Self

from eip_agent.lab.namespace import Namespace

_ETH_P_IP: Final = 0x0800


class Wire:
    """Listens on all links of a namespace for IPv4, before any packet filter there; a context manager."""

    def __init__(self, namespace: Namespace) -> None:
        """Listen from now on."""
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
        self._socket.settimeout(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def sources(self, asking: int | None = None) -> set[tuple[str, IPv4Address]]:
        """By which link packets of which source came in since the last time; what went out does not count.

        `asking`: nor does what is no question by UDP to that port, as the last words of connections that are over.
        """
        found: set[tuple[str, IPv4Address]] = set()
        while True:
            try:
                packet, (link, _, kind, *_) = self._socket.recvfrom(64)
            except BlockingIOError:
                return found
            if kind != socket.PACKET_OUTGOING and (asking is None or _asks(packet, asking)):
                found.add((link, IPv4Address(packet[12:16])))


def _asks(packet: bytes, port: int) -> bool:
    """Whether an IPv4 packet is UDP to a port."""
    start = (packet[0] & 0xF) * 4
    return packet[9] == socket.IPPROTO_UDP and packet[start + 2 : start + 4] == port.to_bytes(2, "big")
