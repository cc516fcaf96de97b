"""EIP141: rules of others that come before ours and take the packets of our addresses."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from eip_agent.core.departure import Departures, departures, is_shadow, out_of, taker
from eip_agent.core.facts import IPAddress
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.findings.ways import routed
from eip_agent.core.message import Message, Value, say, text
from eip_agent.core.numbers import DEFAULT_LENGTHS, PRIORITIES
from eip_agent.core.residents import Resident, mapping, named, subject_of
from eip_agent.core.scene import Scene
from eip_agent.core.spelling import spelled
from eip_agent.core.surroundings import RuleSeen
from eip_agent.core.walk import Walk

_ASKED: Final = 32
"""Rules with a destination of which it is tried what they take."""

SHADOWED = Kind(
    "EIP141",
    Severity.ERROR,
    text("somebody else's rule takes the packets of an address"),
    saw=text("packets from {addresses} to {where} meet the rule `{rule}` first, and {outcome}"),
    means=text("the rules of eip-agent come later and are not asked: who is there gets no answer from the address"),
    do=text("delete that rule, or have its owner leave out these sources or give it a priority after {last}"),
    commands=("{ip} rule del {rule}",),
    proof="tests/lab/findings/test_shadows.py; ip-rule(8)",
    caused_by=frozenset(("EIP105", "EIP110")),
)

KINDS = (SHADOWED,)


@dataclass(slots=True)
class _Catch:
    """What one rule takes."""

    walk: Walk
    where: Value
    ips: list[IPAddress] = field(default_factory=list)
    links: dict[str, None] = field(default_factory=dict)


def shadowed(scene: Scene) -> Iterator[Finding]:
    """One finding for each rule that takes packets which ours would send by their own ENI."""
    departing = departures(scene)
    if departing is None or scene.surroundings is None or scene.surroundings.rules is None:
        return
    if not any(is_shadow(rule) for rule in scene.surroundings.rules):
        return
    narrow = list(_narrow(scene, departing))
    catches: dict[RuleSeen, _Catch] = {}
    for one in routed(scene):
        for rule, walk, where in _takers(one, departing, narrow):
            catch = catches.setdefault(rule, _Catch(walk, where))
            catch.ips.append(one.ip)
            catch.links[one.story.link.link.name] = None
    for rule, catch in catches.items():
        ips, links = tuple(catch.ips), tuple(catch.links)
        out = tuple(sorted(departing.name(link) for link in out_of(catch.walk)))
        yield SHADOWED.on(
            subject_of(links, ips),
            about=(*links, *map(str, ips), f"rule {rule.priority}"),
            addresses=named(ips, mapping(scene)),
            where=catch.where,
            rule=spelled(rule),
            outcome=_outcome(catch.walk, out),
            ip="ip -6" if rule.family == 6 else "ip",
            last=PRIORITIES.stop - 1,
        )


def _outcome(walk: Walk, out: tuple[str, ...]) -> Message:
    if out:
        return say("leave by {out}", out=out)
    return say("find no route") if walk.end is None else say("are refused")


def _takers(
    one: Resident, departing: Departures, narrow: list[tuple[RuleSeen, IPAddress]]
) -> Iterator[tuple[RuleSeen, Walk, Value]]:
    """The rules that send packets of one address elsewhere than by its own ENI, each once."""
    own = frozenset((one.story.link.link.index,))
    seen = set()
    tried: list[tuple[Walk, Value]] = [(walk, say("the Internet")) for walk in departing.to_internet(one.ip)]
    tried += [
        (departing.walk(one.ip, address), rule.destination) for rule, address in narrow if rule.family == one.ip.version
    ]
    for walk, where in tried:
        rule = taker(walk) if not walk.doubtful else None
        if rule is not None and rule not in seen and out_of(walk) != own:
            seen.add(rule)
            yield rule, walk, where


def _narrow(scene: Scene, departing: Departures) -> Iterator[tuple[RuleSeen, IPAddress]]:
    """Rules for one destination that lead out by an ENI, each with an address there that is not ours.

    Those that lead to a bridge or a tunnel take what our rules would leave to `main` as well.
    """
    enis = {story.link.link.index for story in scene.report.stories}
    local = {fact.ip for fact in scene.kernel.addresses}
    around = scene.surroundings
    rules = [rule for rule in (around.rules if around is not None else None) or () if is_shadow(rule)]
    particular = [rule for rule in rules if rule.destination is not None and not rule.inverted]
    for rule in particular[:_ASKED]:
        to, table = rule.destination, rule.table
        if to is None or to.prefixlen <= DEFAULT_LENGTHS[rule.family] or table is None:
            continue
        hosts = (to.network_address + number for number in range(min(to.num_addresses, 8)))
        address = next((host for host in reversed(list(hosts)) if host not in local), None)
        if address is not None and departing.links_to(table, address) & enis:
            yield rule, address


FINDERS = (shadowed,)
