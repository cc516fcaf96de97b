"""HTTP as far as the agent speaks it: what a server may answer, and what it may not."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from time import monotonic

import pytest

from eip_agent.sources import http
from eip_agent.sources.http import Connection, HttpError, Origin

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers the n-th connection with the n-th script: one piece for each request, None to close."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.scripts: list[list[bytes | None]] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.dripping = 0.0
        """Seconds between two bytes."""
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self) -> None:
        for script in self.scripts:
            with contextlib.suppress(OSError):  # the client gave up, or the test is over
                connection, _ = self.listener.accept()
                self.connections += 1
                with connection:
                    self.follow(script, connection)

    def follow(self, script: list[bytes | None], connection: socket.socket) -> None:
        for piece in script:
            if piece is None:
                return
            self.requests.append(connection.recv(65536))
            for part in [piece[at : at + 1] for at in range(len(piece))] if self.dripping else [piece]:
                connection.sendall(part)
                self.done.wait(self.dripping)
        while connection.recv(65536):
            pass

    def play(self, *scripts: list[bytes | None]) -> Connection:
        self.scripts = list(scripts)
        self.thread.start()
        return self.connect()

    def connect(self, timeout: float = 2.0) -> Connection:
        return Connection(Origin.parse(f"http://127.0.0.1:{self.listener.getsockname()[1]}"), timeout, monotonic() + 3)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.done.set()
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()
    if made.thread.ident:
        made.thread.join()


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK, b"ok"),
        (b"HTTP/1.1 200\r\nCONTENT-LENGTH:  2 \r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n001;x=y\r\nk\r\n0\r\nT: x\r\n\r\n", b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", b""),
        (b"HTTP/1.1 204 No\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_an_answer_is_read_and_the_connection_kept(server: Server, answer: bytes, body: bytes) -> None:
    with server.play([answer, OK]) as connection:
        assert connection.ask("GET", "/a").body == body
        assert connection.ask("PUT", "/b", {"X-Token": "t"}).body == b"ok"

    assert server.connections == 1
    assert server.requests[0].startswith(b"GET /a HTTP/1.1\r\nHost: 127.0.0.1:")
    assert server.requests[1].startswith(b"PUT /b HTTP/1.1\r\n")
    assert server.requests[1].endswith(b"\r\nX-Token: t\r\n\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more than was said",
    ],
)
def test_a_connection_that_cannot_be_kept_is_not(server: Server, answer: bytes) -> None:
    with server.play([answer], [OK]) as connection:
        assert connection.ask("GET", "/").body == b"ok"
        assert connection.ask("GET", "/").body == b"ok"

    assert server.connections == 2


def test_an_answer_may_come_byte_by_byte(server: Server) -> None:
    server.dripping = 0.002
    with server.play([OK]) as connection:
        assert connection.ask("GET", "/").body == b"ok"


def test_a_body_without_a_length_ends_with_the_connection(server: Server) -> None:
    with server.play([b"HTTP/1.1 200 OK\r\n\r\nall of it", None]) as connection:
        assert connection.ask("GET", "/").body == b"all of it"


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(server: Server) -> None:
    with server.play([OK, None], [OK]) as connection:
        connection.ask("GET", "/")
        assert connection.ask("GET", "/").body == b"ok"


def test_an_answer_that_began_is_not_asked_for_again_here(server: Server) -> None:
    with server.play([OK, OK[:-1], None], [OK]) as connection:
        connection.ask("GET", "/")
        with pytest.raises(HttpError, match="ended before"):
            connection.ask("GET", "/")

    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [301, 404, 429, 500])
def test_every_status_is_an_answer_and_none_is_followed(server: Server, status: int) -> None:
    there = f"HTTP/1.1 {status} No\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n".encode()
    with server.play([there]) as connection:
        answer = connection.ask("GET", "/")

    assert (answer.status, answer.headers["location"]) == (status, "http://192.0.2.1/")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "ended before"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "interim"),
        (b"HTTP/1.1 200 OK\r\nContent-Length 2\r\n\r\nok", "header"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\nok", "header"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "contradict"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", "transfer encoding"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nok", "transfer encoding"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", "no number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2_0\r\n\r\nok", "no number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nok", "more than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\nok", "more than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", "ended before"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", "ended before"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n", "without a size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n", "without a size"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n", "without an end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nok", "more than"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * http.MOST_HEADER + b"\r\n\r\nok", "headers of more than"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (http.MOST_BODY + 70000), "more than"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"80000\r\n" + b"a" * 0x80000 + b"\r\n") * 9
            + b"0\r\n\r\n",
            "too many",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 20000, "trailers"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(len(value)),
)
def test_an_answer_out_of_bounds_is_refused(server: Server, answer: bytes, reason: str) -> None:
    with server.play([answer, None], [answer, None]) as connection, pytest.raises(HttpError, match=reason):
        connection.ask("GET", "/")


@pytest.mark.parametrize("piece", [b"", b"HT", OK[:-1]], ids=["silent", "begun", "almost done"])
def test_waiting_ends_with_the_timeout(server: Server, piece: bytes) -> None:
    server.scripts = [[piece]]
    server.thread.start()
    before = monotonic()
    with server.connect(timeout=0.2) as connection, pytest.raises(HttpError, match="timed out"):
        connection.ask("GET", "/")

    assert monotonic() - before < 4


def test_nothing_is_asked_after_the_deadline(server: Server) -> None:
    connection = Connection(Origin.parse(f"http://127.0.0.1:{server.listener.getsockname()[1]}"), 2.0, monotonic() - 1)

    with pytest.raises(HttpError, match="timed out"):
        connection.ask("GET", "/")


def test_a_refused_connection_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

    with pytest.raises(HttpError, match="connection refused"):
        Connection(Origin.parse(f"http://127.0.0.1:{port}"), 1, monotonic() + 1).ask("GET", "/")


@pytest.mark.parametrize("value", ["a\r\nX-Forwarded-For: b", "a\nb", "\u00e9"])
def test_a_header_cannot_smuggle_another(server: Server, value: str) -> None:
    with pytest.raises(HttpError, match="printable"):
        server.connect().ask("GET", "/", {"X-Token": value})


@pytest.mark.parametrize(
    ("url", "host", "port", "base"),
    [
        ("http://100.100.100.200", "100.100.100.200", 80, ""),
        ("HTTP://100.100.100.200/", "100.100.100.200", 80, ""),
        ("http://127.0.0.1:8080/mock/", "127.0.0.1", 8080, "/mock"),
        ("http://[::1]:81", "::1", 81, ""),
        ("http://[2001:db8::1]", "2001:db8::1", 80, ""),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, base: str) -> None:
    origin = Origin.parse(url)

    assert (origin.host, origin.port, origin.base) == (host, port, base)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "100.100.100.200",
        "https://100.100.100.200",
        "file:///etc/passwd",
        "http://",
        "http://metadata.example.com",
        "http://100.100.100.200:",
        "http://100.100.100.200:0",
        "http://100.100.100.200:65536",
        "http://100.100.100.200:8000000000000",
        "http://100.100.100.200:+80",
        "http://user@100.100.100.200",
        "http://100.100.100.200/?x",
        "http://100.100.100.200/ a",
        "http://100.100.100.200/\r\nX: y",
        "http://[::1",
        "http://[::1]81",
        "http://[fe80::1%eth0]",
    ],
)
def test_what_cannot_be_asked_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match="it"):
        Origin.parse(url)
