"""Carry out a plan, phase by phase; on a refusal undo what this pass did, newest first, and no more.

A device that vanishes in the middle is a refusal as any other: what this pass wrote goes, what was there before stays,
and the next pass, which no longer sees the device, does the rest.
"""

import errno
from collections.abc import Sequence
from itertools import groupby

from eip_agent.core.changes import Change, phase
from eip_agent.core.message import said
from eip_agent.core.report import Refusal, Result
from eip_agent.errors import KernelReadError
from eip_agent.netlink import Answer
from eip_agent.sinks.kernel import Kernel

_UNKNOWN = errno.EIO
"""The answer got lost: the change may have been made or not.  Undoing one that was not made does nothing."""


def apply(plan: Sequence[Change], kernel: Kernel, earlier: Sequence[Change] = ()) -> Result:
    """Carry out the plan in its order; `earlier` is what this pass has done before it, and would undo with it."""
    done = list(earlier)
    for _, changes in groupby(plan, key=phase):
        did, refused = _enact(list(changes), kernel)
        done += did
        if refused:
            unknown = [refusal.change for refusal in refused if refusal.errno == _UNKNOWN]
            undone, stuck = undo([*done, *unknown], kernel)
            return Result(tuple(done), tuple(refused), undone, stuck)
    return Result(tuple(done))


def undo(done: Sequence[Change], kernel: Kernel) -> tuple[tuple[Change, ...], tuple[Refusal, ...]]:
    """Take back what was done, newest first: what was undone, and what the kernel would not take back."""
    undone: list[Change] = []
    stuck: list[Refusal] = []
    for _, changes in groupby([change.inverse() for change in reversed(done)], key=phase):
        did, refused = _enact(list(changes), kernel)
        undone += did
        # What was on a device that is gone went with it.
        stuck += [refusal for refusal in refused if refusal.errno != errno.ENODEV]
    return tuple(undone), tuple(stuck)


def _enact(changes: list[Change], kernel: Kernel) -> tuple[list[Change], list[Refusal]]:
    did, refused = [], []
    answers: Sequence[Answer | None]
    try:
        answers = kernel.enact(changes)
    except KernelReadError as lost:
        answers = [Answer(_UNKNOWN, said(lost))] * len(changes)
    for change, answer in zip(changes, answers, strict=True):
        if answer is None:
            continue
        if answer.errno:
            refused.append(Refusal(change, answer.errno, answer.says))
        else:
            did.append(change)
    return did, refused
