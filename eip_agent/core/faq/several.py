"""Question 12: how this instance can have several EIPs."""

from collections.abc import Iterator

from eip_agent.core import nat
from eip_agent.core.faq.answer import Answer, Point, Sign
from eip_agent.core.faq.instance import Held, held, listed, name_of, no_eips, no_instance
from eip_agent.core.faq.quotas import MOST_MULTI, limits_gap
from eip_agent.core.message import say
from eip_agent.core.openapi import LimitFact
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode


def several(scene: Scene) -> Answer:
    """How this instance can have several EIPs."""
    api = scene.witnesses.api
    limits = api.limits if api is not None else None
    enis = len(scene.cloud.enis) if scene.cloud else 0
    most = limits.enis if limits is not None else None
    return Answer(
        12,
        say("An ECS instance itself can have one EIP only: how does it get several?"),
        say("by secondary ENIs and secondary private addresses; {enis} of {most} ENIs are there", enis=enis, most=most)
        if most
        else say("by secondary ENIs and secondary private addresses; {enis} ENIs are there", enis=enis),
        (
            say("an EIP on each of several ENIs: how many an instance can have depends on its type"),
            say(
                "several EIPs on one ENI in NAT mode, each for a secondary private address; the primary ENI can, too, "
                "which it could not in 2021"
            ),
            say(
                "several EIPs on one ENI in multi-EIP-visible mode, up to ten: for accounts that were granted it "
                "before, on old instance families"
            ),
            say("whatever the way, replies must leave by the ENI of the EIP: `eip-agent apply` sees to that"),
            say("several ENIs do not add up to more bandwidth"),
        ),
        (*_more_enis(scene, enis, limits), *_more_addresses(scene, limits), *_multi(scene)),
        (*no_instance(scene), *limits_gap(scene), *no_eips(scene)),
    )


def _more_enis(scene: Scene, enis: int, limits: LimitFact | None) -> Iterator[Point]:
    kind = (scene.cloud.instance_type if scene.cloud else None) or say("this instance type")
    if scene.cloud is None:
        return
    if limits is None or limits.enis is None:
        yield Point(say("{enis} ENIs; how many {type} may have is not known", enis=enis, type=kind), Sign.UNKNOWN)
    elif enis < limits.enis:
        values = {"more": limits.enis - enis, "type": kind, "most": limits.enis}
        yield Point(say("{more} more ENIs can be attached: {type} may have {most}", **values), Sign.FINE)
    else:
        says = say("no more ENI can be attached: {type} may have {most}", type=kind, most=limits.enis)
        yield Point(says, Sign.ABSENT)


def _more_addresses(scene: Scene, limits: LimitFact | None) -> Iterator[Point]:
    eips = held(scene)
    for story in scene.report.stories:
        if story.verdict.mode in (Mode.NAT, Mode.SECONDARY_CIDR) and not story.excluded:
            yield from _of_eni(story, [one for one in eips if one.story == story], limits)


def _of_eni(story: Story, eips: list[Held], limits: LimitFact | None) -> Iterator[Point]:
    private = story.eni.private_ipv4s or ()
    free = [address for address in private if address not in {one.private for one in eips}]
    values = {"eni": name_of(story), "free": listed(free), "has": len(private)}
    if free:
        yield Point(say("{eni}: no EIP is known for {free}, which could have one each", **values))
    most = limits.ipv4s if limits is not None else None
    if most is None:
        yield Point(say("{eni} has {has} private addresses; how many it may have is not known", **values), Sign.UNKNOWN)
    elif len(private) < most:
        values |= {"more": most - len(private), "most": most}
        yield Point(say("{eni}: {more} more private addresses can be assigned, up to {most}", **values), Sign.FINE)
    else:
        yield Point(say("{eni}: no more private addresses can be assigned than its {has}", **values), Sign.ABSENT)


def _multi(scene: Scene) -> Iterator[Point]:
    if scene.cloud is None:
        return
    for story in scene.report.stories:
        if story.verdict.mode is Mode.MULTI_EIP_VISIBLE:
            has = sum(one.story == story for one in held(scene))
            values = {"eni": name_of(story), "has": has, "more": max(MOST_MULTI - has, 0)}
            yield Point(say("{eni} is `multi-eip-visible` with {has} EIPs: {more} more can be bound", **values))
    if any(story.verdict.mode is Mode.MULTI_EIP_VISIBLE for story in scene.report.stories):
        return  # whatever the lists of regions and families say
    choice = next(choice for choice in nat.choices(scene) if choice.mode is Mode.MULTI_EIP_VISIBLE)
    for want in choice.wants:
        if want.here is False:
            yield Point(say("multi-EIP-visible mode cannot be had here: it needs {want}", want=want.what), Sign.ABSENT)
