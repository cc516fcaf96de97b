"""Questions 13 and 15: why the Internet is not reached by an EIP, and EIPs behind a web application firewall."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from eip_agent.core.changes import count
from eip_agent.core.faq.answer import Answer, Gap, Point, Sign
from eip_agent.core.faq.instance import Held, found, held, is_told, name_of, no_eips, no_instance
from eip_agent.core.faq.outlets import by_tables, unknown_gateway, unknown_mode, unknown_tables
from eip_agent.core.faq.visibility import VISIBLE
from eip_agent.core.finding import Severity
from eip_agent.core.message import Message, say
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene


def internet(scene: Scene) -> Answer:
    """Why the Internet is not reached although an EIP is bound."""
    points = tuple(_points(scene))
    wrong = sum(point.sign is Sign.WRONG for point in points)
    return Answer(
        13,
        say("Why is the Internet not reached, although an EIP is bound to the instance or to an ENI?"),
        _short(scene, wrong),
        (
            say(
                "who is asked answers by the route of the address that was asked; without source routing the reply "
                "leaves by the primary ENI, and is dropped: `eip-agent apply` gives each address its own way out"
            ),
            say(
                "who asks from here leaves by the default route, which is the primary ENI's: bind the program to an "
                "address of the ENI, or lower the metric of the ENI's default route below the primary's, or add routes "
                "to what it asks, by the ENI or shared over several; 100.64.0.0/10 must stay with an ENI that has it"
            ),
            say("the FAQ of 2021 speaks of programs that ask from here only; answers need routes too"),
        ),
        points,
        (*no_instance(scene), *no_eips(scene), *_gaps(scene)),
    )


def _short(scene: Scene, wrong: int) -> Message:
    if scene.cloud is None:
        return say("nothing can be checked here, for nothing is known of the instance")
    if wrong:
        return say("causes that hold here, of those that can be checked: {number}", number=wrong)
    return say("nothing that can be checked here stands in the way")


def _points(scene: Scene) -> Iterator[Point]:
    if scene.cloud is None:
        return
    yield _are_bound(scene)
    for story in scene.report.stories:
        if not story.excluded:
            yield _link(story)
    yield _configured(scene)
    for what, codes, is_known in (
        (say("the state of EIPs and ENIs in the cloud"), ("EIP40x", "EIP41x", "EIP42x", "EIP44x"), is_told(scene)),
        (say("links and routes on this host"), ("EIP1x",), _are_routes_read(scene)),
        (say("other programs and the firewall on this host"), ("EIP2x",), _is_host_read(scene)),
        (say("what the sources say of the modes"), ("EIP30x",), not scene.report.unread),
    ):
        yield _verdict(scene, what, codes, is_known=is_known)
    yield from by_tables(scene)


def _configured(scene: Scene) -> Point:
    report = scene.report
    if report.plan:
        return Point(
            say(
                "addresses, routes or rules are missing or wrong: `eip-agent apply` adds {add}, replaces {replace}, "
                "removes {remove}",
                **count(report.plan),
            ),
            Sign.WRONG,
        )
    if report.unread or not all(story.verdict.decided or story.excluded for story in report.stories):
        return Point(say("whether every address here has its link, rule and route is not known"), Sign.UNKNOWN)
    return Point(say("every address here has its link, rule and route"), Sign.FINE)


def _are_routes_read(scene: Scene) -> bool:
    around = scene.surroundings
    return around is not None and around.rules is not None and around.routes is not None


def _is_host_read(scene: Scene) -> bool:
    around = scene.surroundings
    programs = scene.host is not None and scene.host.managers is not None
    return programs and around is not None and around.firewall is not None


def _verdict(scene: Scene, what: Message, codes: tuple[str, ...], *, is_known: bool) -> Point:
    """How findings of these kinds weigh; notes are no cause, and what is accepted is one all the same."""
    heavy = {one.code for one in scene.report.findings if one.kind.severity is not Severity.NOTE}
    here = tuple(code for code in found(scene, *codes) if code in heavy)
    if here:
        return Point(say("{what}: something was found", what=what), Sign.WRONG, here)
    if not is_known:
        return Point(say("{what}: not all of it could be read", what=what), Sign.UNKNOWN)
    return Point(say("{what}: nothing was found", what=what), Sign.FINE)


def _are_bound(scene: Scene) -> Point:
    eips = held(scene)
    if eips:
        return Point(say("EIPs are bound: {eips}", eips=tuple(one.eip for one in eips)), Sign.FINE)
    if is_told(scene):
        return Point(say("no EIP is bound to an ENI of this instance"), Sign.WRONG)
    return Point(say("whether an EIP is bound at all is not known"), Sign.UNKNOWN)


def _link(story: Story) -> Point:
    eni = name_of(story)
    if not story.link.up:
        return Point(say("the link of {eni} is down: `eip-agent apply` brings it up", eni=eni), Sign.WRONG)
    return Point(say("the link of {eni} is up", eni=eni), Sign.FINE)


def _gaps(scene: Scene) -> Iterator[Gap]:
    if scene.cloud is None:
        return
    what = say(
        "whether the VPC has an IPv4 gateway: then the route table of the vSwitch decides, "
        "and an ENI in a private vSwitch may have no Internet although an EIP is bound"
    )
    yield from unknown_gateway(scene, what)
    yield from unknown_tables(scene)
    yield from unknown_mode(scene)
    for what, how in _POSSIBLE:
        yield Gap(what, how)


_POSSIBLE: tuple[tuple[Message, Message], ...] = (
    (
        say("whether the security groups of each ENI let the traffic in and out; they count in every mode"),
        say("nothing that eip-agent may ask: look at the security groups of that very ENI in the console"),
    ),
    (
        say(
            "whether a network ACL of the vSwitch drops it, without a word and in each direction by itself; "
            "it does not count for ENIs in EIP-visible mode"
        ),
        say("nothing that eip-agent may ask: look at the vSwitch in the console"),
    ),
    (
        say("whether packets pass now"),
        say("`eip-agent explain --probe` tries it; `tcpdump -ni LINK` on the ENI's link shows what arrives"),
    ),
)


def firewall_origin(scene: Scene) -> Answer:
    """Whether an EIP can be the origin of a web application firewall."""
    eips = held(scene)
    return Answer(
        15,
        say("Can an EIP be the origin address of a web application firewall (WAF)?"),
        say("yes: any of the {number} EIPs known here", number=len(eips)) if eips else say("yes"),
        (say("yes: enter the EIP as origin; it must answer requests from the Internet as any EIP (question 13)"),),
        tuple(
            Point(say("{eip} could be an origin: the server listens on {address}", eip=one.eip, address=_listen(one)))
            for one in eips
        )
        or (Point(say("no EIP of this instance is known that could be one"), Sign.UNKNOWN),),
        (
            *no_instance(scene),
            *no_eips(scene),
            Gap(
                say("whether a WAF is there, and which origin it has"),
                say("nothing that eip-agent may ask: look at the WAF in the console"),
            ),
        ),
    )


def _listen(one: Held) -> IPv4Address | Message:
    """The address on which a server gets what is sent to an EIP."""
    if one.story.verdict.mode in VISIBLE:
        return one.eip
    return one.private or say("its private address")
