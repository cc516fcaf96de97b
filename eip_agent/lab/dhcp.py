"""The simulated DHCP service of the cloud: what it offers on the link of every ENI.

The cloud knows by which ENI a request came, so the answer depends on the link and not on what the client says.  An ENI
is offered its primary private address with the mask and gateway of its vSwitch; an ENI in EIP-visible mode its EIP.

Documented: the EIP replaces the private address, the router is offered on every ENI, the name servers, ten years of
lease (seen in guests).  Assumed: mask and router of an EIP-visible offer are the EIP's, the server calls itself by the
router's address, only the ENI's own MAC is answered.
"""

import contextlib
import ctypes
import enum
import selectors
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Self

from eip_agent.errors import LabError
from eip_agent.lab.metadata import Enterable
from eip_agent.lab.topology import Eni, Topology

LEASE: Final = 315_360_000
"""Seconds: ten years, as recent guests show it."""
NAME_SERVERS: Final = (IPv4Address("100.100.2.136"), IPv4Address("100.100.2.138"))
GATEWAY_MAC: Final = b"\xee\xff\xff\xff\xff\xff"
"""What the gateway of every vSwitch answers ARP with."""

_BROADCAST_MAC: Final = b"\xff" * 6
_ANYONE: Final = IPv4Address("255.255.255.255")
_NOBODY: Final = IPv4Address(0)
_COOKIE: Final = b"\x63\x82\x53\x63"
_BOOTP: Final = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
"""RFC 2131 section 2, with the cookie of RFC 2132 at its end."""
_SHORTEST: Final = 300
"""Bytes: relays and old clients drop a shorter message (RFC 1542 2.1)."""
_ETHERNET_ALL: Final = 0x0003
_ATTACH_FILTER: Final = 26
"""SO_ATTACH_FILTER of asm-generic/socket.h, which the socket module does not name."""
_PROGRAM: Final = (
    (0x28, 0, 0, 12),  # load the EtherType
    (0x15, 0, 8, 0x0800),  # IPv4, or drop
    (0x30, 0, 0, 23),  # load the protocol
    (0x15, 0, 6, 17),  # UDP, or drop
    (0x28, 0, 0, 20),  # load the fragment's offset
    (0x45, 4, 0, 0x1FFF),  # the first fragment, or drop
    (0xB1, 0, 0, 14),  # the length of the IP header
    (0x48, 0, 0, 16),  # load the destination port behind it
    (0x15, 0, 1, 67),  # the DHCP server's, or drop
    (0x06, 0, 0, 65535),
    (0x06, 0, 0, 0),
)
"""Classic BPF, as `tcpdump -dd 'udp dst port 67'` has it for IPv4."""


class Message(enum.IntEnum):
    """DHCP message types, RFC 2132 section 9.6."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


class _Option(enum.IntEnum):
    MASK = 1
    ROUTER = 3
    NAME_SERVERS = 6
    REQUESTED = 50
    LEASE = 51
    MESSAGE = 53
    SERVER = 54
    END = 255


@dataclass(frozen=True, slots=True)
class Offer:
    """What the cloud offers to one ENI."""

    address: IPv4Address
    prefix_length: int
    router: IPv4Address

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
        self.messages: list[tuple[str, Message]] = []
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
            _attach_filter(listener)
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
            eni = next((eni for eni in self.topology.enis if eni.link == link), None)
            with contextlib.suppress(OSError):  # the device went down or away: nothing to answer
                frame, origin = listener.recvfrom(65535)
                if eni is None or origin[2] == socket.PACKET_OUTGOING:
                    return
                request = _Request.decode(frame)
                if request is None or request.mac != bytes.fromhex(eni.mac.replace(":", "")):
                    return
                self.messages.append((link, request.message))
                if answer := _answer_to(request, offer_to(eni)):
                    listener.send(answer)


@dataclass(frozen=True, slots=True)
class _Request:
    """What a client said."""

    message: Message
    mac: bytes
    transaction: int
    flags: int
    client: IPv4Address
    """`ciaddr`: the address it uses already."""
    requested: IPv4Address | None
    server: IPv4Address | None

    @classmethod
    def decode(cls, frame: bytes) -> "_Request | None":
        """A message of a client out of a frame that passed the filter; None where it is none."""
        bootp = frame[14 + (frame[14] & 15) * 4 + 8 :]
        if len(bootp) < _BOOTP.size:
            return None
        op, kind, size, _, transaction, _, flags, client, _, _, _, mac, _, _, cookie = _BOOTP.unpack_from(bootp)
        if (op, kind, size, cookie) != (1, 1, 6, _COOKIE):
            return None
        options = dict(_options(bootp[_BOOTP.size :]))
        try:
            return cls(
                Message(options[_Option.MESSAGE][0]),
                mac[:6],
                transaction,
                flags,
                IPv4Address(client),
                IPv4Address(options[_Option.REQUESTED]) if _Option.REQUESTED in options else None,
                IPv4Address(options[_Option.SERVER]) if _Option.SERVER in options else None,
            )
        except (LookupError, ValueError):
            return None


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Every option until the end or the first one that is cut off."""
    at = 0
    while at + 1 < len(data) and data[at] != _Option.END:
        if data[at] == 0:
            at += 1
            continue
        value = data[at + 2 : at + 2 + data[at + 1]]
        if len(value) < data[at + 1]:
            return
        yield data[at], value
        at += 2 + len(value)


def _answer_to(request: _Request, offer: Offer) -> bytes | None:
    """The frame to answer with; None where a server is silent (RFC 2131 section 4.3)."""
    match request.message:
        case Message.DISCOVER:
            return _frame(request, Message.OFFER, offer)
        case Message.REQUEST if request.server in {None, offer.server}:
            wanted = request.requested or request.client
            return _frame(request, Message.ACK if wanted == offer.address else Message.NAK, offer)
        case Message.INFORM:
            return _frame(request, Message.ACK, offer)
        case _:
            return None


def _frame(request: _Request, message: Message, offer: Offer) -> bytes:
    given = _NOBODY if message is Message.NAK or request.message is Message.INFORM else offer.address
    options = _option(_Option.MESSAGE, bytes([message])) + _option(_Option.SERVER, offer.server.packed)
    if message is not Message.NAK:
        mask = IPv4Network((0, offer.prefix_length)).netmask
        if given is not _NOBODY:
            options += _option(_Option.LEASE, struct.pack("!I", LEASE))
        options += _option(_Option.MASK, mask.packed) + _option(_Option.ROUTER, offer.router.packed)
        options += _option(_Option.NAME_SERVERS, b"".join(server.packed for server in NAME_SERVERS))
    bootp = _BOOTP.pack(
        2,
        1,
        6,
        0,
        request.transaction,
        0,
        request.flags,
        _NOBODY.packed if message is Message.NAK else request.client.packed,
        given.packed,
        _NOBODY.packed,
        _NOBODY.packed,
        request.mac,
        b"",
        b"",
        _COOKIE,
    )
    body = (bootp + options + bytes([_Option.END])).ljust(_SHORTEST, b"\0")
    # RFC 2131 section 4.1: a NAK and whoever asked for it by broadcast, a client with an address by that.
    if message is Message.NAK or (request.client == _NOBODY and request.flags & 0x8000):
        return _packet(_BROADCAST_MAC, offer.server, _ANYONE, body)
    return _packet(request.mac, offer.server, request.client if int(request.client) else given, body)


def _option(code: _Option, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def _packet(mac: bytes, source: IPv4Address, destination: IPv4Address, body: bytes) -> bytes:
    """An Ethernet frame with a UDP datagram from port 67 to port 68, without a UDP checksum (RFC 768 allows it)."""
    udp = struct.pack("!HHHH", 67, 68, 8 + len(body), 0) + body
    parts = (0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source.packed, destination.packed)
    header = struct.pack("!BBHHHBBH4s4s", *parts)
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    header = header[:10] + struct.pack("!H", checksum) + header[12:]
    return mac + GATEWAY_MAC + b"\x08\x00" + header + udp


def _attach_filter(listener: socket.socket) -> None:
    """Let the kernel hand over requests to a DHCP server only: the same socket would see all traffic else."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _PROGRAM))
    program = struct.pack("HP", len(_PROGRAM), ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
