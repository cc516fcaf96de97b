"""The daemon's metrics for Prometheus.  Imported only where the settings say that somebody reads them.

They are told at a loopback address, by the daemon's own loop, and written to a file for the textfile collector of
node_exporter.  The names are those of `systemd/prometheus-alerts.yml` and `systemd/grafana-dashboard.json`.
"""

import contextlib
import os
import platform
import selectors
import socket
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from eip_agent.core.status import Status
from eip_agent.daemon.door import Door, Visitor
from eip_agent.daemon.keeper import Done, kind_of

PREFIX: Final = "eip_agent_"
KINDS: Final = ("address", "link", "route", "rule")
SOURCES: Final = {"kernel": "kernel", "metadata service": "metadata", "OpenAPI": "openapi"}
_QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """All of them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._passes = self._counter("passes", "Passes by what they amount to.", "outcome")
        self._changes = self._counter("changes", "Changes made in the kernel.", "kind")
        self._repairs = self._counter("repairs", "Changes that put back what somebody had taken away.", "kind")
        self._overruns = self._counter("event_overruns", "Times that the kernel could not tell all that changed.")
        self._errors = self._counter("request_errors", "Questions to the cloud without a whole answer.", "source")
        self._took = Histogram(f"{PREFIX}pass_seconds", "Time a pass took.", buckets=_QUICK, registry=self.registry)
        self._waited = Histogram(
            f"{PREFIX}request_seconds",
            "Time the cloud took to answer.",
            ["source"],
            buckets=_QUICK,
            registry=self.registry,
        )
        self._build = self._gauge("build_info", "What runs; always 1.", "version", "python")
        self._as_desired = self._gauge("as_desired", "Whether the last pass left nothing to do and nothing unknown.")
        self._items = self._gauge("items", "Addresses, routes, rules and settings of links that are desired.")
        self._drift = self._gauge("drift_items", "Desired items that are not as desired after the last pass.")
        self._fights = self._gauge("disputes", "Links and rules whose items somebody takes away again and again.")
        self._success = self._gauge(
            "last_success_timestamp_seconds", "When a source last said all it was asked for.", "source"
        )
        self._mode = self._gauge(
            "eni_mode", "The binding mode of an ENI; always 1.", "eni", "link", "mode", "certainty"
        )
        self._health = self._gauge("eni_health", "How an ENI is; always 1.", "eni", "link", "health")
        for kind in KINDS:
            self._changes.labels(kind)
            self._repairs.labels(kind)
        for source in ("metadata", "openapi"):
            self._errors.labels(source)

    def passed(self, outcome: str, done: Done, seconds: float) -> None:
        """After a pass."""
        self._passes.labels(outcome).inc()
        self._took.observe(seconds)
        report = done.made.report
        result = report.result
        for change in result.applied if result is not None and not result.undone else ():
            self._changes.labels(kind_of(change)).inc()
            if change in done.repairs:
                self._repairs.labels(kind_of(change)).inc()
        self._drift.set(len(report.left) + len(done.waits))

    def failed(self) -> None:
        """After a pass that was none."""
        self._passes.labels("failed").inc()

    def asked(self, source: str, seconds: float, *, whole: bool) -> None:
        """After a question to the `metadata` service or the `openapi`."""
        self._waited.labels(source).observe(seconds)
        if not whole:
            self._errors.labels(source).inc()

    def overrun(self) -> None:
        """After messages of the kernel were lost."""
        self._overruns.inc()

    def text(self, status: Status) -> bytes:
        """All of them as they are now."""
        self._build.labels(status.version, platform.python_version()).set(1)
        self._as_desired.set(status.state == "as desired")
        self._items.set(status.items)
        self._fights.set(len(status.fights))
        for source in status.sources:
            self._success.labels(SOURCES[source.name]).set(source.success or 0)
        # What became of ENIs that are gone, and of modes that were, is not told any more.
        self._mode.clear()
        self._health.clear()
        for eni in status.enis:
            self._mode.labels(eni.eni, eni.link, eni.mode, eni.certainty).set(1)
            self._health.labels(eni.eni, eni.link, eni.health).set(1)
        return generate_latest(self.registry)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}{name}", says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}{name}", says, labels, registry=self.registry)


def serve(selector: selectors.BaseSelector, address: str, text: Callable[[], bytes]) -> Door:
    """Answer `GET /metrics` at a loopback address.  Raises OSError."""
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        listener.listen(8)
    except OSError:
        listener.close()
        raise

    def ask(visitor: Visitor, data: bytes, now: float) -> None:
        visitor.answer(_http(data, text), now)

    return Door(selector, listener, is_whole=lambda data: b"\r\n\r\n" in data, ask=ask)


def write(path: str, data: bytes) -> None:
    """Replace the file as a whole, readable for everybody, as node_exporter is not root.  Raises OSError."""
    folder, name = os.path.split(path)
    # A name that the collector does not read, so that it never sees half of it.
    temporary = os.path.join(folder, f".{name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        # Never into what is there: the folder is the collector's, and a pipe of that name would hold us for ever.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        with os.fdopen(os.open(temporary, flags, 0o644), "wb") as file:
            os.fchmod(file.fileno(), 0o644)  # the unit's umask lets nobody read
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _http(data: bytes, text: Callable[[], bytes]) -> bytes:
    method, _, rest = data.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return b"".join(_response("405 Method Not Allowed", b"only GET\n"))
    if path != b"/metrics":
        return b"".join(_response("404 Not Found", b"see /metrics\n"))
    head, body = _response("200 OK", text())
    return head if method == b"HEAD" else head + body


def _response(status: str, body: bytes) -> Iterator[bytes]:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    yield head.encode()
    yield body
