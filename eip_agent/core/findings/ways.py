"""EIP111, EIP112, EIP131, EIP141: by which links what this host sends leaves, and what stands in the way.

Asked of all rules and routes as the kernel walks them, whoever made them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core.departure import Departures, is_ours, spelled, spelled_route
from eip_agent.core.facts import IPAddress
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import Message, say, text
from eip_agent.core.numbers import PRIORITIES, TABLES
from eip_agent.core.report import Story
from eip_agent.core.residents import Role, mapping, named, residents, tended
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
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
    do=text("let eip-agent give it a rule and a table of its own"),
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
    proof="tests/lab/findings/test_ways.py; facts 2.3",
)
SHADOWED = Kind(
    "EIP141",
    Severity.ERROR,
    text("somebody else's rule takes the packets of an address"),
    saw=text("packets from {addresses} to the Internet meet the rule `{rule}` first, and {outcome}"),
    means=text("the rules of eip-agent come later and are not asked: the address does not answer the Internet"),
    do=text("delete that rule, or have its owner leave out these sources or give it a priority after {last}"),
    commands=("{ip} rule del {rule}",),
    proof="tests/lab/findings/test_ways.py; ip-rule(8)",
    caused_by=frozenset(("EIP105", "EIP110")),
)

KINDS = (STRAYS, STUCK, SERVICES_LOST, SHADOWED)


@dataclass(frozen=True, slots=True)
class _Case:
    """What several addresses have in common: they leave the same wrong way."""

    story: Story | None
    """None: a rule may take those of several ENIs."""
    rule: RuleSeen | None
    walk: Walk


@dataclass(frozen=True, slots=True)
class _Leaving:
    """How a packet leaves, as texts have it."""

    out: tuple[str, ...]
    """The names of the links by which it may."""
    rule: int
    """The priority of the rule that decided."""
    route: str
    """Empty where the rule refuses it by itself."""


def departures(scene: Scene) -> Departures | None:
    """What answers by which link a packet leaves; None where rules or routes were not read."""
    around = scene.surroundings
    if around is None or around.rules is None or around.routes is None:
        return None
    return Departures(around.rules, around.routes, scene.kernel.links)


def out_of(walk: Walk) -> frozenset[int]:
    """The links by which a packet may leave; empty where it does not."""
    return frozenset(hop.link for hop in walk.hops if hop.link is not None)


def _leaving(departing: Departures, walk: Walk) -> _Leaving:
    """How a packet leaves, in words."""
    out = tuple(sorted(departing.name(link) for link in out_of(walk)))
    step = walk.end
    route = spelled_route(step.route, " ".join(out)) if step is not None and step.route is not None else ""
    return _Leaving(out, step.rule.priority if step is not None else 0, route)


def astray(scene: Scene) -> Iterator[Finding]:
    """Addresses whose packets to the Internet leave by another link than that of their ENI, or by none."""
    departing = departures(scene)
    if departing is None:
        return
    # Whose replies somebody else routes by marks, no rule tells.
    by_mark = {link for link, rule in marked(scene).items() if rule.table not in TABLES}
    cases: dict[tuple[object, ...], tuple[_Case, list[IPAddress], dict[str, None]]] = {}
    for one in residents(scene):
        if one.role not in _ROUTED or not one.story.link.up or not _is_routable(one.ip, one.story, scene):
            continue
        own = frozenset((one.story.link.link.index,))
        if own & by_mark and one.ip.version == 4:
            continue
        wrong = next((walk for walk in departing.to_internet(one.ip) if out_of(walk) != own), None)
        if wrong is None:
            continue
        step = wrong.end
        shadow = step.rule if step is not None and _is_shadow(step.rule) else None
        route = step.route if step is not None else None
        key = (
            (one.ip.version, shadow, route)
            if shadow
            else (one.ip.version, one.story.eni.mac, step and step.rule, route)
        )
        case = _Case(None if shadow else one.story, shadow, wrong)
        _, ips, links = cases.setdefault(key, (case, [], {}))
        ips.append(one.ip)
        links[one.story.link.link.name] = None
    for case, ips, links in cases.values():
        yield _told(scene, departing, case, ips, tuple(links))


def _told(scene: Scene, departing: Departures, case: _Case, ips: Sequence[IPAddress], links: Sequence[str]) -> Finding:
    addresses = named(tuple(ips), mapping(scene))
    about = (*links, *map(str, ips))
    subject = f"{', '.join(links)} {ips[0]}" + (f" +{len(ips) - 1}" if len(ips) > 1 else "")
    leaving = _leaving(departing, case.walk)
    if case.rule is not None:
        outcome = say("leave by {out}", out=leaving.out) if leaving.out else say("are refused")
        ip = "ip -6" if case.rule.family == 6 else "ip"
        return SHADOWED.on(
            subject,
            about=about,
            addresses=addresses,
            rule=spelled(case.rule),
            outcome=outcome,
            ip=ip,
            last=PRIORITIES.stop - 1,
        )
    if not leaving.out:
        return STUCK.on(subject, about=about, addresses=addresses, why=_why(case.walk, leaving))
    return STRAYS.on(
        subject,
        about=about,
        addresses=addresses,
        lost=_lost(scene, case, leaving.out),
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


def _lost(scene: Scene, case: _Case, out: tuple[str, ...]) -> Message:
    """What becomes of the packets."""
    story = case.story
    if story is not None and case.walk.flow.destination.version == 4 and is_strict(scene, story):
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


def _is_shadow(rule: RuleSeen) -> bool:
    """Whether a rule is somebody else's and comes before the end of our band."""
    return rule.priority in range(1, PRIORITIES.stop) and not is_ours(rule)


def _is_routable(ip: IPAddress, story: Story, scene: Scene) -> bool:
    """Whether it is known by which gateway the address should leave."""
    if ip.version == 4:
        return story.eni.gateway is not None or bool(story.verdict.visible)
    return story.eni.gateway6 is not None and not scene.settings.leave_ipv6 and not ip.is_link_local


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
            about=(name,),
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
