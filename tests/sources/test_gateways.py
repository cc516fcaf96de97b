"""Who is heard to answer, and who is not.  `tests/lab/findings/test_probes.py` asks gateways for real."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.probed import Reply, Said
from eip_agent.core.probing import Aim, Ask
from eip_agent.sources import gateways
from eip_agent.sources.gateways import heard_advertisement, heard_arp, solicited
from tests.builders import ip4, ip6, link

GATEWAY, GATEWAY6 = ip4("192.168.1.253"), ip6("2001:db8::1:fffe:abcd")


def arp(operation: int = 2, hardware: int = 1) -> bytes:
    body = struct.pack(
        "!HHBBH6s4s6s4s", hardware, 0x0800, 6, 4, operation, b"a" * 6, GATEWAY.packed, b"b" * 6, bytes(4)
    )
    return bytes(12) + b"\x08\x06" + body


def test_an_answer_by_arp() -> None:
    assert heard_arp(arp(), 7) == (7, GATEWAY)
    assert heard_arp(arp() + bytes(18), 7) == (7, GATEWAY)


@pytest.mark.parametrize("frame", [arp(1), arp(hardware=6), arp()[:-1], b""])
def test_no_answer_by_arp(frame: bytes) -> None:
    assert heard_arp(frame, 7) is None


def test_an_answer_by_neighbour_discovery() -> None:
    packet = struct.pack("!BBHI16s", 136, 0, 0, 0x60000000, GATEWAY6.packed)

    assert heard_advertisement(packet + b"\x02\x01" + b"a" * 6, 7) == (7, GATEWAY6)
    assert heard_advertisement(b"\x87" + packet[1:], 7) is None
    assert heard_advertisement(packet[:-1], 7) is None


@given(st.binary(max_size=80))
def test_nonsense_is_no_answer_and_breaks_nothing(data: bytes) -> None:
    for heard, least in (heard_arp, 42), (heard_advertisement, 24):
        assert heard(data, 7) is None or len(data) >= least


def test_the_group_of_an_address() -> None:
    """The example of RFC 4291 section 2.7.1."""
    assert solicited(ip6("4037::01:800:200e:8c6c")) == ip6("ff02::1:ff0e:8c6c")


class _Forbidden:
    """A machine that has no packet sockets for us."""

    def __init__(self) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")


def test_without_privilege_nothing_is_sent_and_that_is_said() -> None:
    ask = Ask(Aim.GATEWAY, ip4("192.168.1.10"), link(1), gateway=GATEWAY)
    answer = gateways._all(_Forbidden, [ask], 1)[ask]  # type: ignore[arg-type]  # all it is asked for

    assert answer == Said(Reply.UNSENT, answer.why)
    assert "CAP_NET_RAW" in answer.why


def test_nobody_to_ask_costs_nothing() -> None:
    assert not gateways.ask([], 1)
