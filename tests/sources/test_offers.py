"""A DHCP offer is believed only when it answers our question, whole, with values that can be."""

import struct
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.facts import Link, LinkFact, Mac, Unread
from eip_agent.core.offers import OfferFact
from eip_agent.datagram import BROADCAST_MAC, EVERYBODY, Datagram, unwrap
from eip_agent.dhcp_message import CLIENT_PORT, NOBODY, SERVER_PORT, Kind, Message, Option, decode
from eip_agent.sources import offers

LINK = LinkFact(Link(7, "eth2"), Mac("00:16:3e:00:00:02"), up=True)
MAC = bytes.fromhex("00163e000002")
SERVER_MAC = b"\xee\xff\xff\xff\xff\xff"
TRANSACTION = 0xCAFE0001
EIP, ROUTER = IPv4Address("203.0.113.20"), IPv4Address("203.0.113.1")
OPTIONS: Mapping[int, bytes] = {
    Option.KIND: bytes([Kind.OFFER]),
    Option.SERVER: ROUTER.packed,
    Option.LEASE: struct.pack("!I", 3600),
    Option.MASK: IPv4Address("255.255.255.0").packed,
    Option.ROUTER: ROUTER.packed,
}
OFFER = Message(2, TRANSACTION, MAC, OPTIONS, broadcast=True, yours=EIP)
FACT = OfferFact(7, EIP, 24, ROUTER, ROUTER, 3600)

HEADER, IP, UDP, BOOTP = 14, 34, 42, 282
"""Where the parts end that come before the options."""


def packet(payload: bytes) -> Datagram:
    return Datagram(BROADCAST_MAC, SERVER_MAC, (ROUTER, SERVER_PORT), (EVERYBODY, CLIENT_PORT), payload)


def framed(message: Message = OFFER) -> bytes:
    return packet(message.encode()).encode()


def told(frame: bytes) -> OfferFact | Unread | None:
    return offers.decode_offer(frame, LINK, TRANSACTION)


def with_options(**changed: bytes | None) -> Message:
    """The offer with some options replaced, or left out."""
    wanted: dict[int, bytes | None] = dict(OPTIONS)
    wanted.update({Option[name]: value for name, value in changed.items()})
    return replace(OFFER, options={code: value for code, value in wanted.items() if value is not None})


def raw(options: bytes, *, sname: bytes = b"", file: bytes = b"") -> bytes:
    """A frame with an option field as it is written here."""
    whole = bytearray(OFFER.encode()[:240])
    whole[44 : 44 + len(sname)] = sname
    whole[108 : 108 + len(file)] = file
    return packet(bytes(whole) + options).encode()


def spoiled(frame: bytes, at: int, value: bytes) -> bytes:
    return frame[:at] + value + frame[at + len(value) :]


def test_an_offer_becomes_a_fact() -> None:
    assert told(framed()) == FACT


def test_the_question_is_a_discover_that_names_nobody() -> None:
    asked = unwrap(offers.discover(LINK, TRANSACTION, seconds=3))
    assert asked
    message = decode(asked.payload)
    assert message

    assert (asked.to_mac, asked.from_mac) == (BROADCAST_MAC, MAC)
    assert (asked.source, asked.destination) == ((NOBODY, 68), (EVERYBODY, 67))
    assert (message.op, message.transaction, message.mac, message.seconds) == (1, TRANSACTION, MAC, 3)
    assert message.broadcast
    assert (message.client, message.yours) == (NOBODY, NOBODY)
    assert message.kind is Kind.DISCOVER
    assert set(message.options) == {Option.KIND, Option.WANTED}, "no client identifier (61), no rapid commit (80)"
    assert set(message.options[Option.WANTED]) == {1, 3, 51, 54}, "classless routes (121) would replace the router"
    assert len(asked.payload) >= 300


@pytest.mark.parametrize(
    "message",
    [
        replace(OFFER, transaction=TRANSACTION ^ 1),
        replace(OFFER, mac=b"\0\x16\x3e\0\0\x03"),
        replace(OFFER, op=1),
        *(with_options(KIND=bytes([kind])) for kind in Kind if kind is not Kind.OFFER),
        with_options(KIND=b"\x63"),
        with_options(KIND=b""),
        with_options(KIND=b"\x02\x02"),
        with_options(KIND=None),
    ],
)
def test_a_message_that_is_no_offer_to_us_is_none(message: Message) -> None:
    assert told(framed(message)) is None


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, b"\0\x16\x3e\0\0\x03"),  # to another MAC
        (12, b"\x86\xdd"),  # IPv6
        (HEADER, b"\x65"),
        (HEADER, b"\x44"),  # a header of 16 bytes
        (HEADER, b"\x4f"),  # one of 60, with another sum
        (HEADER + 2, b"\xff\xff"),  # longer than the frame
        (HEADER + 2, b"\0\x1b"),  # without room for UDP
        (HEADER + 6, b"\x20\0"),  # more fragments
        (HEADER + 6, b"\0\x01"),  # not the first one
        (HEADER + 9, b"\x06"),  # TCP
        (HEADER + 10, b"\0\0"),  # no sum
        (HEADER + 16, b"\x01\x02\x03\x04"),  # an address that the sum does not know
        (IP, b"\0\x45"),  # from another port
        (IP + 2, b"\0\x45"),  # to another port
        (IP + 4, b"\0\x07"),  # shorter than its own header
        (IP + 4, b"\xff\xff"),  # longer than the packet
        (IP + 4, b"\0\xf7"),  # shorter than BOOTP
        (IP + 6, b"\xab\xcd"),  # a wrong sum
        (UDP + 16, b"\xc0\0\x02\x63"),  # an address the sum does not know
    ],
)
def test_a_frame_that_contradicts_itself_is_none(at: int, value: bytes) -> None:
    assert told(spoiled(framed(), at, value)) is None


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (UDP + 1, b"\x06"),  # token ring
        (UDP + 2, b"\x10"),  # sixteen bytes of hardware address
        (BOOTP - 4, b"\x63\x82\x53\x62"),  # the cookie
    ],
)
def test_a_datagram_of_another_protocol_is_none(at: int, value: bytes) -> None:
    unsummed = spoiled(framed(), IP + 6, b"\0\0")

    assert told(unsummed) == FACT, "no sum is a right sum"
    assert told(spoiled(unsummed, at, value)) is None


@pytest.mark.parametrize("port", [(69, CLIENT_PORT), (SERVER_PORT, 69), (CLIENT_PORT, SERVER_PORT)])
def test_only_from_a_server_to_a_client(port: tuple[int, int]) -> None:
    moved = replace(packet(OFFER.encode()), source=(ROUTER, port[0]), destination=(EVERYBODY, port[1]))

    assert told(moved.encode()) is None


def test_unicast_to_our_own_mac_is_heard() -> None:
    assert told(replace(packet(OFFER.encode()), to_mac=MAC, destination=(EIP, CLIENT_PORT)).encode()) == FACT


def test_a_sum_that_a_network_card_was_to_finish_is_taken() -> None:
    frame = framed()
    pseudo = ROUTER.packed + EVERYBODY.packed + struct.pack("!xBH", 17, len(frame) - IP)
    total = sum(struct.unpack("!6H", pseudo))
    begun = struct.pack("!H", (total & 0xFFFF) + (total >> 16))

    assert frame[IP + 6 : IP + 8] != begun
    assert told(spoiled(frame, IP + 6, begun)) == FACT


def test_a_trailer_of_the_wire_is_no_part_of_the_message() -> None:
    assert told(framed() + b"\xaa" * 17) == FACT


@pytest.mark.parametrize("header", [24, 60])
def test_ip_options_are_skipped(header: int) -> None:
    frame = bytearray(framed())
    frame[IP:IP] = b"\x01" * (header - 20)
    frame[HEADER] = 0x40 | header // 4
    frame[HEADER + 2 : HEADER + 4] = struct.pack("!H", len(frame) - HEADER)
    frame[HEADER + 10 : HEADER + 12] = b"\0\0"
    total = sum(struct.unpack(f"!{header // 2}H", frame[HEADER : HEADER + header]))
    frame[HEADER + 10 : HEADER + 12] = struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)

    assert told(bytes(frame)) == FACT


@pytest.mark.parametrize("place", [0x2000, 0x0001, 0x1FFF])
def test_a_fragment_is_none_though_its_sum_is_right(place: int) -> None:
    frame = spoiled(framed(), HEADER + 6, struct.pack("!H", place))
    before = int.from_bytes(frame[HEADER + 10 : HEADER + 12])
    after = before - place if before > place else before - place + 0xFFFF

    assert told(spoiled(frame, HEADER + 10, struct.pack("!H", after))) is None


def test_what_lies_behind_the_end_of_the_datagram_is_not_read() -> None:
    frame = raw(KIND_AND_MASK + b"\x03\x04" + ROUTER.packed)
    unsummed = spoiled(frame, IP + 6, b"\0\0")
    size = len(frame) - IP

    assert told(unsummed) == replace(BARE, router=ROUTER)
    assert told(spoiled(unsummed, IP + 4, struct.pack("!H", size - 6))) == BARE
    assert told(spoiled(unsummed, IP + 4, struct.pack("!H", size + 1)) + b"\xff") is None


@pytest.mark.parametrize("size", [0, 1, 239])
def test_a_datagram_that_is_too_short_is_none(size: int) -> None:
    assert told(packet(OFFER.encode()[:size]).encode()) is None


@pytest.mark.parametrize("size", range(0, BOOTP, 7))
def test_half_a_frame_is_none(size: int) -> None:
    assert told(framed()[:size]) is None


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (with_options(MASK=None), replace(FACT, prefix_length=32)),
        (with_options(MASK=b"\xff\xff\xff\xff"), replace(FACT, prefix_length=32)),
        (with_options(MASK=b"\x80\0\0\0"), replace(FACT, prefix_length=1)),
        (with_options(ROUTER=None), replace(FACT, router=None)),
        (with_options(ROUTER=ROUTER.packed + b"\x01\x02\x03\x04"), FACT),
        (with_options(SERVER=None), replace(FACT, server=None)),
        (with_options(SERVER=b"\xa9\xfe\xa9\xfe"), replace(FACT, server=IPv4Address("169.254.169.254"))),
        (with_options(LEASE=None), replace(FACT, lease_seconds=None)),
        (with_options(LEASE=b"\xff" * 4), replace(FACT, lease_seconds=0xFFFFFFFF)),
    ],
)
def test_what_may_be_missing_may_be_missing(message: Message, expected: OfferFact) -> None:
    assert told(framed(message)) == expected


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (replace(OFFER, yours=NOBODY), "address 0.0.0.0"),
        (replace(OFFER, yours=IPv4Address("0.1.2.3")), "address 0.1.2.3"),
        (replace(OFFER, yours=IPv4Address("127.0.0.1")), "address 127.0.0.1"),
        (replace(OFFER, yours=IPv4Address("224.0.0.1")), "address 224.0.0.1"),
        (replace(OFFER, yours=IPv4Address("240.0.0.1")), "address 240.0.0.1"),
        (replace(OFFER, yours=EVERYBODY), "address 255.255.255.255"),
        (with_options(MASK=b"\0\0\0\0"), "mask 0.0.0.0"),
        (with_options(MASK=b"\0\0\0\xff"), "mask 0.0.0.255"),
        (with_options(MASK=b"\xff\0\xff\0"), "mask 255.0.255.0"),
        (with_options(MASK=b"\xff\xff\xff"), "mask 255.255.255"),
        (with_options(MASK=b"\xff\xff\xff\xff\0"), "mask 255.255.255.255.0"),
        (with_options(MASK=b""), "mask"),
        (with_options(ROUTER=b"\xe0\0\0\1"), "router 224.0.0.1"),
        (with_options(ROUTER=b""), "router of 0 bytes"),
        (with_options(ROUTER=b"\1\2\3"), "router of 3 bytes"),
        (with_options(SERVER=b"\1\2\3\4\5"), "server of 5 bytes"),
        (with_options(SERVER=b"\xff" * 4), "server 255.255.255.255"),
        (with_options(LEASE=b"\1"), "lease time of 1 bytes"),
    ],
)
def test_values_that_cannot_be_are_told(message: Message, why: str) -> None:
    answer = told(framed(message))

    assert isinstance(answer, Unread)
    assert answer.path == "DHCP on eth2"
    assert why in answer.reason


KIND_AND_MASK = b"\x35\1\2\1\4\xff\xff\xff\0"
BARE = OfferFact(7, EIP, 24)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (raw(KIND_AND_MASK + b"\xff"), BARE),
        (raw(KIND_AND_MASK), BARE),
        (raw(b"\0\0" + KIND_AND_MASK + b"\0\0\xff\x03\x04junk"), BARE),
        (raw(KIND_AND_MASK + b"\x99\x02xy\xff"), BARE),
        (raw(KIND_AND_MASK + b"\x03"), None),
        (raw(KIND_AND_MASK + b"\x03\x04\1\2\3"), None),
        (raw(KIND_AND_MASK + b"\x03\x04"), None),
        (raw(b"\x35\1\2\1\2\xff\xff\1\2\xff\0\xff"), BARE),
        (raw(KIND_AND_MASK + b"\xff", file=b"\x03\x04\xcb\0\x71\x01\xff"), BARE),
        (raw(KIND_AND_MASK + b"\x34\1\1\xff", file=b"\x03\x04\xcb\0\x71\x01\xff"), replace(BARE, router=ROUTER)),
        (raw(KIND_AND_MASK + b"\x34\1\2\xff", sname=b"\x03\x04\xcb\0\x71\x01\xff"), replace(BARE, router=ROUTER)),
        (
            raw(KIND_AND_MASK + b"\x34\1\3\xff", file=b"\x03\x02\xcb\0\xff", sname=b"\x03\x02\x71\x01\xff"),
            replace(BARE, router=ROUTER),
        ),
        (raw(KIND_AND_MASK + b"\x34\1\1\xff", file=b"\x99\x7e" + b"x" * 126), BARE),
        (raw(KIND_AND_MASK + b"\x34\1\1\xff", file=b"\x99\x7f" + b"x" * 126), None),
        (raw(KIND_AND_MASK + b"\x34\1\1\xff", file=b"\x34\1\2\xff", sname=b"\x03\x09\xff"), BARE),
        (raw(KIND_AND_MASK + b"\x34\0\xff"), BARE),
        (raw(KIND_AND_MASK + b"\x34\1\xfc\xff"), BARE),
    ],
    ids=[
        "as it should be",
        "ends without an end",
        "what follows the end is no option",
        "an option nobody knows",
        "a code without a length",
        "a value that is cut off",
        "a length without a value",
        "an option in two pieces",
        "a file name that is not overloaded",
        "more options in the file name",
        "more options in the server name",
        "an option that goes on from one into the other",
        "a full file name",
        "a value that leaves the file name",
        "an overloaded field cannot overload",
        "an overload that says nothing",
        "an overload of other bits",
    ],
)
def test_options_are_read_within_their_bounds(frame: bytes, expected: OfferFact | None) -> None:
    assert told(frame) == expected


@given(st.binary(max_size=700))
def test_no_bytes_raise(data: bytes) -> None:
    assert told(data) is None


@given(st.binary(max_size=400), st.binary(max_size=64), st.binary(max_size=128))
def test_no_options_raise(options: bytes, sname: bytes, file: bytes) -> None:
    told(raw(options, sname=sname, file=file))
    told(raw(b"\x35\1\2\x34\1\3" + options, sname=sname, file=file))


@given(st.dictionaries(st.sampled_from([1, 3, 6, 51, 52, 54]), st.binary(max_size=9)), st.integers(0, 2**32 - 1))
def test_whatever_an_offer_says_is_a_possible_value_or_told(options: dict[int, bytes], address: int) -> None:
    said = replace(OFFER, options={Option.KIND: b"\2", **options}, yours=IPv4Address(address))
    answer = told(framed(said))

    assert answer is not None or Option.OVERLOAD in options
    if isinstance(answer, OfferFact):
        assert answer.address == said.yours
        assert 1 <= answer.prefix_length <= 32
        for one in (answer.address, answer.router, answer.server):
            assert one is None or not (one.is_multicast or one.is_unspecified or one.is_loopback or one.is_reserved)


@given(st.integers(0, len(framed()) - 1), st.integers(1, 255))
def test_one_damaged_byte_changes_no_value(at: int, by: int) -> None:
    frame = framed()
    damaged = told(spoiled(frame, at, bytes([frame[at] ^ by])))

    assert damaged in (None, FACT)


@given(
    st.integers(0, 2**32 - 1),
    st.dictionaries(st.integers(1, 254), st.binary(max_size=255), max_size=5),
    st.integers(0, 65535),
    st.booleans(),
)
def test_a_message_survives_the_wire(xid: int, options: dict[int, bytes], seconds: int, broadcast: bool) -> None:  # noqa: FBT001 - hypothesis passes it
    options.pop(Option.OVERLOAD, None)
    message = Message(1, xid, MAC, options, broadcast, seconds, EIP, ROUTER)
    arrived = unwrap(packet(message.encode()).encode())

    assert arrived
    assert decode(arrived.payload) == message


def test_a_link_that_cannot_be_asked_is_told_without_a_socket() -> None:
    down = replace(LINK, up=False)
    tunnel = LinkFact(Link(8, "tun0"), Mac(""), up=True)

    assert offers.read([down, tunnel], timeout=5) == {
        7: Unread("DHCP on eth2", "the link is down"),
        8: Unread("DHCP on tun0", "the link is not Ethernet"),
    }


def test_nobody_is_asked_on_no_links() -> None:
    assert offers.read([], timeout=5) == {}
