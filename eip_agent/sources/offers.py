"""What a DHCP client would be offered on a link, without becoming one: a DISCOVER that no REQUEST follows.

It leaves the client of the link alone, if there is one.  The client sees the OFFER too and drops it, for it answers
a transaction that is not the client's; the DISCOVER carries no client identifier, so that no server can take it for
the client's own return to the start; nothing is bound to port 68.  On the server an OFFER reserves the address for
some seconds at most (RFC 2131 section 3.1), and for a MAC that has a lease already it is the leased address; only
REQUEST, DECLINE and RELEASE change a lease, and none is ever sent.  Rapid commit (RFC 4039), which would turn the
DISCOVER into a lease, is not asked for; nor are classless routes, which would take the place of the router (RFC 3442).

Whoever answers first is believed.  Answers that contradict each other while others are waited for are not.

Needs CAP_NET_RAW and packet sockets (`AF_PACKET`); where there is none, every link is unread.
"""

import contextlib
import errno
import math
import os
import select
import socket
from collections.abc import Collection, Mapping
from ipaddress import IPv4Address
from time import monotonic
from typing import Final

from eip_agent.core.facts import LinkFact, Unread
from eip_agent.core.message import say
from eip_agent.core.offers import OfferFact, Offers
from eip_agent.datagram import BROADCAST_MAC, EVERYBODY, Datagram, attach_filter, unwrap
from eip_agent.dhcp_message import CLIENT_PORT, NOBODY, SERVER_PORT, Kind, Message, Option, decode

TIMEOUT: Final = 1.5
"""Seconds: what silence costs.  Whoever answers does so within milliseconds."""
_ETHERNET_ALL: Final = 0x0003
"""Not only IPv4: a bridge takes the frames of its links away before those sockets see them."""
_SOL_PACKET: Final = 263
_IGNORE_OUTGOING: Final = 23
"""PACKET_IGNORE_OUTGOING of linux/if_packet.h."""
_WANTED: Final = bytes((Option.MASK, Option.ROUTER, Option.LEASE, Option.SERVER))
_REASONS: Final[Mapping[int, str]] = {
    errno.EPERM: say("CAP_NET_RAW is missing"),
    errno.EACCES: say("CAP_NET_RAW is missing"),
    errno.EAFNOSUPPORT: say("packet sockets (AF_PACKET) are not allowed here"),
    errno.ENETDOWN: say("the link is down"),
    errno.ENODEV: say("the link is gone"),
    errno.ENXIO: say("the link is gone"),
}


def read(links: Collection[LinkFact], timeout: float = TIMEOUT) -> Offers:
    """What each link is offered: as soon as every one has been answered, or after `timeout` seconds.

    All are asked at once, and after half the time those again that had no answer.  No link is left out of the result,
    and nothing that the network does raises.
    """
    questions = {link.link.index: _Question(link) for link in links}
    if any(question.waits for question in questions.values()):
        try:
            with _listener() as listener:
                _ask(listener, questions, timeout)
        except OSError as no:
            for question in questions.values():
                question.lost = question.lost or _unread(question.link, no)
    return {index: question.answer for index, question in questions.items()}


def discover(link: LinkFact, transaction: int, seconds: int = 0) -> bytes:
    """The frame that asks; `seconds` is for how long that has been done."""
    options: dict[int, bytes] = {Option.KIND: bytes([Kind.DISCOVER]), Option.WANTED: _WANTED}
    message = Message(1, transaction, _mac(link), options, broadcast=True, seconds=seconds)
    source, destination = (NOBODY, CLIENT_PORT), (EVERYBODY, SERVER_PORT)
    return Datagram(BROADCAST_MAC, _mac(link), source, destination, message.encode()).encode()


def decode_offer(frame: bytes, link: LinkFact, transaction: int) -> OfferFact | Unread | None:
    """What a frame offers to a link; None where it does not answer that transaction of that MAC.

    Unread where it does, with values that cannot be.  Never raises.
    """
    datagram = unwrap(frame)
    if datagram is None or datagram.to_mac not in (BROADCAST_MAC, _mac(link)):
        return None
    if (datagram.source[1], datagram.destination[1]) != (SERVER_PORT, CLIENT_PORT):
        return None
    message = decode(datagram.payload)
    if message is None or (message.op, message.transaction, message.mac) != (2, transaction, _mac(link)):
        return None
    if message.kind is not Kind.OFFER:
        return None
    try:
        return _decode_values(message, link.link.index)
    except ValueError as bad:
        return Unread(_path(link), say("the answer of the DHCP server cannot be used: {bad}", bad=bad))


def _decode_values(message: Message, link: int) -> OfferFact:
    """Raises ValueError, naming the one that cannot be."""
    options = message.options
    lease = options.get(Option.LEASE)
    if lease is not None and len(lease) != 4:
        raise ValueError(say("a lease time of {len} bytes", len=len(lease)))
    return OfferFact(
        link=link,
        address=_unicast(message.yours.packed, "address"),
        prefix_length=_prefix_length(options.get(Option.MASK, EVERYBODY.packed)),
        # The best router comes first, RFC 2132 section 3.5.
        router=_unicast(options[Option.ROUTER][:4], "router") if Option.ROUTER in options else None,
        server=_unicast(options[Option.SERVER], "server") if Option.SERVER in options else None,
        lease_seconds=None if lease is None else int.from_bytes(lease),
    )


def _unicast(value: bytes, name: str) -> IPv4Address:
    if len(value) != 4:
        raise ValueError(say("{name} of {len} bytes", name=name, len=len(value)))
    address = IPv4Address(value)
    # 240.0.0.0/4 is reserved, 255.255.255.255 is in it; 0.0.0.0/8 says "this host" (RFC 6890).
    if address.is_multicast or address.is_reserved or address.is_loopback or value[0] == 0:
        raise ValueError(say("{name} {address} is no host's", name=name, address=address))
    return address


def _prefix_length(mask: bytes) -> int:
    zeros = ~int.from_bytes(mask) & 0xFFFFFFFF
    if len(mask) != 4 or zeros & (zeros + 1) or zeros == 0xFFFFFFFF:
        raise ValueError(say("mask {listed}", listed=".".join(map(str, mask[:8]))))
    return 32 - zeros.bit_length()


def _listener() -> socket.socket:
    """One socket for all links, for closing one takes the kernel some 13 ms.  Raises OSError."""
    # What comes before the filter stands is read, and is no answer.
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(_ETHERNET_ALL))
    try:
        attach_filter(listener, SERVER_PORT, CLIENT_PORT)
        with contextlib.suppress(OSError):  # kernels before 4.20; it spares them who send much a copy of each packet
            listener.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
    except OSError:
        listener.close()
        raise
    return listener


def _ask(listener: socket.socket, questions: "Mapping[int, _Question]", timeout: float) -> None:
    start = monotonic()
    for end in (start + timeout / 2, start + timeout):
        for question in questions.values():
            if not question.offers:
                question.ask(listener, seconds=int(monotonic() - start))
        _listen(listener, questions, end)


def _listen(listener: socket.socket, questions: "Mapping[int, _Question]", end: float) -> None:
    """Hear answers, second ones too, until nobody is left to wait for."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while any(question.waits for question in questions.values()) and (left := end - monotonic()) > 0:
        if not poll.poll(math.ceil(left * 1000)):
            continue
        with contextlib.suppress(OSError):  # the link of the frame went away meanwhile
            frame, (name, _, direction, *_) = listener.recvfrom(65535)
            question = questions.get(socket.if_nametoindex(name))
            # A DHCP server on this very machine answers others; what it says on this link goes out.
            if question and direction != socket.PACKET_OUTGOING:
                question.hear(frame)


class _Question:
    """One link, from the question to the answer."""

    def __init__(self, link: LinkFact) -> None:
        self.link = link
        self.offers: dict[tuple[IPv4Address, int, IPv4Address | None], OfferFact] = {}
        """By what matters of them: who asks twice may be told two times of lease."""
        self.lost: Unread | None = None
        """Why nobody can be asked now."""
        self._useless: Unread | None = None
        self._transaction = int.from_bytes(os.urandom(4))
        if len(_mac(link)) != 6:
            self.lost = Unread(_path(link), say("the link is not Ethernet"))
        elif not link.up:
            self.lost = Unread(_path(link), _REASONS[errno.ENETDOWN])
        self._askable = self.lost is None

    @property
    def waits(self) -> bool:
        """Whether a first answer may still come."""
        return not self.offers and self.lost is None

    @property
    def answer(self) -> OfferFact | Unread | None:
        """As in `Offers`."""
        match [*self.offers.values()]:
            case []:
                return self.lost or self._useless
            case [offer]:
                return offer
            case offers:
                told = " and ".join(f"{offer.address}/{offer.prefix_length} via {offer.router}" for offer in offers)
                return Unread(_path(self.link), say("contradicting offers: {told}", told=told))

    def ask(self, listener: socket.socket, seconds: int) -> None:
        """Say it once, if the link was fit for it at first."""
        if not self._askable:
            return
        frame = discover(self.link, self._transaction, seconds)
        try:
            listener.sendto(frame, (socket.if_indextoname(self.link.link.index), 0))
            self.lost = None
        except OSError as no:
            self.lost = _unread(self.link, no)

    def hear(self, frame: bytes) -> None:
        """Take in what was said on the link."""
        answer = decode_offer(frame, self.link, self._transaction)
        if isinstance(answer, OfferFact):
            self.offers.setdefault((answer.address, answer.prefix_length, answer.router), answer)
        else:
            self._useless = answer or self._useless


def _mac(link: LinkFact) -> bytes:
    return bytes.fromhex(link.mac.replace(":", ""))


def _path(link: LinkFact) -> str:
    return f"DHCP on {link.link.name}"


def _unread(link: LinkFact, no: OSError) -> Unread:
    return Unread(_path(link), _REASONS.get(no.errno or 0) or no.strerror or str(no))
