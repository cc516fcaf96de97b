"""`eip-agent explain`: what is so, how it is known, and what `apply` would do."""

from argparse import Namespace
from collections.abc import Iterator

from eip_agent.answer import Answer, deliver
from eip_agent.console import code_of_explained, settings_of
from eip_agent.core.message import say
from eip_agent.core.report import Report
from eip_agent.reconcile import Agent
from eip_agent.render import json, story, text
from eip_agent.render.paper import Paper


def run(args: Namespace) -> int:
    """Explain; the exit code."""
    scene = Agent(settings_of(args)).explain()
    report = scene.report
    deliver(
        args,
        scene,
        Answer(say("eip-agent explain"), lambda paper: _lines(report, paper), lambda _: json.parts(report)),
    )
    return code_of_explained(report)


def _lines(report: Report, paper: Paper) -> Iterator[str]:
    yield from text.trouble_lines(report, paper)
    yield from story.story_lines(report, paper)
    yield from text.plan_lines(report, paper)
