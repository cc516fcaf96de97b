"""What is wrong is said when it begins and when it is over, however many passes there are between."""

import selectors
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from eip_agent import daemon
from eip_agent.core.message import verbatim
from eip_agent.core.settings import Settings
from eip_agent.daemon.herald import Herald
from eip_agent.daemon.keeper import Keeper, Worker
from eip_agent.daemon.log import Level
from eip_agent.daemon.notify import Notify
from eip_agent.errors import SourceError
from tests.daemon.support import done

if TYPE_CHECKING:
    from eip_agent.netlink import Netlink

pytest.importorskip("prometheus_client")


class Heard:
    """A log that somebody reads."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, level: Level, text: str, fields: Mapping[str, str] | None = None) -> None:
        del level, fields
        self.said.append(text)

    def news(self) -> list[str]:
        """What was said since."""
        said, self.said = self.said, []
        return said


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(run_directory=str(tmp_path), metrics_textfile=str(tmp_path / "missing" / "x.prom"))


@pytest.fixture
def herald(heard: Heard, settings: Settings) -> Iterator[Herald]:
    keeper = Keeper(cast("Worker", None), settings, cast("Netlink", None))
    with selectors.DefaultSelector() as selector:
        made = Herald(keeper, heard, Notify(None), selector)
        made.open(settings, lambda: made.status((), None))
        yield made
        made.close()


def test_metrics_that_cannot_be_written_are_told_once_and_when_it_is_over(
    herald: Herald, heard: Heard, tmp_path: Path
) -> None:
    trouble = f"no metrics in {tmp_path}/missing/x.prom: No such file or directory"
    herald.passed(done(), 0.1)
    assert heard.news() == [f"{trouble}; it is tried after every pass"]
    for _ in range(3):
        herald.passed(done(), 0.1)
    assert heard.news() == []
    herald.failed(SourceError(verbatim("netlink: broken")))
    assert heard.news() == ["no pass could be made: netlink: broken; it is tried again"]
    (tmp_path / "missing").mkdir()

    herald.passed(done(), 0.1)
    assert heard.news() == ["over: no pass could be made: netlink: broken", f"over: {trouble}"]
    assert (tmp_path / "missing" / "x.prom").read_text()


def test_without_the_library_there_are_no_metrics_and_no_file(
    herald: Herald, heard: Heard, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    herald.open(replace(settings, metrics_textfile=None), lambda: herald.status((), None))
    monkeypatch.delitem(sys.modules, "eip_agent.daemon.metrics")
    monkeypatch.delattr(daemon, "metrics")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    herald.open(settings, lambda: herald.status((), None))
    herald.passed(done(), 0.1)

    assert heard.news() == ["no metrics: prometheus_client is missing: pip install 'eip-agent[metrics]'"]


def test_metrics_that_nobody_wants_any_more_are_no_trouble(herald: Herald, heard: Heard, settings: Settings) -> None:
    herald.passed(done(), 0.1)
    heard.news()
    herald.open(replace(settings, metrics_textfile=None), lambda: herald.status((), None))

    herald.passed(done(), 0.1)
    assert [line.partition(" in ")[0] for line in heard.news()] == ["over: no metrics"]
