"""`eip-agent uninstall`: the same module as `install`, for both walk over the same files."""

from eip_agent.commands.install import run

__all__ = ("run",)
