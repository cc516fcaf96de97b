"""One pass after the other: what is new, what was undone, what waits."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from eip_agent.core.changes import Change, Plan, Why
from eip_agent.core.fight import FREE
from eip_agent.core.items import Item
from eip_agent.core.report import Report, Result
from eip_agent.core.settings import Settings
from eip_agent.daemon.keeper import Keeper, kind_of
from eip_agent.errors import BusyError
from eip_agent.lookout import Seen
from eip_agent.netlink import Netlink
from eip_agent.reconcile import Chosen, Pass
from eip_agent.sinks.lock import held
from tests.builders import address_item, kernel, link, mac, route_item, rule_item
from tests.daemon.support import made, refused, report, seen

NETLINK = cast("Netlink", None)
RULE, ADDRESS = rule_item(), address_item("192.168.1.11")


class World:
    """A kernel that holds what is put into it, and an agent that wants the same all the time."""

    def __init__(self, *want: Item) -> None:
        self.want = frozenset(want)
        self.have: frozenset[Item] = frozenset()
        self.refuses: frozenset[Item] = frozenset()
        self.doomed: frozenset[Item] = frozenset()
        self.asked: list[tuple[frozenset[Item], bool]] = []
        self.restored = 0

    @property
    def journal(self) -> "World":
        return self

    def restore(self) -> None:
        self.restored += 1

    def see(self, netlink: Netlink, last: Seen | None, *, anew: bool) -> Seen:
        raise NotImplementedError

    def converge(self, netlink: Netlink, seen: Seen, chosen: Chosen, doomed: frozenset[Item], *, new: bool) -> Pass:
        assert netlink is NETLINK
        self.asked.append((doomed, new))
        planned: Plan = tuple(Change(None, item, Why.MISSING) for item in sorted(self.want - self.have, key=str))
        if not self.doomed <= doomed:
            return Pass(report(), seen, planned, self.doomed, self.have)
        plan = chosen(planned)
        no = [change for change in plan if change.item in self.refuses]
        if no:
            return made(report(plan=plan, result=refused(no[0])), self.have, seen=seen)
        self.have |= {change.item for change in plan}
        told: Report = report(plan=plan, result=Result(plan) if plan else None)
        return made(told, self.have, seen=seen)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(run_directory=str(tmp_path))


def keeper_of(world: World, settings: Settings) -> Keeper:
    keeper = Keeper(world, settings, NETLINK)
    keeper.learn(seen())
    return keeper


def test_what_was_there_and_is_missing_is_a_repair(settings: Settings) -> None:
    world = World(RULE, ADDRESS)
    keeper = keeper_of(world, settings)
    assert keeper.look(0.0).repairs == frozenset()
    world.have -= {RULE}

    done = keeper.look(10.0)
    assert [change.item for change in done.repairs] == [RULE]
    assert dict(keeper.counts) == {"passes": 2, "changes": 3, "repairs": 1}
    assert [new for _, new in world.asked] == [True, False]


def test_what_is_taken_away_again_and_again_waits_and_others_do_not(settings: Settings) -> None:
    world = World(RULE, ADDRESS)
    keeper = keeper_of(world, settings)
    keeper.look(0.0)
    for number in range(FREE):
        world.have -= {RULE}
        assert keeper.look(1.0 + number / 10).repairs
    world.have -= {RULE, ADDRESS}

    done = keeper.look(2.0)
    assert [change.item for change in done.waits] == [RULE]
    assert world.have == {ADDRESS}
    assert keeper.fights.due == 3.0
    assert [change.item for change in keeper.look(3.0).repairs] == [RULE], "a repair it is, however late"
    world.have -= {RULE}
    assert keeper.look(3.1).waits
    assert not keeper.look(3.2, insisting=True).waits
    assert world.have == world.want


def test_what_the_kernel_refuses_waits_and_the_rest_is_done_in_the_next_pass(settings: Settings) -> None:
    world = World(RULE, ADDRESS)
    world.refuses = frozenset((ADDRESS,))
    keeper = keeper_of(world, settings)
    assert keeper.look(0.0).repairs == frozenset()
    assert world.have == frozenset()

    assert [change.item for change in keeper.look(0.1).waits] == [ADDRESS]
    assert world.have == {RULE}
    assert len(keeper.fights.refusals) == 1
    world.refuses = frozenset()
    assert not keeper.look(1.0).waits
    assert world.have == world.want
    assert not keeper.fights.refusals


def test_an_address_goes_after_the_second_answer_and_not_after_a_second_look(settings: Settings) -> None:
    world = World(RULE)
    world.doomed = frozenset((ADDRESS,))
    keeper = keeper_of(world, settings)
    assert keeper.look(0.0).asks_again
    assert keeper.look(0.1).asks_again
    assert keeper.look(0.2).asks_again
    assert [doomed for doomed, _ in world.asked] == [frozenset()] * 3
    keeper.learn(seen())

    assert not keeper.look(1.0).asks_again
    assert world.asked[-1] == (frozenset((ADDRESS,)), True)
    assert keeper.doomed == frozenset()


def test_another_at_work_is_told_and_nothing_is_lost(settings: Settings) -> None:
    world = World(RULE)
    keeper = keeper_of(world, settings)
    with held(settings.run_directory, 0.0, "apply"), pytest.raises(BusyError):
        keeper.look(0.0)

    keeper.look(0.1)
    assert world.asked == [(frozenset(), True)]


def test_what_was_remembered_is_restored_once_and_with_the_lock_held(settings: Settings) -> None:
    world = World(RULE)
    keeper = keeper_of(world, settings)
    keeper.emptied = True
    with held(settings.run_directory, 0.0, "apply"), pytest.raises(BusyError):
        keeper.look(0.0)
    assert world.restored == 0

    keeper.look(0.1)
    keeper.look(0.2)
    assert world.restored == 1
    keeper.bequeath()
    keeper.look(0.3)
    assert world.restored == 2


def test_a_link_that_nobody_lists_is_a_newcomer(settings: Settings) -> None:
    world = World(RULE)
    keeper = Keeper(world, settings, NETLINK)
    keeper.learn(replace(seen(), kernel=kernel(link(0), link(1), link(5))))
    keeper.look(0.0)

    assert keeper.newcomers == {(link(5).link.index, mac(5))}
    assert keeper.links[link(5).link.index] == "eth5"
    assert keeper.enis == {link(0).link.index, link(1).link.index}


@pytest.mark.parametrize(("items", "kind"), [([RULE], "rule"), ([ADDRESS], "address"), ([route_item()], "route")])
def test_changes_are_counted_by_kind(items: Sequence[Item], kind: str) -> None:
    assert {kind_of(Change(None, item, Why.MISSING)) for item in items} == {kind}
