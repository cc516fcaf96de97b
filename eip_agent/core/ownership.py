"""What is ours: the items the agent may change or remove.  Everything else is foreign, and is never touched."""

from collections.abc import Iterable, Iterator

from eip_agent.core.changes import Change
from eip_agent.core.facts import AddressFact, KernelFact, Link, LinkFact, Remembered, RouteFact, RuleFact
from eip_agent.core.items import GROUP_SETTING, UP, Address, Item, LinkSetting, Route, Rule
from eip_agent.core.numbers import (
    ADDRESS_PROTOCOL,
    BLOCKS,
    DEFAULT_LENGTHS,
    DEVICE_GROUP,
    END,
    JUMPS,
    MAIN,
    PRIORITIES,
    ROUTE_PROTOCOL,
    RULE_PROTOCOL,
    TABLES,
    link_of,
)


def ours(kernel: KernelFact, remembered: Remembered) -> frozenset[Item]:
    """Every item of ours that the kernel holds."""
    names = {link.link.index: link.link for link in kernel.links}
    return frozenset(
        [
            *(_address(fact, names) for fact in kernel.addresses if is_our_address(fact, remembered)),
            *(_route(fact, names) for fact in kernel.routes if is_our_route(fact)),
            *(_rule(fact) for fact in kernel.rules if is_our_rule(fact)),
            *(setting for setting, _ in borrowed(kernel, remembered)),
        ]
    )


def is_our_address(fact: AddressFact, remembered: Remembered) -> bool:
    """By `IFA_PROTO`; where the kernel has none (before 5.18), by the journal and the flag we set.

    Ours are for ever: one with a lifetime was taken over by a DHCP client, which writes over what is there, and the
    kernel keeps the mark (seen with systemd-networkd 252).  To remove it would take the client's routes along.
    """
    if fact.leased:
        return False
    if fact.protocol:
        return fact.protocol == ADDRESS_PROTOCOL
    return fact.no_prefix_route and (fact.link, fact.ip, fact.prefix_length) in remembered.addresses


def is_our_route(fact: RouteFact) -> bool:
    """By table range and protocol together."""
    return fact.table in TABLES and fact.protocol == ROUTE_PROTOCOL


def is_our_rule(fact: RuleFact) -> bool:
    """By priority band, protocol, and leading where only ours lead: our tables, or main-first for our device group."""
    if not (fact.plain and fact.protocol == RULE_PROTOCOL and fact.priority in PRIORITIES):
        return False
    if fact.goto is not None:
        return fact.goto in BLOCKS or fact.goto in JUMPS or fact.goto == END
    if fact.nop:
        return fact.priority == END
    if fact.table == MAIN:
        return fact.suppress_group == DEVICE_GROUP and fact.suppress_length == DEFAULT_LENGTHS[fact.family]
    return fact.table in TABLES and fact.suppress_group is None and fact.suppress_length is None


def borrowed(kernel: KernelFact, remembered: Remembered) -> Iterator[tuple[LinkSetting, LinkSetting]]:
    """The link settings that still are as we wrote them, each with what it was before.

    One that somebody has changed since is theirs.  A link that went away and came back is another link: its index or
    MAC differs.
    """
    links = {link.link.index: link for link in kernel.links}
    used = used_by_others(kernel, remembered)
    remembered_groups = set()
    for loan in remembered.borrowed:
        link = links.get(loan.link.index)
        if link is None or link.mac != loan.mac or setting_of(link, loan.name) != loan.written:
            continue
        if loan.name == UP and link.link.index in used:
            continue
        if loan.name == GROUP_SETTING:
            remembered_groups.add(link.link.index)
        yield LinkSetting(link.link, loan.name, loan.written), LinkSetting(link.link, loan.name, loan.before)
    for link in kernel.links:
        # The group's number is ours alone, so that it is known again even where the journal was lost.
        if link.group == DEVICE_GROUP and link.link.index not in remembered_groups:
            yield LinkSetting(link.link, GROUP_SETTING, DEVICE_GROUP), LinkSetting(link.link, GROUP_SETTING, 0)


def given_back(done: Iterable[Change], kernel: KernelFact, remembered: Remembered) -> list[Change]:
    """What of a pass may be undone: not the link that it brought up and that somebody else uses by now."""
    used = used_by_others(kernel, remembered)
    return [
        change
        for change in done
        if not (isinstance(change.item, LinkSetting) and change.item.name == UP) or change.item.link.index not in used
    ]


def used_by_others(kernel: KernelFact, remembered: Remembered) -> frozenset[int]:
    """The links on which somebody else has put an address or a device: those are not ours to take down."""
    return frozenset(
        [
            *(link.link.index for link in kernel.links if link.master is not None),
            # The two ends of a veth pair point at each other, and neither rides on the other.
            *(link.lower for link in kernel.links if link.lower is not None and link.kind != "veth"),
            *(fact.link for fact in kernel.addresses if fact.universal and not is_our_address(fact, remembered)),
        ]
    )


def setting_of(link: LinkFact, name: str) -> int | None:
    """The present value of a link setting; None when the kernel did not tell."""
    if name == UP:
        return int(link.up)
    if name == GROUP_SETTING:
        return link.group
    return link.setting(name)


def _address(fact: AddressFact, names: dict[int, Link]) -> Address:
    return Address(names.get(fact.link, Link(fact.link, f"if{fact.link}")), fact.ip, fact.prefix_length)


def _route(fact: RouteFact, names: dict[int, Link]) -> Route:
    link = None
    if not fact.unreachable:
        # A table of ours belongs to a link even where the route does not say so.
        index = fact.link if fact.link is not None else link_of(fact.table) or 0
        link = names.get(index, Link(index, f"if{index}"))
    return Route(fact.table, fact.destination, link, fact.gateway)


def _rule(fact: RuleFact) -> Rule:
    return Rule(fact.family, fact.priority, fact.source, fact.device, fact.table, fact.goto, fact.forwarded)
