"""`eip-agent demo`: the agent at work in a simulated instance."""

from argparse import Namespace

from eip_agent.lab.demo import demo


def run(args: Namespace) -> int:
    """Show it; the exit code."""
    return demo(args.boot, inside=args.inside)
