"""`eip-agent apply`: one pass."""

import contextlib
import sys
from argparse import Namespace

from eip_agent import privilege
from eip_agent.console import code_of, nowhere, settings_of, talk, tell
from eip_agent.core.report import Report
from eip_agent.reconcile import Agent


def run(args: Namespace) -> int:
    """Apply, or only look; the exit code."""
    settings = settings_of(args)
    agent = Agent(settings)
    answers: list[bool] = []
    if args.dry_run:
        report = agent.look()
    else:
        from eip_agent.sinks.confirm import confirmed, undisturbed  # noqa: PLC0415
        from eip_agent.sinks.lock import held  # noqa: PLC0415

        privilege.require_net_admin("apply")

        def ask(done: Report) -> bool:
            # Who does not hear what was done may hear the question; and who hears neither, as a terminal that died,
            # is not the only one who may confirm.
            try:
                if args.format == "text":
                    tell(done, args)
            except OSError:
                sys.stdout = nowhere()
            with contextlib.suppress(OSError):
                within = f"within {args.confirm:g} s; else it is undone"
                talk([f"keep it? press Enter, or run `eip-agent confirm`, {within}"])
                sys.stderr.flush()
            answers.append(confirmed(settings.run_directory, args.confirm))
            return answers[-1]

        with held(settings.run_directory, settings.lock_timeout, "apply"), undisturbed():
            report = agent.reconcile(ask if args.confirm is not None else None)
    if answers == [True] and args.format == "text":
        talk(["kept"])
    else:
        tell(report, args)
    return code_of(report)
