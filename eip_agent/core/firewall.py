"""What the local firewall (nftables) does with the packets of an address, as far as its rules tell.

The packets asked about are a whole class: TCP and UDP between an address of ours and others, by one link, in one
direction, that begin connections or belong to them.  Whatever cannot be told from here counts for passing, so that
nothing is said to be dropped that may pass.
Source: nft(8); the walk through chains as in linux/net/netfilter/nf_tables_core.c.
"""

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final

from eip_agent.core.firewall_match import Match, Packets, Share, Span, share, spelled
from eip_agent.core.surroundings import Ruleset


class Passes(enum.IntEnum):
    """Whether any of the packets gets through; the larger, the surer."""

    NO = 0
    MAYBE = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One rule; one that decides by a verdict map stands once for each element."""

    handle: int
    """By which `nft` deletes it."""
    matches: tuple[Match, ...] = ()
    verdict: str = ""
    """`accept`, `drop`, `reject`, `jump`, `goto`, `return`, `other` (it decides in a way unknown here); empty: none."""
    target: str = ""
    """Of `jump` and `goto`."""
    strange: bool = False
    """It has expressions that are unknown here, so that it may match or not."""
    gives: tuple[Span, ...] = ()
    """Marks that it may give to packets that it matches, or to their connections."""

    def __str__(self) -> str:
        """As `nft` spells it, with dots for what is unknown here."""
        verdict = "..." if self.verdict == "other" else self.verdict
        words = [*map(spelled, self.matches), *(["..."] if self.strange else ()), verdict, self.target]
        return " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain.  Only those with a hook are entered by themselves."""

    family: str
    """`ip`, `ip6`, `inet`, `netdev` ..."""
    table: str
    name: str
    rules: tuple[FirewallRule, ...] = ()
    hook: str = ""
    """`ingress`, `prerouting`, `input`, `forward`, `output`, `postrouting`, `egress`; empty: others jump to it."""
    priority: int = 0
    kind: str = "filter"
    drops: bool = False
    """Its policy: what is left at its end is dropped."""
    devices: frozenset[str] = frozenset()
    """Of hooks of devices."""

    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.name}"


@dataclass(frozen=True, slots=True)
class Stop:
    """Where packets end, or may get through."""

    chain: Chain
    rule: FirewallRule | None
    """None: the policy of the chain."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of packets."""

    passes: Passes
    stop: Stop | None = None
    """Where those end that do not get through; None where all may."""
    doubt: Stop | None = None
    """The rule that may let them through, or hand them on, where that cannot be told."""


IN: Final = ("ingress", "prerouting", "input")
OUT: Final = ("output", "postrouting", "egress")


def fate(ruleset: Ruleset, packets: Packets) -> Fate:
    """What becomes of them on their way through all chains."""
    passes, stop, doubt = Passes.YES, None, None
    packets = replace(packets, marks=tuple(_marks(ruleset, packets)))
    for chain in _way(ruleset.chains, packets):
        walk = _Walk({one.name: one for one in ruleset.chains if _same_table(one, chain)}, packets)
        end = walk.through(chain)
        accepted = end.accepted
        if end.falls and not chain.drops:
            accepted = Passes.YES
        elif end.falls:
            end.stop = Stop(chain, None)
        if accepted < passes:
            passes, stop, doubt = accepted, end.stop, end.doubt
        if passes is Passes.NO:
            break
    if stop is not None and stop.chain.hook in ("input", "output") and (away := _diverted(ruleset, packets)):
        passes, doubt = max(passes, Passes.MAYBE), doubt or away
    return Fate(passes, stop, doubt)


def _marks(ruleset: Ruleset, packets: Packets) -> Iterator[Span]:
    """What marks rules may give them; to those of a connection also what was given when it began, from either side."""
    begun = replace(packets, new=True)
    met = [packets] if packets.new else [packets, begun, replace(begun, incoming=not packets.incoming)]
    for chain in ruleset.chains:
        for rule in chain.rules:
            if rule.gives and any(_part(rule, one) is not Share.NONE for one in met):
                yield from rule.gives


def edges(ruleset: Ruleset, version: int) -> tuple[int, ...]:
    """Where what the rules say of addresses of that IP version may change: between two of them, all fare alike."""
    fields = ("ip saddr", "ip daddr") if version == 4 else ("ip6 saddr", "ip6 daddr")
    spans = {
        span
        for chain in ruleset.chains
        for rule in chain.rules
        for match in rule.matches
        if match.field in fields
        for span in match.spans
    }
    return tuple(sorted({edge for first, last in spans for edge in (first, last + 1)}))


def _diverted(ruleset: Ruleset, packets: Packets) -> Stop | None:
    """The rule by which requests may go on to somebody else, as to a container that has published a port.

    Those meet neither `input` nor `output`, and their answers do not either.
    """
    requests = replace(packets, incoming=True, new=True)
    for chain in ruleset.chains:
        if chain.kind == "nat" and chain.hook == "prerouting":
            walk = _Walk({one.name: one for one in ruleset.chains if _same_table(one, chain)}, requests)
            walk.through(chain)
            if walk.diverted is not None:
                return walk.diverted
    return None


def _way(chains: Iterable[Chain], packets: Packets) -> list[Chain]:
    """The chains that they enter by themselves, in order."""
    hooks = IN if packets.incoming else OUT
    families = ("inet", "ip" if packets.address.version == 4 else "ip6")
    met = [
        chain
        for chain in chains
        if chain.hook in hooks
        and chain.kind != "nat"
        and (chain.family in families if not chain.devices else packets.link in chain.devices)
    ]
    return sorted(met, key=lambda chain: (hooks.index(chain.hook), chain.priority))


def _same_table(one: Chain, other: Chain) -> bool:
    return (one.family, one.table) == (other.family, other.table)


@dataclass(slots=True)
class _End:
    """How a walk through a chain ended."""

    accepted: Passes = Passes.NO
    falls: bool = False
    """Whether packets are left at its end, for who jumped to it or for the policy."""
    stop: Stop | None = None
    doubt: Stop | None = None
    """The first rule of which it cannot be told whether it accepts."""


@dataclass(slots=True)
class _Walk:
    """Through one table."""

    chains: dict[str, Chain]
    packets: Packets
    _ends: dict[str, _End | None] = field(default_factory=dict)
    """How the chains end that were jumped to; None while one is walked, for a circle, which the kernel refuses."""

    diverted: Stop | None = None
    """The first rule that some packets may have met that decides in a way unknown here, as by another destination."""

    def through(self, chain: Chain) -> _End:
        end = _End()
        for rule in chain.rules:
            part = _part(rule, self.packets)
            if part is Share.NONE or not rule.verdict:
                continue
            if rule.verdict in ("jump", "goto"):
                if self._jumped(chain, rule, part, end):
                    return end
                continue
            if rule.verdict in ("accept", "other"):
                self._accepted(chain, rule, part, end)
            elif rule.verdict == "return":
                end.falls = True
            if part is Share.ALL and rule.verdict != "other":
                if rule.verdict in ("drop", "reject"):
                    end.stop = Stop(chain, rule)
                return end
        end.falls = True
        return end

    def _accepted(self, chain: Chain, rule: FirewallRule, part: Share, end: _End) -> None:
        """Some packets may get through by a rule, or go elsewhere."""
        sure = rule.verdict == "accept" and part is not Share.UNKNOWN
        end.accepted = max(end.accepted, Passes.YES if sure else Passes.MAYBE)
        if not sure:
            end.doubt = end.doubt or Stop(chain, rule)
        if rule.verdict == "other":
            self.diverted = self.diverted or Stop(chain, rule)

    def _jumped(self, chain: Chain, rule: FirewallRule, part: Share, end: _End) -> bool:
        """Follow a jump; whether no packet goes on behind it."""
        inner = self._end_of(rule.target)
        if inner is None:
            end.accepted, end.doubt = max(end.accepted, Passes.MAYBE), end.doubt or Stop(chain, rule)
            return False
        sure = inner.accepted if part is not Share.UNKNOWN else min(inner.accepted, Passes.MAYBE)
        if sure is Passes.MAYBE:
            end.doubt = end.doubt or inner.doubt or Stop(chain, rule)
        end.accepted = max(end.accepted, sure)
        end.stop = inner.stop or end.stop
        if rule.verdict == "goto":
            end.falls |= inner.falls
        return part is Share.ALL and (rule.verdict == "goto" or not inner.falls)

    def _end_of(self, name: str) -> _End | None:
        """How the walk through another chain ends, which is the same wherever it is jumped from."""
        target = self.chains.get(name)
        if target is None:
            return None
        if name not in self._ends:
            self._ends[name] = None
            self._ends[name] = self.through(target)
        return self._ends[name]


def _part(rule: FirewallRule, packets: Packets) -> Share:
    """Which part of the packets a rule matches."""
    shares: Sequence[Share] = [share(match, packets) for match in rule.matches]
    least = reduce(min, shares, Share.ALL)
    return Share.UNKNOWN if rule.strange and least is not Share.NONE else least
