"""Question 5: how many EIPs a resource can have."""

from collections.abc import Iterator

from eip_agent.core.faq.answer import Answer, Gap, Point, Sign
from eip_agent.core.faq.instance import gap, held, name_of, no_eips, no_instance
from eip_agent.core.message import say
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode

MOST_MULTI = 10
"""EIPs of one ENI in multi-EIP-visible mode, unless a ticket raised it."""


def quotas(scene: Scene) -> Answer:
    """How many EIPs a resource can have."""
    eips = len(held(scene))
    room = sum(room_of(story) for story in scene.report.stories if not story.excluded)
    return Answer(
        5,
        say("How many EIPs can one resource have?"),
        say("the ENIs here can have {room} EIPs as they are, and {eips} are known", room=room, eips=eips),
        (
            say(
                "an ECS instance itself one; an ENI in NAT mode one for each private IPv4 address; "
                "in EIP-visible mode one; in multi-EIP-visible mode ten"
            ),
            say(
                "a public NAT gateway 20 by default, and up to 50 where its EIPs are bound in NAT mode, "
                "each of which takes a private address of its vSwitch; "
                "a HAVIP one; a private CLB one; raise quotas in the quota centre"
            ),
            say(
                "the FAQ of 2021 allows a NAT gateway ten pay-by-traffic EIPs; the error of that limit still exists "
                "(`QuotaExceeded.NumberOfTrafficEip`)"
            ),
            say("an account had 20 EIPs by default in 2021; more is a raised quota"),
        ),
        tuple(_points(scene)),
        (*no_instance(scene), *no_eips(scene), *limits_gap(scene)),
    )


def room_of(story: Story) -> int:
    """How many EIPs an ENI can have with the addresses it has now."""
    match story.verdict.mode:
        case Mode.EIP_VISIBLE:
            return 1
        case Mode.MULTI_EIP_VISIBLE:
            return MOST_MULTI
    return len(story.eni.private_ipv4s or ())


def _points(scene: Scene) -> Iterator[Point]:
    for story in scene.report.stories:
        if story.excluded:
            continue
        has, room = sum(one.story == story for one in held(scene)), room_of(story)
        yield Point(
            say("{eni}: EIPs known: {has}; it can have {room} as it is", eni=name_of(story), has=has, room=room),
            Sign.WRONG if has > room else Sign.FACT,
        )
    limits = scene.witnesses.api.limits if scene.witnesses.api is not None else None
    if limits is not None and limits.enis and limits.ipv4s:
        yield Point(
            say(
                "`{type}` may have {enis} ENIs of {ipv4s} private IPv4 addresses: at most {all} EIPs in NAT mode",
                type=limits.instance_type,
                enis=limits.enis,
                ipv4s=limits.ipv4s,
                all=limits.enis * limits.ipv4s,
            )
        )
    api = scene.witnesses.api
    for havip in (api.havips or ()) if api is not None else ():
        if scene.ids.intersection(havip.instances):
            yield Point(say("the HAVIP {id}: EIPs known: {has}; it can have 1", id=havip.havip_id, has=len(havip.eips)))


def limits_gap(scene: Scene) -> Iterator[Gap]:
    """Where the limits of the instance type are not told."""
    api, cloud = scene.witnesses.api, scene.cloud
    if cloud is not None and (api is None or api.limits is None):
        what = (
            say("how many ENIs and addresses `{type}` may have", type=cloud.instance_type)
            if cloud.instance_type
            else say("how many ENIs and addresses this instance may have")
        )
        yield gap(scene, "ecs:DescribeInstanceTypes", what)
