"""`eip-agent status`: what the running daemon does.  Imports little, for it is asked often."""

import json
import sys
import time
from argparse import Namespace

from eip_agent.config import run_directory
from eip_agent.console import put, talk
from eip_agent.core.plain import decoded
from eip_agent.core.status import Status
from eip_agent.daemon.client import ask
from eip_agent.errors import EXIT_OK, EXIT_PENDING, BusyError


def run(args: Namespace) -> int:
    """Ask and print; the exit code."""
    answer = ask(run_directory(args.config, args.run_directory), "status")
    if answer is None:
        talk(["eip-agent: no daemon runs", "hint: systemctl start eip-agent, or `eip-agent run`"])
        return EXIT_PENDING
    if args.format == "json":
        sys.stdout.write(json.dumps({"version": 1, "status": answer}, indent=2) + "\n")
        return EXIT_OK
    from eip_agent.render.status import lines  # noqa: PLC0415 JSON needs none of it
    from eip_agent.sources.process import usage  # noqa: PLC0415

    try:
        status = decoded(Status, answer)
    except ValueError as other:
        raise BusyError(
            f"the daemon answers something else ({other})", "is it of another version? restart it"
        ) from other
    put(lines(status, time.time(), usage(status.pid)))
    return EXIT_OK
