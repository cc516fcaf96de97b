"""The numbers keep out of each other's way and of everybody else's."""

from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core import numbers
from eip_agent.core.numbers import BLOCKS, END, JUMPS, PRIORITIES, SKIP, SLOTS, TABLES, link_of, slot_of, table_of

LINKS = st.integers(0, 2**20 - 1)


@given(LINKS, st.integers(0, SLOTS - 1))
def test_a_table_tells_its_link_and_slot(link: int, slot: int) -> None:
    table = table_of(link, slot)

    assert table in TABLES
    assert (link_of(table), slot_of(table)) == (link, slot)


@given(st.tuples(LINKS, st.integers(0, SLOTS - 1)), st.tuples(LINKS, st.integers(0, SLOTS - 1)))
def test_no_two_exits_share_a_table(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (table_of(*one) == table_of(*other)) == (one == other)


@given(st.integers(0, 2**32 - 1))
def test_a_table_of_somebody_else_has_no_link(table: int) -> None:
    assert (link_of(table) is None) == (table not in TABLES)


def test_our_tables_fit_the_kernels_number_and_spare_the_neighbours() -> None:
    neighbours = [0, 52, 100, 1001, 10_255, 30_999, 51_820, 253, 254, 255]

    assert TABLES[-1] < 2**31
    assert not [table for table in neighbours if table in TABLES]


def test_our_priorities_spare_the_neighbours() -> None:
    neighbours = [0, 100, 119, 200, 300, 512, 600, 2048, 5210, 5270, 10_255, 20_003, 30_000, 30_999, 32_764, 32_767]

    assert not [priority for priority in neighbours if priority in PRIORITIES]


def test_rules_stand_in_the_order_their_story_tells() -> None:
    order = [
        numbers.PRIMARY_MAIN_FIRST,
        numbers.PRIMARY_TABLE,
        numbers.MAIN_FIRST,
        numbers.TABLE,
        numbers.GROUP,
        numbers.DEVICE,
        SKIP,
        JUMPS[0],
        JUMPS[-1],
        BLOCKS[0],
        BLOCKS[-1] + 1,
        END,
    ]

    assert order == sorted(set(order))
    assert set(order) <= set(PRIORITIES)
