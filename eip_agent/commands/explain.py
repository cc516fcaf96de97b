"""`eip-agent explain`: what is so, how it is known, and what `apply` would do."""

import sys
from argparse import Namespace

from eip_agent.console import code_of, say, settings_of, tell
from eip_agent.reconcile import Agent


def run(args: Namespace) -> int:
    """Explain; the exit code."""
    report = Agent(settings_of(args)).explain().report
    if args.format == "text":
        from eip_agent.render import text  # noqa: PLC0415

        say(text.story_lines(report))
        sys.stdout.flush()
    tell(report, args.format, args.lang or "en")
    return code_of(report)
