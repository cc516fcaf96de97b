"""EIP111, EIP112, EIP131: by which links what this host sends leaves.

Asked of all rules and routes as the kernel walks them, whoever made them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core.departure import Departures, departures, out_of, taker
from eip_agent.core.facts import IPAddress
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import Message, say, text
from eip_agent.core.numbers import MAIN, TABLES
from eip_agent.core.report import Story
from eip_agent.core.residents import Resident, Role, mapping, named, residents, subject_of, tended
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.spelling import spelled_route
from eip_agent.core.surroundings import RuleSeen
from eip_agent.core.walk import Walk

SERVICES: Final = (IPv4Address("100.100.100.200"), IPv4Address("100.100.2.136"))
"""The metadata service and a DNS server, of 100.64.0.0/10."""

_ROUTED: Final = frozenset((Role.GIVEN, Role.UNLISTED, Role.OTHER))
"""What leaves by the ENI whose link has it."""

STRAYS = Kind(
    "EIP111",
    Severity.ERROR,
    text("replies of an address leave by another NIC"),
    saw=text("packets from {addresses} to the Internet leave by {out}: rule {rule} leads to `{route}`"),
    means=text("{lost}"),
    do=text("let eip-agent give it a rule and a table of its own"),
    commands=("eip-agent apply",),
    proof="tests/lab/findings/test_ways.py",
    caused_by=frozenset(("EIP105", "EIP110", "EIP142", "EIP301")),
)
STUCK = Kind(
    "EIP112",
    Severity.ERROR,
    text("an address has no way to the Internet"),
    saw=text("packets from {addresses} to the Internet have no way: {why}"),
    means=text("requests to it are not answered, and programs that are bound to it reach nobody outside"),
    do=text("{remedy}"),
    commands=("eip-agent apply",),
    proof="tests/lab/findings/test_ways.py",
    caused_by=frozenset(("EIP105", "EIP110", "EIP142", "EIP301")),
)
SERVICES_LOST = Kind(
    "EIP131",
    Severity.ERROR,
    text("100.64.0.0/10 is sent to a NIC that cannot reach it"),
    saw=text("packets to {address} leave by {link}, whose ENI is in EIP-visible mode: rule {rule} leads to `{route}`"),
    means=text("the cloud serves 100.64.0.0/10 by no such NIC: metadata, DNS and in-VPC services are cut off"),
    do=text("send that range by a NIC that is not in EIP-visible mode"),
    commands=("ip route replace 100.64.0.0/10 via {gateway} dev {primary}", "eip-agent apply"),
    proof="tests/lab/findings/test_ways.py; cloud documentation: associate an EIP with an ENI",
    caused_by=frozenset(("EIP105", "EIP110")),
)
KINDS = (STRAYS, STUCK, SERVICES_LOST)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """How a packet leaves, as texts have it."""

    out: tuple[str, ...]
    """The names of the links by which it may."""
    rule: int
    """The priority of the rule that decided."""
    route: str
    """Empty where the rule refuses it by itself."""


def _leaving(departing: Departures, walk: Walk) -> _Leaving:
    """How a packet leaves, in words."""
    out = tuple(sorted(departing.name(link) for link in out_of(walk)))
    step = walk.end
    route = spelled_route(step.route, " ".join(out)) if step is not None and step.route is not None else ""
    return _Leaving(out, step.rule.priority if step is not None else 0, route)


def routed(scene: Scene) -> Iterator[Resident]:
    """The addresses that should leave by the ENI whose link has them, and of which is known by which gateway."""
    for one in residents(scene):
        eni, six = one.story.eni, one.ip.version == 6
        known = eni.gateway6 is not None if six else eni.gateway is not None or bool(one.story.verdict.visible)
        if one.role in _ROUTED and one.story.link.up and known and not (six and scene.settings.leave_ipv6):
            yield one


def astray(scene: Scene) -> Iterator[Finding]:
    """Addresses whose packets to the Internet leave by another link than that of their ENI, or by none.

    One finding for all of an ENI that go the same way, and for all that `main` refuses.
    Those that a rule of somebody else takes are `shadows`'.
    """
    departing = departures(scene)
    if departing is None:
        return
    # Whose replies somebody else routes by marks, no rule tells.
    by_mark = {link for link, rule in marked(scene).items() if rule.table not in TABLES}
    cases: dict[tuple[object, ...], tuple[dict[str, Story], Walk, list[IPAddress]]] = {}
    for one in routed(scene):
        own = frozenset((one.story.link.link.index,))
        if one.ip.version == 4 and own & by_mark:
            continue
        wrong = next((walk for walk in departing.to_internet(one.ip) if out_of(walk) != own), None)
        step = wrong.end if wrong is not None else None
        if wrong is None or taker(wrong) is not None:
            continue
        # What `main` refuses is one trouble for all ENIs, by whichever rule each of them gets there.
        whose = () if _is_refused_by_main(wrong) else (one.story.eni.mac, step and step.rule)
        case = cases.setdefault((one.ip.version, whose, step and step.route), ({}, wrong, []))
        case[0].setdefault(one.story.link.link.name, one.story)
        case[2].append(one.ip)
    for stories, walk, ips in cases.values():
        yield _told(scene, stories, walk, tuple(ips), _leaving(departing, walk))


def _is_refused_by_main(walk: Walk) -> bool:
    return walk.route is not None and walk.route.table == MAIN and not out_of(walk)


def _told(
    scene: Scene, stories: Mapping[str, Story], walk: Walk, ips: tuple[IPAddress, ...], leaving: _Leaving
) -> Finding:
    links, story = tuple(stories), next(iter(stories.values()))
    addresses, about, subject = named(ips, mapping(scene)), (*links, *map(str, ips)), subject_of(links, ips)
    if not leaving.out:
        remedy, commands = _remedy(walk, leaving)
        return STUCK.on(
            subject, about=about, commands=commands, addresses=addresses, why=_why(walk, leaving), remedy=remedy
        )
    return STRAYS.on(
        subject,
        about=about,
        addresses=addresses,
        lost=_lost(scene, story, walk, leaving.out),
        out=leaving.out,
        rule=leaving.rule,
        route=leaving.route,
    )


def _why(walk: Walk, leaving: _Leaving) -> Message:
    """Why a packet has no way."""
    if walk.end is None:
        return say("no table that a rule looks up has a default route for it")
    if not leaving.route:
        return say("rule {rule} refuses them", rule=leaving.rule)
    return say("rule {rule} leads to `{route}`", rule=leaving.rule, route=leaving.route)


def _remedy(walk: Walk, leaving: _Leaving) -> tuple[Message, tuple[str, ...] | None]:
    """What gives a packet its way back, in words and in commands; None for those of the kind.

    What `main` refuses is refused for our rules too: the kernel's `suppress_prefixlength` passes over routes that are
    found, and no errors.  Source: fib_rules_lookup (kernel, net/core/fib_rules.c).
    """
    if not _is_refused_by_main(walk):
        return say("let eip-agent give it a rule and a table of its own"), None
    ip = "ip -6" if walk.flow.destination.version == 6 else "ip"
    return (
        say("delete that route, which no rule of eip-agent can pass over, or have its owner narrow it"),
        (f"{ip} route del {leaving.route}", "eip-agent apply"),
    )


def _lost(scene: Scene, story: Story, walk: Walk, out: tuple[str, ...]) -> Message:
    """What becomes of the packets."""
    if walk.flow.destination.version == 4 and is_strict(scene, story):
        return say(
            "requests to it are dropped on arrival: {link} filters strictly by reverse path (`rp_filter` 1), "
            "and the way back is not by {link}",
            link=story.link.link.name,
        )
    if {other.link.link.name for other in scene.report.stories}.issuperset(out):
        return say("the ENI of {out} does not have that address, so the cloud drops the packets", out=out)
    return say("{out} is not the NIC of its ENI, so whoever asks gets no answer from the address", out=out)


def is_strict(scene: Scene, story: Story) -> bool:
    """Whether a link surely filters by reverse path strictly: the larger of two values counts, and 1 is strict."""
    own = story.link.setting("rp_filter")
    common = scene.surroundings.of_all("rp_filter") if scene.surroundings is not None else None
    return own is not None and common is not None and max(own, common) == 1


def marked(scene: Scene) -> Mapping[int, RuleSeen]:
    """The rules that send IPv4 packets with a mark out by one link, by the index of that link."""
    around = scene.surroundings
    ways: dict[int, int] = {}
    for route in (around.routes if around is not None else None) or ():
        if route.destination.version == 4 and not route.destination.prefixlen and len(route.hops) == 1:
            ways.setdefault(route.table, route.hops[0].link or 0)
    rules = [rule for rule in (around.rules if around is not None else None) or () if rule.family == 4 and rule.mark]
    return {ways[rule.table]: rule for rule in reversed(rules) if rule.table in ways}


def services(scene: Scene) -> Iterator[Finding]:
    """The cloud's services, where the link in EIP-visible mode is asked for them."""
    hidden = {
        story.link.link.index: story
        for story in scene.report.stories
        if story.verdict.decided and story.verdict.mode is Mode.EIP_VISIBLE
    }
    departing = departures(scene) if hidden else None
    if departing is None:
        return
    for address in SERVICES:
        walk = departing.walk(None, address)
        story = next((hidden[link] for link in out_of(walk) if link in hidden), None)
        if story is None or walk.doubtful:
            continue
        name, leaving = story.link.link.name, _leaving(departing, walk)
        primary = next((one for one in tended(scene) if one.primary and one.eni.gateway is not None), None)
        yield SERVICES_LOST.on(
            name,
            # Where the primary link is down, its default route has gone with it.
            about=(name, *(one.link.link.name for one in scene.report.stories if one.primary)),
            commands=None if primary is not None else (),
            address=address,
            link=name,
            rule=leaving.rule,
            route=leaving.route,
            gateway=primary.eni.gateway if primary is not None else None,
            primary=primary.link.link.name if primary is not None else None,
        )
        return


FINDERS = (astray, services)
