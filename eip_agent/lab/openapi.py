"""The simulated OpenAPI: HTTPS with a certificate of its own authority, signatures checked, failures on demand.

What it answers is in `openapi_answers`, whom it answers in `signature`.
"""

import contextlib
import enum
import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from eip_agent.lab.account import Account
from eip_agent.lab.certificate import authority, server_context
from eip_agent.lab.metadata import Enterable
from eip_agent.lab.openapi_answers import Quirks, answer, empty
from eip_agent.lab.openapi_pages import Answer, RefusedError
from eip_agent.lab.signature import Request, check
from eip_agent.lab.topology import Topology

ADDRESS: Final = ("100.100.100.201", 443)
"""Beside the metadata service; inside a VPC the cloud's own endpoints have addresses of 100.64.0.0/10 too."""
_VERSIONS: Final = dict.fromkeys(
    ("DescribeNetworkInterfaces", "DescribeInstanceAttribute", "DescribeInstanceTypes"), "2014-05-26"
)
_VERSION: Final = "2016-04-28"
_HELP: Final = "https://api.example.com/troubleshoot"


class Trouble(enum.Enum):
    """A way to fail."""

    THROTTLE = "throttle"
    """400 `Throttling.User`."""
    DENY = "deny"
    """403 with the code `value`, `Forbidden.RAM` unless told otherwise."""
    STATUS = "status"
    """`status` with the code `value`, `ServiceUnavailable` unless told otherwise."""
    EMPTY = "empty"
    """The right answer with nothing in its lists."""
    BODY = "body"
    """200 with the JSON of `value`."""
    GARBAGE = "garbage"
    """200 with something that is no JSON."""
    TRUNCATED = "truncated"
    """The right Content-Length, half of the body, the end."""
    SLOW = "slow"
    """The right answer, in 20 pieces, `seconds` in all."""
    HANG = "hang"
    """The request is read, never answered."""
    RESET = "reset"
    """The request is read, then the connection is reset."""


@dataclass(slots=True)
class ApiFault:
    """One thing that goes wrong, for every call or a number of them."""

    trouble: Trouble
    action: str = ""
    """Which calls; "" is all."""
    of: str = ""
    """Only calls with this among the values of their query, an ENI's id for example; "" is all."""
    times: int | None = None
    """For how many calls, counted down; None is for ever."""
    status: int = 503
    seconds: float = 5.0
    value: object = None


class OpenApiService:
    """Serves a topology at 100.100.100.201:443 in a namespace, or on a free port of 127.0.0.1 where there is none.

    `topology`, `faults` and `quirks` may be set at any time.  `directory` gets the certificate to trust.
    """

    def __init__(self, topology: Topology, namespace: Enterable | None, account: Account, directory: Path) -> None:
        self.topology = topology
        self.account = account
        self.quirks = Quirks()
        self.faults: list[ApiFault] = []
        self.requests: list[tuple[str, Mapping[str, str]]] = []
        """Action and query of every call, in order of arrival."""
        self.most_at_once = 0
        """How many calls were being answered at the same time."""
        self._now = 0
        self._namespace = namespace
        self._address = ADDRESS if namespace else ("127.0.0.1", 0)
        self._directory = directory
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._nonces: set[str] = set()
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        """`host` or `host:port`; the port is known once the service has been started."""
        host, port = self._address
        return host if port == ADDRESS[1] else f"{host}:{port}"

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that signed the service's own."""
        return self._directory / "openapi-ca.pem"

    def start(self) -> None:
        """Listen; after `stop()` on the same port as before.  Raises OSError, and LabError without `cryptography`."""
        self.ca_file.write_bytes(authority(self._address[0]))
        context = server_context(self._address[0])
        with self._namespace.entered() if self._namespace else contextlib.nullcontext():
            self._server = _Server(self._address, self, context)
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

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fault(self, action: str, query: Mapping[str, str]) -> ApiFault | None:
        """The first fault that concerns the call, counted down."""
        with self._lock:
            for fault in self.faults:
                concerned = fault.action in {"", action} and (not fault.of or fault.of in query.values())
                if concerned and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def answer(self, action: str, version: str, query: Mapping[str, str], asker: str) -> Answer:
        """The right answer to who has the address `asker`.  Raises RefusedError."""
        if version != _VERSIONS.get(action, _VERSION):
            raise RefusedError(404, "InvalidVersion", f"{action} is not of version {version}")
        return answer(self.topology.seen_from(asker), action, query, self.quirks)

    def first_time(self, nonce: str) -> bool:
        """Whether a nonce is new."""
        with self._lock:
            known = nonce in self._nonces
            self._nonces.add(nonce)
        return bool(nonce) and not known

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Count a call while it is being answered."""
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1


class _Server(ThreadingHTTPServer):
    """Knows its live connections, so that they end with it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], service: OpenApiService, context: ssl.SSLContext) -> None:
        self.service = service
        self.stopping = threading.Event()
        self._context = context
        self._live: set[socket.socket] = set()
        super().__init__(address, _Answer)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that HTTPServer would do."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        """Accept; the handshake is for the thread of the connection."""
        plain, address = self.socket.accept()
        return self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection."""
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


class _Answer(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        """A call with everything in the query."""
        with self.server.service.answering():
            self._answer(b"")

    def do_POST(self) -> None:
        """A call, perhaps with parameters in the body."""
        with self.server.service.answering():
            self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        request = self._received(body)
        # V3 has these two in headers, V1 among the parameters.
        query = {**request.query, **request.form}
        action = request.headers.get("x-acs-action") or query.get("Action", "")
        version = request.headers.get("x-acs-version") or query.get("Version", "")
        service = self.server.service
        service.requests.append((action, query))
        try:
            if not service.first_time(check(request, service.account)):
                raise RefusedError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")  # noqa: TRY301
            right = service.answer(action, version, query, self.client_address[0])
        except RefusedError as no:
            self._refuse(no.status, no.code, no.message)
            return
        fault = service.fault(action, query)
        if fault is None:
            self._send(200, json.dumps(right).encode())
        else:
            self._fail(fault, action, right)

    def _received(self, body: bytes) -> Request:
        url = urlsplit(self.path)
        form = "application/x-www-form-urlencoded" in self.headers.get("Content-Type", "")
        return Request(
            self.command,
            url.path,
            {name.lower(): value for name, value in self.headers.items()},
            dict(parse_qsl(url.query, keep_blank_values=True)),
            dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True)) if form else {},
            body,
        )

    def _refuse(self, status: int, code: str, message: str) -> None:
        said = {"RequestId": "7463B73D", "HostId": "lab", "Code": code, "Message": message, "Recommend": _HELP}
        self._send(status, json.dumps(said).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, fault: ApiFault, action: str, right: Answer) -> None:
        match fault.trouble:
            case Trouble.THROTTLE:
                self._refuse(400, "Throttling.User", "Request was denied due to user flow control.")
            case Trouble.DENY:
                message = f"User not authorized to operate on the specified resource: {action}"
                self._refuse(403, str(fault.value or "Forbidden.RAM"), message)
            case Trouble.STATUS:
                self._refuse(fault.status, str(fault.value or "ServiceUnavailable"), "on demand")
            case Trouble.EMPTY:
                self._send(200, json.dumps(empty(right)).encode())
            case Trouble.BODY:
                self._send(200, json.dumps(fault.value).encode())
            case Trouble.GARBAGE:
                self._send(200, b"<html>\x00\xff not JSON at all")
            case _:
                self.close_connection = True
                self._break(fault, json.dumps(right).encode())

    def _break(self, fault: ApiFault, body: bytes) -> None:
        """The faults after which the connection is of no use."""
        stopping = self.server.stopping
        if fault.trouble is Trouble.HANG:
            stopping.wait()
            return
        if fault.trouble is Trouble.RESET:
            self.rfile.close()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault.trouble is Trouble.TRUNCATED:
            self.wfile.write(body[: len(body) // 2])
            return
        size = len(body) // 20 + 1
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            stopping.wait(fault.seconds / 20)
