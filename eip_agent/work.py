"""A plan on its way into the kernel: written ahead, carried out, looked at again, and taken back if need be."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from eip_agent.core.changes import Change, Plan
from eip_agent.core.conclude import needs_second_witness
from eip_agent.core.facts import CloudFact, KernelFact, Remembered, Unread
from eip_agent.core.memory import foresee
from eip_agent.core.message import said, say
from eip_agent.core.ownership import given_back
from eip_agent.core.report import Report, Result
from eip_agent.errors import JournalError, KernelReadError
from eip_agent.lookout import kernel_of
from eip_agent.netlink import Netlink
from eip_agent.sinks.journal import Journal

MORE_ROUNDS: Final = 2
"""What is cut in one round may make room in the next: an address that moved to another ENI is never on both."""


class Work:
    """What a pass has done so far, and what the journal holds of it."""

    def __init__(
        self,
        netlink: Netlink,
        journal: Journal,
        cloud: CloudFact | None,
        remembered: Remembered,
        kernel: KernelFact | None = None,
    ) -> None:
        """`kernel`: as it was read a moment ago."""
        # Imported here: pyroute2 costs more than all the rest of a pass, and most passes write nothing.
        from eip_agent.sinks.kernel import NetlinkKernel  # noqa: PLC0415

        self._netlink = netlink
        self._writer = NetlinkKernel(netlink)
        self._journal = journal
        self._cloud = cloud
        self.remembered = remembered
        self.result = Result()
        self._kernel = kernel

    def look(self) -> KernelFact:
        """Raises KernelReadError."""
        self._kernel = kernel_of(self._netlink, self._cloud)
        return self._kernel

    def latest(self) -> KernelFact:
        """The same, without reading it again where nothing was written since.  Raises KernelReadError."""
        return self._kernel or self.look()

    def carry_out(self, plan: Sequence[Change], kernel: KernelFact) -> None:
        """Write ahead, then write.  Raises JournalError with nothing of the plan done."""
        from eip_agent.sinks.apply import apply  # noqa: PLC0415 as above

        foreseen = foresee(self.remembered, plan, kernel)
        if foreseen != self.remembered:
            self._journal.write(foreseen)
        self.remembered, self._kernel = foreseen, None
        self.result = apply(plan, self._writer, self.result.applied)

    def undo(self) -> None:
        """Take back what this pass has done; all of it, where the kernel does not tell what others use by now.

        What nobody confirmed may have locked somebody out, which is worse than a link that goes down under a newcomer.
        """
        from eip_agent.sinks.apply import undo  # noqa: PLC0415 as above

        done: Sequence[Change] = self.result.applied
        with contextlib.suppress(KernelReadError):
            done = given_back(done, self.look(), self.remembered)
        self._kernel = None
        undone, stuck = undo(done, self._writer)
        self.result = replace(self.result, undone=undone, stuck=stuck)


def finished(report: Report, work: Work, left: Callable[[KernelFact, Remembered], Plan]) -> Report:
    """Look again, and go on while there is something left to do."""
    kernel = work.look()
    done = replace(report, left=left(kernel, work.remembered))
    for _ in range(MORE_ROUNDS):
        if not done.left or work.result.refused or needs_second_witness(done.left):
            break
        try:
            work.carry_out(done.left, kernel)
        except JournalError as full:
            return replace(done, unread=(*done.unread, Unread(say("journal"), said(full))))
        kernel = work.look()
        plan = (*done.plan, *done.left)
        done = replace(done, plan=plan, result=work.result, left=left(kernel, work.remembered))
    return done
