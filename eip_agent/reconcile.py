"""One pass: the only place where sources, core and sinks meet.

`look` is all of `explain`, `reconcile` is `apply`, `take_back` is `revert`, `see` and `converge` are the daemon's; each
verifies by looking again.
Nothing is printed here, and nothing is decided: that is `core`'s.
"""

import contextlib
import select
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from eip_agent.core.changes import Change, Plan, Why, replay
from eip_agent.core.conclude import needs_second_witness, revert
from eip_agent.core.cutting import removed_addresses
from eip_agent.core.facts import KernelFact, Remembered, Unread
from eip_agent.core.findings.memory import JOURNAL
from eip_agent.core.items import UP, Item, LinkSetting
from eip_agent.core.memory import settle
from eip_agent.core.message import said, say
from eip_agent.core.ownership import ours
from eip_agent.core.report import Report
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Settings
from eip_agent.errors import AgentError, JournalError, KernelReadError
from eip_agent.lookout import Lookout, Seen, kernel_of
from eip_agent.netlink import Netlink
from eip_agent.privilege import has_net_admin
from eip_agent.sinks.journal import Journal
from eip_agent.sinks.watch import watched
from eip_agent.work import Work, finished

Confirmed = Callable[[Report, Callable[[], None]], bool]
"""Asked after writing whether the change may stay; before it tells anybody that it does, it calls what it is given."""

Chosen = Callable[[Plan], Plan]
"""What of a plan a pass is to carry out; asked first for the whole plan of a pass, then for what comes up in it."""

WITNESS_PAUSE: Final = 1.0
"""Seconds between two metadata answers that must agree before an address is removed."""

_CONTRADICTION: Final = Unread(
    say("metadata service"), say("of two answers a second apart each leaves out other addresses, so none is removed")
)


def _all(plan: Plan) -> Plan:
    return plan


def _tables(report: Report) -> set[int]:
    """Those of ours, whether a rule leads there or not."""
    return {exit_.table for story in report.stories for exit_ in story.exits}


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of the daemon."""

    report: Report
    seen: Seen
    """What it concluded from."""
    planned: Plan
    """All there was to do, with what was not chosen or waits."""
    doomed: frozenset[Item] = frozenset()
    """Addresses to remove that wait for a second answer of the metadata service; nothing was done because of them."""
    held: frozenset[Item] = frozenset()
    """What of ours the kernel holds after it."""


class Agent:
    """The agent with its settings, for one pass or many."""

    def __init__(self, settings: Settings, journal: Journal | None = None) -> None:
        """`journal`: that of an agent with other settings, of which this one takes over."""
        self._lookout = Lookout(settings)
        self.journal = journal or Journal(settings.run_directory)

    def look(self) -> Report:
        """See, conclude and plan.  Changes nothing, and needs no privilege.

        Raises KernelReadError.  A silent metadata service is no error here: the report says so.
        """
        with Netlink() as netlink:
            return self._looked(self._lookout.see(netlink))

    def explain(self) -> Scene:
        """The same with all that can be found out about this host and its cloud, and everything that is wrong."""
        from eip_agent.core.findings.all import find_all  # noqa: PLC0415  only who explains needs it
        from eip_agent.sources import configs, firewall, host, surroundings  # noqa: PLC0415  as above

        with Netlink() as netlink:
            seen = self._lookout.see(netlink, everything=True)
            scene = self._scene(seen)
            around = surroundings.read(netlink, _tables(scene.report))
            managers = host.read()
        links = [story.link.link.index for story in scene.report.stories]
        neighbours = configs.read(links, scene.settings.run_directory)
        around = replace(around, firewall=firewall.read(), neighbours=neighbours)
        report = replace(scene.report, api=seen.witnesses.api, host=managers)
        scene = replace(scene, report=report, surroundings=around, host=managers)
        return replace(scene, report=replace(report, findings=find_all(scene)))

    def _looked(self, seen: Seen) -> Report:
        return self._scene(seen).report

    def _scene(self, seen: Seen) -> Scene:
        try:
            return self._lookout.scene(seen, self.journal.read())
        except JournalError as unreadable:
            scene = self._lookout.scene(seen, Remembered())
            report = scene.report
            if has_net_admin():
                unread = (Unread(say("journal"), said(unreadable)), *report.unread)
                return replace(scene, report=replace(report, unread=unread))
            findings = (*report.findings, JOURNAL.on(say("journal"), what=said(unreadable)))
            return replace(scene, report=replace(report, findings=findings))

    def reconcile(self, confirmed: Confirmed | None = None) -> Report:
        """Look; carry out what is planned; look again.  An empty plan writes nothing.

        To be called with the lock held.  Raises JournalError with nothing changed, and KernelReadError, which says so
        when something was.
        """
        with Netlink() as netlink:
            remembered = self._remembered()
            seen = self._lookout.see(netlink)
            report = self._lookout.report(seen, remembered)
            if needs_second_witness(report.plan):
                doomed = removed_addresses(report.plan)
                select.select([], [], [], WITNESS_PAUSE)
                seen = self._lookout.see(netlink)
                report = self._lookout.report(seen, remembered)
                if not removed_addresses(report.plan) <= doomed:
                    return replace(report, plan=(), unread=(*report.unread, _CONTRADICTION))
            if report.plan or self._lookout.asleep(seen):
                work = Work(netlink, self.journal, report.cloud, remembered)
                seen, report = self._woken(seen, report, work)
                report = self._carried_out(report, work, partial(self._left, seen), confirmed)
            else:
                report = self._settled(report, remembered, seen.kernel)
            _, unkept = self._lookout.keep(seen, report)
            return replace(report, unread=(*report.unread, *unkept))

    def see(self, netlink: Netlink, last: Seen | None, *, anew: bool) -> Seen:
        """Ask the metadata service, and all others where it says something new or they are to be asked `anew`.

        It may take as long as all deadlines together.  Needs no lock.  May be called from another thread, by one at a
        time.  Raises KernelReadError.
        """
        return self._lookout.see(netlink, last=last, anew=anew)

    def converge(self, netlink: Netlink, seen: Seen, chosen: Chosen, doomed: frozenset[Item], *, new: bool) -> Pass:
        """`reconcile` with what was seen some time ago, and the kernel of now.

        To be called with the lock held.  `doomed`: what an earlier answer of the metadata service would have removed
        too; `new`: whether `seen` has not been used by a pass before.  Raises as `reconcile`.
        """
        remembered = self._remembered()
        seen = self._lookout.again(netlink, seen)
        report = self._lookout.report(seen, remembered)
        planned, before = report.plan, ours(seen.kernel, remembered)
        removed = removed_addresses(planned)
        if not removed <= doomed:
            unread = (*report.unread, _CONTRADICTION) if doomed else report.unread
            return Pass(replace(report, plan=(), unread=unread), seen, planned, removed, before)
        report = replace(report, plan=chosen(planned))
        if report.plan or self._lookout.asleep(seen):
            work = Work(netlink, self.journal, report.cloud, remembered, seen.kernel)
            seen, report = self._woken(seen, report, work, chosen)
            report = self._carried_out(report, work, partial(self._left, seen, chosen=chosen))
            if work.result.applied and not work.result.undone:
                before = replay(before, work.result.applied)
        else:
            report = self._settled(report, remembered, seen.kernel)
        if new:
            seen, unkept = self._lookout.keep(seen, report)
            report = replace(report, unread=(*report.unread, *unkept))
        return Pass(report, seen, planned, held=before)

    def take_back(self) -> Report:
        """Remove everything that is the agent's, give back what it borrowed, and nothing else; look again.

        To be called with the lock held.  Needs no metadata.  Raises KernelReadError and JournalError.
        """
        with Netlink() as netlink:
            remembered = self._remembered()
            kernel = kernel_of(netlink, None)
            report = Report(None, plan=revert(kernel, remembered))
            if not report.plan:
                return self._settled(report, remembered, kernel)
            return self._carried_out(report, Work(netlink, self.journal, None, remembered), revert)

    def planned_revert(self) -> Report:
        """What `take_back` would do."""
        with Netlink() as netlink:
            return Report(None, plan=revert(kernel_of(netlink, None), self.journal.read()))

    def _remembered(self) -> Remembered:
        self.journal.tidy()
        return self.journal.recall()

    def _left(self, seen: Seen, kernel: KernelFact, remembered: Remembered, chosen: Chosen = _all) -> Plan:
        return chosen(self._lookout.plan(replace(seen, kernel=kernel), remembered))

    def _woken(self, seen: Seen, report: Report, work: Work, chosen: Chosen = _all) -> tuple[Seen, Report]:
        """Bring up the links that have to be asked what the cloud offers them, ask, and conclude anew.

        A link that is down hears nothing, and its ENI's mode is better not guessed for a first pass.
        """
        wake = tuple(
            Change(LinkSetting(link.link, UP, 0), LinkSetting(link.link, UP, 1), Why.MISSING)
            for link in self._lookout.asleep(seen)
        )
        wake = chosen(wake)
        if not wake:
            return seen, report
        work.carry_out(wake, seen.kernel)
        if work.result.refused:
            return seen, replace(report, plan=wake)
        seen = self._lookout.ask_links(replace(seen, kernel=work.look()))
        report = self._lookout.report(seen, work.remembered)
        return seen, replace(report, plan=(*wake, *chosen(report.plan)))

    def _carried_out(
        self,
        report: Report,
        work: Work,
        left: Callable[[KernelFact, Remembered], Plan],
        confirmed: Confirmed | None = None,
    ) -> Report:
        if not work.result.refused:
            work.carry_out([change for change in report.plan if change not in work.result.applied], work.latest())
        done, kept = replace(report, result=work.result), False
        with contextlib.ExitStack() as watch:
            try:
                done = finished(done, work, left)
                kept = confirmed is None or not work.result.applied or bool(work.result.refused)
                if confirmed is not None and not kept:
                    keep = watch.enter_context(watched(partial(self._given_up, done, work)))
                    kept = confirmed(done, keep)
            except KernelReadError as unseen:
                if confirmed is None:
                    message = say(
                        "{number} changes were made, and could not be verified: {unseen}",
                        number=len(work.result.applied),
                        unseen=said(unseen),
                    )
                    raise KernelReadError(message, say("run it again: it goes on from what it finds")) from unseen
                done = replace(done, unread=(*done.unread, Unread(say("kernel"), said(unseen))))
            except AgentError as unasked:
                done = replace(done, unread=(*done.unread, Unread(say("confirmation"), said(unasked))))
            finally:
                # Whatever went wrong: what was to be confirmed and was not does not stay.
                if not kept and confirmed is not None:
                    work.undo()
                    done = replace(done, result=work.result, left=())
        # Who was waited for may have changed things meanwhile.
        return self._settled(done, work.remembered, work.latest() if confirmed is None else work.look())

    def _given_up(self, report: Report, work: Work) -> None:
        """Undo what nobody can confirm any more."""
        work.undo()
        self._settled(report, work.remembered, work.look())

    def _settled(self, report: Report, written: Remembered, kernel: KernelFact) -> Report:
        """Forget in the journal what is not so; also what an earlier pass foresaw before it was killed."""
        settled = settle(written, kernel)
        if settled != written:
            try:
                self.journal.write(settled)
            except JournalError as full:
                # What stands in it is more than is so, which the next pass puts right.
                return replace(report, unread=(*report.unread, Unread(say("journal"), said(full))))
        return report
