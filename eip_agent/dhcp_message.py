"""DHCP for IPv4, down to bytes: what the agent asks with, and what the simulated cloud answers with.

Why not pyroute2's client: importing its message classes alone takes ten times as long as starting Python, its socket
wants asyncio, and its decoder neither knows how long a datagram says it is nor options that continue in other fields.

Sources: RFC 2131 (messages), RFC 2132 (options), RFC 3396 (long options).
"""

import enum
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

SERVER_PORT: Final = 67
CLIENT_PORT: Final = 68
NOBODY: Final = IPv4Address("0.0.0.0")  # noqa: S104 - nothing is bound to it

_COOKIE: Final = b"\x63\x82\x53\x63"
_BOOTP: Final = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
"""RFC 2131 section 2, with the cookie of RFC 2132 at its end."""
_SHORTEST: Final = 300
"""Bytes: relays and old servers drop a shorter message (RFC 1542 2.1)."""
_BROADCAST_FLAG: Final = 0x8000


class Kind(enum.IntEnum):
    """DHCP message types, RFC 2132 section 9.6."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


_KINDS: Final[Mapping[int, Kind]] = {kind.value: kind for kind in Kind}


class Option(enum.IntEnum):
    """The options that either side writes or reads."""

    PAD = 0
    MASK = 1
    ROUTER = 3
    NAME_SERVERS = 6
    REQUESTED = 50
    LEASE = 51
    OVERLOAD = 52
    KIND = 53
    SERVER = 54
    WANTED = 55
    END = 255


@dataclass(frozen=True, slots=True)
class Message:
    """What one side says to the other."""

    op: int
    """1: a client asks; 2: a server answers."""
    transaction: int
    """`xid`."""
    mac: bytes
    """`chaddr`: six bytes."""
    options: Mapping[int, bytes] = field(default_factory=dict)
    """By code, whole: one that was split is joined."""
    broadcast: bool = False
    """The client cannot receive unicast yet."""
    seconds: int = 0
    """`secs`: for how long the client has been asking."""
    client: IPv4Address = NOBODY
    """`ciaddr`: the address that the client has already."""
    yours: IPv4Address = NOBODY
    """`yiaddr`: the address that the server gives."""

    @property
    def kind(self) -> Kind | None:
        """None for plain BOOTP, and for a type nobody knows."""
        value = self.options.get(Option.KIND, b"")
        return _KINDS.get(value[0]) if len(value) == 1 else None

    def encode(self) -> bytes:
        """The payload of the datagram.  No option may be longer than 255 bytes."""
        flags = _BROADCAST_FLAG if self.broadcast else 0
        addresses = self.client.packed, self.yours.packed, NOBODY.packed, NOBODY.packed
        head = (self.op, 1, 6, 0, self.transaction, self.seconds, flags, *addresses, self.mac, b"", b"", _COOKIE)
        options = b"".join(bytes([code, len(value)]) + value for code, value in self.options.items())
        return (_BOOTP.pack(*head) + options + bytes([Option.END])).ljust(_SHORTEST, b"\0")


def decode(payload: bytes) -> Message | None:
    """A message of Ethernet hosts; None where it is none, or where an option is cut off.  Never raises."""
    if len(payload) < _BOOTP.size:
        return None
    op, hardware, size, _, transaction, seconds, flags, client, yours, _, _, mac, sname, file, cookie = (
        _BOOTP.unpack_from(payload)
    )
    if (hardware, size, cookie) != (1, 6, _COOKIE):
        return None
    options: dict[int, bytes] = {}
    try:
        _gather(payload[_BOOTP.size :], options)
        # The server's and the file's name may hold more options, the file first (RFC 2131 section 4.1).
        overload = options.get(Option.OVERLOAD, b"\0")
        for bit, more in ((1, file), (2, sname)):
            if overload[-1:] and overload[-1] & bit:
                _gather(more, options)
    except IndexError:
        return None
    broadcast = bool(flags & _BROADCAST_FLAG)
    return Message(op, transaction, mac[:6], options, broadcast, seconds, IPv4Address(client), IPv4Address(yours))


def _gather(data: bytes, options: dict[int, bytes]) -> None:
    """Add every option until the end.  Raises IndexError where one is cut off."""
    for code, value in _split(data):
        options[code] = options.get(code, b"") + value


def _split(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data) and data[at] != Option.END:
        if data[at] == Option.PAD:
            at += 1
            continue
        end = at + 2 + data[at + 1]
        if end > len(data):
            raise IndexError(end)
        yield data[at], data[at + 2 : end]
        at = end
