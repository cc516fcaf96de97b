"""Fights: put back at once, then ever later, never given up, and nobody else waits for it."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.changes import Change, Why
from eip_agent.core.fight import (
    FREE,
    LONGEST,
    SHORTLY,
    Fights,
    Key,
    delay_of,
    key_of,
    link_index,
    suspects,
    undone_of,
)
from eip_agent.core.host import HostFact, Manager
from eip_agent.core.items import Address, LinkSetting, Route, Rule
from eip_agent.core.numbers import MAIN, table_of
from tests.builders import device, ip4, net4

ONE: Key = ("link", 3)
OTHER: Key = ("rule", Rule(4, 24011, table=table_of(4, 0)))


def rounds(number: int, gap: float = 0.1) -> tuple[Fights, float]:
    """After so many rounds, each put back as soon as it may be and undone `gap` seconds later; undone at the end."""
    fights, now = Fights(), 100.0
    for n in range(number):
        fights = fights.undone([ONE], now)
        if n < number - 1:
            assert fights.due is not None
            now = max(now, fights.due)
            fights = fights.undone([ONE], now).repaired([ONE], now)
            now += gap
    return fights, now


def test_the_first_rounds_are_answered_at_once() -> None:
    for number in range(1, FREE + 1):
        fights, now = rounds(number)

        assert not fights.is_held(ONE, now)
        assert not fights.standing


def test_then_ever_later_up_to_a_minute() -> None:
    waits = []
    for number in range(FREE + 1, FREE + 12):
        fights, now = rounds(number)
        assert fights.due is not None
        waits.append(round(fights.due - now, 6))
        assert fights.is_held(ONE, now)
        assert not fights.is_held(ONE, fights.due)
        assert fights.standing[ONE].rounds == number

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]


def test_who_is_left_in_peace_is_calm_again() -> None:
    fights, now = rounds(FREE + 3)
    fights = fights.repaired([ONE], now + 4)

    assert fights.undone([], now + 4 + SHORTLY - 1).standing
    rested = fights.undone([], now + 4 + 2 * delay_of(FREE + 3) + 0.1)
    assert rested == Fights()
    assert not rested.undone([ONE], now + 100).is_held(ONE, now + 100)


def test_what_somebody_else_put_back_or_nobody_wants_is_over() -> None:
    fights, now = rounds(FREE + 3)

    assert fights.undone([], now) == Fights()


def test_who_comes_seldom_is_answered_at_once_every_time() -> None:
    fights, now = Fights(), 0.0
    for _ in range(50):
        fights = fights.undone([ONE], now)
        assert not fights.is_held(ONE, now)
        fights = fights.repaired([ONE], now)
        now += SHORTLY + 0.1


def test_what_the_kernel_refuses_is_tried_ever_later() -> None:
    fights, now, waits = Fights(), 0.0, []
    for _ in range(4):
        fights = fights.refused({ONE: "no"}, now)
        assert fights.waiting == {ONE}
        assert fights.refusals == ("no",)
        assert fights.due is not None
        waits.append(fights.due - now)
        now = fights.due
        fights = fights.undone(fights.waiting, now)
        assert not fights.is_held(ONE, now)

    assert waits == [1, 2, 4, 8]
    assert not fights.standing, "nobody else fights"
    assert fights.repaired([ONE], now).refusals == ()
    assert fights.undone([], now) == Fights(), "nobody wants it any more"


@given(st.lists(st.tuples(st.sampled_from([ONE, OTHER]), st.floats(0, 20)), max_size=40))
def test_nobody_waits_for_anybody_else(events: Sequence[tuple[Key, float]]) -> None:
    """What becomes of one is the same with and without the other."""
    both, alone, now = Fights(), Fights(), 0.0
    for key, gap in events:
        now += gap
        missing = {ONE for fight in [both.by_key.get(ONE)] if fight and fight.repaired_at is None} | {key}
        both = both.undone(missing | {OTHER}, now)
        alone = alone.undone(missing - {OTHER}, now)
        ready = [one for one in (ONE, OTHER) if not both.is_held(one, now)]
        both, alone = both.repaired(ready, now), alone.repaired(ready, now)

        assert both.by_key.get(ONE) == alone.by_key.get(ONE)


@given(st.lists(st.floats(0, 90), min_size=1, max_size=80))
def test_it_is_never_given_up_and_never_a_busy_loop(gaps: list[float]) -> None:
    """Undone so long after each repair: the next repair comes within a minute, and few come at once."""
    fights, now = Fights(), 0.0
    repairs: list[float] = []
    for gap in gaps:
        fights = fights.undone([ONE], now)
        assert fights.due is not None
        assert now <= fights.due <= now + LONGEST
        now = max(now, fights.due)
        fights = fights.undone([ONE], now).repaired([ONE], now)
        repairs.append(now)
        now += gap

    for start in repairs:
        in_peace = [gap for repair, gap in zip(repairs, gaps, strict=True) if gap > SHORTLY]
        close = sum(start <= repair <= start + SHORTLY for repair in repairs)
        assert close <= FREE + 3 + len(in_peace)


def test_a_link_waits_as_a_whole_and_rules_alone() -> None:
    address = Address(device(3), ip4("192.0.2.1"), 24)
    route = Route(table_of(device(3).index, 1), net4("0.0.0.0/0"), device(3), ip4("192.0.2.2"))
    rule = Rule(4, 24011, net4("192.0.2.0/24"), table=table_of(device(3).index, 0))

    assert key_of(address) == key_of(route) == key_of(LinkSetting(device(3), "up", 1)) == ("link", device(3).index)
    assert key_of(rule) != key_of(replace(rule, priority=24012))
    assert link_index(key_of(rule)) == link_index(key_of(address)) == device(3).index
    assert link_index(key_of(Rule(4, 24010, net4("192.0.2.0/24"), table=MAIN))) is None


def test_a_repair_puts_back_what_was_there() -> None:
    rule, new = Rule(4, 24011, table=table_of(3, 0)), Rule(4, 24020, table=table_of(3, 0))
    plan = (Change(None, rule, Why.MISSING), Change(None, new, Why.MISSING), Change(rule, None, Why.STALE))

    assert undone_of(plan, {rule.key}) == plan[:1]


def test_the_suspects_are_those_who_may_manage_the_link() -> None:
    host = HostFact((Manager("NetworkManager", 7), Manager("dhclient", 8, "eth1"), Manager("dhclient", 9, "eth2")))

    assert suspects(host, "eth1") == "probably by NetworkManager (pid 7) or dhclient (pid 8)"
    assert "no network manager runs here" in suspects(HostFact(()), "eth1")
    assert suspects(None, "eth1") == suspects(HostFact(None), None) == "by whom is not known"
