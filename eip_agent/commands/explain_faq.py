"""`eip-agent explain faq`: the frequent questions about EIPs, answered for this instance."""

from argparse import Namespace
from functools import partial

from eip_agent import answer as answering
from eip_agent.console import settings_of
from eip_agent.core.faq.all import QUESTIONS, answers
from eip_agent.core.message import say
from eip_agent.errors import EXIT_FACTS, EXIT_OK, UsageError
from eip_agent.reconcile import Agent
from eip_agent.render import faq as rendered


def run(args: Namespace) -> int:
    """Answer one question, or list all; the exit code.  Raises UsageError for a question that is not there."""
    number: int | None = args.number
    if number is not None and not 1 <= number <= len(QUESTIONS):
        raise UsageError(
            say("there is no question {number}", number=number),
            say("they have the numbers 1 to {last}; `eip-agent explain faq` lists them", last=len(QUESTIONS)),
        )
    scene = Agent(settings_of(args)).explain()
    every = answers(scene)
    wanted = every if number is None else (every[number - 1],)
    lines = partial(rendered.listed, wanted) if number is None else partial(rendered.whole, wanted[0])
    title = say("Frequent questions") if number is None else wanted[0].question
    answering.deliver(args, scene, answering.Answer(title, lines, partial(rendered.parts, wanted)))
    return EXIT_OK if scene.cloud is not None else EXIT_FACTS
