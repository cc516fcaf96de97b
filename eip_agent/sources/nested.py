"""Lists in netlink messages, where an attribute stands several times, and numbers in network order."""

import struct
from collections.abc import Iterator, Mapping
from typing import Final

_ATTRIBUTE: Final = struct.Struct("=HH")


def members(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Every attribute of a list, by type without its flag bits, in order."""
    start = 0
    while start + _ATTRIBUTE.size <= len(payload):
        length, kind = _ATTRIBUTE.unpack_from(payload, start)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, payload[start + _ATTRIBUTE.size : start + length]
        start += length + 3 & ~3


def number(attrs: Mapping[int, bytes], kind: int) -> int:
    """An attribute that is a number in network order; 0 where it is missing."""
    return int.from_bytes(attrs.get(kind, b""), "big")
