"""An explanation as the body of a page: the same as its text, with pictures."""

import time
from collections.abc import Iterator, Sequence

from eip_agent.core.chain import Chain
from eip_agent.core.changes import Plan, count
from eip_agent.core.explanation import Excerpt, Explanation, summary
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.host import HostFact
from eip_agent.core.kind_page import KindPage, words
from eip_agent.core.message import say, text
from eip_agent.core.nat import Hidden
from eip_agent.core.report import Report, Story
from eip_agent.render import nat, probes, story, svg
from eip_agent.render.html import block, escape, fields, preformatted, prose
from eip_agent.render.kind_page import filled
from eip_agent.render.language import Language
from eip_agent.render.paper import SEVERITIES, Paper
from eip_agent.render.text import ACCEPTED, alike


def body(told: Explanation, language: Language) -> Iterator[str]:
    """The whole explanation."""
    report = told.report
    yield from _head(told, language)
    yield from _unread(report, language)
    yield from _findings(report.findings, language)
    yield from _stories(report.stories, told.chains, report.host, language)
    yield from _hidden(told.hidden, language)
    if report.probes is not None:
        yield from preformatted(probes.lines(Paper(language), report.probes))
    yield from _plan(report.plan, language)


def excerpt(found: Excerpt, language: Language) -> Iterator[str]:
    """A part of it."""
    report = found.told.report
    yield f'<p class="dim">{_when(found.told, language)}</p>'
    yield from _unread(report, language)
    yield from _findings(found.findings, language)
    yield from _stories(found.stories, found.chains, report.host, language)
    yield from _hidden(found.hidden, language)
    yield from _plan(found.plan, language)


def of_kind(page: KindPage, language: Language) -> Iterator[str]:
    """The page of a kind of finding."""
    one = page.kind
    severity = one.severity.value
    yield f'<section class="card {severity}"><p class="badge {severity}">{_severity(one.severity, language)}</p>'
    yield f"<h2>{prose(language.text(one.title))}</h2>"
    rows = [(text("saw"), one.saw), (text("means"), one.means), (text("do"), one.do)]
    yield fields([(label, prose(filled(template, language))) for label, template in rows], language)
    if one.commands:
        yield block(command.format(**words(command)) for command in one.commands)
    yield fields([(text("proof"), prose(one.proof))] if one.proof else [], language)
    for cause in page.causes:
        told = say(
            "not told where {code} is found for the same: {title}", code=cause.code, title=_title(cause, language)
        )
        yield f"<p>{prose(language(told))}</p>"
    yield "</section>"
    here = say("it is found here now:") if page.found else say("it is not found here now")
    yield f"<p>{prose(language(here))}</p>"
    yield from _findings(page.found, language)


def _head(told: Explanation, language: Language) -> Iterator[str]:
    yield f'<p class="dim">{_when(told, language)}</p>'
    for line in summary(told):
        yield f"<p><strong>{prose(language(line))}</strong></p>"


def _when(told: Explanation, language: Language) -> str:
    seconds = told.scene.witnesses.now
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    return prose(language(say("as it was at {time}", time=at))) if seconds else ""


def _unread(report: Report, language: Language) -> Iterator[str]:
    if not report.unread:
        return
    rows = [(text("not read"), prose(f"{language(one.path)}: {language(one.reason)}")) for one in report.unread]
    if report.advice:
        rows.append((text("do"), prose(language(report.advice))))
    yield f'<section class="card error">{fields(rows, language)}</section>'


def _findings(findings: Sequence[Finding], language: Language) -> Iterator[str]:
    for group in alike(findings):
        first = group[0]
        severity = first.severity.value
        head = f'<span class="badge {severity}">{first.code} {_severity(first.severity, language)}</span>'
        seen = [prose(language(say("{subject}: {saw}", subject=one.subject, saw=one.saw))) for one in group]
        yield f'<section class="card {severity}">{head} {"<br>".join(seen)}'
        accepted = [(text("accepted"), ACCEPTED)] if first.accepted else []
        rows = [*accepted, (text("means"), first.means), (text("do"), first.do)]
        yield fields([(label, prose(language(said))) for label, said in rows], language)
        if first.commands:
            yield block(first.commands)
        if first.kind.proof:
            yield f'<p class="dim">{escape(language.text(text("proof")))}: {prose(first.kind.proof)}</p>'
        yield "</section>"


def _stories(
    stories: Sequence[Story], chains: Sequence[Chain], host: HostFact | None, language: Language
) -> Iterator[str]:
    paper = Paper(language)
    links = {one.link.link.name for one in stories}
    for one in stories:
        title, *rows = story.eni_lines(one, host, paper)
        mine = [chain for chain in chains if chain.link == one.link.link.name]
        right = one.verdict.decided and all(chain.whole for chain in mine)
        yield f'<section class="card {"good" if right else "warning"}"><h2>{prose(title)}</h2>'
        yield block(row[2:] for row in rows)
        yield from _pictures(mine, paper)
        yield "</section>"
    others = [chain for chain in chains if chain.link not in links]
    if others:
        yield f'<section class="card note"><h2>{prose(language(say("EIPs that no ENI with a link here has")))}</h2>'
        yield from _pictures(others, paper)
        yield "</section>"
    for line in story.legend(chains, paper):
        yield f'<p class="dim">{prose(line)}</p>'


def _pictures(chains: Sequence[Chain], paper: Paper) -> Iterator[str]:
    for chain in chains:
        title = paper.say(story.heading(chain, paper))
        yield f"<h3>{prose(title)}</h3>"
        yield f'<div class="scroll">{svg.chain(chain, paper.language, title)}</div>'
        yield from (f"<p>{prose(paper.say(note))}</p>" for note in chain.notes)


def _hidden(hidden: Hidden | None, language: Language) -> Iterator[str]:
    if hidden is None:
        return
    yield f"<section><h2>{prose(language(nat.TITLE))}</h2>"
    yield from (f"<p>{prose(language(why))}</p>" for why in hidden.why)
    yield f"<ul>{''.join(f'<li>{prose(language(one))}</li>' for one in hidden.programs)}</ul>"
    for choice in hidden.choices:
        yield f"<h3>{escape(choice.mode.value)}: {prose(language(choice.status))}</h3>"
        yield f"<p>{prose(language(choice.seen))}</p>"
        wants = "".join(f"<li>{prose(nat.want(one, Paper(language)))}</li>" for one in choice.wants)
        steps = "".join(f"<li>{prose(language(one))}</li>" for one in choice.steps)
        yield fields([(text("needs"), f"<ul>{wants}</ul>"), (text("steps"), f"<ol>{steps}</ol>")], language)
    yield "</section>"


def _plan(plan: Plan, language: Language) -> Iterator[str]:
    if plan:
        planned = say("plan: {add} to add, {replace} to replace, {remove} to remove", **count(plan))
        yield f"<section><h2>{prose(language(planned))}</h2>{block(map(str, plan))}</section>"


def _severity(severity: Severity, language: Language) -> str:
    return escape(language.text(SEVERITIES[severity]))


def _title(kind: Kind, language: Language) -> str:
    return language.text(kind.title)
