"""A report as text for people: defined words, signs, and what to do."""

from collections.abc import Iterable, Iterator

from eip_agent.core.changes import Plan, count
from eip_agent.core.finding import Finding
from eip_agent.core.host import HostFact
from eip_agent.core.layout import Exit
from eip_agent.core.report import Refusal, Report, Story

SHOWN = 60
"""Changes listed before a plan is cut short; JSON always has them all."""


def story_lines(report: Report) -> Iterator[str]:
    """What was seen and concluded, one paragraph an ENI."""
    for story in report.stories:
        yield _title(story)
        yield from (f"  because  {evidence.source}: {evidence.says}" for evidence in story.verdict.because)
        if report.host is not None and report.host.on(story.link.link.name):
            yield f"  managed  {_managers(report.host, story.link.link.name)}"
        yield from (f"  leaves   {_exit(exit_)}" for exit_ in story.exits)
        yield ""


def plan_lines(report: Report) -> Iterator[str]:
    """What is to be done, or that nothing is."""
    if not report.plan:
        if report.cloud is not None and not report.unread:
            yield f"as desired: {_plural(len(report.stories), 'ENI')}, {_plural(report.items, 'item')}"
        return
    found = count(report.plan)
    yield f"plan: {found['add']} to add, {found['replace']} to replace, {found['remove']} to remove"
    yield from _changes(report.plan)


def result_lines(report: Report) -> Iterator[str]:
    """What became of the plan."""
    result = report.result
    if result is None:
        return
    if result.refused:
        undone = (
            "this pass could not undo all it had done" if result.stuck else "everything this pass had done was undone"
        )
        yield f"refused by the kernel; {undone}"
        yield from _refusals(result.refused)
    elif result.undone:
        yield f"not confirmed: {_plural(len(result.undone), 'change')} undone"
    else:
        found = count(result.applied)
        yield f"done: {found['add']} added, {found['replace']} replaced, {found['remove']} removed"
    if result.stuck:
        yield "what the kernel would not take back:"
        yield from _refusals(result.stuck)
    if report.left and not result.undone and not result.refused:
        yield f"not verified: a second look still finds {_plural(len(report.left), 'change')} to make"
        yield from _changes(report.left)
    elif not result.undone and not result.refused:
        yield "verified: a second look finds nothing left to do"


def trouble_lines(report: Report) -> Iterator[str]:
    """What could not be read, and what else the operator should know."""
    for unread in report.unread:
        yield f"not read  {unread.path}: {unread.reason}"
    if report.unread and not (report.result and report.result.undone):
        yield "  means   nothing is removed because of it; nothing is concluded from a missing fact"
    if report.advice:
        yield f"  do      {report.advice}"
    yield from (line for finding in report.findings for line in finding_lines(finding))


def _title(story: Story) -> str:
    role = "primary" if story.primary else "secondary"
    name = f"{story.link.link.name}  {story.eni.eni_id or story.eni.mac}  {role}"
    if story.excluded:
        return f"{name}  left alone, as the settings say"
    verdict = story.verdict
    return f"{name}  {verdict.mode.value} ({verdict.certainty.value})" if verdict.decided else f"{name}  undecided"


def _managers(host: HostFact, link: str) -> str:
    """Who may configure the link besides us, with a question mark where it may be at work in another namespace."""
    return ", ".join(f"{one.name} (pid {one.pid}){'' if one.certain else '?'}" for one in host.on(link))


def _exit(exit_: Exit) -> str:
    sources = [str(net.network_address) if net.num_addresses == 1 else str(net) for net in exit_.sources]
    shown = ", ".join(sources[:4]) + (f" and {len(sources) - 4} more" if len(sources) > 4 else "")
    return f"{shown} by {exit_.gateway} dev {exit_.link.name} (table {exit_.table})"


def _changes(plan: Plan) -> Iterator[str]:
    yield from (f"  {change}" for change in plan[:SHOWN])
    if len(plan) > SHOWN:
        yield f"  ... and {len(plan) - SHOWN} more (`--format json` lists them all)"


def _refusals(refusals: Iterable[Refusal]) -> Iterator[str]:
    yield from (f"  {refusal.change}: {refusal.says}" for refusal in refusals)


def finding_lines(finding: Finding) -> Iterator[str]:
    """One finding: what is so, what it means, what to do, and how that is known."""
    yield f"{finding.code} {finding.severity.value:<7}  {finding.subject}: {finding.saw}"
    yield f"  means   {finding.means}"
    yield f"  do      {finding.do}"
    yield from (f"          $ {command}" for command in finding.commands)
    yield f"  proof   {finding.kind.proof}"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
