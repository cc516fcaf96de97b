"""The netlink socket, fed with bytes as the kernel would send them, and in a namespace with the kernel itself."""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.errors import KernelReadError
from eip_agent.lab.namespace import Namespace
from eip_agent.netlink import NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, Answer, Netlink, attribute, attributes

HEADER = struct.Struct("=IHHII")
NEWRULE, GETRULE, NEWLINK, GETLINK = 32, 34, 16, 18
CAPPED, TLVS = 0x100, 0x200


def message(kind: int, sequence: int, payload: bytes = b"", flags: int = 0) -> bytes:
    return HEADER.pack(HEADER.size + len(payload), kind, flags, sequence, 0) + payload + bytes(-len(payload) % 4)


def refusal(sequence: int, code: int, text: str = "", request: bytes = b"") -> bytes:
    """An NLMSG_ERROR as the kernel sends it: with a copy of the request unless it is capped, and words behind."""
    original = HEADER.pack(HEADER.size + len(request), NEWRULE, 5, sequence, 0)
    words = attribute(1, text.encode() + b"\0") if text else b""
    flags = (TLVS if text else 0) | (0 if request else CAPPED)
    return message(NLMSG_ERROR, sequence, struct.pack("=i", -code) + original + request + words, flags)


class Fed(Netlink):
    """A Netlink on one end of a socket pair; the test is the kernel on the other."""

    def __init__(self, *datagrams: bytes) -> None:
        self._socket, self.kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sequence = 0
        for datagram in datagrams:
            self.kernel.send(datagram)

    def close(self) -> None:
        super().close()
        self.kernel.close()


def test_a_dump_is_all_messages_up_to_the_end() -> None:
    parts = (
        message(NEWLINK, 1, b"one!") + message(NEWLINK, 1, b"two!"),
        message(NEWLINK, 1, b"odd") + message(NLMSG_DONE, 1, bytes(4)),
    )
    with Fed(*parts) as netlink:
        assert netlink.dump(GETLINK, b"body") == [(NEWLINK, b"one!"), (NEWLINK, b"two!"), (NEWLINK, b"odd")]
        assert netlink.kernel.recv(100) == HEADER.pack(20, GETLINK, 0x301, 1, 0) + b"body"


def test_a_dump_that_was_interrupted_is_read_to_its_end_and_taken_again() -> None:
    with Fed(
        message(NEWLINK, 1, b"half", NLM_F_DUMP_INTR),
        message(NLMSG_DONE, 1, bytes(4)),
        message(NEWLINK, 2, b"good") + message(NLMSG_DONE, 2, bytes(4), NLM_F_DUMP_INTR),
        message(NEWLINK, 3, b"good") + message(NLMSG_DONE, 3, bytes(4)),
    ) as netlink:
        assert netlink.dump(GETLINK, b"") == [(NEWLINK, b"good")]


class Busy(Fed):
    """A kernel in which somebody changes something during every dump."""

    def _receive(self) -> bytes:
        return message(NLMSG_DONE, self._sequence, bytes(4), NLM_F_DUMP_INTR)


def test_a_dump_that_never_is_whole_is_unreadable() -> None:
    with Busy() as netlink, pytest.raises(KernelReadError, match="kept changing"):
        netlink.dump(GETLINK, b"")


def test_between_two_tries_who_changes_things_gets_time_to_finish() -> None:
    began = monotonic()
    with Busy() as netlink, pytest.raises(KernelReadError):
        netlink.dump(GETLINK, b"")

    assert 0.15 < monotonic() - began < 2


def test_answers_to_somebody_else_are_passed_over() -> None:
    with Fed(message(NEWLINK, 77, b"late"), message(NEWLINK, 1, b"mine") + message(NLMSG_DONE, 1, bytes(4))) as netlink:
        assert netlink.dump(GETLINK, b"") == [(NEWLINK, b"mine")]


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EAFNOSUPPORT, errno.EOPNOTSUPP], ids=os.strerror)
def test_a_table_or_a_family_that_does_not_exist_is_empty(code: int) -> None:
    with Fed(message(NLMSG_ERROR, 1, struct.pack("=i", -code))) as netlink:
        assert netlink.dump(GETLINK, b"") == []


@pytest.mark.parametrize("kind", [NLMSG_ERROR, NLMSG_DONE])
def test_a_dump_that_is_refused_is_unreadable(kind: int) -> None:
    with (
        Fed(message(kind, 1, struct.pack("=i", -errno.EPERM))) as netlink,
        pytest.raises(KernelReadError, match="permitted"),
    ):
        netlink.dump(GETLINK, b"")


def test_a_socket_that_breaks_is_unreadable() -> None:
    with Fed() as netlink:
        netlink.kernel.close()
        with pytest.raises(KernelReadError, match="netlink: "):
            netlink.dump(GETLINK, b"")
        with pytest.raises(KernelReadError, match="netlink: "):
            netlink.send([(NEWRULE, 0, b"")])


@pytest.mark.parametrize(
    ("datagram", "answer"),
    [
        (refusal(1, 0), Answer(0)),
        (refusal(1, errno.EEXIST), Answer(errno.EEXIST, os.strerror(errno.EEXIST))),
        (refusal(1, errno.EINVAL, "Invalid prefix"), Answer(errno.EINVAL, "Invalid prefix")),
        (refusal(1, errno.EINVAL, "Invalid prefix", b"whole request..."), Answer(errno.EINVAL, "Invalid prefix")),
        (refusal(1, errno.EINVAL, "Ung\u00fcltig"), Answer(errno.EINVAL, "Ung\u00fcltig")),
    ],
    ids=["done", "without words", "with words", "with the whole request", "in other words"],
)
def test_an_answer_carries_the_kernels_own_words(datagram: bytes, answer: Answer) -> None:
    with Fed(datagram) as netlink:
        assert netlink.send([(NEWRULE, 0x600, b"rule")]) == [answer]
        assert netlink.kernel.recv(100) == HEADER.pack(20, NEWRULE, 0x605, 1, 0) + b"rule"


def test_answers_stand_in_the_order_of_the_messages() -> None:
    with Fed(refusal(2, errno.EEXIST), refusal(3, 0) + refusal(1, 0)) as netlink:
        assert [answer.errno for answer in netlink.send([(NEWRULE, 0, b"")] * 3)] == [0, errno.EEXIST, 0]


def test_nothing_to_send_sends_nothing() -> None:
    with Fed() as netlink:
        assert netlink.send([]) == []


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=9), max_size=6))
def test_attributes_are_read_as_they_are_written(held: dict[int, bytes]) -> None:
    packed = b"".join(attribute(kind, value) for kind, value in held.items())

    assert dict(attributes(b"head" + packed, 4)) == held
    assert len(packed) % 4 == 0


@given(st.binary(max_size=64), st.integers(0, 70))
def test_attributes_never_raise(garbage: bytes, start: int) -> None:
    attributes(garbage, start)


def test_flag_bits_of_an_attribute_do_not_count() -> None:
    assert attributes(attribute(26 | 0x8000, b"nest"), 0) == {26: b"nest"}


# --- with a real kernel -----------------------------------------------------------------------------------------------


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace("guest") as made:
        yield made


def rule(priority: int, action: int = 1) -> bytes:
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 0, 0, 0, action, 0)
    return body + attribute(6, struct.pack("=I", priority)) + attribute(15, struct.pack("=I", 100))


@pytest.mark.lab
def test_one_refusal_in_the_middle_of_many_batches_stops_nobody(namespace: Namespace) -> None:
    wanted = [(NEWRULE, 0x600, rule(1000 + number)) for number in range(200)]
    wanted[100] = (NEWRULE, 0x600, rule(1099))  # there already
    wanted[150] = (NEWRULE, 0x600, rule(1150, action=2))  # a jump to nowhere
    with namespace.entered(), Netlink() as netlink:
        answers = netlink.send(wanted)

    assert {number: answer.errno for number, answer in enumerate(answers) if answer.errno}.keys() == {100, 150}
    assert answers[100].errno == errno.EEXIST
    assert answers[150].errno == errno.EINVAL
    assert namespace.run(["ip", "rule"]).stdout.count("lookup 100") == 198


@pytest.mark.lab
def test_the_kernel_filters_by_device(namespace: Namespace) -> None:
    namespace.ip("link add eth1 type veth peer name wire\nlink set eth1 up\nlink set wire up\n")
    with namespace.entered(), Netlink() as netlink:
        links = netlink.dump(GETLINK, struct.pack("=BxHiII", 0, 0, 0, 0, 0))

    assert len(links) == 3
    assert {kind for kind, _ in links} == {NEWLINK}


def test_a_refused_question_has_its_errno() -> None:
    with Fed(refusal(1, errno.ENETUNREACH), message(NEWRULE, 2, b"good")) as netlink:
        assert netlink.question(GETRULE, b"") == (errno.ENETUNREACH, None)
        assert netlink.question(GETRULE, b"") == (0, b"good")


@pytest.mark.lab
def test_a_bad_request_is_unreadable_with_the_kernels_reason(namespace: Namespace) -> None:
    with namespace.entered(), Netlink() as netlink, pytest.raises(KernelReadError, match="refused to list"):
        netlink.dump(GETLINK, b"\1")


@pytest.mark.lab
def test_a_family_the_kernel_does_not_know_has_no_rules(namespace: Namespace) -> None:
    """As IPv6 after a boot with `ipv6.disable=1`; MPLS has no rules on any kernel."""
    mpls = 28
    with namespace.entered(), Netlink() as netlink:
        assert netlink.dump(GETRULE, struct.pack("=BBBBBBBBI", mpls, 0, 0, 0, 0, 0, 0, 0, 0)) == []
