"""A whole explanation, in every form: what it comes to, what is wrong, the ENIs and their EIPs, the plan."""

from collections.abc import Iterator, Mapping

from eip_agent.core.explanation import Excerpt, Explanation, summary
from eip_agent.render import json, nat, probes, story, text
from eip_agent.render.paper import Paper


def lines(told: Explanation, paper: Paper) -> Iterator[str]:
    """As text: what it comes to first, what is wrong before what is so, what `apply` would do at the end."""
    report = told.report
    yield from _with_gap(paper.inked(row, "strong") for line in summary(told) for row in paper.wrapped(paper.say(line)))
    yield from _with_gap(text.unread_lines(report, paper))
    yield from _with_gap(text.finding_lines(report.findings, paper))
    yield from story.story_lines(report.stories, told.chains, report.host, paper)
    if told.hidden is not None:
        yield from _with_gap(nat.lines(told.hidden, paper))
    yield from _with_gap(probes.lines(paper, report.probes))
    yield from text.plan_lines(report, paper)


def parts(told: Explanation) -> Mapping[str, object]:
    """As JSON: the pass, and beside it the ways and why EIPs are hidden."""
    return {
        **json.parts(told.report),
        "outcome": told.outcome,
        "summary": summary(told),
        "chains": told.chains,
        "hidden": told.hidden,
    }


def excerpt_lines(found: Excerpt, paper: Paper) -> Iterator[str]:
    """A part of it as text: each way from top to bottom."""
    report = found.told.report
    for one in found.stories:
        yield from story.eni_lines(one, report.host, paper)
        yield ""
    for chain in found.chains:
        yield paper.heading(story.heading(chain, paper))
        yield from story.ladder_lines(chain, paper)
        yield ""
    yield from _with_gap(story.legend(found.chains, paper))
    yield from _with_gap(text.unread_lines(report, paper))
    yield from _with_gap(text.finding_lines(found.findings, paper))
    if found.hidden is not None:
        yield from _with_gap(nat.lines(found.hidden, paper))
    yield from text.change_lines(found.plan, paper)


def excerpt_parts(found: Excerpt) -> Mapping[str, object]:
    """A part of it as JSON."""
    return {
        "asked": found.asked,
        "outcome": found.outcome,
        "stories": found.stories,
        "chains": found.chains,
        "findings": found.findings,
        "plan": found.plan,
        "hidden": found.hidden,
        "unread": found.told.report.unread,
    }


def _with_gap(lines_: Iterator[str]) -> Iterator[str]:
    """The lines and an empty one, or nothing where there are none."""
    found = list(lines_)
    if found:
        yield from found
        yield ""
