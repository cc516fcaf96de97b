"""`eip-agent explain`: what is so, how it is known, what is wrong, and what `apply` would do."""

from argparse import Namespace
from collections.abc import Iterator
from functools import partial

from eip_agent.answer import Answer, deliver
from eip_agent.console import code_of_outcome, settings_of
from eip_agent.core.explanation import Explanation, explanation
from eip_agent.core.message import say
from eip_agent.reconcile import Agent
from eip_agent.render import explanation as rendered
from eip_agent.render.language import Language


def run(args: Namespace) -> int:
    """Explain; the exit code."""
    agent = Agent(settings_of(args))
    if args.probe:
        from eip_agent import inquiry  # noqa: PLC0415  only who wants to try things out

        scene = inquiry.probed(agent)
    else:
        scene = agent.explain()
    told = explanation(scene)
    deliver(
        args,
        scene,
        Answer(
            say("EIPs of {instance}", instance=told.instance or say("this instance")),
            lambda paper: rendered.lines(told, paper),
            lambda _: rendered.parts(told),
            partial(_body, told),
        ),
    )
    return code_of_outcome(told.outcome)


def _body(told: Explanation, language: Language) -> Iterator[str]:
    from eip_agent.render.explanation_page import body  # noqa: PLC0415  only who wants a page

    return body(told, language)
