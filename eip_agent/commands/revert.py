"""`eip-agent revert`: take back everything that is the agent's, and nothing else."""

from argparse import Namespace
from typing import Final

from eip_agent import privilege
from eip_agent.console import code_of, language_of, put, settings_of, talk, tell
from eip_agent.core.message import say
from eip_agent.daemon.client import runs
from eip_agent.reconcile import Agent

_BACK: Final = say(
    "the daemon runs, and puts everything back: `systemctl stop eip-agent`, or end `eip-agent run`, and revert again"
)


def run(args: Namespace) -> int:
    """Take back, or only say what would be; the exit code."""
    settings = settings_of(args)
    agent = Agent(settings)
    if args.dry_run:
        report = agent.planned_revert()
    else:
        from eip_agent.sinks.confirm import undisturbed  # noqa: PLC0415
        from eip_agent.sinks.lock import held  # noqa: PLC0415

        privilege.require_net_admin("revert")
        with held(settings.run_directory, settings.lock_timeout, "revert"), undisturbed():
            report = agent.take_back()
    if not report.plan and args.format == "text":
        put([language_of(args)(say("nothing here is eip-agent's"))])
    else:
        tell(report, args)
    if not args.dry_run and runs(settings.run_directory):
        talk([language_of(args)(_BACK)])
    return code_of(report)
