"""Programs of the kernel back to conditions; what is not known makes a rule strange, and never raises."""

import socket
import struct
from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.firewall import FirewallRule
from eip_agent.core.firewall_match import ANY_MARK, Match
from eip_agent.netlink import attribute, attributes
from eip_agent.sources.firewall_rule import decode_rule, elements_of, sets_wanted
from eip_agent.sources.firewall_value import Element

DROP: Final = ("immediate", {1: 0, 2: {2: {1: 0}}})
ACCEPT: Final = ("immediate", {1: 0, 2: {2: {1: 1}}})
IIFNAME: Final = ("meta", {1: 1, 2: 6})
OWN: Final = socket.inet_aton("172.16.1.10")
NUMBER: Final = int.from_bytes(OWN, "big")
IPV4: Final = (("meta", {1: 1, 2: 15}), ("cmp", {1: 1, 2: 0, 3: {1: b"\2"}}))
IS_IPV4: Final = Match("nfproto", ((2, 2),))
DADDR: Final = ("payload", {1: 1, 2: 1, 3: 16, 4: 4})

MARK: Final = ("meta", {1: 1, 2: 3})

Nest = Mapping[int, object]
Step = tuple[str, Nest]


def packed(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, Mapping):
        return b"".join(attribute(kind, packed(inner)) for kind, inner in value.items())
    return struct.pack(">I", value) if isinstance(value, int) else str(value).encode() + b"\0"


def program(*steps: Step) -> Mapping[int, bytes]:
    expressions = b"".join(attribute(1, packed({1: name, 2: data})) for name, data in steps)
    return {3: struct.pack(">Q", 7), 4: expressions}


def rule(*steps: Step, family: str = "inet", sets: Mapping[bytes, list[Element]] | None = None) -> FirewallRule:
    (found,) = decode_rule(family, program(*steps), sets or {})
    assert found.handle == 7
    return found


def cmp(value: bytes, how: int = 0) -> Step:
    return ("cmp", {1: 1, 2: how, 3: {1: value}})


def host(value: int) -> bytes:
    return struct.pack("=I", value)


MASKED: Final = ("bitwise", {1: 1, 2: 1, 3: 4, 4: {1: host(255)}, 5: {1: host(0)}})


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), ()),
        ((IIFNAME, cmp(b"eth1".ljust(16, b"\0"))), (Match("iifname", names=("eth1",)),)),
        ((IIFNAME, cmp(b"eth")), (Match("iifname", names=("eth*",)),)),
        ((IIFNAME, cmp(b"lo".ljust(16, b"\0"), 1)), (Match("iifname", names=("lo",), inverted=True),)),
        ((("meta", {1: 1, 2: 4}), cmp(host(3))), (Match("iif", ((3, 3),)),)),
        ((*IPV4, DADDR, cmp(OWN)), (IS_IPV4, Match("ip daddr", ((NUMBER, NUMBER),)))),
        (
            (*IPV4, ("payload", {1: 1, 2: 1, 3: 16, 4: 3}), cmp(OWN[:3])),
            (IS_IPV4, Match("ip daddr", ((NUMBER & ~255, NUMBER | 255),))),
        ),
        (
            (*IPV4, DADDR, ("bitwise", {1: 1, 2: 1, 3: 4, 4: {1: b"\xff\xff\xf0\0"}, 5: {1: bytes(4)}}),
             cmp(socket.inet_aton("172.16.0.0"))),
            (IS_IPV4, Match("ip daddr", ((NUMBER & ~4095, NUMBER & ~4095 | 4095),))),
        ),
        ((("payload", {1: 1, 2: 2, 3: 2, 4: 2}), cmp(b"\0\x50", 5)), (Match("th dport", ((80, 65535),)),)),
        ((("payload", {1: 1, 2: 2, 3: 2, 4: 2}), cmp(b"\0\x50", 2)), (Match("th dport", ((0, 79),)),)),
        (
            (("payload", {1: 1, 2: 2, 3: 0, 4: 4}), cmp(b"\0\x43\0\x44")),
            (Match("th sport", ((67, 67),)), Match("th dport", ((68, 68),))),
        ),
        (
            (("payload", {1: 1, 2: 2, 3: 2, 4: 2}), ("range", {1: 1, 2: 1, 3: {1: b"\0\1"}, 4: {1: b"\0\2"}})),
            (Match("th dport", ((1, 2),), inverted=True),),
        ),
        (
            (("ct", {1: 1, 2: 0}), ("bitwise", {1: 1, 2: 1, 3: 4, 4: {1: host(6)}, 5: {1: host(0)}}), cmp(host(0), 1)),
            (Match("ct state", ((2, 2), (4, 4))),),
        ),
        ((("ct", {1: 1, 2: 0}), cmp(host(8))), (Match("ct state", ((8, 8),)),)),
        ((MARK, cmp(host(5))), (Match("mark", ((5, 5),)),)),
        ((MARK, cmp(host(5), 1)), (Match("mark", ((5, 5),), inverted=True),)),
        ((MARK, MASKED, cmp(host(5))), (Match("mark", ((5, 5),), mask=255),)),
        ((("ct", {1: 1, 2: 3}), MASKED, cmp(host(0), 1)), (Match("ct mark", ((0, 0),), inverted=True, mask=255),)),
        ((("match", {1: "mark", 3: struct.pack("=IIB", 5, 2**32 - 1, 0)}),), (Match("mark", ((5, 5),)),)),
        (
            (("match", {1: "connmark", 3: struct.pack("=IIB", 5, 255, 1)}),),
            (Match("ct mark", ((5, 5),), inverted=True, mask=255),),
        ),
        ((("counter", {}), ("limit", {}), ("log", {})), (Match("part"),)),
        ((("match", {1: "tcp"}), ("match", {1: "comment"})), (Match("part"),)),
    ],
)  # fmt: skip
def test_a_program_is_read_back(steps: tuple[Step, ...], expected: tuple[Match, ...]) -> None:
    assert rule(*steps, DROP) == FirewallRule(7, expected, "drop")


@pytest.mark.parametrize(
    ("steps", "gives"),
    [
        ((("immediate", {1: 1, 2: {1: host(5)}}), ("meta", {2: 3, 3: 1})), ((5, 5),)),
        ((("immediate", {1: 1, 2: {1: host(5)}}), ("ct", {2: 3, 4: 1})), ((5, 5),)),
        (
            (MARK, ("bitwise", {1: 1, 2: 1, 3: 4, 4: {1: host(1)}, 5: {1: host(5)}}), ("meta", {2: 3, 3: 1})),
            (ANY_MARK,),
        ),
        ((("immediate", {1: 1, 2: {1: host(5)}}), MARK, ("ct", {2: 3, 4: 1})), (ANY_MARK,)),
        ((("target", {1: "MARK", 3: struct.pack("=II", 5, 2**32 - 1)}),), ((5, 5),)),
        ((("target", {1: "MARK", 3: struct.pack("=II", 5, 255)}),), (ANY_MARK,)),
        ((("target", {1: "CONNMARK", 3: bytes(16)}),), (ANY_MARK,)),
        ((("immediate", {1: 1, 2: {1: host(5)}}), ("meta", {2: 11, 3: 1})), ()),
        ((("immediate", {1: 1, 2: {1: host(5)}}), ("ct", {2: 11, 4: 1})), ()),
        ((MARK, cmp(host(5)), ACCEPT), ()),
    ],
)
def test_a_mark_that_a_rule_gives_is_read_where_it_is_a_number(
    steps: tuple[Step, ...], gives: tuple[tuple[int, int], ...]
) -> None:
    assert rule(*steps).gives == gives


@pytest.mark.parametrize(
    "steps",
    [
        (("fib", {1: 1, 2: 1}), cmp(host(2))),
        (("meta", {1: 1, 2: 24}), cmp(host(2))),
        (("meta", {1: 1, 2: 3}), ("bitwise", {1: 1, 2: 1, 3: 4, 4: {1: host(1)}, 5: {1: host(1)}}), cmp(host(2))),
        (("match", {1: "mark", 3: b"short"}),),
        (("socket", {1: 1}), cmp(host(2))),
        (cmp(host(2)),),
        (("payload", {1: 1, 2: 1, 3: 16, 4: 4}), cmp(OWN)),
        (("payload", {1: 1, 2: 2, 3: 13, 4: 1}), cmp(b"\2")),
        (*IPV4, DADDR, ("bitwise", {1: 1, 2: 1, 3: 4, 4: {1: b"\xff\0\xff\0"}, 5: {1: bytes(4)}}), cmp(OWN)),
        (*IPV4, DADDR, ("bitwise", {1: 1, 2: 1, 3: 4, 4: {1: b"\xff\0\0\0"}, 5: {1: b"\1\0\0\0"}}), cmp(OWN)),
        (("match", {1: "conntrack"}),),
        (("ct", {1: 1, 2: 1}), cmp(host(2))),
    ],
)
def test_what_is_not_known_may_match_or_not(steps: tuple[Step, ...]) -> None:
    found = rule(*steps, ACCEPT)

    assert found.strange
    assert found.verdict == "accept"


@pytest.mark.parametrize(
    ("step", "verdict"),
    [
        (("immediate", {1: 0, 2: {2: {1: struct.pack(">i", -3), 2: "open"}}}), ("jump", "open")),
        (("immediate", {1: 0, 2: {2: {1: struct.pack(">i", -4), 2: "open"}}}), ("goto", "open")),
        (("immediate", {1: 0, 2: {2: {1: struct.pack(">i", -5)}}}), ("return", "")),
        (("immediate", {1: 0, 2: {2: {1: 0x10003}}}), ("other", "")),
        (("immediate", {1: 1, 2: {1: host(7)}}), ("", "")),
        (("reject", {}), ("reject", "")),
        (("nat", {}), ("other", "")),
        (("target", {1: "REJECT"}), ("reject", "")),
        (("target", {1: "DNAT"}), ("other", "")),
        (("target", {1: "LOG"}), ("", "")),
        (("invented later", {}), ("other", "")),
    ],
)
def test_verdicts(step: Step, verdict: tuple[str, str]) -> None:
    found = rule(step)

    assert (found.verdict, found.target) == verdict


def test_sets_and_maps_of_verdicts_are_looked_up() -> None:
    lookup: Step = ("lookup", {1: "__set0", 2: 1})
    names = [Element(name.ljust(16, b"\0")) for name in (b"eth1", b"lo")]
    ports = [Element(b"\0\x16"), Element(b"\0\x17", ends=True), Element(b"\0\x50"), Element(b"\0\x5b", ends=True)]
    verdicts = [Element(names[0].key, verdict=("drop", "")), Element(names[1].key, verdict=("jump", "open"))]
    port: Step = ("payload", {1: 1, 2: 2, 3: 2, 4: 2})

    assert rule(IIFNAME, lookup, sets={b"__set0\0": names}).matches == (Match("iifname", names=("eth1", "lo")),)
    assert rule(port, lookup, sets={b"__set0\0": ports}).matches == (Match("th dport", ((22, 22), (80, 90))),)
    assert rule(port, lookup, sets={b"__set0\0": names}).strange, "it has another key"
    assert rule(port, lookup).matches == (Match("th dport", named="__set0"),), "it was not read"
    by_name = program(IIFNAME, ("lookup", {1: "__set0", 2: 1, 3: 0}))
    for listed in verdicts, verdicts[::-1]:
        branches = decode_rule("inet", by_name, {b"__set0\0": listed})
        assert [str(one) for one in branches] == ['iifname "eth1" drop', 'iifname "lo" jump open', ""]


def test_an_interval_map_of_verdicts_may_decide_anything() -> None:
    elements = [Element(b"\0\1", verdict=("drop", "")), Element(b"\0\2", ends=True)]
    port: Step = ("payload", {1: 1, 2: 2, 3: 2, 4: 2})
    branches = decode_rule("inet", program(port, ("lookup", {1: "m", 2: 1, 3: 0})), {b"m\0": elements})

    assert branches[-1].strange
    assert branches[-1].verdict == "other"


def test_sets_of_sources_are_not_read_unless_they_belong_to_the_rule() -> None:
    saddr: Step = ("payload", {1: 1, 2: 1, 3: 12, 4: 4})

    assert sets_wanted(program(saddr, ("lookup", {1: "blocked", 2: 1}))) == []
    assert sets_wanted(program(saddr, ("lookup", {1: "__set1", 2: 1}))) == [b"__set1\0"]
    assert sets_wanted(program(IIFNAME, ("lookup", {1: "links", 2: 1}))) == [b"links\0"]


def test_elements_are_read() -> None:
    payload = b"".join(
        attribute(1, packed(one)) for one in ({1: {1: b"ab"}, 2: {2: {1: 1}}}, {1: {1: b"cd"}, 3: 1}, {3: 2})
    )

    assert list(elements_of(payload)) == [
        Element(b"ab", verdict=("accept", "")),
        Element(b"cd", ends=True),
        Element(b"", catchall=True),
    ]


STEPS = st.tuples(
    st.sampled_from(["meta", "cmp", "payload", "bitwise", "range", "lookup", "ct", "immediate", "match", "fib", "x"]),
    st.dictionaries(
        st.integers(1, 7), st.binary(max_size=8) | st.dictionaries(st.integers(1, 2), st.binary(max_size=4))
    ),
)


@given(st.lists(STEPS, max_size=5), st.sampled_from(["inet", "ip", "netdev", ""]))
def test_nonsense_is_read_without_an_error(steps: list[Step], family: str) -> None:
    attrs = program(*steps)
    if all(attributes(packed(data), 0).get(1) is not None for name, data in steps if name == "lookup"):
        wanted = {name: [Element(b"\0\1")] for name in sets_wanted(attrs)}
        assert decode_rule(family, attrs, wanted)
