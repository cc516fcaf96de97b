"""A place for who starts agents in the cloud in another way than as processes of their own, as the tests do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from eip_agent.lab.cloud import Cloud


class Spawner(Protocol):
    """Who starts them."""

    def run(self, cloud: "Cloud", arguments: Sequence[str], timeout: float) -> "CompletedProcess[str] | None":
        """Run the agent with these arguments in the guest of the cloud; None where it cannot just now."""
        ...
