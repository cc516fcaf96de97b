"""Says how it goes, to everybody who wants to know: the log, systemd, who asks for the status, who reads metrics."""

import selectors
import time
import traceback
from collections.abc import Callable, Hashable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from eip_agent.core.message import said, say
from eip_agent.core.news import news
from eip_agent.core.report import Report
from eip_agent.core.settings import Settings
from eip_agent.core.status import FightStatus, Status
from eip_agent.daemon import chronicle
from eip_agent.daemon.asker import Answer
from eip_agent.daemon.chronicle import Entry
from eip_agent.daemon.keeper import Done, Keeper
from eip_agent.daemon.log import Level, Log
from eip_agent.daemon.notify import Notify
from eip_agent.daemon.state import Record, outcome_of, status_of
from eip_agent.errors import AgentError

if TYPE_CHECKING:
    from eip_agent.core.host import HostFact
    from eip_agent.daemon.door import Door
    from eip_agent.daemon.metrics import Metrics

_HOST_AGE: Final = 60.0
"""Seconds after which it is looked up anew who else manages links, while there is a fight."""


class Herald:
    """What has been said, and what there is to say."""

    def __init__(self, keeper: Keeper, log: Log, notify: Notify, selector: selectors.BaseSelector) -> None:
        self._keeper, self._log, self._notify, self._selector = keeper, log, notify, selector
        self._record = Record(time.time())
        self._said: dict[Hashable, Entry] = {}
        """What is wrong after the last pass."""
        self._unwritten: dict[Hashable, Entry] = {}
        """The same of the metrics, which are no part of a pass."""
        self._host: tuple[float, HostFact] | None = None
        self._metrics: Metrics | None = None
        self._door: Door | None = None
        self._listens = self._textfile = ""
        self._status: Callable[[], Status] | None = None

    @property
    def report(self) -> Report | None:
        """That of the last pass."""
        return self._record.done.made.report if self._record.done is not None else None

    @property
    def due(self) -> float | None:
        """When patience with a reader of metrics ends."""
        return self._door.due if self._door is not None else None

    def tidy(self, now: float) -> None:
        """Part with readers of metrics with whom patience is over."""
        if self._door is not None:
            self._door.tidy(now)

    def open(self, settings: Settings, status: Callable[[], Status]) -> None:
        """Tell metrics where the settings want them.  Where that cannot be, it is said, and nothing else suffers."""
        self._status, self._textfile = status, settings.metrics_textfile or ""
        listen = settings.metrics_listen or ""
        if listen != self._listens:
            self.close()
        if not (listen or self._textfile):
            self._metrics = None
            return
        try:
            from eip_agent.daemon import metrics  # noqa: PLC0415 only where somebody reads them

            self._metrics = self._metrics or metrics.Metrics()
            if listen and self._door is None:
                self._door, self._listens = metrics.serve(self._selector, listen, self._text), listen
        except ImportError:
            self._log.say(Level.ERROR, "no metrics: prometheus_client is missing: pip install 'eip-agent[metrics]'")
        except OSError as no:
            self._log.say(Level.ERROR, f"no metrics at {listen}: {no.strerror}")

    def close(self) -> None:
        """Nobody is answered any more."""
        if self._door is not None:
            self._door.close()
        self._door, self._listens = None, ""

    # --- what happened ------------------------------------------------------------------------------------------------

    def passed(self, done: Done, seconds: float) -> None:
        """A pass was made."""
        record = self._record
        record.done, record.failed, record.last_pass, record.took = done, "", time.time(), seconds
        for entry in chronicle.changes(done, self._keeper.links):
            self._say(entry)
            record.last_change = record.last_pass
        report, fights = done.made.report, self._fights()
        self._tell(chronicle.standing(report, fights, self._keeper.fights.refusals))
        outcome = outcome_of(done)
        self._notify.status(chronicle.headline(report, outcome, fights))
        if self._metrics is not None:
            self._metrics.passed(outcome.value.replace(" ", "_"), done, seconds)
        self._write()

    def failed(self, no: Exception) -> None:
        """None could be made."""
        known = isinstance(no, AgentError | OSError)
        what = self._record.failed = said(no) if known else f"{type(no).__name__}: {no}"
        hint = f" ({no.hint})" if isinstance(no, AgentError) and no.hint else ""
        text = f"no pass could be made: {what}{hint}; it is tried again"
        if not known:
            text += "\n" + "".join(traceback.format_exception(no))
        # What else stood goes on to stand: nothing is known by which it would be over.
        standing = {about: entry for about, entry in self._said.items() if about[:1] != ("failed",)}  # type: ignore[index]  # all are tuples
        self._tell(standing | {("failed", what): Entry(Level.ERROR, text)})
        self._notify.status(f"no pass could be made: {what}")
        if self._metrics is not None:
            self._metrics.failed()
        self._write()

    def answered(self, answer: Answer) -> None:
        """The cloud was asked."""
        seen = answer.seen
        if self._metrics is None or seen is None:
            return
        api = seen.witnesses.api
        whole = {"metadata": not seen.witnesses.silent, "openapi": api is None or not (api.unread or api.denied)}
        for source, seconds in seen.took:
            self._metrics.asked(source, seconds, whole=whole[source])

    def overrun(self) -> None:
        """Messages of the kernel were lost."""
        self._log.say(Level.NOTICE, "more changed at once than the kernel could tell: everything is looked at")
        if self._metrics is not None:
            self._metrics.overrun()

    def status(self, waits: Sequence[str], next_poll: float | None) -> Status:
        """What the daemon is doing."""
        keeper = self._keeper
        missing = [
            say("the metadata service to list {link} ({mac})", link=keeper.links.get(index, index), mac=mac)
            for index, mac in sorted(keeper.newcomers)
        ]
        doomed = [say("the metadata service to say again that an address is gone")] if keeper.doomed else []
        return status_of(keeper, self._record, self._fights(), (*waits, *missing, *doomed), next_poll)

    # --- saying it ----------------------------------------------------------------------------------------------------

    def _fights(self) -> tuple[FightStatus, ...]:
        """The fights, with who probably is the other side; that is looked up only where there is one."""
        if not self._keeper.fights.standing:
            self._host = None
            return ()
        now = monotonic()
        if self._host is None or now - self._host[0] > _HOST_AGE:
            from eip_agent.sources import host  # noqa: PLC0415  only where somebody fights

            self._host = now, host.read()
        return chronicle.fights_of(self._keeper.fights, self._keeper.links, self._host[1])

    def _say(self, entry: Entry) -> None:
        self._log.say(entry.level, entry.text, entry.fields)

    def _tell(self, now: dict[Hashable, Entry]) -> None:
        self._said = self._told(self._said, now)

    def _told(self, known: dict[Hashable, Entry], now: dict[Hashable, Entry]) -> dict[Hashable, Entry]:
        """Say what has come and what is over; what is known then."""
        new, over, known = news(known, now)
        for entry in (*new, *map(chronicle.over, over)):
            self._say(entry)
        return known

    def _text(self) -> bytes:
        assert self._metrics is not None, "there is a door"  # noqa: S101 for mypy
        assert self._status is not None, "there is a door"  # noqa: S101 for mypy
        return self._metrics.text(self._status())

    def _write(self) -> None:
        """The metrics to their file, where one is wanted."""
        trouble: dict[Hashable, Entry] = {}
        if self._metrics is not None and self._textfile:
            from eip_agent.daemon import metrics  # noqa: PLC0415 it is imported by now

            try:
                metrics.write(self._textfile, self._text())
            except OSError as no:
                entry = Entry(
                    Level.ERROR, f"no metrics in {self._textfile}: {no.strerror}; it is tried after every pass"
                )
                trouble["metrics", self._textfile] = entry
        self._unwritten = self._told(self._unwritten, trouble)
