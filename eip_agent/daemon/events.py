"""What the kernel says when something changes.  It is only told that something did: the look itself says what.

A socket of its own: on one that also asks, the answers of requests and these messages would be taken for each other.
Source: rtnetlink(7), netlink(7), linux/rtnetlink.h.
"""

import contextlib
import errno
import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from eip_agent.core.numbers import MAIN, TABLES
from eip_agent.netlink import attributes

GROUPS: Final = (1, 5, 7, 8, 9, 11, 19)
"""RTNLGRP_LINK, and for IPv4 and IPv6 IFADDR, ROUTE, RULE."""
BUFFER: Final = 8 << 20
"""Bytes.  The stock limit of 208 KiB is overrun by 750 addresses that somebody adds in one go; five thousand fit in
this.  It is not memory: the kernel takes as much as there are messages."""

_SOL_NETLINK: Final = 270
_ADD_MEMBERSHIP: Final = 1
_SO_RCVBUFFORCE: Final = 33
"""Needs CAP_NET_ADMIN, as all that the daemon does."""
_RECEIVE: Final = 1 << 16
_ENOUGH: Final = 4096
"""Datagrams read in one go; somebody who never stops must not keep us from looking."""

_HEADER = struct.Struct("=IHHII")
_NEW_ROUTE, _DEL_ROUTE = 24, 25
_RTMSG = struct.Struct("=BBBBBBBBI")
_RTA_OIF, _RTA_TABLE = 4, 15
_RTM_F_CLONED: Final = 0x200
_U32 = struct.Struct("=I")
_FULL: Final = {socket.AF_INET: 32, socket.AF_INET6: 128}


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said since the last time."""

    events: int = 0
    """How many messages may matter."""
    overrun: bool = False
    """Messages were lost: everything may have changed."""


class Events:
    """The ear; `port` is that of the socket with which we write ourselves, whose echo is not news."""

    def __init__(self, port: int) -> None:
        self._port = port
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER)
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._socket.bind((0, 0))
        for group in GROUPS:
            with contextlib.suppress(OSError):  # a kernel without IPv6 or policy routing lacks some
                self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()

    def read(self, enis: Collection[int] = ()) -> Heard:
        """All that was said so far; `enis` are the links of ENIs.  Raises OSError where the socket is broken."""
        events, overrun = 0, False
        for _ in range(_ENOUGH):
            try:
                data = self._socket.recv(_RECEIVE)
            except BlockingIOError:
                break
            except OSError as no:
                if no.errno != errno.ENOBUFS:
                    raise
                overrun = True
                continue
            events += count(data, self._port, enis)
        return Heard(events, overrun)


def count(data: bytes, port: int, enis: Collection[int]) -> int:
    """How many messages of a datagram may matter: not our own, and not what `matters` not."""
    found = start = 0
    while start + _HEADER.size <= len(data):
        length, kind, _, _, sender = _HEADER.unpack_from(data, start)
        if length < _HEADER.size:
            break
        if sender != port and matters(kind, data[start + _HEADER.size : start + length], enis):
            found += 1
        start += length + 3 & ~3
    return found


def matters(kind: int, payload: bytes, enis: Collection[int]) -> bool:
    """Whether a message can change what is to be done.  Cheap, and in doubt it does.

    Of routes only those in our tables, and in `main` those by an ENI or to a single host, which may be a container's:
    a router's ten thousand others come and go without a look.
    """
    if kind not in (_NEW_ROUTE, _DEL_ROUTE) or len(payload) < _RTMSG.size:
        return True
    family, length, _, _, table, _, _, _, flags = _RTMSG.unpack_from(payload)
    if flags & _RTM_F_CLONED:
        return False
    attrs = attributes(payload, _RTMSG.size)
    table = _number(attrs.get(_RTA_TABLE)) or table
    if table in TABLES:
        return True
    if table != MAIN:
        return False
    link = _number(attrs.get(_RTA_OIF))
    return link is None or link in enis or length == _FULL.get(family)


def _number(value: bytes | None) -> int | None:
    return _U32.unpack_from(value)[0] if value is not None and len(value) >= _U32.size else None
