"""Connections to servers on loopback that answer, refuse, drip and hang."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from eip_agent.core.probed import Reply, Said, Target
from eip_agent.core.probing import Aim, Ask
from eip_agent.core.walk import Flow, LookupFact
from eip_agent.sources import probe
from tests.builders import ip4, ip6, link

HERE: Final = ip4("127.0.0.1")
LOCAL: Final = LookupFact(kind="local", link=1)
OK: Final = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

Serve = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(serve: Serve | None) -> Iterator[int]:
    """A port that takes visitors; None: that never speaks to them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    visitor, _ = listening.accept()
                    with visitor, contextlib.suppress(OSError):
                        visitor.recv(4096)
                        assert serve is not None
                        serve(visitor)

        thread = threading.Thread(target=run, daemon=True)
        if serve is not None:
            thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def answers(body: bytes) -> Serve:
    return lambda visitor: visitor.sendall(OK + body)


def tried(target: Target, aim: Aim = Aim.OUTSIDE, wait: float = 0.5, fact: LookupFact = LOCAL) -> Said:
    ask = Ask(aim, HERE, link(1), target=target)
    return probe.read([ask], lambda _: fact, [link(0), link(1)], wait)[ask]


def test_a_port_that_takes_connections_answers() -> None:
    with server(None) as port:
        assert tried(Target("127.0.0.1", port)) == Said(Reply.ANSWERED)


def test_a_closed_port_refuses() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert tried(Target("127.0.0.1", bound.getsockname()[1])).reply is Reply.REFUSED


def test_a_page_is_asked_for_and_who_says_nothing_is_silent() -> None:
    with server(answers(b"hello")) as port:
        assert tried(Target("127.0.0.1", port, "http", "/x")) == Said(Reply.ANSWERED)
    with server(None) as port:
        assert tried(Target("127.0.0.1", port, "http"), wait=0.1).reply is Reply.SILENT


def test_no_request_is_spent_on_the_metadata_service() -> None:
    """It counts them."""
    with server(None) as port:
        assert tried(Target("127.0.0.1", port, "http"), Aim.METADATA) == Said(Reply.ANSWERED)


def test_who_is_seen() -> None:
    with server(answers(b'{"ip": "203.0.113.11"}')) as port:
        assert tried(Target("127.0.0.1", port, "http"), Aim.SEEN).seen == ip4("203.0.113.11")
    with server(answers(b"nobody")) as port:
        odd = tried(Target("127.0.0.1", port, "http"), Aim.SEEN)
    assert odd.reply is Reply.REFUSED
    assert "names no address" in odd.why


@pytest.mark.parametrize("nonsense", [b"SSH-2.0-x\r\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200])
def test_what_is_no_http_is_said(nonsense: bytes) -> None:
    with server(lambda visitor: visitor.sendall(nonsense)) as port:
        assert tried(Target("127.0.0.1", port, "http")).reply is Reply.REFUSED


def test_what_is_no_tls_is_said() -> None:
    with server(answers(b"plain")) as port:
        found = tried(Target("127.0.0.1", port, "https"))

    assert found.reply is Reply.REFUSED
    assert found.why.startswith("TLS: ")


def test_it_is_bound_to_its_own_address() -> None:
    """One that is not here cannot be bound, so that nothing is sent."""
    ask = Ask(Aim.OUTSIDE, ip4("127.0.0.9"), link(1), target=Target("127.0.0.1", 9))
    seen: list[str] = []
    with server(lambda visitor: seen.append(visitor.getpeername()[0])) as port:
        there = Ask(Aim.OUTSIDE, ip4("127.0.0.9"), link(1), target=Target("127.0.0.1", port, "http"))
        probe.read([ask, there], lambda _: LOCAL, [], 0.5)

    assert seen == ["127.0.0.9"]


def test_what_would_leave_by_another_eni_is_not_sent() -> None:
    by_eth0 = LookupFact(kind="unicast", link=link(0).link.index)
    with server(lambda _: pytest.fail("it was sent")) as port:
        found = tried(Target("127.0.0.1", port), fact=by_eth0)

    assert found.reply is Reply.UNSENT
    assert "eth0" in found.why


def test_the_kernel_is_asked_about_this_very_packet() -> None:
    flows: list[Flow] = []

    def look(flow: Flow) -> LookupFact:
        flows.append(flow)
        return LookupFact(101)

    probe.read([Ask(Aim.OUTSIDE, HERE, link(1), target=Target("127.0.0.1", 9))], look, [])

    assert flows == [Flow(ip4("127.0.0.1"), HERE, ip_protocol=6)]


def test_a_name_is_looked_up_and_may_lack_an_ip_version() -> None:
    with server(None) as port:
        assert tried(Target("localhost", port)) == Said(Reply.ANSWERED)
    six = Ask(Aim.OUTSIDE, ip6("::1"), link(1), target=Target("127.0.0.1", 9))
    assert probe.read([six], lambda _: LOCAL, [])[six].why == "127.0.0.1 has no IPv6 address"
    odd = tried(Target("no..name", 9))
    assert odd.reply is Reply.UNSENT
    assert "cannot be resolved" in odd.why


def test_there_is_an_end_to_it_all() -> None:
    """Whatever hangs: everything is answered for when time is up."""
    with server(None) as port:
        asks = [
            Ask(Aim.OUTSIDE, ip4(f"127.0.0.{n}"), link(1), target=Target("127.0.0.1", port, "http")) for n in (1, 2)
        ]
        found = probe.read(asks, lambda _: LOCAL, [], 30, 0.2)

    assert [found[ask].reply for ask in asks] == [Reply.SILENT, Reply.SILENT]
    assert all("within 0.2 s" in found[ask].why for ask in asks)
