"""What comparing a register with a value means: held against what the kernel does with the bytes themselves."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.firewall_match import Match
from eip_agent.sources.firewall_value import EQ, GT, GTE, LT, LTE, NEQ, Element, Loaded, among, compared, marked

PORT = Loaded("th dport", 2)
PORTS = st.integers(0, 65535)
KERNEL = {
    EQ: lambda one, other: one == other,
    NEQ: lambda one, other: one != other,
    LT: lambda one, other: one < other,
    LTE: lambda one, other: one <= other,
    GT: lambda one, other: one > other,
    GTE: lambda one, other: one >= other,
}
"""`nft_cmp_eval` of linux/net/netfilter/nft_cmp.c: memcmp of the register and the value."""


def holds(match: Match | None, value: int) -> bool:
    assert match is not None
    return any(low <= value <= high for low, high in match.spans) != match.inverted


@given(st.sampled_from(sorted(KERNEL)), PORTS, PORTS)
def test_a_comparison_means_what_the_kernel_does(how: int, here: int, told: int) -> None:
    expected = KERNEL[how](here.to_bytes(2, "big"), told.to_bytes(2, "big"))

    assert holds(compared(PORT, how, told.to_bytes(2, "big")), here) == expected


@given(here=PORTS, told=st.lists(PORTS, min_size=1, unique=True), inverted=st.booleans())
def test_a_set_means_one_of_it(here: int, told: list[int], *, inverted: bool) -> None:
    match = among(PORT, [Element(port.to_bytes(2, "big")) for port in told], inverted=inverted)

    assert holds(match, here) == ((here in told) != inverted)


@given(PORTS, st.lists(PORTS, min_size=2, max_size=8, unique=True))
def test_intervals_begin_with_one_element_and_end_before_the_next(here: int, told: list[int]) -> None:
    edges = sorted(told)
    elements = [Element(port.to_bytes(2, "big"), ends=bool(number % 2)) for number, port in enumerate(edges)]
    before = sum(edge <= here for edge in edges)

    assert holds(among(PORT, elements, inverted=False), here) == bool(before % 2)


@pytest.mark.parametrize(
    ("loaded", "how", "value"),
    [
        (Loaded("iifname", 16), LT, b"eth1".ljust(16, b"\0")),
        (Loaded("iifname", 16, mask=1), EQ, b"eth1".ljust(16, b"\0")),
        (Loaded("th dport", 2, mask=0b101), EQ, b"\0\5"),
        (Loaded("mark", 4, mask=0xFF), GT, b"\1\0\0\0"),
        (Loaded("ct state", 4), GT, b"\1\0\0\0"),
    ],
)
def test_what_is_no_span_is_unknown(loaded: Loaded, how: int, value: bytes) -> None:
    assert compared(loaded, how, value) is None


def test_elements_of_another_width_and_what_stands_for_all_others_are_unknown() -> None:
    assert among(PORT, [Element(b"\0\0\0\x16")], inverted=False) is None
    assert among(PORT, [Element(b"", catchall=True)], inverted=False) is None
    assert among(Loaded("iifname", 16), [Element(b"eth1".ljust(16, b"\0"), ends=True)], inverted=False) is None


def test_a_mask_of_all_bits_is_none() -> None:
    assert marked("mark", 7, 0xFFFFFFFF, inverted=False) == Match("mark", ((7, 7),))
    assert marked("mark", 7, 0xFF, inverted=True) == Match("mark", ((7, 7),), inverted=True, mask=0xFF)
    assert compared(Loaded("mark", 4, mask=0xFF), EQ, (7).to_bytes(4, sys.byteorder)) == Match(
        "mark", ((7, 7),), mask=0xFF
    )
