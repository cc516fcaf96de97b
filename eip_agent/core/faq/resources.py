"""Questions 1 to 4: what an EIP can be bound to, and from where."""

from collections.abc import Iterator

from eip_agent.core.faq.answer import Answer, Point, Sign
from eip_agent.core.faq.instance import found, held, listed, name_of, no_eips, no_instance, ways
from eip_agent.core.findings.eips import place_of
from eip_agent.core.message import Message, say
from eip_agent.core.openapi import Bound
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode


def resources(scene: Scene) -> Answer:
    """What an EIP can be bound to."""
    return Answer(
        1,
        say("Which cloud resources can an EIP be bound to?"),
        say(
            "here: to this instance and its {number} ENIs; {eips} EIPs are known to be",
            number=len(scene.report.stories),
            eips=len(held(scene)),
        ),
        (
            say(
                "to an ECS instance in a VPC, to an ENI (the primary one in NAT mode only), to a private load balancer "
                "(CLB; ALB and NLB in their own console), to a public NAT gateway, to a HAVIP, and to an IP address "
                "of a VPC that has an IPv4 gateway"
            ),
            say(
                "the FAQ of 2021 names neither ALB, NLB and IP addresses, nor the primary ENI, "
                "whose private addresses can all have EIPs in NAT mode today"
            ),
        ),
        (*(Point(_capacity(story)) for story in scene.report.stories if not story.excluded), *_havips(scene)),
        (*no_instance(scene), *no_eips(scene)),
    )


def _capacity(story: Story) -> Message:
    """What one ENI may have, by its mode."""
    private = story.eni.private_ipv4s
    values = {"eni": name_of(story), "private": listed(private or ()), "mode": story.verdict.mode.value}
    match story.verdict.mode:
        case Mode.EIP_VISIBLE:
            return say("{eni} is `{mode}`: it has one EIP, in the place of its private address", **values)
        case Mode.MULTI_EIP_VISIBLE:
            return say("{eni} is `{mode}`: up to ten EIPs beside its private address", **values)
        case Mode.UNDECIDED:
            return say("{eni} is undecided: what may be bound to it depends on its mode", **values)
    if private is None:
        return say("{eni} is `{mode}`: one EIP for each of its private addresses, which nobody told", **values)
    return say("{eni} is `{mode}`: one EIP for each of its private addresses, {private}", **values)


def _havips(scene: Scene) -> Iterator[Point]:
    api = scene.witnesses.api
    for havip in (api.havips or ()) if api is not None else ():
        if scene.ids.intersection(havip.instances):
            yield Point(
                say(
                    "this instance belongs to the HAVIP {id} ({address}), which can have one EIP: {eips}",
                    id=havip.havip_id,
                    address=havip.address,
                    eips=listed(havip.eips),
                )
            )


def several_resources(scene: Scene) -> Answer:
    """Whether one EIP serves several resources."""
    codes = found(scene, "EIP402", "EIP403")
    short = (
        say("no; the settings and the OpenAPI name different places for an EIP here")
        if codes
        else say("no; each of the {eips} EIPs known here has its one place", eips=len(held(scene)))
    )
    elsewhere = (
        Point(say("{eip} is bound to {where}", eip=eip.address, where=place_of(eip)), Sign.WRONG, codes)
        for eip in (scene.witnesses.api.eips if scene.witnesses.api is not None else ())
        if eip.address not in {one.eip for one in held(scene)} and eip.bound is not Bound.NOTHING
    )
    return Answer(
        2,
        say("Can one EIP be bound to several resources at the same time?"),
        short,
        (say("no: an EIP is bound to one resource at a time; unbind it there before it is bound elsewhere"),),
        (*ways(scene), *elsewhere),
        (*no_instance(scene), *no_eips(scene)),
    )


def regions(scene: Scene) -> Answer:
    """Whether an EIP can be bound across regions."""
    region = (scene.cloud.region if scene.cloud else None) or say("a region that nobody told")
    return Answer(
        3,
        say("Can an EIP be bound across regions?"),
        say("no; this instance is in {region}, and so must be its EIPs", region=region),
        (
            say("no: the EIP and what it is bound to are in one region"),
            say(
                "the cloud refuses others with `InvalidParameter.Mismatch` or `InvalidRegionId.NotFound`, "
                "and the lists of EIPs that it gives are those of one region"
            ),
        ),
        (
            Point(say("this instance is in {region}", region=region)),
            *(
                [Point(say("its EIPs {eips} are of this region", eips=listed(one.eip for one in held(scene))))]
                if held(scene)
                else []
            ),
        ),
        (*no_instance(scene),),
    )


def zones(scene: Scene) -> Answer:
    """Whether an EIP can be bound across zones."""
    zone = (scene.cloud.zone if scene.cloud else None) or say("a zone that nobody told")
    return Answer(
        4,
        say("Can an EIP be bound across zones?"),
        say("yes; this instance is in {zone}, its EIPs are in no zone", zone=zone),
        (
            say("yes: an EIP has a region and no zone"),
            say("an ENI is another matter: it must be in the zone of the instance, and may be in another vSwitch"),
        ),
        (Point(say("this instance is in {zone}, and so are its ENIs", zone=zone)),),
        (*no_instance(scene),),
    )
