"""`eip-agent confirm`: say yes to the `apply --confirm` that waits."""

import sys
from argparse import Namespace

from eip_agent.console import settings_of
from eip_agent.errors import EXIT_OK
from eip_agent.sinks.confirm import confirm


def run(args: Namespace) -> int:
    """Confirm; the exit code.  Raises ApplyError where nobody waits."""
    confirm(settings_of(args).run_directory)
    sys.stdout.write("kept\n")
    return EXIT_OK
