"""What the kernel says: which of it matters, that our own writes do not, and that what is lost is noticed."""

import socket
import struct
from collections.abc import Iterator
from typing import Final

import pytest

from eip_agent.core.numbers import MAIN, table_of
from eip_agent.daemon.events import Events, Heard, count, matters
from eip_agent.lab.namespace import Namespace
from eip_agent.netlink import Netlink, attribute

NEW_ROUTE, DEL_ROUTE, NEW_RULE, NEW_LINK = 24, 25, 32, 16
ENI: Final = 3


def route(table: int, *, link: int | None = 9, length: int = 24, family: int = socket.AF_INET, flags: int = 0) -> bytes:
    body = struct.pack("=BBBBBBBBI", family, length, 0, 0, min(table, 252), 0, 0, 1, flags)
    body += attribute(15, struct.pack("=I", table))
    return body + (attribute(4, struct.pack("=I", link)) if link is not None else b"")


@pytest.mark.parametrize("kind", [NEW_ROUTE, DEL_ROUTE])
@pytest.mark.parametrize(
    ("payload", "does"),
    [
        (route(table_of(ENI, 0)), True),
        (route(MAIN, link=ENI), True),
        (route(MAIN, link=None), True),
        (route(MAIN, length=32), True),
        (route(MAIN, length=128, family=socket.AF_INET6), True),
        (route(MAIN, length=32, family=socket.AF_INET6), False),
        (route(MAIN), False),
        (route(255, link=ENI, length=32), False),
        (route(1003, link=ENI), False),
        (route(MAIN, link=ENI, flags=0x200), False),
        (b"", True),
    ],
)
def test_routes_that_cannot_matter_are_passed_over(kind: int, payload: bytes, *, does: bool) -> None:
    assert matters(kind, payload, {ENI}) is does


@pytest.mark.parametrize("kind", [NEW_LINK, 20, 21, NEW_RULE, 33])
def test_all_else_matters(kind: int) -> None:
    assert matters(kind, b"", ())


def test_what_we_wrote_ourselves_is_no_news() -> None:
    def message(sender: int) -> bytes:
        return struct.pack("=IHHII", 16, NEW_RULE, 0, 1, sender)

    assert count(message(0) + message(77) + message(78), 77, ()) == 2
    assert count(message(0) + b"\0" * 16 + message(0), 77, ()) == 1


@pytest.fixture
def guest() -> Iterator[Namespace]:
    with Namespace("guest") as made:
        yield made


@pytest.mark.lab
def test_what_others_change_is_heard_and_what_we_change_is_not(guest: Namespace) -> None:
    with guest.entered(), Netlink() as netlink:
        events = Events(netlink.port)
        assert events.read() == Heard()

        guest.ip("rule add from 192.0.2.1 lookup 20000048 priority 24011")
        assert events.read() == Heard(1)
        # RTM_DELRULE of the same, by the request socket.
        body = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 32, 0, 0, 0, 0, 1, 0)
        body += attribute(2, socket.inet_aton("192.0.2.1")) + attribute(6, struct.pack("=I", 24011))
        assert [
            answer.errno for answer in netlink.send([(33, 0, body + attribute(15, struct.pack("=I", 20000048)))])
        ] == [0]
        assert events.read() == Heard()
        guest.ip("link add eth5 type veth peer eth6\naddr add 192.0.2.1/24 dev eth5")
        assert events.read().events >= 3
        events.close()


@pytest.mark.lab
def test_what_is_lost_is_noticed_and_the_ear_goes_on(guest: Namespace) -> None:
    with guest.entered():
        events = Events(0)
        events._socket.setsockopt(socket.SOL_SOCKET, 33, 2048)
        guest.ip("\n".join(f"rule add from 192.0.2.{n} lookup 100 priority 24011" for n in range(200)))

        heard = events.read()
        assert heard.overrun
        assert 0 < heard.events < 200
        guest.ip("rule add from 192.0.2.1 lookup 101 priority 24011")
        assert events.read() == Heard(1)
        events.close()
