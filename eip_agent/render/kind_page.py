"""The page of a kind of finding, as text and as JSON."""

from collections.abc import Iterator, Mapping

from eip_agent.core.finding import Kind
from eip_agent.core.kind_page import KindPage, words
from eip_agent.core.message import say, text
from eip_agent.render.language import Language
from eip_agent.render.paper import Paper
from eip_agent.render.text import INDENT


def lines(page: KindPage, paper: Paper) -> Iterator[str]:
    """As text: what it says wherever it is found, then whether it is found here."""
    kind = page.kind
    title = paper.heading(_title(kind, paper.language))
    yield f"{paper.inked(kind.code, 'strong')} {paper.severity(kind.severity)}{title}"
    for label, template in ((text("saw"), kind.saw), (text("means"), kind.means), (text("do"), kind.do)):
        yield from paper.field(label, filled(template, paper.language))
    yield from (f"{' ' * INDENT}$ {command.format(**words(command))}" for command in kind.commands)
    if kind.proof:
        yield from paper.field(text("proof"), kind.proof)
    for cause in page.causes:
        told = say("not told where {code} is found for the same: {title}", **_named(cause, paper.language))
        yield from paper.field(text("silence"), told)
    for other in page.consequences:
        told = say("where it is found, {code} is not told for the same: {title}", **_named(other, paper.language))
        yield from paper.field(text("silence"), told)
    yield ""
    if not page.found:
        yield paper.say(say("it is not found here now"))
        return
    yield paper.say(say("it is found here now:"))
    for finding in page.found:
        said = say("{subject}: {saw}", subject=finding.subject, saw=finding.saw)
        yield from paper.paragraph(say("{said} (accepted)", said=said) if finding.accepted else said, 2)


def parts(page: KindPage, language: Language) -> Mapping[str, object]:
    """As JSON."""
    kind = page.kind
    return {
        "code": kind.code,
        "severity": kind.severity,
        "title": _title(kind, language),
        "saw": filled(kind.saw, language),
        "means": filled(kind.means, language),
        "do": filled(kind.do, language),
        "commands": tuple(command.format(**words(command)) for command in kind.commands),
        "proof": kind.proof,
        "silenced_by": tuple(one.code for one in page.causes),
        "silences": tuple(one.code for one in page.consequences),
        "found": page.found,
    }


def filled(template: str, language: Language) -> str:
    """A template with words in place of values."""
    return language.text(template).format(**words(template))


def _title(kind: Kind, language: Language) -> str:
    return language.text(kind.title)


def _named(kind: Kind, language: Language) -> Mapping[str, str]:
    return {"code": kind.code, "title": _title(kind, language)}
