"""A netlink socket, down to bytes: dumps with the kernel's own filters, and batches with an answer for each message.

Why not pyroute2's socket: it ignores NLM_F_DUMP_INTR, so that a dump taken while somebody changes things comes back
inconsistent without a word (41 of 53, measured with 0.9.7), its batches cannot tell which message was refused, and its
import costs more than a whole pass without changes.  It does what is written: `sinks.kernel` builds messages with it.

Source of the formats: netlink(7), rtnetlink(7), linux/netlink.h.
"""

import errno
import os
import select
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, Self

from eip_agent.core.facts import IPAddress, IPNetwork
from eip_agent.core.message import say
from eip_agent.errors import KernelReadError

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLM_F_REQUEST: Final = 0x01
NLM_F_ACK: Final = 0x04
NLM_F_DUMP_INTR: Final = 0x10
NLM_F_CAPPED: Final = 0x100
NLM_F_ACK_TLVS: Final = 0x200
NLM_F_DUMP: Final = 0x300

_SOL_NETLINK: Final = 270
_NETLINK_CAP_ACK: Final = 10
_NETLINK_EXT_ACK: Final = 11
_NETLINK_GET_STRICT_CHK: Final = 12
_NLMSGERR_ATTR_MSG: Final = 1
_RECEIVE: Final = 1 << 18
"""The kernel fills dump messages of up to 32 KiB; a larger buffer only saves system calls."""
_BATCH: Final = 64
"""Messages a send.  Their acknowledgements must fit the stock receive buffer (net.core.rmem_default, 208 KiB)."""
_TRIES: Final = 20
"""How often an interrupted dump is taken again before it is called unreadable."""
_PAUSE: Final = 0.01
"""Seconds between two tries, for who changes things to come to an end with it."""
_NOTHING_THERE: Final = frozenset((0, errno.ENOENT, errno.EAFNOSUPPORT, errno.EOPNOTSUPP))
"""A table that does not exist is an empty table.  So are the tables of a family the kernel does not have: booted with
`ipv6.disable=1` it knows no IPv6 rules, and answers that it does not know the family, or not the request for it."""

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_INT = struct.Struct("=i")
_U32 = struct.Struct("=I")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the kernel said to one message."""

    errno: int
    """0: done."""
    says: str = ""
    """Its own words, where it has any (NETLINK_EXT_ACK), or the name of the error."""


class Netlink:
    """A socket for requests, of NETLINK_ROUTE where nothing else is said.

    It is never bound to groups: events belong on a socket of their own.
    """

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.bind((0, 0))
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK):
            try:
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
            except OSError:
                continue
        self._sequence = 0

    @property
    def port(self) -> int:
        """The number that events carry which this socket has caused."""
        return int(self._socket.getsockname()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()

    def dump(self, kind: int, body: bytes) -> list[tuple[int, bytes]]:
        """All messages of one dump: type and payload.  `body` is the request's header and filters.

        Taken again when the kernel says that it changed meanwhile.  Raises KernelReadError.
        """
        for number in range(_TRIES):
            if number:
                select.select([], [], [], _PAUSE)
            found = self._dump(kind, body)
            if found is not None:
                return found
        message = say("the kernel's tables kept changing while they were read (netlink type {kind})", kind=kind)
        raise KernelReadError(message, say("try again; something rewrites the network configuration all the time"))

    def ask(self, kind: int, body: bytes) -> bytes | None:
        """The payload of the one answer to a question; None where the kernel has none.  Raises KernelReadError."""
        return self.question(kind, body)[1]

    def question(self, kind: int, body: bytes) -> tuple[int, bytes | None]:
        """The same, after the errno with which the kernel refuses to answer; 0 where it does not.

        Raises KernelReadError.
        """
        self._sequence += 1
        self._send(_packed(kind, NLM_F_REQUEST, self._sequence, body))
        while True:
            for answer, _, sequence, payload in _messages(self._receive()):
                if sequence == self._sequence:
                    if answer != NLMSG_ERROR:
                        return 0, payload
                    return -int(_INT.unpack_from(payload)[0]), None

    def send(self, messages: Sequence[tuple[int, int, bytes]]) -> list[Answer]:
        """Carry out messages (type, flags, body) in order; the answers stand in the same order.

        One that is refused does not keep the kernel from the next.  Raises KernelReadError when the socket breaks.
        """
        answers: list[Answer] = []
        for start in range(0, len(messages), _BATCH):
            answers += self._batch(messages[start : start + _BATCH])
        return answers

    def _batch(self, messages: Sequence[tuple[int, int, bytes]]) -> list[Answer]:
        first = self._sequence + 1
        data = bytearray()
        for kind, flags, body in messages:
            self._sequence += 1
            data += _packed(kind, flags | NLM_F_REQUEST | NLM_F_ACK, self._sequence, body)
        self._send(data)
        waiting = dict.fromkeys(range(first, self._sequence + 1))
        answers: dict[int, Answer] = {}
        while len(answers) < len(waiting):
            for kind, flags, sequence, payload in _messages(self._receive()):
                if kind == NLMSG_ERROR and sequence in waiting:
                    answers[sequence] = _answer(payload, flags)
        return [answers[sequence] for sequence in waiting]

    def _dump(self, kind: int, body: bytes) -> list[tuple[int, bytes]] | None:
        """None when the kernel says that the dump is inconsistent; it is read to its end all the same."""
        self._sequence += 1
        self._send(_packed(kind, NLM_F_REQUEST | NLM_F_DUMP, self._sequence, body))
        found: list[tuple[int, bytes]] = []
        interrupted = False
        while True:
            for answer, flags, sequence, payload in _messages(self._receive()):
                if sequence != self._sequence:
                    continue
                interrupted |= bool(flags & NLM_F_DUMP_INTR)
                if answer in (NLMSG_DONE, NLMSG_ERROR):
                    _raise_for(payload, kind)
                    return None if interrupted else found
                found.append((answer, payload))

    def _send(self, data: bytes | bytearray) -> None:
        try:
            self._socket.send(data)
        except OSError as lost:
            message = say("netlink: {strerror}", strerror=lost.strerror)
            raise KernelReadError(message, say("try again")) from lost

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(_RECEIVE)
        except OSError as lost:
            message = say("netlink: {strerror}", strerror=lost.strerror)
            raise KernelReadError(message, say("try again")) from lost


def attributes(payload: bytes, start: int) -> Mapping[int, bytes]:
    """The attributes of a message or a nest from `start` on, by type without its flag bits; a later one wins."""
    found = {}
    end = len(payload)
    while start + _ATTRIBUTE.size <= end:
        length, kind = _ATTRIBUTE.unpack_from(payload, start)
        if length < _ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = payload[start + _ATTRIBUTE.size : start + length]
        start += length + 3 & ~3
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def number_of(attrs: Mapping[int, bytes], kind: int) -> int | None:
    """An attribute of 32 bits; None where it is missing."""
    value = attrs.get(kind)
    return _U32.unpack_from(value)[0] if value is not None and len(value) >= _U32.size else None


def text_of(value: bytes) -> str:
    """A name, as C spells it."""
    return value.rstrip(b"\0").decode(errors="replace")


def address_of(value: bytes) -> IPAddress:
    """An address by its length: 4 or 16 bytes."""
    return IPv4Address(value) if len(value) == 4 else IPv6Address(value)


def network_of(version: int, value: bytes | None, length: int) -> IPNetwork:
    """A network of IP version 4 or 6; without a value the one that begins with nought."""
    if version == 4:
        return IPv4Network((value or bytes(4), length))
    return IPv6Network((value or bytes(16), length))


def _packed(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body + bytes(-len(body) % 4)


def _messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    start = 0
    while start + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, start)
        if length < _HEADER.size:
            break
        yield kind, flags, sequence, data[start + _HEADER.size : start + length]
        start += length + 3 & ~3


def _answer(payload: bytes, flags: int) -> Answer:
    (code,) = _INT.unpack_from(payload)
    if not code:
        return Answer(0)
    says = os.strerror(-code)
    if flags & NLM_F_ACK_TLVS:
        original = _HEADER.size if flags & NLM_F_CAPPED else _HEADER.unpack_from(payload, _INT.size)[0]
        text = attributes(payload, _INT.size + original).get(_NLMSGERR_ATTR_MSG, b"")
        says = text.rstrip(b"\0").decode(errors="replace") or says
    return Answer(-code, says)


def _raise_for(payload: bytes, kind: int) -> None:
    code = -_INT.unpack_from(payload)[0] if len(payload) >= _INT.size else 0
    if code not in _NOTHING_THERE:
        message = say(
            "the kernel refused to list its tables (netlink type {kind}): {error}", kind=kind, error=os.strerror(code)
        )
        raise KernelReadError(message)
