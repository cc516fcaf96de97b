"""A pass as text for people: the plan, what became of it, and what was found."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from eip_agent.core.changes import Plan, count
from eip_agent.core.finding import Finding
from eip_agent.core.message import Message, say, text
from eip_agent.core.report import Refusal, Report
from eip_agent.render.paper import Paper

SHOWN: Final = 60
"""Changes listed before a plan is cut short; JSON always has them all."""


def plan_lines(report: Report, paper: Paper) -> Iterator[str]:
    """What is to be done, or that nothing is."""
    if not report.plan:
        if report.cloud is not None and not report.unread:
            enis, items = counted(len(report.stories), ENIS), counted(report.items, ITEMS)
            yield paper.say(say("as desired: {enis}, {items}", enis=enis, items=items))
        return
    yield from change_lines(report.plan, paper)


def change_lines(plan: Plan, paper: Paper) -> Iterator[str]:
    """A plan that is not empty, counted and listed."""
    if plan:
        yield paper.heading(say("plan: {add} to add, {replace} to replace, {remove} to remove", **count(plan)))
        yield from _changes(plan, paper)


def result_lines(report: Report, paper: Paper) -> Iterator[str]:
    """What became of the plan."""
    result = report.result
    if result is None:
        return
    if result.refused:
        yield paper.heading(
            say("refused by the kernel; this pass could not undo all it had done")
            if result.stuck
            else say("refused by the kernel; everything this pass had done was undone")
        )
        yield from _refusals(result.refused, paper)
    elif result.undone:
        yield paper.heading(say("not confirmed: {changes} undone", changes=counted(len(result.undone), CHANGES)))
    else:
        yield paper.heading(say("done: {add} added, {replace} replaced, {remove} removed", **count(result.applied)))
    if result.stuck:
        yield paper.say(say("what the kernel would not take back:"))
        yield from _refusals(result.stuck, paper)
    if report.left and not result.undone and not result.refused:
        left = counted(len(report.left), CHANGES)
        yield paper.heading(say("not verified: a second look still finds {changes} to make", changes=left))
        yield from _changes(report.left, paper)
    elif not result.undone and not result.refused:
        yield paper.say(say("verified: a second look finds nothing left to do"))


def trouble_lines(report: Report, paper: Paper) -> Iterator[str]:
    """What could not be read, and what else the operator should know."""
    yield from unread_lines(report, paper)
    yield from finding_lines(report.findings, paper)


def unread_lines(report: Report, paper: Paper) -> Iterator[str]:
    """What could not be read, what follows from it, and what to do."""
    for unread in report.unread:
        yield from paper.field(text("not read"), say("{what}: {why}", what=unread.path, why=unread.reason), 0)
    if report.unread and not (report.result and report.result.undone):
        yield from paper.field(
            text("means"), say("nothing is removed because of it; nothing is concluded from a missing fact")
        )
    if report.advice:
        yield from paper.field(text("do"), report.advice)


def finding_lines(findings: Sequence[Finding], paper: Paper) -> Iterator[str]:
    """What was found: what is so, what it means, what to do, and how that is known.

    Where several mean the same and want the same done, that is said once.
    """
    for group in alike(findings):
        first = group[0]
        head = f"{first.code} {paper.severity(first.severity)}"
        for finding in group:
            saw = say("{subject}: {saw}", subject=finding.subject, saw=finding.saw)
            rows = paper.wrapped(paper.say(saw), PREFIX)
            yield head + rows[0]
            yield from (" " * PREFIX + row for row in rows[1:])
            head = " " * PREFIX
        if first.accepted:
            yield from paper.field(text("accepted"), ACCEPTED)
        yield from paper.field(text("means"), first.means)
        yield from paper.field(text("do"), first.do)
        # Commands are never wrapped: they are there to be copied.
        yield from (f"{' ' * INDENT}$ {command}" for command in first.commands)
        if first.kind.proof:
            yield from paper.field(text("proof"), first.kind.proof)


def alike(findings: Iterable[Finding]) -> Iterator[Sequence[Finding]]:
    """Those together that stand together, mean the same, and want the same done."""
    for _, group in groupby(findings, _sense):
        yield list(group)


def _sense(finding: Finding) -> tuple[object, ...]:
    return (finding.accepted, finding.code, finding.means, finding.do, finding.commands)


ACCEPTED: Final = say("by the settings: it is known, and asks for nothing")
"""Of a finding."""


INDENT: Final = 11
"""Where the text of a field begins."""
PREFIX: Final = 16
"""Where the text of a finding begins, behind code and severity."""

ENIS: Final = (text("1 ENI"), text("{number} ENIs"))
ITEMS: Final = (text("1 item"), text("{number} items"))
CHANGES: Final = (text("1 change"), text("{number} changes"))
"""How one and several are told."""


def counted(number: int, noun: tuple[str, str]) -> Message:
    """So many of something, by its singular and its plural."""
    one, several = noun
    return Message(one if number == 1 else several, {"number": number})


def _changes(plan: Plan, paper: Paper) -> Iterator[str]:
    for change in plan[:SHOWN]:
        line = str(change)
        yield "  " + paper.inked(line[:1], _SIGNS[line[:1]]) + line[1:]
    if len(plan) > SHOWN:
        more = say("... and {number} more (`--format json` lists them all)", number=len(plan) - SHOWN)
        yield "  " + paper.say(more)


_SIGNS: Final = {"+": "good", "~": "warning", "-": "error"}


def _refusals(refusals: Iterable[Refusal], paper: Paper) -> Iterator[str]:
    for refusal in refusals:
        yield "  " + paper.say(say("{change}: {says}", change=refusal.change, says=refusal.says))
