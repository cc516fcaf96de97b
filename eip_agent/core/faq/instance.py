"""What the answers ask of this instance: its EIPs, its ENIs, and what nobody told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from eip_agent.core.binding import bindings, tells
from eip_agent.core.claims import GONE, eips_of
from eip_agent.core.faq.answer import Gap, Point, Sign
from eip_agent.core.message import Message, say
from eip_agent.core.openapi import EipFact
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode


@dataclass(frozen=True, slots=True)
class Held:
    """An EIP that some source says is bound to an ENI of this instance."""

    eip: IPv4Address
    private: IPv4Address | None
    story: Story
    known_by: str

    @property
    def link(self) -> str:
        """The name of the ENI's link."""
        return self.story.link.link.name


def held(scene: Scene) -> tuple[Held, ...]:
    """Every EIP that is known to be bound to an ENI here; a static public address is none."""
    static = scene.witnesses.api.static_ip if scene.witnesses.api else None
    here = {eip.address for story in scene.report.stories for eip in _own(scene, story) if eip.status not in GONE}
    # Whatever else is said of them: the OpenAPI names another place, or none.
    elsewhere = {eip.address for eip in told_eips(scene)} - here
    return tuple(
        Held(one.eip, one.private, story, one.known_by)
        for story in scene.report.stories
        if not story.excluded
        for one in bindings(story, scene)
        if one.eip is not None and one.eip != static and one.eip not in elsewhere
    )


def _own(scene: Scene, story: Story) -> list[EipFact]:
    instance = scene.cloud.instance_id if scene.cloud else None
    return eips_of(story.eni, instance, told_eips(scene), primary=story.primary)


def told_eips(scene: Scene) -> tuple[EipFact, ...]:
    """All EIPs that the OpenAPI told of now."""
    return scene.witnesses.api.eips if scene.witnesses.api is not None else ()


def name_of(story: Story) -> Message:
    """An ENI by link, id and role."""
    values = {"link": story.link.link.name, "eni": story.eni.eni_id or story.eni.mac}
    return say("{link} ({eni}, primary)", **values) if story.primary else say("{link} ({eni})", **values)


def listed(addresses: Iterable[object]) -> tuple[str, ...] | Message:
    """Addresses for a sentence."""
    return tuple(map(str, addresses)) or say("none")


def is_told(scene: Scene) -> bool:
    """Whether the OpenAPI told the EIPs of every ENI that matters here."""
    return all(tells(scene.witnesses.api, story) for story in scene.report.stories if not story.excluded)


def no_instance(scene: Scene) -> Iterator[Gap]:
    """Where nothing is known of this instance at all."""
    if scene.cloud is None:
        yield Gap(
            say("which ENIs and addresses this instance has: the metadata service does not tell"),
            say("`eip-agent explain` says why, and what to do about it"),
        )


def no_eips(scene: Scene) -> Iterator[Gap]:
    """Where the EIPs of some ENI are not told."""
    if scene.cloud is not None and not is_told(scene):
        names = tuple(
            story.link.link.name
            for story in scene.report.stories
            if not story.excluded and not tells(scene.witnesses.api, story)
        )
        yield gap(scene, "vpc:DescribeEipAddresses", say("which EIPs are bound to {links}, and how", links=names))


def gap(scene: Scene, action: str, what: Message) -> Gap:
    """What an action of the OpenAPI would tell, and what it takes to be told."""
    api = scene.witnesses.api
    if scene.settings.openapi is False:
        how = say(
            "`enabled = true` below `[openapi]` in the settings, and `{action}` in the policy of the RAM role",
            action=action,
        )
    elif api is None:
        how = say(
            "let the OpenAPI be asked: `pip install 'eip-agent[openapi]'`, and a RAM role that allows `{action}`",
            action=action,
        )
    elif any(one.action == action for one in api.denied):
        how = say("allow `{action}` in the policy of the instance's RAM role", action=action)
    else:
        how = say("an answer of the OpenAPI to `{action}`; `eip-agent explain` says why there is none", action=action)
    return Gap(what, how)


def found(scene: Scene, *codes: str) -> tuple[str, ...]:
    """Those of these findings that are found here; one that ends in `x` stands for all that begin so."""
    here = dict.fromkeys(finding.code for finding in scene.report.findings)
    return tuple(code for code in here if any(code.startswith(wanted.rstrip("x")) for wanted in codes))


def where(one: Held) -> Message:
    """The way of an EIP to its ENI, on one line."""
    values = {"eip": one.eip, "link": one.link, "private": one.private or say("an unknown private address")}
    values |= {"by": one.known_by}
    match one.story.verdict.mode:
        case Mode.EIP_VISIBLE | Mode.MULTI_EIP_VISIBLE:
            return say("{eip} -> {link}, where it is an address of the link (known by: {by})", **values)
        case Mode.SECONDARY_CIDR if one.eip == one.private:
            return say("{eip} -> {link}, where it is the primary private address (known by: {by})", **values)
    return say("{eip} -> the cloud translates it -> {private} on {link} (known by: {by})", **values)


def ways(scene: Scene) -> Iterator[Point]:
    """Every EIP with its way, or that none is known."""
    eips = held(scene)
    yield from (Point(where(one)) for one in eips)
    if not eips and scene.cloud is not None:
        told = is_told(scene)
        says = say("no EIP is bound to an ENI of this instance") if told else say("no EIP of this instance is known")
        yield Point(says, Sign.FACT if told else Sign.UNKNOWN)
