"""`eip-agent status`: what the running daemon does.  Imports little, for it is asked often."""

import json
import sys
import time
from argparse import Namespace

from eip_agent.config import run_directory
from eip_agent.console import complain, language_of, put
from eip_agent.core.message import say
from eip_agent.core.plain import decoded
from eip_agent.core.status import Status
from eip_agent.daemon.client import ask
from eip_agent.errors import EXIT_OK, EXIT_PENDING, BusyError


def run(args: Namespace) -> int:
    """Ask and print; the exit code."""
    language = language_of(args)
    answer = ask(run_directory(args.config, args.run_directory), "status", lang=language.code)
    if answer is None:
        complain(say("no daemon runs"), say("`systemctl start eip-agent`, or `eip-agent run`"), language)
        return EXIT_PENDING
    if args.format == "json":
        sys.stdout.write(json.dumps({"version": 1, "status": answer}, indent=2) + "\n")
        return EXIT_OK
    from eip_agent.render.status import lines  # noqa: PLC0415 JSON needs none of it
    from eip_agent.sources.process import usage  # noqa: PLC0415

    try:
        status = decoded(Status, answer)
    except ValueError as other:
        message = say("the daemon answers something else ({what})", what=other)
        raise BusyError(message, say("is it of another version? restart it")) from other
    put(lines(status, time.time(), usage(status.pid), language))
    return EXIT_OK
