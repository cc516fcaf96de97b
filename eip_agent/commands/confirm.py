"""`eip-agent confirm`: say yes to the `apply --confirm` that waits."""

from argparse import Namespace

from eip_agent.console import language_of, put, settings_of
from eip_agent.core.message import say
from eip_agent.errors import EXIT_OK
from eip_agent.sinks.confirm import confirm


def run(args: Namespace) -> int:
    """Confirm; the exit code.  Raises ApplyError where nobody waits."""
    confirm(settings_of(args).run_directory)
    put([language_of(args)(say("kept"))])
    return EXIT_OK
