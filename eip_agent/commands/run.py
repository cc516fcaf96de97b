"""`eip-agent run`: the daemon that keeps the instance as it should be."""

import sys
from argparse import Namespace

from eip_agent import privilege
from eip_agent.config import supervisor
from eip_agent.daemon.reader import read
from eip_agent.errors import EXIT_OK


def run(args: Namespace) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    given = {"run_directory": args.run_directory, "metadata.url": args.metadata_url}
    flags = {name: value for name, value in given.items() if value is not None}
    settings = read(args.config, flags)
    privilege.require_net_admin("run")
    from eip_agent.daemon.log import log_for  # noqa: PLC0415  who may not run it need not wait for it
    from eip_agent.daemon.loop import Loop  # noqa: PLC0415
    from eip_agent.daemon.notify import Notify, watchdog_period  # noqa: PLC0415
    from eip_agent.sinks import apply, kernel  # noqa: F401, PLC0415  the first repair does not wait for pyroute2

    told = supervisor()
    log = log_for(sys.stderr, told.journal)
    watchdog = watchdog_period(told.watchdog, told.watchdog_pid)
    Loop(settings, log, Notify(told.notify), read=lambda: read(args.config, flags), watchdog=watchdog).run()
    return EXIT_OK
