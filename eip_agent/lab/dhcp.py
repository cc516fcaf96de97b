"""The simulated DHCP service of the cloud: what it offers on the link of every ENI.

The cloud knows by which ENI a request came, so the answer depends on the link and not on what the client says.  An ENI
is offered its primary private address with the mask and gateway of its vSwitch; an ENI in EIP-visible mode its EIP.

Documented: the EIP replaces the private address, the router is offered on every ENI, the name servers, ten years of
lease (seen in guests).  Assumed: mask and router of an EIP-visible offer are the EIP's, the server calls itself by the
router's address, only the ENI's own MAC is answered.
"""

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Self

from eip_agent.datagram import BROADCAST_MAC, EVERYBODY, Datagram, attach_filter, unwrap
from eip_agent.dhcp_message import CLIENT_PORT, NOBODY, SERVER_PORT, Kind, Message, Option, decode
from eip_agent.errors import LabError
from eip_agent.lab.metadata import Enterable
from eip_agent.lab.topology import Eni, Topology

LEASE: Final = 315_360_000
"""Seconds: ten years, as recent guests show it."""
NAME_SERVERS: Final = (IPv4Address("100.100.2.136"), IPv4Address("100.100.2.138"))
GATEWAY_MAC: Final = b"\xee\xff\xff\xff\xff\xff"
"""What the gateway of every vSwitch answers ARP with."""

_ETHERNET_ALL: Final = 0x0003


@dataclass(frozen=True, slots=True)
class Offer:
    """What the cloud offers to one ENI."""

    address: IPv4Address
    prefix_length: int
    router: IPv4Address
    lease: int = LEASE
    """Seconds."""

    @property
    def server(self) -> IPv4Address:
        """The server identifier, an assumption: nobody has published what the cloud's is."""
        return self.router


def offer_to(eni: Eni) -> Offer:
    """The address of an ENI as its DHCP client gets it."""
    eip = eni.binded
    if eip is None:
        return Offer(eni.private[0], eni.vswitch.cidr.prefixlen, eni.vswitch.gateway)
    return Offer(eip.address, eip.prefix_length, eip.gateway or eni.vswitch.gateway)


class DhcpServer:
    """Answers on the router's side of the ENIs' links, in one thread.

    It reads and writes whole frames, before any bridge or packet filter of that side sees them.
    """

    def __init__(self, topology: Topology, namespace: Enterable, device_of: Mapping[str, str]) -> None:
        self.topology = topology
        """May be set at any time; what follows is answered by the new one."""
        self.lease = LEASE
        """Seconds that are promised from now on; less than the cloud's ten years shows a renewal."""
        self.messages: list[tuple[str, Kind]] = []
        """Link and type of every message of a client, in order of arrival."""
        self._namespace = namespace
        self._device_of = dict(device_of)
        self._open: dict[str, tuple[str, int, socket.socket]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Listen on every device.  Raises LabError for a device that is not there."""
        self._stopping.clear()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.update(self.topology, self._device_of)

    def stop(self) -> None:
        """Answer nobody any more."""
        if self._thread is None:
            return
        self._stopping.set()
        self._wake.send(b".")
        self._thread.join()
        self._thread = None
        for end in (self._wake, self._woken):
            end.close()
        for link in tuple(self._open):
            self._close(link)

    def update(self, topology: Topology, device_of: Mapping[str, str]) -> None:
        """Serve another topology and other devices; one that was made anew under the same name is opened again.

        Before `start()` it is only noted.  Raises LabError for a device that is not there; the others are served.
        """
        self.topology = topology
        self._device_of = dict(device_of)
        if self._thread is None:
            return
        missing = []
        with self._lock, self._namespace.entered():
            for link in [link for link in self._open if link not in device_of]:
                self._close(link)
            for link, device in device_of.items():
                try:
                    self._reopen(link, device, socket.if_nametoindex(device))
                except OSError:
                    self._close(link)
                    missing.append(device)
        self._wake.send(b".")
        if missing:
            raise LabError(f"the DHCP server finds no device {', '.join(missing)}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _reopen(self, link: str, device: str, index: int) -> None:
        held = self._open.get(link)
        if held and held[:2] == (device, index):
            return
        self._close(link)
        # Nothing is received before bind() because the protocol is 0 until then.
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        try:
            attach_filter(listener, CLIENT_PORT, SERVER_PORT)
            listener.bind((device, _ETHERNET_ALL))
        except OSError:
            listener.close()
            raise
        self._open[link] = device, index, listener

    def _close(self, link: str) -> None:
        if held := self._open.pop(link, None):
            held[2].close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                open_now = {held[2]: link for link, held in self._open.items()}
            with selectors.DefaultSelector() as selector:
                selector.register(self._woken, selectors.EVENT_READ)
                for listener in open_now:
                    with contextlib.suppress(OSError, ValueError):  # closed by update() meanwhile
                        selector.register(listener, selectors.EVENT_READ)
                self._answer_until_woken(selector, open_now)

    def _answer_until_woken(self, selector: selectors.BaseSelector, open_now: Mapping[socket.socket, str]) -> None:
        while True:
            for key, _ in selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(4096)
                    return
                listener = key.fileobj
                if isinstance(listener, socket.socket):
                    self._answer(open_now[listener], listener)

    def _answer(self, link: str, listener: socket.socket) -> None:
        with self._lock:
            eni = next((eni for eni in self.topology.attached if eni.link == link), None)
            with contextlib.suppress(OSError):  # the device went down or away: nothing to answer
                frame, origin = listener.recvfrom(65535)
                if eni is None or origin[2] == socket.PACKET_OUTGOING:
                    return
                datagram = unwrap(frame)
                request = decode(datagram.payload) if datagram else None
                if request is None or request.op != 1 or request.mac != bytes.fromhex(eni.mac.replace(":", "")):
                    return
                if request.kind is not None:
                    self.messages.append((link, request.kind))
                if answer := _answer_to(request, replace(offer_to(eni), lease=self.lease)):
                    listener.send(answer)


def _answer_to(request: Message, offer: Offer) -> bytes | None:
    """The frame to answer with; None where a server is silent (RFC 2131 section 4.3)."""
    chosen = request.options.get(Option.SERVER)
    match request.kind:
        case Kind.DISCOVER:
            return _frame(request, Kind.OFFER, offer)
        case Kind.REQUEST if chosen in {None, offer.server.packed}:
            wanted = request.options.get(Option.REQUESTED, request.client.packed)
            return _frame(request, Kind.ACK if wanted == offer.address.packed else Kind.NAK, offer)
        case Kind.INFORM:
            return _frame(request, Kind.ACK, offer)
        case _:
            return None


def _frame(request: Message, kind: Kind, offer: Offer) -> bytes:
    given = NOBODY if kind is Kind.NAK or request.kind is Kind.INFORM else offer.address
    options: dict[int, bytes] = {Option.KIND: bytes([kind]), Option.SERVER: offer.server.packed}
    if kind is not Kind.NAK:
        if given is not NOBODY:
            options[Option.LEASE] = struct.pack("!I", offer.lease)
        options[Option.MASK] = IPv4Network((0, offer.prefix_length)).netmask.packed
        options[Option.ROUTER] = offer.router.packed
        options[Option.NAME_SERVERS] = b"".join(server.packed for server in NAME_SERVERS)
    answer = Message(
        op=2,
        transaction=request.transaction,
        mac=request.mac,
        options=options,
        broadcast=request.broadcast,
        client=NOBODY if kind is Kind.NAK else request.client,
        yours=given,
    )
    # RFC 2131 section 4.1: a NAK and whoever asked for it by broadcast, a client with an address by that.
    to_mac, to = request.mac, given if request.client == NOBODY else request.client
    if kind is Kind.NAK or (request.client == NOBODY and request.broadcast):
        to_mac, to = BROADCAST_MAC, EVERYBODY
    source, destination = (offer.server, SERVER_PORT), (to, CLIENT_PORT)
    return Datagram(to_mac, GATEWAY_MAC, source, destination, answer.encode()).encode()
