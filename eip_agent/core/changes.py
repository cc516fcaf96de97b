"""The difference between what the kernel holds and what it should, as ordered changes that know their inverse."""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from eip_agent.core.items import GROUP_SETTING, UP, Address, Item, LinkSetting, Route, Rule
from eip_agent.core.numbers import MAIN, SKIP


class Why(enum.Enum):
    """The reason of a change.  For people: nothing may branch on it."""

    MISSING = "desired, not present"
    DIFFERS = "present, but not as desired"
    STALE = "ours, no longer desired"
    ROLLBACK = "undo of this pass"
    GUARD = "for the time of this pass, lest the kernel remove more than is asked"


@dataclass(frozen=True, slots=True)
class Change:
    """One step from `before` to `after`; None on a side means absent there."""

    before: Item | None
    after: Item | None
    why: Why

    @property
    def item(self) -> Item:
        """What the step is about: the item it leaves, or else the one it removes."""
        item = self.after or self.before
        assert item is not None, "a change has at least one side"  # noqa: S101  a law, tested with Hypothesis
        return item

    def inverse(self) -> "Change":
        """The step that undoes this one."""
        return Change(self.after, self.before, Why.ROLLBACK)

    def __str__(self) -> str:
        sign = "+" if self.before is None else "-" if self.after is None else "~"
        return f"{sign} {self.item}"


Plan = tuple[Change, ...]


def diff(
    have: Iterable[Item],
    want: Iterable[Item],
    may_cut: Callable[[Item], bool],
    lent: Mapping[LinkSetting, LinkSetting] | None = None,
) -> Plan:
    """The steps from `have` to `want`: build first, cut last, replace in place.

    Whatever is in `have`, not in `want`, and not to be cut, stays.
    A link setting is not removed but given back as `lent` says it was.
    """
    lent = lent or {}
    old = {item.key: item for item in have}
    new = {item.key: item for item in want}
    build = [
        Change(old.get(key), item, Why.DIFFERS if key in old else Why.MISSING)
        for key, item in new.items()
        if old.get(key) != item
    ]
    cut = [
        Change(item, lent.get(item) if isinstance(item, LinkSetting) else None, Why.STALE)
        for key, item in old.items()
        if key not in new and may_cut(item)
    ]
    return (*sorted(build, key=_build_key), *sorted(cut, key=_build_key, reverse=True))


def phase(change: Change) -> int:
    """Changes of one phase do not depend on each other and go to the kernel together; a later one may on an earlier.

    Links first, then tables, then the rules that lead there (jumps after what they jump to), addresses last: an address
    is never reachable before its way out is.  Cuts run the same stairs down.
    """
    stair = _stair(change.item)
    return 2 * _TOP - stair if _is_cut(change) else stair


def _is_cut(change: Change) -> bool:
    """Whether a step takes away.  The agent only ever raises a link setting, so one that falls is given back."""
    match change:
        case Change(LinkSetting(value=before), LinkSetting(value=after)):
            return after < before
    return change.after is None


_TOP = 8


def _stair(item: Item) -> int:
    match item:
        case LinkSetting(name=name):
            return 1 if name == UP else 0
        case Route():
            return 2
        case Rule(goto=None, table=None):
            return 3
        case Rule(goto=None, table=table):
            return 3 if table == MAIN else 4
        case Rule(priority=priority):
            return 6 if priority == SKIP else 5
        case Address():
            return 7


def _build_key(change: Change) -> tuple[object, ...]:
    """By stair, then as a person would list them: the primary kernel address of a subnet is the one written first."""
    item = change.item
    match item:
        case LinkSetting(link=link, name=name):
            return (_stair(item), 0, link.index, name != GROUP_SETTING, name)
        case Route(table=table, destination=destination, gateway=gateway):
            # The way to a gateway stands before the routes by it.
            place = (int(destination.network_address), destination.prefixlen)
            return (2, destination.version, table, gateway is not None, *place)
        case Rule(family=family, priority=priority, source=source, device=device):
            return (_stair(item), family, priority, int(source.network_address) if source else 0, device or "")
        case Address(link=link, ip=ip, main=main):
            return (7, 4 if isinstance(ip, IPv4Address) else 6, link.index, not main, int(ip))


def replay(have: Iterable[Item], plan: Iterable[Change]) -> frozenset[Item]:
    """What a plan leaves of what was there: the meaning of `Change`, in four lines, for tests and for dry runs."""
    held: dict[tuple[object, ...], Item] = {item.key: item for item in have}
    for change in plan:
        if change.before is not None:
            held.pop(change.before.key, None)
        if change.after is not None:
            held[change.after.key] = change.after
    return frozenset(held.values())


def count(plan: Iterable[Change]) -> Mapping[str, int]:
    """How many steps add, replace and remove."""
    found = {"add": 0, "replace": 0, "remove": 0}
    for change in plan:
        found["add" if change.before is None else "remove" if change.after is None else "replace"] += 1
    return found
