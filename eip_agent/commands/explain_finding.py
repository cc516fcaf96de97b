"""`eip-agent explain finding CODE`: the page of a kind of finding, and whether it is found here."""

from argparse import Namespace
from collections.abc import Iterator
from functools import partial

from eip_agent.answer import Answer, deliver
from eip_agent.console import settings_of
from eip_agent.core.finding import Kind, Severity
from eip_agent.core.findings.all import KINDS
from eip_agent.core.kind_page import KindPage, page
from eip_agent.core.message import say
from eip_agent.errors import EXIT_OK, EXIT_PENDING, UsageError
from eip_agent.reconcile import Agent
from eip_agent.render import kind_page as rendered
from eip_agent.render.language import Language


def run(args: Namespace) -> int:
    """Show the page; 3 where it is found here and wants something done.  Raises UsageError for an unknown code."""
    kind = _kind(args.code)
    scene = Agent(settings_of(args)).explain()
    found = page(kind, KINDS.values(), scene.report.findings)
    answer = Answer(
        say("finding {code}", code=kind.code),
        lambda paper: rendered.lines(found, paper),
        lambda language: rendered.parts(found, language),
        partial(_body, found),
    )
    deliver(args, scene, answer)
    return EXIT_PENDING if any(one.severity is not Severity.NOTE for one in found.found) else EXIT_OK


def _kind(code: str) -> Kind:
    kind = KINDS.get(code.upper())
    if kind is None:
        near = tuple(sorted(one for one in KINDS if one[:4] == code.upper()[:4]))
        hint = (
            say("there are: {codes}", codes=near)
            if near
            else say("codes look like {code}; `eip-agent explain` names those that are found here", code=min(KINDS))
        )
        raise UsageError(say("there is no finding {code}", code=repr(code)), hint)
    return kind


def _body(found: KindPage, language: Language) -> Iterator[str]:
    from eip_agent.render.explanation_page import of_kind  # noqa: PLC0415  only who wants a page

    return of_kind(found, language)
