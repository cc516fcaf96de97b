"""Question 14: IPv6, which does not come by EIPs."""

from collections.abc import Iterator

from eip_agent.core.faq.answer import Answer, Point, Sign
from eip_agent.core.faq.instance import found, listed, name_of, no_instance
from eip_agent.core.faq.outlets import by_ipv6, unknown_ipv6
from eip_agent.core.message import say
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene


def ipv6(scene: Scene) -> Answer:
    """Whether the instance can have IPv6."""
    stories = [story for story in scene.report.stories if not story.excluded]
    having = [story for story in stories if story.eni.ipv6s]
    return Answer(
        14,
        say("Does an ECS instance support IPv6?"),
        say("yes; {having} of {all} ENIs here have IPv6 addresses", having=len(having), all=len(stories)),
        (
            say(
                "yes, and not by an EIP: the address is a global one of the vSwitch's /64, and shows on the NIC; it "
                "reaches the Internet by the IPv6 gateway of the VPC, once bandwidth is bought for that very address"
            ),
            say(
                "an egress-only rule of the IPv6 gateway lets the instance ask and nobody ask it; "
                "in 2021 there were none, 50 or 200 of them by edition"
            ),
            say("the guest must put the address on the link: `eip-agent apply` does, and routes it by its ENI"),
        ),
        tuple(point for story in stories for point in _points(scene, story)),
        (*no_instance(scene), *unknown_ipv6(scene, having)),
    )


def _points(scene: Scene, story: Story) -> Iterator[Point]:
    eni, addresses = name_of(story), story.eni.ipv6s
    if addresses is None:
        yield Point(say("{eni}: whether it has IPv6 addresses is not known", eni=eni), Sign.UNKNOWN)
        return
    if not addresses:
        yield Point(say("{eni}: no IPv6 address; assign one in the console, in a vSwitch that has IPv6", eni=eni))
        return
    values = {"eni": eni, "addresses": listed(addresses), "subnet": story.eni.subnet6, "gateway": story.eni.gateway6}
    on_link = {fact.ip for fact in scene.kernel.addresses if fact.link == story.link.link.index}
    missing = [address for address in addresses if address not in on_link]
    if story.eni.gateway6 is None:
        yield Point(
            say("{eni}: {addresses}, and no IPv6 gateway is told", **values), Sign.WRONG, found(scene, "EIP430")
        )
    else:
        yield Point(say("{eni}: {addresses} of {subnet}, by {gateway}", **values), Sign.FINE)
    if not story.link.ipv6:
        yield Point(say("{eni}: IPv6 is switched off on its link", eni=eni), Sign.WRONG, found(scene, "EIP107"))
    elif missing:
        says = say("{eni}: {missing} not on the link: `eip-agent apply` adds them", eni=eni, missing=listed(missing))
        yield Point(says, Sign.WRONG)
    yield from by_ipv6(scene, story)
