"""The metrics: what is counted, who may read it, and that alerts and dashboard name what there is."""

import json
import os
import re
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client")

from prometheus_client.parser import text_string_to_metric_families

from eip_agent.core.changes import Change, Why
from eip_agent.core.status import EniStatus, SourceStatus, Status
from eip_agent.daemon.metrics import Metrics, serve, write
from tests.builders import address_item
from tests.daemon.support import ADDED, done

ROOT = Path(__file__).parent.parent.parent
ALERTS = (ROOT / "systemd" / "prometheus-alerts.yml").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "systemd" / "grafana-dashboard.json").read_text(encoding="utf-8"))
SAID = re.compile(r"\b(?:eip_agent|process)_[a-z_]+")
EVERYWHERE = {"instance", "job", "le"}
"""Labels that Prometheus adds, and those of histograms."""
STATUS = Status(
    "1.2.3", 7, 0.0, "as desired", 1, 1, 1, 10.0, 10.0, 0.1, 70.0, 25,
    (EniStatus("eni-1", "eth1", "secondary", "nat", "certain", "right"),),
    (SourceStatus("kernel", 10.0), SourceStatus("metadata service", None), SourceStatus("OpenAPI", 5.0)),
)  # fmt: skip


def samples(metrics: Metrics, status: Status = STATUS) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text(status).decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[f"eip_agent_{name}", frozenset(labels.items())]


def test_passes_changes_and_repairs_are_counted() -> None:
    metrics = Metrics()
    assert value(metrics, "changes_total", kind="rule") == 0, "what never happened is nought, and not missing"
    address = Change(None, address_item("192.168.1.11"), Why.MISSING)
    metrics.passed("as_desired", done(ADDED, address, repairs=frozenset((ADDED,))), 0.02)
    metrics.failed()
    metrics.overrun()

    assert value(metrics, "passes_total", outcome="as_desired") == 1
    assert value(metrics, "passes_total", outcome="failed") == 1
    assert value(metrics, "changes_total", kind="rule") == 1
    assert value(metrics, "changes_total", kind="address") == 1
    assert value(metrics, "repairs_total", kind="rule") == 1
    assert value(metrics, "repairs_total", kind="address") == 0
    assert value(metrics, "event_overruns_total") == 1
    assert value(metrics, "pass_seconds_sum") == 0.02


def test_what_is_left_or_waits_is_drift() -> None:
    metrics = Metrics()
    metrics.passed("refused", replace(done(left=(ADDED,)), waits=(ADDED, ADDED)), 0.02)

    assert value(metrics, "drift_items") == 3


def test_questions_to_the_cloud_are_timed_and_failures_counted() -> None:
    metrics = Metrics()
    metrics.asked("metadata", 0.3, whole=False)
    metrics.asked("metadata", 0.1, whole=True)

    assert value(metrics, "request_seconds_count", source="metadata") == 2
    assert value(metrics, "request_errors_total", source="metadata") == 1
    assert value(metrics, "request_errors_total", source="openapi") == 0


def test_enis_are_told_as_they_are_and_not_as_they_were() -> None:
    metrics = Metrics()
    metrics.text(replace(STATUS, enis=(EniStatus("eni-9", "eth9", "secondary", "nat", "certain", "waits"),)))
    told = samples(metrics)

    assert not [labels for _, labels in told if ("eni", "eni-9") in labels]
    assert value(metrics, "eni_mode", eni="eni-1", link="eth1", mode="nat", certainty="certain") == 1
    assert value(metrics, "eni_health", eni="eni-1", link="eth1", health="right") == 1
    assert value(metrics, "last_success_timestamp_seconds", source="openapi") == 5
    assert value(metrics, "last_success_timestamp_seconds", source="metadata") == 0
    assert value(metrics, "as_desired") == 1
    assert "process_resident_memory_bytes" in {name for name, _ in told}


def answered(question: bytes, text: Callable[[], bytes]) -> bytes:
    """What a reader gets at a loopback address."""
    with selectors.DefaultSelector() as selector, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        probe.close()
        door = serve(selector, address, text)
        got: list[bytes] = []

        def read() -> None:
            with socket.create_connection(("127.0.0.1", int(address.partition(":")[2])), 5) as line:
                line.sendall(question)
                while piece := line.recv(65536):
                    got.append(piece)

        reader = threading.Thread(target=read)
        reader.start()
        while reader.is_alive():
            for key, events in selector.select(0.05):
                key.data(events, 0.0)
        reader.join()
        door.close()
        return b"".join(got)


@pytest.mark.parametrize(
    ("question", "head", "body"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK", b"text"),
        (b"GET /metrics?x=y HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 OK", b"text"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK", b""),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 Not Found", b"see /metrics\n"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 Method Not Allowed", b"only GET\n"),
    ],
)
def test_a_reader_is_answered(question: bytes, head: bytes, body: bytes) -> None:
    told, _, said = answered(question, lambda: b"text").partition(b"\r\n\r\n")

    assert told.startswith(head)
    assert said == body


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    write(str(path), b"one\n")
    write(str(path), b"two\n")

    assert path.read_bytes() == b"two\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="No such file"):
        write(str(tmp_path / "missing" / "x.prom"), b"")


def test_nothing_that_lies_in_the_folder_already_is_written_into(tmp_path: Path) -> None:
    """The folder is the collector's, and no pipe of it may hold the daemon."""
    path, temporary = tmp_path / "x.prom", tmp_path / f".x.prom.{os.getpid()}"
    os.mkfifo(temporary)
    writer = threading.Thread(target=write, args=(str(path), b"one\n"), daemon=True)
    writer.start()
    writer.join(20)
    assert not writer.is_alive()
    (tmp_path / "theirs").write_bytes(b"theirs")
    os.link(tmp_path / "theirs", temporary)
    write(str(path), b"two\n")

    assert path.read_bytes() == b"two\n"
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert not temporary.exists()


def known() -> tuple[set[str], set[str]]:
    metrics = Metrics()
    metrics.passed("as_desired", done(), 0.02)
    for source in ("metadata", "openapi"):
        metrics.asked(source, 0.1, whole=True)
    told = samples(metrics)
    return {name for name, _ in told}, {label for _, labels in told for label, _ in labels}


def test_alerts_and_dashboard_name_what_there_is() -> None:
    names, labels = known()
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    asked += re.findall(r"expr: (.*)", ALERTS)
    said = {
        name for text in (*asked, ALERTS, DASHBOARD["templating"]["list"][1]["query"]) for name in SAID.findall(text)
    }
    used = {label for text in asked for group in re.findall(r"by \(([^)]*)\)", text) for label in group.split(", ")}
    used |= {label for text in asked for label in re.findall(r"[{,](\w+)[!=]", text)}
    used |= set(re.findall(r"\$labels\.(\w+)", ALERTS))

    assert len(asked) > 15
    assert said - names == set()
    assert used - labels - EVERYWHERE == set()
    # What is measured is shown somewhere, but for what histograms and Python add.
    shown = {name for name in names if name.startswith("eip_agent_")} - said
    assert {name for name in shown if not name.endswith(("_created", "_sum", "_count"))} == set()


def test_values_of_labels_are_those_that_are_told() -> None:
    outcomes = set(re.findall(r'outcome="(\w+)"', ALERTS + json.dumps(DASHBOARD)))
    sources = set(re.findall(r'source=\\?"(\w+)', ALERTS + json.dumps(DASHBOARD)))

    assert outcomes <= {"as_desired", "changes_pending", "refused", "facts_missing", "failed"}
    assert sources <= {"kernel", "metadata", "openapi"}


def test_the_text_file_is_for_everybody_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "eip-agent.prom"
    former = os.umask(0o077)
    try:
        write(str(path), b"# nothing\n")
    finally:
        os.umask(former)

    assert path.stat().st_mode & 0o777 == 0o644
