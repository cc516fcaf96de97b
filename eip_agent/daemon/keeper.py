"""One pass after the other, and what is to be remembered between them.  When one is made is the loop's business."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from eip_agent.core.changes import Change, Plan
from eip_agent.core.fight import Fights, Key, key_of, undone_of
from eip_agent.core.items import Address, Item, Route, Rule
from eip_agent.core.message import say
from eip_agent.core.pairing import newcomers
from eip_agent.core.settings import Settings
from eip_agent.lookout import Seen
from eip_agent.netlink import Netlink
from eip_agent.reconcile import Chosen, Pass
from eip_agent.sinks.lock import held

if TYPE_CHECKING:
    from eip_agent.core.facts import Mac


class Memory(Protocol):
    """What outlives a pass: the journal."""

    def restore(self) -> None:
        """As `Journal.restore`."""
        ...


class Worker(Protocol):
    """Who makes the passes: the agent."""

    @property
    def journal(self) -> Memory:
        """Of its passes."""
        ...

    def see(self, netlink: Netlink, last: Seen | None, *, anew: bool) -> Seen:
        """As `Agent.see`."""
        ...

    def converge(self, netlink: Netlink, seen: Seen, chosen: Chosen, doomed: frozenset[Item], *, new: bool) -> Pass:
        """As `Agent.converge`."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """A pass, and what of it was a repair."""

    made: Pass
    repairs: frozenset[Change]
    """Changes it made that put back what somebody had taken away."""
    waits: tuple[Change, ...]
    """Changes that were left for later, because somebody keeps undoing them or the kernel refuses them."""
    asks_again: bool = False
    """Nothing was done, for an address would go, which the metadata service must say twice."""


class Keeper:
    """Makes passes with what was last seen."""

    def __init__(self, worker: Worker, settings: Settings, netlink: Netlink) -> None:
        self.worker = worker
        self.settings = settings
        self.seen: Seen | None = None
        self.fights = Fights()
        self.doomed: frozenset[Item] = frozenset()
        """Addresses that go once the metadata service has said so again."""
        self.newcomers: frozenset[tuple[int, Mac]] = frozenset()
        self.links: dict[int, str] = {}
        """Names of the links, by index."""
        self.enis: frozenset[int] = frozenset()
        """Indexes of the links of ENIs."""
        self.emptied = False
        """Somebody has removed what was in the run directory, the journal too; it is restored in the next pass."""
        self.counts: Counter[str] = Counter()
        """`passes`, `changes`, `repairs`."""
        self._netlink = netlink
        self._held: frozenset[tuple[object, ...]] = frozenset()
        self._new = False

    def learn(self, seen: Seen) -> None:
        """Take over what all sources say now."""
        self.seen, self._new = seen, True

    def change(self, worker: Worker, settings: Settings) -> None:
        """Go on with other settings."""
        self.worker, self.settings = worker, settings

    def look(self, now: float, *, insisting: bool = False) -> Done:
        """Make a pass.  To be called once something was seen.  `insisting`: nothing is left for later.

        Raises BusyError where another eip-agent is at work, and as `Agent.converge`.
        """
        assert self.seen is not None, "nothing was seen yet"  # noqa: S101 the loop's law
        choice = _Choice(self.fights, self._held, now, insisting=insisting)
        with held(self.settings.run_directory, 0.0, "run"):
            self._recall()
            # What one answer condemned waits for the next; looks in between only read the kernel.
            doomed = self.doomed if self._new else frozenset()
            made = self.worker.converge(self._netlink, self.seen, choice, doomed, new=self._new)
        if self._new or not made.doomed or not self.doomed:
            self.doomed = made.doomed
        self._new = False
        return replace(self._taken_in(made, choice, now), asks_again=bool(made.doomed) and not doomed)

    def bequeath(self) -> None:
        """Write down what only this daemon remembers, for who comes after it.  Raises BusyError, JournalError."""
        with held(self.settings.run_directory, self.settings.lock_timeout, "run"):
            self.emptied = True
            self._recall()

    def _recall(self) -> None:
        if self.emptied:
            self.worker.journal.restore()
            self.emptied = False

    def _taken_in(self, made: Pass, choice: "_Choice", now: float) -> Done:
        result = made.report.result
        applied = result.applied if result is not None and not result.undone else ()
        fights = choice.fights.repaired({key_of(change.item) for change in applied}, now)
        if result is not None and result.refused:
            says = {
                key_of(no.change.item): say("{change}: {says}", change=no.change, says=no.says) for no in result.refused
            }
            fights = fights.refused(says, now)
        self.fights, self.seen = fights, made.seen
        # What waits for its repair was there too.
        waiting = {change.after.key for change in choice.waits if change.after is not None} & self._held
        self._held = frozenset(item.key for item in made.held) | waiting
        kernel, cloud = made.seen.kernel, made.report.cloud
        self.links = {link.link.index: link.link.name for link in kernel.links}
        self.newcomers = newcomers(cloud, kernel.links) if cloud is not None else frozenset()
        self.enis = frozenset(story.link.link.index for story in made.report.stories)
        repairs = frozenset(change for change in applied if change in choice.undone)
        self.counts["passes"] += 1
        self.counts["changes"] += len(applied)
        self.counts["repairs"] += len(repairs)
        return Done(made, repairs, choice.waits)


class _Choice:
    """What of a plan is carried out: all, but for what is held back because of a fight or a refusal."""

    def __init__(self, fights: Fights, held_before: Collection[Key], now: float, *, insisting: bool) -> None:
        self.fights = fights
        self._insisting = insisting
        self.undone: frozenset[Change] = frozenset()
        self.waits: Plan = ()
        self._held = held_before
        self._now = now
        self._first = True

    def __call__(self, plan: Plan) -> Plan:
        if self._first:
            # The first plan is the whole one: what is in it and was there is what somebody has taken away.
            self._first = False
            self.undone = frozenset(undone_of(plan, self._held))
            waiting = {key_of(change.item) for change in plan} & self.fights.waiting
            self.fights = self.fights.undone({key_of(change.item) for change in self.undone} | waiting, self._now)
            self.waits = tuple(change for change in plan if self._is_held(change))
        return tuple(change for change in plan if not self._is_held(change))

    def _is_held(self, change: Change) -> bool:
        return not self._insisting and self.fights.is_held(key_of(change.item), self._now)


def kind_of(change: Change) -> str:
    """What a change is about, in one word, for who counts."""
    match change.item:
        case Address():
            return "address"
        case Route():
            return "route"
        case Rule():
            return "rule"
    return "link"
