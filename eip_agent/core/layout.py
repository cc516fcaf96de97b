"""The policy rules: from exits to the fewest rules that send every source out by its own exit.

Few sources stand in one flat list.  Many sources (interleaved addresses of several ENIs in one subnet) stand in blocks
behind `goto` rules, so that a lookup walks the jumps and one block instead of everything::

    24000  from PRIMARY lookup main suppress_...      24005  from PREFIX goto 24100 + 2 x k      (many sources only)
    24001  from PRIMARY lookup TABLE                  24021  from all goto 25999                 (many sources only)
    24010  from SOURCES lookup main suppress_...      24100 + 2k      block: main-first rules
    24011  from SOURCE lookup TABLE                   24100 + 2k + 1  block: table rules
    24020  oif LINK lookup TABLE                      25999  nop

Every table rule is pure (see `cover`), so old and new rules may stand together in any order while a pass rebuilds them,
as long as jumps are made after, and cut before, the rules they lead to.
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
    MAIN,
    MAIN_FIRST,
    PRIMARY_MAIN_FIRST,
    PRIMARY_TABLE,
    SKIP,
    TABLE,
    slot_of,
)

FLAT: Final = 32
"""Up to so many table rules stand in a flat list.  A lookup pays about 9 ns a rule, next to some 2000 ns for the rest
of it: below this, jumps would cost as much as they save."""


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
    labels = {claim for exit_ in exits for claim in _claims(exit_)}
    primaries = {exit_.table for exit_ in exits if exit_.primary}
    first = [(net, label) for net, label in labels if label in primaries]
    others = [(net, label) for net, label in labels if label not in primaries]

    found = {Rule(family, DEVICE, device=exit_.link.name, table=exit_.table) for exit_ in _one_per_link(exits)}
    found |= _pair(
        family,
        (PRIMARY_MAIN_FIRST, PRIMARY_TABLE),
        cover(first, [*foreign, *(net for net, _ in others)], bounds),
        [*foreign, *(net for net, _ in others)],
        bounds,
    )
    leaves = cover(others, [*foreign, *(net for net, _ in first)], bounds)
    flat, blocks = arrange(leaves)
    found |= _pair(family, (MAIN_FIRST, TABLE), flat, foreign, bounds)
    for prefix, members in blocks.items():
        block = BLOCKS[_number(prefix) % len(BLOCKS)]
        found.add(Rule(family, GROUP, source=prefix, goto=block))
        found |= _pair(family, (block, block + 1), members, foreign, [prefix])
    if blocks:
        found |= {Rule(family, SKIP, goto=END), Rule(family, END)}
    return frozenset(found)


def arrange(leaves: Sequence[Claim]) -> tuple[tuple[Claim, ...], dict[IPNetwork, list[Claim]]]:
    """Which table rules stand in the flat list, and which in a block behind a jump from which prefix.

    The prefix length is the one that makes the average walk shortest; all jumps have the same.
    """
    if len(leaves) <= FLAT:
        return tuple(leaves), {}
    bits = leaves[0][0].max_prefixlen
    spans = [(int(net.network_address), net.prefixlen) for net, _ in leaves]

    def walk(length: int) -> float:
        inside = [low >> (bits - length) for low, own in spans if own >= length]
        jumps = len(set(inside))
        return len(spans) - len(inside) + jumps + (len(inside) / jumps if jumps else 0)

    length = min(range(1, bits), key=walk)
    network = type(leaves[0][0])
    blocks: dict[IPNetwork, list[Claim]] = {}
    flat = []
    for leaf, (low, own) in zip(leaves, spans, strict=True):
        if own < length:
            flat.append(leaf)
        else:
            blocks.setdefault(network((low >> (bits - length) << (bits - length), length)), []).append(leaf)
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
