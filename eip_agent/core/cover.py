"""Few rules for many addresses: the smallest set of prefixes that tells the ENIs apart.

A prefix is *pure* when no local address in it belongs to another label.  Only pure prefixes are used, and not, as
longest-prefix tricks would allow, nested ones: then the order of rules does not matter, and neither does a moment in
which the rules of yesterday and of today stand side by side.  That is worth more than the few rules nesting would save.
"""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from itertools import groupby
from operator import itemgetter

from eip_agent.core.facts import IPNetwork

Claim = tuple[IPNetwork, int]
"""A network, most often a single address, and the label (a table) that it belongs to."""

_Span = tuple[int, int]

_IPV4_BITS = 32


def cover(claims: Iterable[Claim], foreign: Iterable[IPNetwork], bounds: Iterable[IPNetwork]) -> tuple[Claim, ...]:
    """The fewest pure prefixes that hold every claim; in the order of their addresses, all of one IP version.

    `foreign` are local networks and addresses of no label: no prefix touches them.  A prefix never leaves the widest
    of `bounds` that its claim lies in; a claim outside all bounds is not widened.
    Claims of different labels must be disjoint; where they are not, none of them is widened over the other.
    """
    labels = dict(claims)
    if not labels:
        return ()
    bits = next(iter(labels)).max_prefixlen
    spans: list[tuple[_Span, int | None]] = [(_span(net), label) for net, label in labels.items()]
    spans += [(_span(net), None) for net in foreign]
    spans.sort(key=itemgetter(0))
    runs = [(label, [span for span, _ in run]) for label, run in groupby(spans, key=itemgetter(1))]
    limits = _limits(bounds)
    found: dict[tuple[int, int], int] = {}
    for position, (label, run) in enumerate(runs):
        if label is None:
            continue
        left = max(high for _, high in runs[position - 1][1]) if position else None
        right = runs[position + 1][1][0][0] if position + 1 < len(runs) else None
        for low, high in run:
            own = bits - (high - low).bit_length()
            length = _limit(limits, low, high, bits, own)
            if left is not None:
                length = max(length, _common(low, left, bits) + 1)
            if right is not None:
                length = max(length, _common(high, right, bits) + 1)
            length = min(length, own)
            found[low >> (bits - length) << (bits - length), length] = label
    network = IPv4Network if bits == _IPV4_BITS else IPv6Network
    return tuple((network(key), label) for key, label in sorted(found.items()))


def _span(network: IPNetwork) -> _Span:
    low = int(network.network_address)
    return low, low + (1 << network.max_prefixlen - network.prefixlen) - 1


def _common(one: int, other: int, bits: int) -> int:
    """How many leading bits two addresses share."""
    return bits - (one ^ other).bit_length()


def _limits(bounds: Iterable[IPNetwork]) -> list[_Span]:
    """The bounds that lie in no other, sorted."""
    widest: list[_Span] = []
    for low, high in sorted((_span(net) for net in bounds), key=lambda span: (span[0], -span[1])):
        if not widest or high > widest[-1][1]:
            widest.append((low, high))
    return widest


def _limit(limits: list[_Span], low: int, high: int, bits: int, own: int) -> int:
    """The prefix length of the bound that holds the span; its own length where none does."""
    place = bisect_right(limits, (low, 1 << bits)) - 1
    if place >= 0 and limits[place][1] >= high:
        return bits - (limits[place][1] - limits[place][0]).bit_length()
    return own
