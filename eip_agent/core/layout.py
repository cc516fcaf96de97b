"""The policy rules: from exits to the fewest rules that send every source out by its own exit.

Few sources stand in one flat list.  Many sources (interleaved addresses of several ENIs in one subnet) stand in blocks
behind two levels of `goto`, so that a lookup walks some jumps and one block instead of everything::

    24000  from PRIMARY lookup main suppress_...      24012    from WIDE goto 24100 + k           (many sources only)
    24001  from PRIMARY lookup TABLE                  24021    from all goto 25999                (many sources only)
    24010  from SOURCES lookup main suppress_...      24100+k  from NARROW goto 24500 + 2n        (many sources only)
    24011  from SOURCE lookup TABLE                   24500+2n, 24501+2n  a block: main-first rules, table rules
    24020  oif LINK lookup TABLE                      25999    nop

Rules with a source are for packets of this host alone (`iif lo`), but for those of delegated prefixes.
Every table rule is pure (see `cover`), so old and new rules may stand together in any order while a pass rebuilds them,
as long as jumps are made after, and cut before, the rules they lead to.  All blocks stand behind all jumps, so that a
jump that is missing only makes a walk longer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from typing import Final, cast

from eip_agent.core.cover import Claim, cover
from eip_agent.core.facts import IPAddress, IPNetwork, Link
from eip_agent.core.items import Rule
from eip_agent.core.numbers import (
    BLOCKS,
    DEVICE,
    END,
    GROUP,
    JUMPS,
    MAIN,
    MAIN_FIRST,
    PRIMARY_MAIN_FIRST,
    PRIMARY_TABLE,
    SKIP,
    TABLE,
    slot_of,
)

FLAT: Final = 16
"""Up to so many table rules stand in a flat list; measured, jumps begin to pay at some 20."""

FIRST: Final = 4
"""Up to so many table rules of the primary ENI stand before all others.  More, where its addresses lie between those of
other ENIs, would make everybody else's lookups longer; then it is one of them."""

_ABOVE: Final = 12
"""How much wider than the widest table rule the prefix of a jump may be."""

Blocks = dict[IPNetwork, dict[IPNetwork, list[Claim]]]
"""Table rules by the wide and the narrow prefix of the jumps that lead to them."""


@dataclass(frozen=True, slots=True)
class Exit:
    """One gateway of one ENI, and the sources that leave by it.  One IP version."""

    link: Link
    table: int
    gateway: IPAddress
    sources: tuple[IPNetwork, ...]
    """Local addresses and delegated prefixes."""
    subnet: IPNetwork | None = None
    """On-link in its table: the vSwitch.  None for an EIP's gateway, whose mask would make strangers on-link."""
    bound: IPNetwork | None = None
    """How far a rule for its sources may be widened: its vSwitch, or the EIP's network."""
    primary: bool = False
    reaches_services: bool = True
    """Whether 100.64.0.0/10 answers on this link; not in EIP-visible mode."""

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.gateway.version


def rules(family: int, exits: Sequence[Exit], foreign: Sequence[IPNetwork]) -> frozenset[Rule]:
    """All rules of one IP version.

    `foreign` are the local addresses that no exit owns: no rule with a source matches them.
    """
    exits = [exit_ for exit_ in exits if exit_.family == family]
    bounds = [exit_.bound for exit_ in exits if exit_.bound]
    claims = {claim for exit_ in exits for claim in _claims(exit_)}
    labels = {(net, label) for net, label in claims if net.prefixlen == net.max_prefixlen}
    delegated = claims - labels
    foreign = [*foreign, *(net for net, _ in delegated)]
    primaries = {exit_.table for exit_ in exits if exit_.primary}
    rest = [net for net, label in labels if label not in primaries]
    first = cover([(net, label) for net, label in labels if label in primaries], [*foreign, *rest], bounds)
    if len(first) > FIRST:
        first, primaries = (), set()
    others = [(net, label) for net, label in labels if label not in primaries]

    found = {Rule(family, DEVICE, device=exit_.link.name, table=exit_.table) for exit_ in _one_per_link(exits)}
    found |= _pair(family, (PRIMARY_MAIN_FIRST, PRIMARY_TABLE), first, [*foreign, *rest], bounds)
    leaves = cover(others, [*foreign, *(net for net, label in labels if label in primaries)], bounds)
    flat, blocks = arrange(leaves)
    behind = [net for narrows in blocks.values() for members in narrows.values() for net, _ in members]
    found |= _pair(family, (MAIN_FIRST, TABLE), flat, [*foreign, *behind], bounds)
    for wide, narrows in blocks.items():
        jumps = JUMPS[_number(wide) % len(JUMPS)]
        found.add(Rule(family, GROUP, source=wide, goto=jumps))
        for narrow, members in narrows.items():
            block = BLOCKS[_number(narrow) % len(BLOCKS)]
            found.add(Rule(family, jumps, source=narrow, goto=block))
            found |= _pair(family, (block, block + 1), members, foreign, [narrow])
    if blocks:
        found |= {Rule(family, SKIP, goto=END), Rule(family, END)}
    return frozenset(found | _delegated(family, delegated))


def _delegated(family: int, prefixes: Iterable[Claim]) -> set[Rule]:
    """The rules of delegated prefixes: their addresses are those of containers, whose packets are forwarded."""
    return {
        Rule(family, priority, source=net, table=table, forwarded=True)
        for net, label in prefixes
        for priority, table in ((MAIN_FIRST, MAIN), (TABLE, label))
    }


def arrange(leaves: Sequence[Claim]) -> tuple[tuple[Claim, ...], Blocks]:
    """Which table rules stand in the flat list, and which in a block behind a jump from a wide and a narrow prefix.

    The two prefix lengths are those that make the average walk shortest; all jumps of a level have the same.
    """
    if len(leaves) <= FLAT:
        return tuple(leaves), {}
    bits = leaves[0][0].max_prefixlen
    network = type(leaves[0][0])
    spans = [(int(net.network_address), net.prefixlen) for net, _ in leaves]
    shortest, longest = min(own for _, own in spans), max(own for _, own in spans)
    groups = {
        length: len({low >> (bits - length) for low, own in spans if own >= length})
        for length in range(max(1, shortest - _ABOVE), longest + 1)
    }
    inside = {length: sum(own >= length for _, own in spans) for length in groups}

    def walk(lengths: tuple[int, int]) -> float:
        wide, narrow = lengths
        # What is shorter than the narrow prefix stays flat.
        flat = len(spans) - inside[narrow]
        return flat + groups[wide] + groups[narrow] / groups[wide] + inside[narrow] / groups[narrow]

    wide, narrow = min(((one, two) for one in groups for two in groups if one <= two), key=walk)
    blocks: Blocks = {}
    flat = []
    for leaf, (low, own) in zip(leaves, spans, strict=True):
        if own < narrow:
            flat.append(leaf)
            continue
        outer, inner = (network((low >> (bits - length) << (bits - length), length)) for length in (wide, narrow))
        blocks.setdefault(outer, {}).setdefault(inner, []).append(leaf)
    return tuple(flat), blocks


def _claims(exit_: Exit) -> list[Claim]:
    return [(source, exit_.table) for source in exit_.sources]


def _pair(
    family: int, at: tuple[int, int], leaves: Sequence[Claim], foreign: Iterable[IPNetwork], bounds: Iterable[IPNetwork]
) -> set[Rule]:
    """The main-first rules for some sources, as few as their prefixes allow, and their table rules."""
    # Adjacent vSwitches are one bound here: main-first rules are the same for all ENIs.
    merged = cast("Iterable[IPNetwork]", collapse_addresses(cast("Iterable[IPv4Network]", bounds)))
    together = cover([(net, 0) for net, _ in leaves], foreign, merged)
    return {Rule(family, at[0], source=source, table=MAIN) for source, _ in together} | {
        Rule(family, at[1], source=source, table=table) for source, table in leaves
    }


def _one_per_link(exits: Iterable[Exit]) -> list[Exit]:
    """What a socket bound to a device gets: the exit by the vSwitch's gateway, or else the first by an EIP's."""
    chosen: dict[int, Exit] = {}
    for exit_ in sorted(exits, key=lambda one: slot_of(one.table)):
        chosen.setdefault(exit_.link.index, exit_)
    return list(chosen.values())


def _number(prefix: IPNetwork) -> int:
    """A number that stays with a prefix.  Two prefixes may share a block: a longer walk, and nothing else."""
    return int(prefix.network_address) >> (prefix.max_prefixlen - prefix.prefixlen)
