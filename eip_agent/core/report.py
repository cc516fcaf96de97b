"""The whole story of one pass: what was seen, concluded, planned, done, and what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from eip_agent.core.changes import Change, Plan
from eip_agent.core.facts import CloudFact, EniFact, LinkFact, Unread
from eip_agent.core.finding import Finding
from eip_agent.core.host import HostFact
from eip_agent.core.layout import Exit
from eip_agent.core.openapi import ApiFact
from eip_agent.core.probed import Probes
from eip_agent.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Story:
    """One ENI that has a link here: what was concluded, and by which exits its sources leave."""

    eni: EniFact
    link: LinkFact
    primary: bool
    verdict: Verdict
    exits: tuple[Exit, ...] = ()
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change the kernel did not accept."""

    change: Change
    errno: int
    says: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a plan."""

    applied: tuple[Change, ...] = ()
    """Done by this pass, in order.  What the kernel already held so is not among them."""
    refused: tuple[Refusal, ...] = ()
    undone: tuple[Change, ...] = ()
    """After a refusal or a missing confirmation: the inverses that were carried out."""
    stuck: tuple[Refusal, ...] = ()
    """Inverses that the kernel did not accept either."""


class Outcome(Enum):
    """What a report amounts to; the command line turns it into an exit code."""

    AS_DESIRED = "as desired"
    PENDING = "changes pending"
    TO_DO = "something to do"
    """Of explaining only: `apply` would change nothing, and yet something was found that should be seen to."""
    REFUSED = "refused"
    FACTS_MISSING = "facts missing"


@dataclass(frozen=True, slots=True)
class Report:
    """Facts, verdicts, plan, result and findings of one pass."""

    cloud: CloudFact | None
    """None: the metadata service could not be read; nothing was planned then."""
    stories: tuple[Story, ...] = ()
    plan: Plan = ()
    findings: tuple[Finding, ...] = ()
    """The worst first."""
    unread: tuple[Unread, ...] = ()
    items: int = 0
    """How many items are desired."""
    result: Result | None = None
    """None: nothing was to be written, or nothing was meant to be."""
    api: ApiFact | None = None
    """What the OpenAPI said, where that was asked to explain; None: not asked."""
    host: HostFact | None = None
    """Who else manages links here; None: not asked."""
    probes: Probes | None = None
    """What was tried out; None: nothing."""
    advice: str = ""
    """What to do about what could not be read."""
    left: Plan = field(default=())
    """What the second look still found to do; empty when the pass is verified."""

    @property
    def outcome(self) -> Outcome:
        """The worst of what there is to say."""
        if self.result is not None and (self.result.refused or self.result.undone or self.left):
            return Outcome.REFUSED
        if self.unread or any(not (story.verdict.decided or story.excluded) for story in self.stories):
            return Outcome.FACTS_MISSING
        if self.result is None and self.plan:
            return Outcome.PENDING
        return Outcome.AS_DESIRED


def unread_of(cloud: CloudFact, excluded: Sequence[EniFact]) -> tuple[Unread, ...]:
    """All that could not be read, except of ENIs nobody wants to know about."""
    return (*cloud.unread, *(unread for eni in cloud.enis if eni not in excluded for unread in eni.unread))
