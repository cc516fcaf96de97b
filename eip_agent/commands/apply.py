"""`eip-agent apply`: one pass; a running daemon makes it, so that there is one writer, and else this process."""

import contextlib
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from eip_agent import privilege
from eip_agent.config import has_own_settings, run_directory
from eip_agent.console import code_of, language_of, nowhere, paper_of, settings_of, talk, tell
from eip_agent.core.message import say
from eip_agent.daemon.client import ask as ask_daemon
from eip_agent.daemon.client import runs
from eip_agent.errors import BusyError

if TYPE_CHECKING:
    from eip_agent.core.report import Report

PATIENCE: Final = 150.0
"""Seconds for the daemon's answer: more than all deadlines that the usual settings give to the cloud."""

_STOP: Final = say(
    "`systemctl stop eip-agent`, or end `eip-agent run`, which leaves the network as it is; start it again once the "
    "change is kept"
)
_BACK: Final = say(
    "a daemon was started meanwhile, and writes again what was undone: `systemctl stop eip-agent`, or end "
    "`eip-agent run`, and `eip-agent revert`"
)


def run(args: Namespace) -> int:
    """Apply, or only look; the exit code."""
    # What is to be confirmed or only looked at, or has settings of its own, is not what the daemon does.
    own = args.dry_run or args.confirm is not None or args.metadata_url or has_own_settings(args.config)
    code = None if own else _by_daemon(args)
    return _alone(args) if code is None else code


def _by_daemon(args: Namespace) -> int | None:
    """Let the daemon make the pass, and print what it says; None where none runs."""
    privilege.require_net_admin("apply")
    paper = paper_of(args)
    answer = ask_daemon(
        run_directory(None, args.run_directory),
        "look",
        PATIENCE,
        format=args.format,
        lang=paper.language.code,
        width=paper.width,
        colour=paper.colour,
        ascii=paper.ascii,
    )
    if answer is None:
        return None
    sys.stdout.write(answer["out"])
    sys.stdout.flush()
    sys.stderr.write(answer["err"])
    return int(answer["code"])


def _alone(args: Namespace) -> int:
    from eip_agent.reconcile import Agent  # noqa: PLC0415  a daemon has imported it already

    settings = settings_of(args)
    agent = Agent(settings)
    answers: list[bool] = []
    if args.dry_run:
        report = agent.look()
    else:
        from eip_agent.sinks.confirm import confirmed, undisturbed  # noqa: PLC0415
        from eip_agent.sinks.lock import held  # noqa: PLC0415

        privilege.require_net_admin("apply")
        if args.confirm is not None and runs(settings.run_directory):
            raise BusyError(say("the daemon runs, and what `--confirm` undoes it would write again"), _STOP)

        def ask(done: "Report", keep: Callable[[], None]) -> bool:
            # Who does not hear what was done may hear the question; and who hears neither, as a terminal that died,
            # is not the only one who may confirm.
            try:
                if args.format == "text":
                    tell(done, args)
            except OSError:
                sys.stdout = nowhere()
            with contextlib.suppress(OSError):
                question = say(
                    "keep it? press Enter, or run `eip-agent confirm`, within {seconds} s; else it is undone",
                    seconds=f"{args.confirm:g}",
                )
                talk([language_of(args)(question)])
                sys.stderr.flush()
            answers.append(confirmed(settings.run_directory, args.confirm, keep))
            return answers[-1]

        with held(settings.run_directory, settings.lock_timeout, "apply"), undisturbed():
            report = agent.reconcile(ask if args.confirm is not None else None)
    if answers == [True] and args.format == "text":
        talk([language_of(args)(say("kept"))])
    else:
        tell(report, args)
        if answers == [False] and runs(settings.run_directory):
            talk([language_of(args)(_BACK)])
    return code_of(report)
