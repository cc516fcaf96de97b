"""What a register of an nftables rule holds, and which condition comparing it with a value is.

None for a condition that is not known here.  Source: linux/netfilter/nf_tables.h.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eip_agent.core.firewall_match import ANY_MARK, MARKS, STATES, Match, Span
from eip_agent.netlink import text_of

EQ, NEQ, LT, LTE, GT, GTE = range(6)
"""NFT_CMP_*; the first two are NFT_RANGE_* too."""
HOST_ORDER: Final = frozenset(
    ("iif", "oif", "iifgroup", "oifgroup", "ct state", "nfproto", "l4proto", "pkttype", "mark", "ct mark")
)


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a set: a key, or where an interval ends; with a verdict where the set is a verdict map."""

    key: bytes
    ends: bool = False
    catchall: bool = False
    verdict: tuple[str, str] | None = None
    """Verdict and target."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a register holds."""

    field: str
    width: int
    """Bytes of the whole field; a comparison of fewer is one by prefix."""
    mask: int | None = None


def integer(name: str, value: bytes) -> int:
    """A number as the field of that name has it."""
    if name in HOST_ORDER:
        return int.from_bytes(value, sys.byteorder)
    return int.from_bytes(value, "big")


def compared(loaded: Loaded, how: int, value: bytes) -> Match | None:
    """The condition that what is loaded compares so with a value; `how` is one of NFT_CMP_*."""
    if loaded.field in ("iifname", "oifname"):
        if how not in (EQ, NEQ) or loaded.mask is not None:
            return None
        return Match(loaded.field, names=(_link_name(value),), inverted=how == NEQ)
    if loaded.field == "ct state":
        return _state(loaded, how, integer(loaded.field, value))
    if loaded.field in MARKS and loaded.mask is not None:
        mark = integer(loaded.field, value)
        return marked(loaded.field, mark, loaded.mask, inverted=how == NEQ) if how in (EQ, NEQ) else None
    highest = 256**loaded.width - 1
    shift = 0 if loaded.field in HOST_ORDER else 8 * (loaded.width - len(value))
    first = integer(loaded.field, value) << shift
    last = first | (1 << shift) - 1
    if loaded.mask is not None:
        rest = highest & ~loaded.mask
        if rest & (rest + 1):
            return None
        last = first | rest
    spans: Mapping[int, tuple[Span, ...]] = {
        EQ: ((first, last),), NEQ: ((first, last),), LT: ((0, first - 1),), LTE: ((0, last),),
        GT: ((last + 1, highest),), GTE: ((first, highest),),
    }  # fmt: skip
    return Match(loaded.field, spans[how], inverted=how == NEQ)


def marked(name: str, mark: int, mask: int, *, inverted: bool) -> Match:
    """The condition that a mark is this one under a mask."""
    return Match(name, ((mark, mark),), inverted=inverted, mask=None if mask == ANY_MARK[1] else mask)


def _state(loaded: Loaded, how: int, value: int) -> Match | None:
    """`ct state new,related` is a mask of bits of which one must be set."""
    if loaded.mask is not None and value == 0 and how in (EQ, NEQ):
        bits = tuple((bit, bit) for bit in STATES if loaded.mask & bit)
        return Match("ct state", bits, inverted=how == EQ)
    if loaded.mask is None and how in (EQ, NEQ):
        return Match("ct state", ((value, value),), inverted=how == NEQ)
    return None


def among(loaded: Loaded, elements: Sequence[Element], *, inverted: bool) -> Match | None:
    """The condition that what is loaded is in a set."""
    if any(element.catchall or len(element.key) != loaded.width for element in elements):
        return None
    if loaded.field in ("iifname", "oifname"):
        if any(element.ends for element in elements):
            return None
        return Match(loaded.field, names=tuple(sorted(_link_name(one.key) for one in elements)), inverted=inverted)
    numbers = sorted((integer(loaded.field, element.key), element.ends) for element in elements)
    if not any(ends for _, ends in numbers):
        return Match(loaded.field, tuple((value, value) for value, _ in numbers), inverted=inverted)
    spans: list[Span] = []
    begin: int | None = None
    for value, ends in sorted(numbers, key=lambda one: (one[0], not one[1])):
        if ends and begin is not None:
            spans.append((begin, value - 1))
            begin = None
        elif not ends:
            begin = value
    if begin is not None:
        spans.append((begin, 256**loaded.width - 1))
    return Match(loaded.field, tuple(spans), inverted=inverted)


def _link_name(value: bytes) -> str:
    """A name; one that is compared without the nought at its end is the beginning of many."""
    return text_of(value) if b"\0" in value else f"{text_of(value)}*"
