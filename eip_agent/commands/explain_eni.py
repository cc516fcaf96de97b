"""`eip-agent explain eni ENI`: its link, its addresses, its EIPs."""

from argparse import Namespace
from collections.abc import Iterator
from functools import partial

from eip_agent.answer import Answer, deliver
from eip_agent.console import code_of_outcome, settings_of
from eip_agent.core.explanation import Excerpt, Explanation, about_eni, explanation
from eip_agent.core.message import say
from eip_agent.errors import UsageError
from eip_agent.reconcile import Agent
from eip_agent.render import explanation as rendered
from eip_agent.render.language import Language


def run(args: Namespace) -> int:
    """Explain one ENI; the exit code.  Raises UsageError for one that is not here."""
    told = explanation(Agent(settings_of(args)).explain())
    found = about_eni(told, args.eni)
    if found is None:
        raise _unknown(args.eni, told)
    answer = Answer(
        say("ENI {eni}", eni=args.eni),
        lambda paper: rendered.excerpt_lines(found, paper),
        lambda _: rendered.excerpt_parts(found),
        partial(_body, found),
    )
    deliver(args, told.scene, answer)
    return code_of_outcome(found.outcome)


def _unknown(name: str, told: Explanation) -> UsageError:
    """Which ones there are; one that the cloud lists, and that has no link here, is told from one that nobody knows."""
    here = tuple(f"{story.link.link.name} {story.eni.eni_id or story.eni.mac}" for story in told.report.stories)
    hint = say("there are: {enis}", enis=here) if here else say("run `eip-agent explain` to see what is not known")
    listed = told.report.cloud.enis if told.report.cloud else ()
    if any(name.lower() in (eni.eni_id, eni.mac) for eni in listed):
        return UsageError(say("{name} has no link in this network namespace", name=name), hint)
    return UsageError(say("{name} is no ENI of this instance", name=name), hint)


def _body(found: Excerpt, language: Language) -> Iterator[str]:
    from eip_agent.render.explanation_page import excerpt  # noqa: PLC0415  only who wants a page

    return excerpt(found, language)
