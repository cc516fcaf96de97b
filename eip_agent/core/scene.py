"""Everything that findings are looked for in: one pass with all its facts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eip_agent.core.conclude import Witnesses
from eip_agent.core.facts import CloudFact, KernelFact, LinkFact, Remembered
from eip_agent.core.host import HostFact
from eip_agent.core.report import Report
from eip_agent.core.settings import Settings

if TYPE_CHECKING:
    # Its many dataclasses take time to be made, and only explaining needs them.
    from eip_agent.core.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Scene:
    """One pass with all its facts; the last three are read to explain, and are None in other passes."""

    report: Report
    """What was concluded: stories and plan."""
    kernel: KernelFact
    witnesses: Witnesses
    settings: Settings
    remembered: Remembered
    asleep: tuple[LinkFact, ...] = ()
    """Links that are down, and would be asked for a DHCP offer if they were up."""
    surroundings: "Surroundings | None" = None
    host: HostFact | None = None

    @property
    def cloud(self) -> CloudFact | None:
        """What the metadata service said, or was last known to say."""
        return self.report.cloud
