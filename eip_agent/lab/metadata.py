"""The simulated metadata service: a real HTTP server that answers as documented, and fails on demand.

Assumptions where the documentation is silent: see `document.Binded`; a directory is listed with or without a slash
at the end of its path; a leaf with one is 404; the reasons of errors are their HTTP names; `meta-data/all` leaves
credentials out.
"""

import contextlib
import enum
import json
import secrets
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol, Self, cast

from eip_agent.lab.account import Account
from eip_agent.lab.document import Binded, Tree, metadata_tree, whole_document
from eip_agent.lab.topology import Topology

ADDRESS: Final = ("100.100.100.200", 80)
VERSIONS: Final = ("2016-01-01", "latest")
TOKEN_HEADER: Final = "X-aliyun-ecs-metadata-token"  # noqa: S105 - the name of a header
TTL_HEADER: Final = "X-aliyun-ecs-metadata-token-ttl-seconds"
LONGEST_TTL: Final = 21600
"""Seconds, from the documentation of the hardened mode."""


class Enterable(Protocol):
    """A network namespace."""

    def entered(self) -> AbstractContextManager[object]:
        """Within it the calling thread is inside the namespace."""


class FaultKind(enum.Enum):
    """A way to fail; the last four change what is told, the others how."""

    REFUSE = "refuse"
    """The connection is reset before anything is read, whatever the path; `stop()` refuses it altogether."""
    RESET = "reset"
    """The request is read, then the connection is reset."""
    HANG = "hang"
    """The request is read, never answered."""
    SLOW = "slow"
    """The right answer, dripping: one piece of it at a time, `seconds` in all."""
    STATUS = "status"
    """`status` instead of the answer."""
    REDIRECT = "redirect"
    """302 to `value`."""
    GARBAGE = "garbage"
    """Bytes that are no HTTP."""
    TRUNCATED = "truncated"
    """The right Content-Length, half of the body, the end."""
    HUGE = "huge"
    """A body without an end."""
    BODY = "body"
    """200 with the text `value` as its body."""
    MISSING = "missing"
    """The item, or all below a directory, is not there."""
    VALUE = "value"
    """The leaf is `value`, in `meta-data/all` even where that is no text."""
    NEWLINE = "newline"
    """A newline at the end of every leaf."""


_DATA: Final = frozenset({FaultKind.MISSING, FaultKind.VALUE, FaultKind.NEWLINE})


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong, for every request or a number of them."""

    path_prefix: str
    """Below the version: `meta-data/all`, `api/token`, `meta-data/network/interfaces/macs/…/gateway`; "" is all."""
    kind: FaultKind
    times: int | None = None
    """For how many requests, counted down; None is for ever."""
    status: int = 500
    seconds: float = 5.0
    value: object = ""


class MetadataService:
    """Serves a topology at 100.100.100.200:80 in a namespace, or on a free port of 127.0.0.1 where there is none.

    `topology`, `faults` and the switches may be set at any time.
    """

    def __init__(self, topology: Topology, namespace: Enterable | None, account: Account | None = None) -> None:
        self.topology = topology
        self.account = account
        """Whose credentials are given out at `ram/security-credentials/`; nobody's, as without a RAM role."""
        self.binded = Binded.PRIVATE
        self.hardened = False
        """A GET without a token is answered 403."""
        self.all_served = True
        """Whether `meta-data/all` exists; old hosts answer 404."""
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        """Method and path of every request, in order of arrival."""
        self._namespace = namespace
        self._address = ADDRESS if namespace else ("127.0.0.1", 0)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._tokens: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where to ask, without a slash at the end; the port is known once the service has been started."""
        host, port = self._address
        return f"http://{host}" if port == ADDRESS[1] else f"http://{host}:{port}"

    def start(self) -> None:
        """Listen; after `stop()` on the same port as before.  Raises OSError when the address is taken."""
        with self._namespace.entered() if self._namespace else contextlib.nullcontext():
            self._server = _Server(self._address, self)
        self._address = self._address[0], self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the listening socket and every connection; who connects then is refused."""
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server.cut_connections()
        self._server = self._thread = None

    def forget_tokens(self) -> None:
        """Expire every token that was given out."""
        with self._lock:
            self._tokens.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def issue_token(self, seconds: int) -> str:
        """A new token for so long."""
        token = secrets.token_urlsafe(42)
        with self._lock:
            self._tokens[token] = time.monotonic() + seconds
        return token

    def accepts(self, token: str) -> bool:
        """Whether the token is one of ours and has not expired."""
        with self._lock:
            return self._tokens.get(token, 0.0) > time.monotonic()

    def fault(self, path: str, kinds: frozenset[FaultKind]) -> Fault | None:
        """The first fault of these kinds that concerns the path, counted down."""
        return next(self._due(path, kinds), None)

    def tree(self, path: str, asker: str) -> Tree:
        """What is below `/latest/` for a request of `path` from an address, with the faults of the data in it."""
        inside = metadata_tree(self.topology.seen_from(asker), self.binded)
        if self.account and self.account.role and path != "meta-data/all":
            inside["ram"] = {"security-credentials": {self.account.role: self.account.role_credentials()}}
        root: Tree = {"meta-data": inside}
        for fault in self._due(path, _DATA):
            _spoil(root, fault)
        return root

    def _due(self, path: str, kinds: frozenset[FaultKind]) -> Iterator[Fault]:
        for fault in tuple(self.faults):
            if fault.kind in kinds and _concerns(fault, path):
                with self._lock:
                    due = fault.times is None or fault.times > 0
                    if due and fault.times is not None:
                        fault.times -= 1
                if due:
                    yield fault


def _concerns(fault: Fault, path: str) -> bool:
    if path.startswith(fault.path_prefix):
        return True
    inside = path == "meta-data/all" or fault.path_prefix.startswith(path)
    return fault.kind in _DATA and inside


def _spoil(tree: Tree, fault: Fault) -> None:
    """Change the data as the fault says; a path that is not there is nobody's fault."""
    *folders, name = fault.path_prefix.strip("/").split("/")
    for folder in folders:
        below = tree.get(folder)
        if not isinstance(below, dict):
            return
        tree = below
    if fault.kind is FaultKind.MISSING:
        tree.pop(name, None)
    elif fault.kind is FaultKind.VALUE:
        tree[name] = cast("str", fault.value)
    else:
        for key in tree if not name else [name] if name in tree else []:
            tree[key] = _with_newlines(tree[key])


def _with_newlines(value: "str | Tree") -> "str | Tree":
    if isinstance(value, dict):
        return {key: _with_newlines(below) for key, below in value.items()}
    return f"{value}\n"


class _Server(ThreadingHTTPServer):
    """Knows its live connections, so that they end with it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], service: MetadataService) -> None:
        self.service = service
        self.stopping = threading.Event()
        self._live: set[socket.socket] = set()
        super().__init__(address, _Answer)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that HTTPServer would do."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection; reset it where that is the fault of the day."""
        if self.service.fault("", frozenset({FaultKind.REFUSE})):
            _reset(request)
            return
        self._live.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        self._live.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""

    def cut_connections(self) -> None:
        """Wake every thread that waits for a request or pretends to hang."""
        self.stopping.set()
        for connection in tuple(self._live):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class _Answer(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_PUT(self) -> None:
        """The token, and nothing else."""
        self._answer(self._token)

    def do_GET(self) -> None:
        """A leaf, a listing or the whole document."""
        self._answer(self._item)

    def _answer(self, answer: Callable[[str | None], tuple[int, bytes]]) -> None:
        service = self.server.service
        service.requests.append((self.command, self.path))
        path = _below_version(self.path)
        kinds = frozenset(FaultKind) - _DATA - {FaultKind.REFUSE}
        fault = service.fault(path or "", kinds)
        status, body = answer(path)
        if fault is None:
            self._send(status, body)
        else:
            self._fail(fault, status, body)

    def _token(self, path: str | None) -> tuple[int, bytes]:
        ttl = self.headers.get(TTL_HEADER, "")
        if path != "api/token":
            return _plain(HTTPStatus.NOT_FOUND)
        if "X-Forwarded-For" in self.headers:
            return _plain(HTTPStatus.FORBIDDEN)
        if not (ttl.isascii() and ttl.isdigit() and 1 <= int(ttl) <= LONGEST_TTL):
            return HTTPStatus.BAD_REQUEST, b"Missing or Invalid Parameters"
        return HTTPStatus.OK, self.server.service.issue_token(int(ttl)).encode()

    def _item(self, path: str | None) -> tuple[int, bytes]:
        service = self.server.service
        token = self.headers.get(TOKEN_HEADER)
        if token is None and service.hardened:
            return _plain(HTTPStatus.FORBIDDEN)
        if token is not None and not service.accepts(token):
            return _plain(HTTPStatus.UNAUTHORIZED)
        if path is None:
            return (HTTPStatus.OK, "\n".join(VERSIONS).encode()) if self.path == "/" else _plain(HTTPStatus.NOT_FOUND)
        tree = service.tree(path, self.client_address[0])
        if path == "meta-data/all" and service.all_served:
            return HTTPStatus.OK, whole_document(cast("Tree", tree["meta-data"])).encode()
        found = _find(tree, path)
        return _plain(HTTPStatus.NOT_FOUND) if found is None else (HTTPStatus.OK, found.encode())

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, fault: Fault, status: int, body: bytes) -> None:
        value = fault.value if isinstance(fault.value, str) else json.dumps(fault.value)
        match fault.kind:
            case FaultKind.STATUS:
                self._send(fault.status, b"on demand")
            case FaultKind.REDIRECT:
                self._send(HTTPStatus.FOUND, b"", {"Location": value})
            case FaultKind.BODY:
                self._send(HTTPStatus.OK, value.encode())
            case _:
                self.close_connection = True
                self._break(fault, status, body)

    def _break(self, fault: Fault, status: int, body: bytes) -> None:
        """The faults after which the connection is of no use."""
        match fault.kind:
            case FaultKind.RESET:
                # The stream objects hold the socket too: closing them first makes ours the last hand on it.
                self.rfile.close()
                _reset(self.connection)
            case FaultKind.HANG:
                self.server.stopping.wait()
            case FaultKind.GARBAGE:
                self.wfile.write(b"\x00\xffnot http at all\n" * 8)
            case FaultKind.TRUNCATED:
                self._head(status, {"Content-Length": str(len(body))})
                self.wfile.write(body[: len(body) // 2])
            case FaultKind.HUGE:
                self._head(status, {"Connection": "close"})
                while not self.server.stopping.is_set():
                    self.wfile.write(b"x" * 65536)
            case FaultKind.SLOW:
                self._head(status, {"Content-Length": str(len(body))})
                size = len(body) // 50 + 1
                pieces = [body[start : start + size] for start in range(0, len(body), size)]
                for piece in pieces:
                    self.wfile.write(piece)
                    self.server.stopping.wait(fault.seconds / len(pieces))

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _below_version(path: str) -> str | None:
    """The path below `/latest/` or `/2016-01-01/`; None outside of them."""
    version, _, below = path.lstrip("/").partition("/")
    return below if version in VERSIONS else None


def _plain(status: HTTPStatus) -> tuple[int, bytes]:
    return status, status.phrase.encode()


def _find(tree: Tree, path: str) -> str | None:
    """The leaf or listing at a path; None where there is nothing."""
    here: str | Tree = tree
    for name in filter(None, path.split("/")):
        below = here.get(name) if isinstance(here, dict) else None
        if below is None:
            return None
        here = below
    if isinstance(here, dict):
        return "\n".join(f"{name}/" if isinstance(below, dict) else name for name, below in here.items())
    if path.endswith("/"):
        return None
    return here if isinstance(here, str) else json.dumps(here)
