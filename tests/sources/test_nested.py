"""Lists of attributes, whole and cut off."""

import struct

from eip_agent.netlink import attribute
from eip_agent.sources.nested import members, number


def test_every_member_of_a_list_is_given_in_order() -> None:
    payload = attribute(0x8001, b"one") + attribute(1, b"") + attribute(2, b"three")

    assert list(members(payload)) == [(1, b"one"), (1, b""), (2, b"three")]


def test_a_list_that_is_cut_off_or_nonsense_ends() -> None:
    assert list(members(b"\1")) == []
    assert list(members(struct.pack("=HH", 3, 1) + bytes(8))) == []


def test_numbers_are_in_network_order() -> None:
    assert number({1: b"\0\1\2"}, 1) == 258
    assert number({}, 1) == 0
