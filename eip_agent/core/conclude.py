"""One pass without its two ends: from facts to a report with verdicts and a plan.  Pure, so that it can be proved."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core.age import age
from eip_agent.core.changes import Plan, diff
from eip_agent.core.claims import Case, eips_of
from eip_agent.core.cutting import guarded, may_cut_of, only_of_gone_links, removed_addresses
from eip_agent.core.desired import Local, Wish, carried, given, link_settings, tables, wish
from eip_agent.core.facts import (
    AddressFact,
    CloudFact,
    EniFact,
    IPNetwork,
    KernelFact,
    LinkFact,
    Remembered,
    Unread,
)
from eip_agent.core.items import GROUP_SETTING, Address, Item, LinkSetting, Rule
from eip_agent.core.judge import judge
from eip_agent.core.known import Known
from eip_agent.core.layout import Exit, rules
from eip_agent.core.message import say
from eip_agent.core.networks import around, lone
from eip_agent.core.numbers import DEVICE_GROUP, MAIN, link_of, slot_of
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import ApiFact, EipFact
from eip_agent.core.ownership import borrowed, is_our_route, is_our_rule, ours, setting_of
from eip_agent.core.pairing import Port, pair
from eip_agent.core.report import Report, Story, unread_of
from eip_agent.core.settings import DeclaredEip, Settings
from eip_agent.core.verdict import Certainty, Verdict, is_private, undecided


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What else was asked, besides the metadata service and the kernel."""

    api: ApiFact | None = None
    """None: not asked."""
    offers: tuple[OfferFact, ...] = ()
    known: Known | None = None
    """Last known good, of this instance."""
    api_before: ApiFact | None = None
    """What the OpenAPI said then."""
    now: float = 0.0
    """Seconds since the epoch."""
    silent: bool = False
    """The metadata service did not answer: its part is the last known good, and nothing is removed by it."""


NOBODY_ELSE: Final = Witnesses()


def conclude(
    cloud: CloudFact,
    kernel: KernelFact,
    remembered: Remembered,
    settings: Settings,
    witnesses: Witnesses = NOBODY_ELSE,
) -> Report:
    """What there is to say and to do.  Never raises: what is not known stays as it is."""
    ports = pair(cloud, kernel.links)
    excluded = [port for port in ports if _is_excluded(port, settings)]
    held = ours(kernel, remembered)
    cases = _cases([port for port in ports if port not in excluded], cloud, kernel, settings, witnesses)
    stories = tuple(
        Story(port.eni, port.link, port.primary, _judged(cases[port], held, witnesses))
        if port in cases
        else Story(port.eni, port.link, port.primary, undecided(port.eni, (), say("excluded"), ""), excluded=True)
        for port in ports
    )
    unread = unread_of(cloud, [port.eni for port in excluded])
    if cloud.primary_mac is None:
        # Without it every ENI looks secondary, and the one the owner comes in by would be treated as one.
        unknown = Unread(say("mac"), say("the metadata service does not say which ENI is the primary one"))
        return Report(cloud, stories, unread=unread or (unknown,))

    if not ports:
        nowhere = Unread(say("links"), say("no ENI of this instance has a link in this network namespace"))
        return Report(cloud, unread=(*unread, nowhere))

    listed = frozenset(ip for story in stories for ip in given(story.eni, story.verdict))
    local = Local(kernel, remembered)
    wishes = {
        port: wish(port, story.verdict, kernel, local, settings, listed)
        for port, story in zip(ports, stories, strict=True)
        if port not in excluded
    }
    unlisted = _unlisted(cloud, kernel, ports)
    exits = _without_lone_primary(
        [
            *(exit_ for wished in wishes.values() for exit_ in wished.exits),
            *(exit_ for port in unlisted for exit_ in carried(kernel, port, listed, listed)),
        ]
    )
    may_cut = only_of_gone_links(kernel) if witnesses.silent else may_cut_of(kernel, wishes, excluded, settings)
    staying = {address for wished in wishes.values() for address in wished.addresses}
    leaving = {item.key for item in held if isinstance(item, Address) and item not in staying and may_cut(item)}
    want: frozenset[Item] = frozenset(
        [
            *_rules(exits, _then(kernel, leaving, staying), [*ports, *unlisted]),
            *(route for exit_ in exits for route in tables(exit_, kernel)),
            *(address for wished in wishes.values() for address in wished.addresses),
            *_settings_of(wishes, exits, settings),
            *_grouped(excluded, exits),
        ]
    )
    have = held | frozenset(_present(want, kernel))
    plan = guarded(diff(have, want, may_cut, dict(borrowed(kernel, remembered))), kernel)
    return Report(
        cloud,
        tuple(_with_exits(story, wishes.get(port)) for port, story in zip(ports, stories, strict=True)),
        plan,
        unread=(*unread, *_homeless(cloud, ports, settings)),
        items=len(want),
    )


def to_ask(
    cloud: CloudFact, kernel: KernelFact, settings: Settings, witnesses: Witnesses = NOBODY_ELSE
) -> tuple[LinkFact, ...]:
    """The links to ask for a DHCP offer: those of secondary ENIs of which no live source settles the mode.

    A lease settles nothing by itself: it may be older than the last change of mode.
    """
    if not settings.dhcp_offers:
        return ()
    ports = [port for port in pair(cloud, kernel.links) if not port.primary and not _is_excluded(port, settings)]
    cases = _cases(ports, cloud, kernel, settings, witnesses)
    return tuple(port.link for port, seen in cases.items() if seen.told is None or not judge(seen).decided)


def needs_second_witness(plan: Plan) -> bool:
    """Whether an address would be removed, which one odd answer of the metadata service must not be enough for."""
    return bool(removed_addresses(plan))


def revert(kernel: KernelFact, remembered: Remembered) -> Plan:
    """The plan that takes back all that is ours, and nothing else."""
    lent = dict(borrowed(kernel, remembered))
    return guarded(diff(ours(kernel, remembered), (), lambda _: True, lent), kernel)


def _cases(
    ports: Iterable[Port], cloud: CloudFact, kernel: KernelFact, settings: Settings, witnesses: Witnesses
) -> Mapping[Port, Case]:
    """What all sources say about each ENI."""
    on: dict[int, list[AddressFact]] = {}
    for fact in kernel.addresses:
        on.setdefault(fact.link, []).append(fact)
    held = _held(on, kernel)
    cases = {}
    for port in ports:
        index = port.link.link.index
        case = _told(port, cloud, settings, witnesses)
        routes = [route for route in kernel.routes if route.link == index and route.table == MAIN]
        cases[port] = replace(case, addresses=on.get(index, ()), routes=routes, held=held.get(index, ()))
    return cases


def _told(port: Port, cloud: CloudFact, settings: Settings, witnesses: Witnesses) -> Case:
    """What all but the kernel say about one ENI."""
    declared = [eip for eip in settings.eips if _is_for(eip, port.eni)]
    told, elsewhere = None, list[EipFact]()
    api, known = witnesses.api, witnesses.known
    if api is not None and port.eni.eni_id in api.asked:
        told = eips_of(port.eni, cloud.instance_id, api.eips, primary=port.primary)
        ours_too = {eip.address for eip in told}
        wanted = {eip.address for eip in declared} - ours_too
        elsewhere = [eip for eip in api.eips if eip.address in wanted]
    before, age_of = None, ""
    former = witnesses.api_before
    if told is None and former is not None and port.eni.eni_id in former.asked:
        before = eips_of(port.eni, cloud.instance_id, former.eips, primary=port.primary)
        age_of = age(witnesses.now - known.api_at) if known else ""
    offered = next((seen for seen in known.offers if seen.mac == port.eni.mac), None) if known else None
    return Case(
        port,
        declared=declared,
        told=told,
        told_before=before,
        told_age=age_of,
        elsewhere=elsewhere,
        offer=next((offer for offer in witnesses.offers if offer.link == port.link.link.index), None),
        offer_before=offered.offer if offered else None,
        offer_age=age(witnesses.now - offered.at) if offered else "",
    )


def _held(on: Mapping[int, Sequence[AddressFact]], kernel: KernelFact) -> Mapping[int, Sequence[IPv4Address]]:
    """By link, the EIPs that were set there when its mode was last known: our rules send them by an EIP's gateway."""
    found: dict[int, list[IPv4Address]] = {}
    for rule in kernel.rules:
        source, table = rule.source, rule.table
        link = link_of(table) if table is not None else None
        if source is None or table is None or link is None or not slot_of(table) or not is_our_rule(rule):
            continue
        for fact in on.get(link, ()):
            ip = fact.ip
            if isinstance(ip, IPv4Address) and not fact.leased and ip in source:
                found.setdefault(link, []).append(ip)
    return found


def _judged(seen: Case, held: Iterable[Item], witnesses: Witnesses) -> Verdict:
    """The verdict; undecided where it would be guessed against EIPs on the link, and the OpenAPI was asked in vain.

    Whoever told of those EIPs is not heard now, and was not remembered either.
    """
    verdict, eni, index = judge(seen), seen.port.eni, seen.port.link.link.index
    if witnesses.api is None or verdict.certainty is not Certainty.PROBABLE or seen.told_before is not None:
        return verdict
    known = {eip.address for eip in verdict.visible}
    eips = [
        str(item.ip)
        for item in held
        if isinstance(item, Address) and item.link.index == index and isinstance(item.ip, IPv4Address)
        if item.ip not in known and eni.subnet is not None and item.ip not in eni.subnet and not is_private(item.ip)
    ]
    if not eips:
        return verdict
    return undecided(
        eni,
        verdict.because,
        say("the OpenAPI did not tell of this ENI, and {listed} is configured on it", listed=", ".join(sorted(eips))),
        say("see why the OpenAPI does not answer; if it never shall be asked, switch it off in the settings"),
    )


def _with_exits(story: Story, wished: Wish | None) -> Story:
    return replace(story, exits=wished.exits) if wished else story


def _is_for(eip: DeclaredEip, eni: EniFact) -> bool:
    return eip.mac == eni.mac if eip.mac is not None else eip.eni == eni.eni_id


def _is_excluded(port: Port, settings: Settings) -> bool:
    return port.eni.mac in settings.exclude_macs or port.eni.eni_id in settings.exclude_enis


def _unlisted(cloud: CloudFact, kernel: KernelFact, ports: Sequence[Port]) -> list[Port]:
    """The links that have tables of ours and are of no listed ENI, as if they were: what they have is carried over."""
    tabled = {link_of(route.table) for route in kernel.routes if is_our_route(route)}
    tabled -= {port.link.link.index for port in ports}
    return [
        Port(EniFact(link.mac), link, link.mac == cloud.primary_mac)
        for link in kernel.links
        if link.link.index in tabled
    ]


def _then(kernel: KernelFact, leaving: Collection[tuple[object, ...]], staying: Iterable[Address]) -> KernelFact:
    """The kernel with the addresses that it will have: rules are made for those, and not again for them next time."""
    kept = kernel.addresses
    if leaving:
        kept = tuple(fact for fact in kept if ("address", fact.link, fact.ip, fact.prefix_length) not in leaving)
    added = (AddressFact(item.link.index, item.ip, item.prefix_length) for item in staying)
    return replace(kernel, addresses=(*kept, *added))


def _rules(exits: Sequence[Exit], kernel: KernelFact, ports: Sequence[Port]) -> frozenset[Rule]:
    eni_links = {port.link.link.index for port in ports}
    found: frozenset[Rule] = frozenset()
    for family in (4, 6):
        sources = frozenset(source for exit_ in exits if exit_.family == family for source in exit_.sources)
        found |= rules(family, exits, list(_foreign(family, sources, kernel, eni_links)))
    return found


def _foreign(
    family: int, sources: frozenset[IPNetwork], kernel: KernelFact, eni_links: set[int]
) -> Iterator[IPNetwork]:
    """What no rule of ours may match: local addresses that no exit owns, and the networks behind bridges and tunnels.

    The latter only where none of our sources lies in it, as in one with a mask that is too wide.
    """
    single = {int(source.network_address) for source in sources if source.prefixlen == source.max_prefixlen}
    for fact in kernel.addresses:
        if fact.ip.version != family or not fact.universal or int(fact.ip) in single:
            continue
        network = around(fact.ip, fact.prefix_length)
        if fact.link in eni_links or any(source.network_address in network for source in sources):
            yield lone(fact.ip)
        else:
            yield network


def _without_lone_primary(exits: Sequence[Exit]) -> list[Exit]:
    """The exits that need rules: none where only the primary ENI has sources, for everything leaves by it already."""
    needed = {exit_.family for exit_ in exits if not exit_.primary}
    return [exit_ for exit_ in exits if exit_.family in needed]


def _settings_of(wishes: Mapping[Port, Wish], exits: Sequence[Exit], settings: Settings) -> Iterator[LinkSetting]:
    for port, wished in wishes.items():
        crowd = [other.eni.subnet for other in wishes if other is not port and other.eni.subnet is not None]
        crowded = port.eni.subnet is not None and any(port.eni.subnet.overlaps(subnet) for subnet in crowd)
        yield from link_settings(port, wished, routed=bool(exits), crowded=crowded, settings=settings)


def _grouped(excluded: Iterable[Port], exits: Sequence[Exit]) -> Iterator[LinkSetting]:
    """The one thing that is set on the links of excluded ENIs too, where there are rules, and routes by those links.

    Else those would win over the source routing of all others: see `DEVICE_GROUP`.
    """
    for port in excluded:
        if exits and port.link.up and port.link.group in (0, DEVICE_GROUP):
            yield LinkSetting(port.link.link, GROUP_SETTING, DEVICE_GROUP)


def _present(wanted: Iterable[Item], kernel: KernelFact) -> Iterator[LinkSetting]:
    """The present values of the link settings that are wanted: there always is one, whoever set it."""
    links = {link.link.index: link for link in kernel.links}
    for item in wanted:
        if isinstance(item, LinkSetting):
            value = setting_of(links[item.link.index], item.name)
            if value is not None:
                yield LinkSetting(item.link, item.name, value)


def _homeless(cloud: CloudFact, ports: Sequence[Port], settings: Settings) -> tuple[Unread, ...]:
    """EIPs declared for an ENI that this instance does not have, or not yet."""
    enis = [port.eni for port in ports]
    return tuple(
        Unread(
            eip.place,
            say(
                "{address} is declared for {value}, which is not an ENI of this instance",
                address=eip.address,
                value=eip.eni or eip.mac,
            )
            if not any(_is_for(eip, eni) for eni in cloud.enis)
            else say(
                "{address} is declared for {value}, which has no link here",
                address=eip.address,
                value=eip.eni or eip.mac,
            ),
        )
        for eip in settings.eips
        if not any(_is_for(eip, eni) for eni in enis)
    )
