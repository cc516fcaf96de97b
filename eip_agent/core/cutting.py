"""What may be removed, and how it is removed without taking anything along."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from eip_agent.core.changes import Change, Plan, Why
from eip_agent.core.desired import BOTH, Wish
from eip_agent.core.facts import KernelFact
from eip_agent.core.items import PROMOTE_SECONDARIES, Address, Item, LinkSetting, Route, Rule
from eip_agent.core.numbers import link_of
from eip_agent.core.pairing import Port
from eip_agent.core.settings import Settings


def may_cut_of(
    kernel: KernelFact, wishes: Mapping[Port, Wish], excluded: Sequence[Port], settings: Settings
) -> Callable[[Item], bool]:
    """What may be removed: of ENIs of which all is known, of those to be left alone, and of links that are gone.

    An ENI that the metadata service does not list, while its link is there, is not gone: it is unknown.
    Rules go freely, since those of an unknown ENI were carried over.
    """
    present = {link.link.index for link in kernel.links}
    families = {port.link.link.index: wished.families for port, wished in wishes.items()}
    families |= {port.link.link.index: BOTH for port in excluded}

    def may_cut(item: Item) -> bool:
        match item:
            case Rule(table=table):
                link = link_of(table) if table is not None else None
                return link is None or link not in present or link in families
            case Address() if settings.leave_addresses:
                return False
            case Address(link=link, ip=ip):
                return link.index not in present or ip.version in families.get(link.index, ())
            case Route(table=table, destination=destination):
                link_index = link_of(table)
                return link_index not in present or destination.version in families.get(link_index or 0, ())
            case LinkSetting(link=link):
                return families.get(link.index) == BOTH

    return may_cut


def only_of_gone_links(kernel: KernelFact) -> Callable[[Item], bool]:
    """What may be removed while the metadata service is silent: what went with its link."""
    present = {link.link.index for link in kernel.links}

    def may_cut(item: Item) -> bool:
        link = link_of(item.table) if isinstance(item, Rule | Route) and item.table is not None else None
        return link is not None and link not in present

    return may_cut


def removed_addresses(plan: Plan) -> frozenset[Item]:
    """The addresses a plan removes."""
    return frozenset(change.before for change in plan if isinstance(change.before, Address) and change.after is None)


def guarded(plan: Plan, kernel: KernelFact) -> Plan:
    """The plan, with what keeps the kernel from removing more than it says.

    Without `promote_secondaries`, the first address of a subnet takes all others of it along when it goes, whoever set
    them (ip-sysctl.rst).  It is raised for the time of the cut where there are any.
    """
    cut = {item.key[1:]: item.link for item in removed_addresses(plan) if isinstance(item, Address)}
    if not cut:
        return plan
    raised = {change.item.key for change in plan if isinstance(change.item, LinkSetting)}
    others = {
        fact.link
        for fact in kernel.addresses
        if isinstance(fact.ip, IPv4Address) and (fact.link, fact.ip, fact.prefix_length) not in cut
    }
    guards = []
    for link in sorted(set(cut.values()), key=lambda one: one.index):
        off = LinkSetting(link, PROMOTE_SECONDARIES, 0)
        held = next((fact for fact in kernel.links if fact.link == link), None)
        needed = held is not None and held.setting(PROMOTE_SECONDARIES) == 0 and link.index in others
        if needed and off.key not in raised:
            guards.append(Change(off, LinkSetting(link, PROMOTE_SECONDARIES, 1), Why.GUARD))
    return (*guards, *plan, *(replace(guard.inverse(), why=Why.GUARD) for guard in reversed(guards)))
