"""All there is to explain about an instance: one pass with its facts, the ways to its EIPs, and what is wrong."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core import afar
from eip_agent.core.chain import Chain, ground, of_eni
from eip_agent.core.changes import Change, Plan
from eip_agent.core.finding import Finding, Severity
from eip_agent.core.items import Address, LinkSetting, Route, Rule
from eip_agent.core.message import Message, say, text
from eip_agent.core.nat import Hidden, hidden
from eip_agent.core.numbers import link_of
from eip_agent.core.report import Outcome, Report, Story
from eip_agent.core.scene import Scene


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is told."""

    scene: Scene
    chains: tuple[Chain, ...]
    """Of the ENIs in their order, then all others."""
    hidden: Hidden | None
    """Why EIPs are not seen on the links; None where none is hidden."""

    @property
    def report(self) -> Report:
        """The pass."""
        return self.scene.report

    @property
    def instance(self) -> str | None:
        """Its id."""
        return self.scene.cloud.instance_id if self.scene.cloud else None

    @property
    def outcome(self) -> Outcome:
        """As that of the pass; what was found counts too."""
        outcome = self.report.outcome
        serious = any(finding.severity is not Severity.NOTE for finding in self.report.findings)
        return Outcome.TO_DO if outcome is Outcome.AS_DESIRED and serious else outcome


def explanation(scene: Scene) -> Explanation:
    """Everything."""
    under = ground(scene)
    near = tuple(chain for story in scene.report.stories for chain in of_eni(story, under))
    found = (*near, *afar.chains(under))
    return Explanation(scene, found, hidden(scene, found))


_ENIS: Final = (text("1 ENI"), text("{number} ENIs"))
_EIPS: Final = (text("no EIP known"), text("1 EIP"), text("{number} EIPs"))
_FOUND: Final = {
    Severity.ERROR: (text("1 error"), text("{number} errors")),
    Severity.WARNING: (text("1 warning"), text("{number} warnings")),
    Severity.NOTE: (text("1 note"), text("{number} notes")),
}
_ACCEPTED: Final = (text("1 that is accepted"), text("{number} that are accepted"))
_CHANGES: Final = (text("1 change"), text("{number} changes"))


def summary(told: Explanation) -> tuple[Message, ...]:
    """What it comes to, in a line or two."""
    report = told.report
    eips = len({chain.eip for chain in told.chains if chain.eip is not None})
    what = say(
        "{instance}: {enis}, {eips}",
        instance=told.instance or say("this instance"),
        enis=counted(len(report.stories), _ENIS),
        eips=counted(eips, _EIPS[1:]) if eips else Message(_EIPS[0], {}),
    )
    return (what, _verdict(told))


def _verdict(told: Explanation) -> Message:
    report = told.report
    number = Counter(finding.severity for finding in report.findings if not finding.accepted)
    found = tuple(counted(number[severity], _FOUND[severity]) for severity in Severity if number[severity])
    accepted = sum(finding.accepted for finding in report.findings)
    if accepted:
        found = (*found, counted(accepted, _ACCEPTED))
    changes = counted(len(report.plan), _CHANGES)
    match told.outcome:
        case Outcome.FACTS_MISSING if found:
            return say("facts are missing ({unread} not read); found: {found}", unread=len(report.unread), found=found)
        case Outcome.FACTS_MISSING:
            return say("facts are missing ({unread} not read)", unread=len(report.unread))
        case Outcome.PENDING if found:
            return say("to do: {changes}, which `eip-agent apply` makes; found: {found}", changes=changes, found=found)
        case Outcome.PENDING:
            return say("to do: {changes}, which `eip-agent apply` makes", changes=changes)
        case Outcome.TO_DO:
            return say("to do: what was found, which is {found}", found=found)
    return say("nothing is wrong; {found}", found=found) if found else say("nothing is wrong")


def counted(number: int, noun: tuple[str, ...]) -> Message:
    """So many of something, by its singular and its plural."""
    return Message(noun[0] if number == 1 else noun[1], {"number": number})


# --- a part of it -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What there is to explain about some ENIs or EIPs."""

    told: Explanation
    asked: str
    stories: tuple[Story, ...]
    chains: tuple[Chain, ...]
    findings: tuple[Finding, ...]
    plan: Plan
    """What `apply` would change for them."""
    hidden: Hidden | None

    @property
    def outcome(self) -> Outcome:
        """As that of a pass over these alone."""
        if self.told.report.unread or any(not (one.verdict.decided or one.excluded) for one in self.stories):
            return Outcome.FACTS_MISSING
        if self.plan:
            return Outcome.PENDING
        serious = any(finding.severity is not Severity.NOTE for finding in self.findings)
        return Outcome.TO_DO if serious or not all(chain.whole for chain in self.chains) else Outcome.AS_DESIRED


def about_eip(told: Explanation, address: IPv4Address) -> Excerpt | None:
    """What there is about an EIP, or a private address that has one; None where nobody knows it."""
    chains = tuple(chain for chain in told.chains if address in (chain.eip, chain.address))
    return _excerpt(told, str(address), chains, whole=False) if chains else None


def about_eni(told: Explanation, name: str) -> Excerpt | None:
    """What there is about an ENI, by its id, MAC address or link; None where nobody knows it."""
    for story in told.report.stories:
        if name.lower() in (story.eni.eni_id, story.eni.mac) or name == story.link.link.name:
            link = story.link.link.name
            return _excerpt(told, name, tuple(chain for chain in told.chains if chain.link == link), story)
    return None


def _excerpt(
    told: Explanation, asked: str, chains: tuple[Chain, ...], story: Story | None = None, *, whole: bool = True
) -> Excerpt:
    links = {chain.link for chain in chains} | ({story.link.link.name} if story else set())
    stories = tuple(one for one in told.report.stories if one.link.link.name in links)
    addresses = {str(one) for chain in chains for one in (chain.eip, chain.address) if one is not None}
    names = {asked, *addresses, *(name for one in stories for name in _names(one))}
    indexes = {one.link.link.index for one in stories}
    return Excerpt(
        told,
        asked,
        stories,
        chains,
        tuple(finding for finding in told.report.findings if _is_about(finding, names, addresses, whole=whole)),
        tuple(change for change in told.report.plan if _concerns(change, indexes, addresses, whole=whole)),
        hidden(told.scene, chains),
    )


def _is_about(finding: Finding, names: set[str], addresses: set[str], *, whole: bool) -> bool:
    """What is found for other addresses of the link does not concern one EIP."""
    others = {name for name in finding.about if "." in name or ":" in name} - names
    return bool(finding.about & (names if whole or not others else addresses))


def _names(story: Story) -> Iterator[str]:
    yield story.link.link.name
    yield story.eni.mac
    if story.eni.eni_id:
        yield story.eni.eni_id


def _concerns(change: Change, links: set[int], addresses: set[str], *, whole: bool) -> bool:
    """Whether a change is made for these links; or, where it is not for all of them, for these addresses."""
    match change.item:
        case Address(link=link, ip=ip):
            return link.index in links and (whole or str(ip) in addresses)
        case Route(table=table):
            return link_of(table) in links
        case Rule(table=table) if table is not None and link_of(table) is not None:
            return link_of(table) in links
        case LinkSetting(link=link):
            return link.index in links
    return False
