"""One pass: the only place where sources, core and sinks meet.

`look` is all of `explain`, `reconcile` is `apply`, `take_back` is `revert`; each verifies by looking again.
Nothing is printed here, and nothing is decided: that is `core`'s.
"""

import select
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from eip_agent.core.changes import Change, Plan
from eip_agent.core.conclude import needs_second_witness, removed_addresses, revert
from eip_agent.core.facts import KernelFact, Remembered, Unread
from eip_agent.core.items import UP, LinkSetting
from eip_agent.core.memory import foresee, settle
from eip_agent.core.ownership import given_back
from eip_agent.core.report import Report, Result
from eip_agent.core.settings import Settings
from eip_agent.errors import AgentError, JournalError, KernelReadError
from eip_agent.lookout import Lookout, Seen, macs_of
from eip_agent.netlink import Netlink
from eip_agent.sinks.journal import Journal
from eip_agent.sources import kernel as kernel_source

Confirmed = Callable[[Report], bool]
"""Asked after writing whether the change may stay."""

WITNESS_PAUSE: Final = 1.0
"""Seconds between two metadata answers that must agree before an address is removed."""

_CONTRADICTION: Final = Unread(
    "metadata service", "of two answers a second apart each leaves out other addresses, so none is removed"
)


class Agent:
    """The agent with its settings, for one pass or many."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lookout = Lookout(settings)
        self._journal = Journal(settings.run_directory)

    def look(self) -> Report:
        """See, conclude and plan.  Changes nothing, and needs no privilege.

        Raises KernelReadError.  A silent metadata service is no error here: the report says so.
        """
        with Netlink() as netlink:
            remembered, trouble = Remembered(), tuple[Unread, ...]()
            try:
                remembered = self._journal.read()
            except JournalError as unreadable:
                trouble = (Unread("journal", str(unreadable)),)
            report = self._lookout.report(self._lookout.see(netlink), remembered)
            return replace(report, unread=(*trouble, *report.unread))

    def reconcile(self, confirmed: Confirmed | None = None) -> Report:
        """Look; carry out what is planned; look again.  An empty plan writes nothing to the kernel.

        To be called with the lock held.  Raises JournalError with nothing changed, and KernelReadError, which says so
        when something was.
        """
        with Netlink() as netlink:
            remembered = self._journal.read()
            seen = self._lookout.see(netlink)
            report = self._lookout.report(seen, remembered)
            if needs_second_witness(report.plan):
                doomed = removed_addresses(report.plan)
                select.select([], [], [], WITNESS_PAUSE)
                seen = self._lookout.see(netlink)
                report = self._lookout.report(seen, remembered)
                if not removed_addresses(report.plan) <= doomed:
                    return replace(report, plan=(), unread=(*report.unread, _CONTRADICTION))
            woken = self._wake(netlink, seen, report, remembered)
            if woken.applied:
                remembered = self._journal.read()
                seen = self._lookout.ask_links(self._lookout.again(netlink, seen))
                report = self._lookout.report(seen, remembered)
            if report.plan or woken.applied:
                left = partial(self._left, seen)
                report = self._carried_out(report, netlink, remembered, left, confirmed, woken.applied)
            return replace(report, unread=(*report.unread, *self._lookout.keep(seen, report)))

    def take_back(self) -> Report:
        """Remove everything that is the agent's, give back what it borrowed, and nothing else; look again.

        To be called with the lock held.  Needs no metadata.  Raises KernelReadError and JournalError.
        """
        with Netlink() as netlink:
            remembered = self._journal.read()
            plan = revert(kernel_source.read(netlink, ()), remembered)
            report = Report(None, plan=plan)
            return self._carried_out(report, netlink, remembered, revert) if plan else report

    def planned_revert(self) -> Report:
        """What `take_back` would do."""
        with Netlink() as netlink:
            return Report(None, plan=revert(kernel_source.read(netlink, ()), self._journal.read()))

    def _left(self, seen: Seen, kernel: KernelFact, remembered: Remembered) -> Plan:
        return self._lookout.report(replace(seen, kernel=kernel), remembered).plan

    def _wake(self, netlink: Netlink, seen: Seen, report: Report, remembered: Remembered) -> Result:
        """Bring up the links that have to be asked what the cloud offers them: one that is down hears nothing."""
        asleep = {link.link.index for link in self._lookout.to_ask(seen) if not link.up}
        plan = tuple(
            change
            for change in report.plan
            if isinstance(change.after, LinkSetting) and change.after.name == UP and change.after.link.index in asleep
        )
        if not plan:
            return Result()
        from eip_agent.sinks.apply import apply  # noqa: PLC0415  as in `_carried_out`
        from eip_agent.sinks.kernel import NetlinkKernel  # noqa: PLC0415

        self._journal.write(foresee(remembered, plan, seen.kernel))
        return apply(plan, NetlinkKernel(netlink))

    def _carried_out(
        self,
        report: Report,
        netlink: Netlink,
        remembered: Remembered,
        left: Callable[[KernelFact, Remembered], Plan],
        confirmed: Confirmed | None = None,
        already: tuple[Change, ...] = (),
    ) -> Report:
        """`already` is what this pass did before: it is undone with the rest."""
        # Imported here: pyroute2 costs more than all the rest of a pass, and most passes write nothing.
        from eip_agent.sinks.apply import apply, undo  # noqa: PLC0415
        from eip_agent.sinks.kernel import NetlinkKernel  # noqa: PLC0415

        macs = macs_of(report.cloud)
        before = kernel_source.read(netlink, macs)
        foreseen = foresee(remembered, report.plan, before)
        if foreseen != remembered:
            self._journal.write(foreseen)
        writer = NetlinkKernel(netlink)
        result = apply(report.plan, writer, already)
        done, kept = replace(report, plan=(*already, *report.plan), result=result), False
        try:
            after = kernel_source.read(netlink, macs)
            done = replace(done, left=left(after, foreseen))
            kept = confirmed is None or not result.applied or bool(result.refused) or confirmed(done)
        except KernelReadError as unseen:
            if confirmed is None:
                message = f"{len(result.applied)} changes were made, and could not be verified: {unseen}"
                raise KernelReadError(message, "run it again: it goes on from what it finds") from unseen
            done = replace(done, unread=(*done.unread, Unread("kernel", str(unseen))))
        except AgentError as unasked:
            done = replace(done, unread=(*done.unread, Unread("confirmation", str(unasked))))
        finally:
            # Whatever went wrong: what was to be confirmed and was not does not stay.
            if not kept and confirmed is not None:
                undoing = given_back(result.applied, kernel_source.read(netlink, macs), foreseen)
                undone, stuck = undo(undoing, writer)
                done = replace(done, result=replace(result, undone=undone, stuck=stuck), left=())
                after = kernel_source.read(netlink, macs)
        settled = settle(foreseen, after)
        if settled != remembered or foreseen != remembered:
            try:
                self._journal.write(settled)
            except JournalError as full:
                # What stands in it is more than is so, which the next pass puts right.
                done = replace(done, unread=(*done.unread, Unread("journal", str(full))))
        return done
