"""Fights: what somebody takes away again and again shortly after it was put back.

It is put back at once the first times, then ever later, per link (and per rule), so that nobody else waits; it is
never given up.  All times are seconds of one monotonic clock.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final

from eip_agent.core.changes import Change
from eip_agent.core.host import HostFact
from eip_agent.core.items import Address, Item, LinkSetting, Route, Rule
from eip_agent.core.message import Message, say
from eip_agent.core.numbers import link_of

FREE: Final = 5
"""Rounds in a row in which it is put back at once.  A manager that sets a link up anew takes things away in several
steps, each of which is seen, and is no enemy."""
SHORTLY: Final = 5.0
"""Seconds after a repair within which the next undoing belongs to the same fight, or twice the last delay where that is
more.  Who comes less often costs nothing by being answered at once."""
LONGEST: Final = 60.0
"""Seconds, the longest that something of ours is left undone."""

Key = tuple[object, ...]
"""What is fought for: `("link", 3)`, or `("rule", Rule(...))`."""


@dataclass(frozen=True, slots=True)
class Fight:
    """One thing that was undone, at least once."""

    rounds: int
    """How often in a row."""
    again_at: float
    """Before that it is not put back."""
    repaired_at: float | None = None
    """None: it is undone now."""
    refused: str = ""
    """What the kernel would not take, and what it says; empty where somebody else takes it away."""

    @property
    def delay(self) -> float:
        """Seconds that its repair waits."""
        return delay_of(self.rounds)

    def goes_on(self, now: float) -> bool:
        """Whether being undone now would be one more round."""
        return self.repaired_at is None or now - self.repaired_at <= max(SHORTLY, 2 * self.delay)


@dataclass(frozen=True, slots=True)
class Fights:
    """All of them."""

    by_key: Mapping[Key, Fight] = field(default_factory=dict)

    def undone(self, keys: Iterable[Key], now: float) -> "Fights":
        """After a look that found these undone, and no others."""
        found: dict[Key, Fight] = {}
        for key in keys:
            fight = self.by_key.get(key)
            if fight is not None and fight.repaired_at is None:
                found[key] = fight
            else:
                rounds = fight.rounds + 1 if fight is not None and fight.goes_on(now) else 1
                found[key] = Fight(rounds, now + delay_of(rounds))
        # What waited for its repair, and is there or no longer wanted, is over; so is what has been left in peace.
        resting = {
            key: fight
            for key, fight in self.by_key.items()
            if key not in found and fight.repaired_at is not None and fight.goes_on(now)
        }
        return Fights(resting | found)

    def repaired(self, keys: Collection[Key], now: float) -> "Fights":
        """After these were put back."""
        return Fights(
            {
                key: replace(fight, repaired_at=now, refused="") if key in keys and fight.repaired_at is None else fight
                for key, fight in self.by_key.items()
            }
        )

    def refused(self, says: Mapping[Key, str], now: float) -> "Fights":
        """After the kernel would not take these: they are tried again ever later, as in a fight that goes on."""
        found = dict(self.by_key)
        for key, what in says.items():
            fight = self.by_key.get(key)
            rounds = max(fight.rounds if fight else 0, FREE) + 1
            found[key] = Fight(rounds, now + delay_of(rounds), refused=what)
        return Fights(found)

    def is_held(self, key: Key, now: float) -> bool:
        """Whether it is to be left undone for a while."""
        fight = self.by_key.get(key)
        return fight is not None and fight.repaired_at is None and now < fight.again_at

    @property
    def waiting(self) -> frozenset[Key]:
        """Those that are undone."""
        return frozenset(key for key, fight in self.by_key.items() if fight.repaired_at is None)

    @property
    def due(self) -> float | None:
        """When the next of them may be put back; None: none waits."""
        return min((fight.again_at for fight in self.by_key.values() if fight.repaired_at is None), default=None)

    @property
    def standing(self) -> Mapping[Key, Fight]:
        """Those that are worth a word: undone more often than a manager does that only reloads."""
        return {key: fight for key, fight in self.by_key.items() if fight.rounds > FREE and not fight.refused}

    @property
    def refusals(self) -> tuple[str, ...]:
        """What the kernel would not take."""
        return tuple(fight.refused for fight in self.by_key.values() if fight.refused and fight.repaired_at is None)


def delay_of(rounds: int) -> float:
    """How long the repair waits in the n-th round: not at all, then 1, 2, 4 ... 60 seconds."""
    return 0.0 if rounds <= FREE else min(LONGEST, 2.0 ** min(rounds - FREE - 1, 10))


def key_of(item: Item) -> Key:
    """What is fought for when an item is.

    What belongs to one link waits together, for the kernel refuses a route whose gateway's route is missing.  Rules
    need nobody, so each is on its own.
    """
    match item:
        case Address(link=link) | LinkSetting(link=link):
            return ("link", link.index)
        case Route(table=table):
            return ("link", link_of(table) or 0)
        case Rule():
            return ("rule", item)


def link_index(key: Key) -> int | None:
    """The link that a key is about; None for a rule that is about none alone."""
    kind, what = key
    if kind == "link" and isinstance(what, int):
        return what
    return link_of(what.table) if isinstance(what, Rule) and what.table is not None else None


def undone_of(plan: Iterable[Change], held: Collection[Key]) -> tuple[Change, ...]:
    """The changes that put back what was there after the last pass; `held` has the keys of those items."""
    return tuple(change for change in plan if change.after is not None and change.after.key in held)


def suspects(host: HostFact | None, link: str | None) -> Message:
    """Who probably undoes it: the managers that may manage the link, as a clause."""
    if host is None or host.managers is None:
        return say("by whom is not known")
    found = host.on(link) if link is not None else host.managers
    names = list(
        dict.fromkeys(
            say("{program} (pid {pid}){doubt}", program=one.name, pid=one.pid, doubt="" if one.certain else "?")
            for one in found
        )
    )
    if not names:
        return say("by whom is not known: no network manager runs here")
    first, *others = names
    return say("probably by {managers}", managers=reduce(_or, others, first))


def _or(one: Message, other: Message) -> Message:
    return say("{one} or {other}", one=one, other=other)
