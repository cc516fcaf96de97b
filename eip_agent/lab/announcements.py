"""Hears who announces an address: the gratuitous ARP of a HAVIP's new master."""

import os
import select
import socket
import threading
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final, Self

from eip_agent.lab.namespace import Namespace

_ETH_P_ARP: Final = 0x0806


class Announcements:
    """Listens on all links of a namespace, before any packet filter there, in one thread; a context manager."""

    def __init__(self, namespace: Namespace, announced: Callable[[str, IPv4Address], None]) -> None:
        """Listen at once; `announced` is told link and address, one at a time, once the thread has started.

        Gratuitous is a request or reply whose sender asks for itself, RFC 5227 section 3.
        """
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ARP))
        self._announced = announced
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._serve, name=f"announcements {namespace.name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stopped, b"x")
        self._thread.join()
        self._socket.close()
        os.close(self._stop)
        os.close(self._stopped)

    def _serve(self) -> None:
        sources: list[socket.socket | int] = [self._socket, self._stop]
        while self._stop not in select.select(sources, [], [])[0]:
            message, (link, _, kind, *_) = self._socket.recvfrom(64)
            sender, target = message[14:18], message[24:28]
            if kind != socket.PACKET_OUTGOING and len(target) == 4 and sender == target:
                self._announced(link, IPv4Address(sender))
