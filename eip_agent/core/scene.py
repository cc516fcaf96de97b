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

    @property
    def ids(self) -> frozenset[str]:
        """Who this instance is to a HAVIP, which is bound to instances or to ENIs; empty where that is not known.

        Source: cloud documentation, AssociateHaVip, 2026.
        """
        if self.cloud is None or self.cloud.instance_id is None:
            return frozenset()
        return frozenset((self.cloud.instance_id, *(eni.eni_id for eni in self.cloud.enis if eni.eni_id)))
