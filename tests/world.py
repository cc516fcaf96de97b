"""A kernel in memory: what changes do to facts, and which rule a packet meets.  Strict, and printed as `ip` prints."""

import errno
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from eip_agent.core.changes import Change
from eip_agent.core.facts import (
    AddressFact,
    IPAddress,
    KernelFact,
    LinkFact,
    Remembered,
    RouteFact,
    RuleFact,
)
from eip_agent.core.items import GROUP_SETTING, UP, Address, Item, LinkSetting, Route, Rule
from eip_agent.core.numbers import (
    ADDRESS_PROTOCOL,
    DEFAULT_LENGTHS,
    DEVICE_GROUP,
    MAIN,
    ROUTE_PROTOCOL,
    RULE_PROTOCOL,
)
from eip_agent.core.ownership import is_our_address, is_our_route, is_our_rule
from eip_agent.netlink import Answer

Fact = TypeVar("Fact", AddressFact, RouteFact, RuleFact)


class FakeKernel:
    """Carries changes out on facts, and refuses what the real kernel refuses, or what `refuse` is true of."""

    def __init__(
        self, facts: KernelFact, refuse: Callable[[int, Change], bool] = lambda _, __: False, *, marks: bool = True
    ) -> None:
        self.facts = facts
        self.asked = 0
        """How many changes it has been asked for; `refuse` gets the number of each, from 0."""
        self._refuse = refuse
        self._marks = marks
        """Whether the kernel knows `IFA_PROTO`, as those from 5.18 do."""

    def enact(self, changes: Sequence[Change]) -> list[Answer | None]:
        return [self._answer(change) for change in changes]

    def _answer(self, change: Change) -> Answer | None:
        number, self.asked = self.asked, self.asked + 1
        if self._refuse(number, change):
            return Answer(errno.EPERM, "refused on purpose")
        try:
            self.facts = enacted(self.facts, change, marks=self._marks)
        except OSError as no:
            code = no.errno or errno.EIO
            so_already = change.after is None or (code == errno.EEXIST and not isinstance(change.item, Route))
            return None if so_already else Answer(code, os.strerror(code))
        return Answer(0)

    def __str__(self) -> str:
        return "\n".join(lines(self.facts))


def after(kernel: KernelFact, plan: Iterable[Change], *, marks: bool = True) -> KernelFact:
    """What a plan makes of a kernel.  Raises OSError where the kernel would refuse."""
    for change in plan:
        kernel = enacted(kernel, change, marks=marks)
    return kernel


def enacted(kernel: KernelFact, change: Change, *, marks: bool = True) -> KernelFact:
    match change.item:
        case LinkSetting() as setting:
            value = change.after.value if isinstance(change.after, LinkSetting) else setting.value
            return _set(kernel, replace(setting, value=value))
        case Address() as address:
            wanted = address_fact(address, marks=marks)
            # For IPv6 the mask is no part of an address's identity on a link.
            held = [
                fact
                for fact in kernel.addresses
                if (fact.link, fact.ip) == (wanted.link, wanted.ip)
                and (wanted.ip.version == 6 or fact.prefix_length == wanted.prefix_length)
            ]
            return replace(kernel, addresses=_changed(kernel.addresses, held, wanted, change, errno.EADDRNOTAVAIL))
        case Route() as route:
            goal = route_fact(route)
            there = [fact for fact in kernel.routes if (fact.table, fact.destination) == (goal.table, goal.destination)]
            return replace(kernel, routes=_changed(kernel.routes, there, goal, change, errno.ESRCH))
        case Rule() as rule:
            same = [fact for fact in kernel.rules if fact == rule_fact(rule)]
            return replace(kernel, rules=_changed(kernel.rules, same, rule_fact(rule), change, errno.ENOENT))


def _changed(facts: tuple[Fact, ...], held: list[Fact], wanted: Fact, change: Change, gone: int) -> tuple[Fact, ...]:
    if change.after is None:
        if not held:
            raise OSError(gone, os.strerror(gone))
        return tuple(fact for fact in facts if fact != held[0])
    if change.before is None and held:
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
    return tuple([fact for fact in facts if fact not in held] + [wanted])


def _set(kernel: KernelFact, setting: LinkSetting) -> KernelFact:
    if setting.link.index not in {link.link.index for link in kernel.links}:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    return replace(
        kernel,
        links=tuple(link if link.link.index != setting.link.index else _with(link, setting) for link in kernel.links),
    )


def _with(link: LinkFact, setting: LinkSetting) -> LinkFact:
    if setting.name == UP:
        return replace(link, up=bool(setting.value))
    if setting.name == GROUP_SETTING:
        return replace(link, group=setting.value)
    return replace(
        link, conf=tuple((name, setting.value if name == setting.name else value) for name, value in link.conf)
    )


def address_fact(address: Address, *, marks: bool = True) -> AddressFact:
    return AddressFact(
        address.link.index,
        address.ip,
        address.prefix_length,
        protocol=ADDRESS_PROTOCOL if marks else 0,
        no_prefix_route=True,
    )


def route_fact(route: Route) -> RouteFact:
    link = route.link.index if route.link else None
    return RouteFact(
        route.table,
        route.destination,
        link,
        route.gateway,
        ROUTE_PROTOCOL,
        metric=1024 if route.destination.version == 6 else 0,
        unreachable=link is None,
        plain=link is not None,
    )


def rule_fact(rule: Rule) -> RuleFact:
    main = rule.table == MAIN
    return RuleFact(
        rule.family,
        rule.priority,
        RULE_PROTOCOL,
        source=rule.source,
        device=rule.device,
        table=rule.table,
        goto=rule.goto,
        nop=rule.table is None and rule.goto is None,
        forwarded=rule.forwarded,
        suppress_group=DEVICE_GROUP if main else None,
        suppress_length=DEFAULT_LENGTHS[rule.family] if main else None,
    )


@dataclass(frozen=True)
class Foreign:
    """What a kernel holds that is nobody's business of ours."""

    addresses: frozenset[AddressFact]
    routes: frozenset[RouteFact]
    rules: frozenset[RuleFact]


def foreign(kernel: KernelFact, remembered: Remembered) -> Foreign:
    return Foreign(
        frozenset(fact for fact in kernel.addresses if not is_our_address(fact, remembered)),
        frozenset(fact for fact in kernel.routes if not is_our_route(fact)),
        frozenset(fact for fact in kernel.rules if not is_our_rule(fact)),
    )


def same(one: KernelFact, other: KernelFact) -> bool:
    """Whether two kernels hold the same, in whatever order."""
    return lines(one) == lines(other)


def without_link(kernel: KernelFact, index: int) -> KernelFact:
    """What is left when a device goes: rules stay, all else of it goes with it."""
    return replace(
        kernel,
        links=tuple(link for link in kernel.links if link.link.index != index),
        addresses=tuple(fact for fact in kernel.addresses if fact.link != index),
        routes=tuple(fact for fact in kernel.routes if fact.link != index),
    )


def lines(kernel: KernelFact) -> list[str]:
    """The kernel as `ip` would list it, sorted."""
    return sorted(
        [
            *(
                f"link {fact.link.index} {fact.link.name} {fact.mac} {'up' if fact.up else 'down'} group {fact.group} "
                f"{dict(fact.conf)}"
                for fact in kernel.links
            ),
            *(
                f"address {fact.ip}/{fact.prefix_length} dev {fact.link} proto {fact.protocol}"
                f"{' noprefixroute' if fact.no_prefix_route else ''}{' dynamic' if fact.leased else ''}"
                for fact in kernel.addresses
            ),
            *(
                f"route {fact.destination} via {fact.gateway} dev {fact.link} table {fact.table} proto {fact.protocol} "
                f"metric {fact.metric}"
                for fact in kernel.routes
            ),
            *(f"rule {fact}" for fact in kernel.rules),
        ]
    )


def walk(rules: Iterable[RuleFact | Rule], source: IPAddress, device: str | None = None) -> list[int]:
    """The tables a packet looks up, in order, up to the first of ours: the kernel's `fib_rules_lookup`.

    Lookups in `main` are taken to find nothing.  A jump whose target is missing is passed over.  An unbound packet has
    the unspecified address as its source.
    """
    ordered = sorted((rule for rule in rules if rule.family == source.version), key=lambda rule: rule.priority)
    seen: list[int] = []
    place = 0
    while place < len(ordered):
        rule = ordered[place]
        place += 1
        if rule.device not in (None, device) or not (rule.source is None or source in rule.source):
            continue
        if rule.goto is not None:
            target = next((at for at, other in enumerate(ordered) if other.priority == rule.goto), place)
            place = max(place, target)
        elif rule.table is not None:
            seen.append(rule.table)
            if rule.table != MAIN:
                break
    return seen


def table_for(rules: Iterable[RuleFact | Rule], source: IPAddress, device: str | None = None) -> int | None:
    """The first table of ours that a packet looks up."""
    return next((table for table in walk(rules, source, device) if table != MAIN), None)


def items_of(kernel: KernelFact) -> frozenset[Item]:
    """All items of a kernel that holds nothing but ours, link settings left out."""
    links = {link.link.index: link.link for link in kernel.links}
    return frozenset(
        [
            *(Address(links[fact.link], fact.ip, fact.prefix_length) for fact in kernel.addresses),
            *(
                Route(fact.table, fact.destination, links[fact.link] if fact.link else None, fact.gateway)
                for fact in kernel.routes
            ),
            *(
                Rule(fact.family, fact.priority, fact.source, fact.device, fact.table, fact.goto, fact.forwarded)
                for fact in kernel.rules
            ),
        ]
    )
