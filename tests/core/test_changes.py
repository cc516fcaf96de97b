"""Plans: what they reach, in which order, and that they can be taken back."""

from itertools import pairwise

import pytest
from hypothesis import given

from eip_agent.core.changes import Change, Why, count, diff, phase, replay
from eip_agent.core.items import GROUP_SETTING, UP, Item, LinkSetting, Route, Rule
from tests.builders import address_item, device, ip4, route_item, rule_item
from tests.strategies import item_sets, setting_changes


def anything(_: Item) -> bool:
    return True


def nothing(_: Item) -> bool:
    return False


MAIN_FIRST = Rule(4, 24010, rule_item().source, table=254)
JUMP = Rule(4, 24005, rule_item().source, goto=24100)
SKIP = Rule(4, 24021, goto=25999)
END = Rule(4, 25999)
GROUP = LinkSetting(device(1), GROUP_SETTING, 20000)
STAIRS: list[Item] = [
    GROUP,
    LinkSetting(device(1), UP, 1),
    route_item(),
    END,
    MAIN_FIRST,
    rule_item(),
    JUMP,
    SKIP,
    address_item("192.168.1.10"),
]
"""Each one may need those before it; END and MAIN_FIRST need nothing."""


def test_building_goes_up_the_stairs() -> None:
    assert [change.item for change in diff([], reversed(STAIRS), anything)] == [
        GROUP,
        STAIRS[1],
        route_item(),
        MAIN_FIRST,
        END,
        rule_item(),
        JUMP,
        SKIP,
        address_item("192.168.1.10"),
    ]


def test_cutting_goes_down_the_stairs() -> None:
    plan = diff(STAIRS, [], anything)

    assert [change.item for change in plan] == [change.item for change in reversed(diff([], STAIRS, anything))]


def test_nothing_is_cut_before_all_is_built() -> None:
    plan = diff([rule_item("192.168.1.0/25")], [rule_item("192.168.1.0/24"), address_item("192.168.1.10")], anything)

    assert [str(change)[0] for change in plan] == ["+", "+", "-"]


def test_another_gateway_replaces_the_route_in_place() -> None:
    old, new = route_item(gateway="192.168.1.253"), route_item(gateway="192.168.1.1")

    assert diff([old], [new], anything) == (Change(old, new, Why.DIFFERS),)


def test_a_link_setting_is_given_back_as_it_was() -> None:
    before = LinkSetting(device(1), GROUP_SETTING, 0)
    plan = diff([GROUP], [], anything, {GROUP: before})

    assert plan == (Change(GROUP, before, Why.STALE),)
    assert phase(plan[0]) > phase(Change(rule_item(), None, Why.STALE))


def test_the_primary_address_of_an_eni_is_written_first() -> None:
    first = address_item("192.168.1.200")
    main = type(first)(first.link, first.ip, first.prefix_length, main=True)
    plan = diff([], [address_item("192.168.1.10"), main], anything)

    assert [change.item for change in plan] == [main, address_item("192.168.1.10")]


def test_the_way_to_a_gateway_stands_before_the_routes_by_it() -> None:
    plan = diff([], [route_item(), route_item("192.168.1.0/24", None)], anything)

    assert [change.item for change in plan] == [route_item("192.168.1.0/24", None), route_item()]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change(None, rule_item(), Why.MISSING), "+ rule 24011: from 192.168.1.0/24 iif lo lookup 20000048"),
        (Change(rule_item(), None, Why.STALE), "- rule 24011: from 192.168.1.0/24 iif lo lookup 20000048"),
        (
            Change(route_item(), route_item(gateway="192.168.1.1"), Why.DIFFERS),
            "~ route default via 192.168.1.1 dev eth1 onlink table 20000048",
        ),
    ],
)
def test_a_change_shows_its_sign(change: Change, text: str) -> None:
    assert str(change) == text


def test_a_plan_is_counted_by_kind() -> None:
    plan = diff([route_item(), rule_item()], [route_item(gateway="192.168.1.1"), MAIN_FIRST], anything)

    assert count(plan) == {"add": 1, "replace": 1, "remove": 1}


@given(item_sets(), item_sets())
def test_a_plan_reaches_what_is_wanted(have: frozenset[Item], want: frozenset[Item]) -> None:
    assert replay(have, diff(have, want, anything)) == want


@given(item_sets(), item_sets())
def test_what_may_not_be_cut_stays(have: frozenset[Item], want: frozenset[Item]) -> None:
    kept = frozenset(item for place, item in enumerate(sorted(have, key=str)) if place % 2)
    wanted = {item.key for item in want}
    plan = diff(have, want, lambda item: item not in kept)

    assert replay(have, plan) == want | {item for item in kept if item.key not in wanted}
    assert replay(have, diff(have, want, nothing)) >= want


@given(item_sets(), item_sets())
def test_a_second_plan_is_empty(have: frozenset[Item], want: frozenset[Item]) -> None:
    assert diff(replay(have, diff(have, want, anything)), want, anything) == ()
    assert diff(have, have, anything) == ()


@given(item_sets(), item_sets())
def test_undoing_a_plan_leaves_no_trace(have: frozenset[Item], want: frozenset[Item]) -> None:
    plan = diff(have, want, anything)
    for length in range(len(plan) + 1):
        done = plan[:length]
        undo = [change.inverse() for change in reversed(done)]

        assert replay(replay(have, done), undo) == have


@given(item_sets(), item_sets())
def test_phases_only_rise_and_inverses_too(have: frozenset[Item], want: frozenset[Item]) -> None:
    plan = diff(have, want, anything)
    undo = [change.inverse() for change in reversed(plan) if change.before is None or change.after is None]

    assert all(phase(one) <= phase(other) for one, other in pairwise(plan))
    assert all(phase(one) <= phase(other) for one, other in pairwise(undo))


@given(setting_changes())
def test_giving_link_settings_back_is_the_last_thing(
    pair: tuple[frozenset[LinkSetting], frozenset[LinkSetting]],
) -> None:
    have, want = pair
    for change in diff(have, want, nothing):
        assert phase(change) <= 1
        assert phase(change.inverse()) >= 15


@given(item_sets(), item_sets())
def test_nothing_leads_where_nothing_is(have: frozenset[Item], want: frozenset[Item]) -> None:
    """A table rule is never there before the routes of its table, nor a jump before what stands in its block."""
    plan = diff(have, want, anything)
    held = set(have)
    ready = {item for item in want if isinstance(item, Route | Rule)}
    for change in plan:
        held = set(replay(held, [change]))
        match change.after:
            case Rule(goto=None, table=int(table)) if table != 254:
                assert {item for item in ready if isinstance(item, Route) and item.table == table} <= held
            case Rule(goto=int(goto)):
                leaves = {i for i in ready if isinstance(i, Rule) and i.goto is None and i.priority in (goto, goto + 1)}
                assert leaves <= held


def test_no_change_has_neither_side() -> None:
    with pytest.raises(AssertionError):
        _ = Change(None, None, Why.MISSING).item


def test_the_inverse_of_an_inverse_is_the_change_but_for_its_reason() -> None:
    change = Change(None, address_item("192.168.1.10"), Why.MISSING)

    assert change.inverse() == Change(change.after, None, Why.ROLLBACK)
    assert change.inverse().inverse().after == change.after
    assert ip4("192.168.1.10") == change.inverse().item.ip  # type: ignore[union-attr]  # an address
