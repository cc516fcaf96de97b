"""As much of HTTP/1.1 (RFC 9112) as the metadata service takes, strict and bounded, over one socket.

`http.client` would do, but its import costs four times as much as the start of Python itself.  There is no proxy, no
redirect, no name to look up and no TLS: none of them may stand between an instance and its metadata.
"""

import socket
from ipaddress import ip_address
from time import monotonic
from typing import Final, NamedTuple, Self

from eip_agent.core.message import said, say

MOST_HEADER: Final = 64 * 1024
"""Bytes of a status line and headers, or of a chunk's line and trailers, before the answer is given up."""
MOST_BODY: Final = 4 * 1024 * 1024
"""Bytes of a body; the largest instance (72 ENIs with 30 addresses of each family) has less than 200 KiB."""


class HttpError(Exception):
    """The connection failed or the answer is not HTTP as bounded here; asking again may help."""

    answered = False
    """Whether something answered at all."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    """By name in lower case; of a repeated one the last."""
    body: bytes


class Origin(NamedTuple):
    """Where to connect to, out of a URL."""

    family: socket.AddressFamily
    host: str
    port: int
    authority: str
    """The URL's `host:port`, as the Host header repeats it."""
    base: str
    """The URL's path without a slash at its end."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Take `http://ADDRESS[:PORT][/BASE]` apart.  Raises ValueError saying what is wrong with it."""
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.lower() != "http":
            raise ValueError(say("it does not begin with http://"))
        if not rest.isascii() or not rest.isprintable() or set(rest) & set(" ?#@%\\"):
            raise ValueError(say("it holds characters that such a URL has no use for"))
        authority, _, base = rest.partition("/")
        if authority.startswith("["):
            host, separator, port = authority[1:].partition("]")
            if not separator or (port and not port.startswith(":")):
                raise ValueError(say("its [ is not matched by a ] before the port"))
            separator, port = port[:1], port[1:]
        else:
            host, separator, port = authority.partition(":")
        plain = not separator
        try:
            family = socket.AF_INET if ip_address(host).version == 4 else socket.AF_INET6
        except ValueError:
            raise ValueError(say("its host {host} is no IP address", host=repr(host))) from None
        if not plain and not (port.isdigit() and 0 < int(port[:6]) < 1 << 16):
            raise ValueError(say("its port {port} is none", port=repr(port)))
        return cls(family, host, 80 if plain else int(port), authority, f"/{base}".rstrip("/"))


class Connection:
    """Requests to one origin, over one kept connection as long as the server keeps it.

    `timeout` is in seconds, for one answer from connecting to its last byte; `deadline` is a time of `monotonic`, for
    all of them together.
    """

    def __init__(self, origin: Origin, timeout: float, deadline: float) -> None:
        self._origin = origin
        self._timeout = timeout
        self._deadline = deadline
        self._until = deadline
        self._socket: socket.socket | None = None
        self._received = bytearray()

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Send a request without a body and read its answer, whatever its status.  Raises HttpError."""
        lines = [f"{method} {self._origin.base}{path} HTTP/1.1", f"Host: {self._origin.authority}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if not all(line.isascii() and line.isprintable() for line in lines):
            raise HttpError(say("a request can hold nothing but printable ASCII"))
        request = "\r\n".join([*lines, "", ""]).encode()
        self._until = min(monotonic() + self._timeout, self._deadline)
        kept = self._socket is not None
        try:
            try:
                return self._exchange(request)
            except _StaleError:
                if not kept:
                    raise
                # A kept connection may have been closed before the request reached the other end.
                self.close()
                return self._exchange(request)
        except OSError as error:
            self.close()
            reason = error.strerror or str(error)
            late = isinstance(error, TimeoutError)
            raise HttpError(say("timed out") if late else reason[:1].lower() + reason[1:]) from error
        except HttpError:
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go; the next request opens another."""
        if self._socket:
            self._socket.close()
        self._socket = None
        self._received.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(self, request: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.socket(self._origin.family, socket.SOCK_STREAM)
            self._arm(self._socket).connect((self._origin.host, self._origin.port))
        try:
            self._arm(self._socket).sendall(request)
            self._receive()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise _StaleError(say("connection reset by peer")) from error
        except _EndedError as error:
            raise _StaleError(said(error)) from error
        try:
            status, version, headers = self._head()
            body, ended = self._body(status, headers)
        except HttpError as error:
            error.answered = True
            raise
        if ended or version == b"HTTP/1.0" or "close" in headers.get("connection", "").lower() or self._received:
            self.close()
        return Answer(status, headers, body)

    def _head(self) -> tuple[int, bytes, dict[str, str]]:
        if not b"HTTP/1.".startswith(self._received[:7]):
            raise HttpError(say("the answer is not HTTP"))
        first, *lines = self._take_until(b"\r\n\r\n").split(b"\r\n")
        version, _, rest = first.partition(b" ")
        code = rest[:3]
        if version not in {b"HTTP/1.0", b"HTTP/1.1"} or not code.isdigit() or rest[3:4].strip():
            raise HttpError(say("the answer is not HTTP"))
        status = int(code)
        if status < 200:
            raise HttpError(say("an interim answer {status} that nobody asked for", status=status))
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon or not name or name != name.strip():
                raise HttpError(say("a header that is none"))
            key = name.decode("latin-1").lower()
            text = value.decode("latin-1").strip()
            if key in {"content-length", "transfer-encoding"} and headers.get(key, text) != text:
                raise HttpError(say("two headers {key} contradict each other", key=key))
            headers[key] = text
        return status, version, headers

    def _body(self, status: int, headers: dict[str, str]) -> tuple[bytes, bool]:
        """The body, and whether its end was the end of the connection."""
        length, coding = headers.get("content-length"), headers.get("transfer-encoding")
        if status in {204, 304}:
            return b"", False
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise HttpError(say("a transfer encoding other than chunked"))
            return self._chunks(), False
        if length is None:
            return self._rest(), True
        if not length.isascii() or not length.isdigit():
            raise HttpError(say("a Content-Length that is no number"))
        return self._take(_bounded(length, 10)), False

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            digits = self._take_until(b"\r\n").partition(b";")[0].strip().decode("latin-1")
            if not digits or not set(digits) <= set("0123456789abcdefABCDEF"):
                raise HttpError(say("a chunk without a size"))
            if not (size := _bounded(digits, 16)):
                break
            body += self._take(size)
            if self._take(2) != b"\r\n" or len(body) > MOST_BODY:
                raise HttpError(say("a chunk without an end, or too many"))
        trailers = 0
        while line := self._take_until(b"\r\n"):
            trailers += len(line)
            if trailers > MOST_HEADER:
                raise HttpError(say("trailers without an end"))
        return bytes(body)

    def _rest(self) -> bytes:
        while len(self._received) <= MOST_BODY:
            try:
                self._receive()
            except _EndedError:
                return self._take(len(self._received))
        raise HttpError(say("a body of more than {most_body} bytes", most_body=MOST_BODY))

    def _take_until(self, mark: bytes) -> bytes:
        seen = 0
        while (end := self._received.find(mark, seen)) < 0:
            if len(self._received) > MOST_HEADER:
                break
            seen = max(len(self._received) - len(mark) + 1, 0)
            self._receive()
        if not 0 <= end <= MOST_HEADER:
            raise HttpError(say("headers of more than {most_header} bytes", most_header=MOST_HEADER))
        return self._take(end + len(mark))[:end]

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _receive(self) -> None:
        if self._socket is None:
            raise _EndedError(say("not connected"))
        received = self._arm(self._socket).recv(65536)
        if not received:
            raise _EndedError(say("the connection ended before the answer did"))
        self._received += received

    def _arm(self, armed: socket.socket) -> socket.socket:
        """The socket, so that its next operation ends in time."""
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError
        armed.settimeout(left)
        return armed


class _EndedError(HttpError):
    """The other end closed the connection."""


class _StaleError(HttpError):
    """The other end closed the connection before a byte of its answer."""


def _bounded(digits: str, base: int) -> int:
    """The size of a body or a chunk.  Raises HttpError before a number can become large."""
    digits = digits.lstrip("0") or "0"
    if len(digits) > len(str(MOST_BODY)) or (size := int(digits, base)) > MOST_BODY:
        raise HttpError(say("a body of more than {most_body} bytes", most_body=MOST_BODY))
    return size
