"""Carry out a plan, phase by phase; on a refusal undo what this pass did, newest first, and no more."""

from collections.abc import Sequence
from itertools import groupby

from eip_agent.core.changes import Change, phase
from eip_agent.core.report import Refusal, Result
from eip_agent.sinks.kernel import Kernel


def apply(plan: Sequence[Change], kernel: Kernel) -> Result:
    """Carry out the plan in its order.  Raises KernelReadError when the kernel cannot be talked to."""
    done: list[Change] = []
    for _, changes in groupby(plan, key=phase):
        did, refused = _enact(list(changes), kernel)
        done += did
        if refused:
            undone, stuck = undo(done, kernel)
            return Result(tuple(done), tuple(refused), undone, stuck)
    return Result(tuple(done))


def undo(done: Sequence[Change], kernel: Kernel) -> tuple[tuple[Change, ...], tuple[Refusal, ...]]:
    """Take back what was done, newest first: what was undone, and what the kernel would not take back."""
    undone: list[Change] = []
    stuck: list[Refusal] = []
    for _, changes in groupby([change.inverse() for change in reversed(done)], key=phase):
        did, refused = _enact(list(changes), kernel)
        undone += did
        stuck += refused
    return tuple(undone), tuple(stuck)


def _enact(changes: list[Change], kernel: Kernel) -> tuple[list[Change], list[Refusal]]:
    did, refused = [], []
    for change, answer in zip(changes, kernel.enact(changes), strict=True):
        if answer is None:
            continue
        if answer.errno:
            refused.append(Refusal(change, answer.errno, answer.says))
        else:
            did.append(change)
    return did, refused
