"""The loop: one thread that waits for whatever happens, and says when to look.

Times are seconds of CLOCK_MONOTONIC, but for those that are told to people.
"""

import contextlib
import io
import random
import selectors
import signal
import socket
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from eip_agent import __version__
from eip_agent.console import code_of, tell_on
from eip_agent.core.news import news
from eip_agent.core.pace import Backoff, Budget, Burst, heard, jittered, soonest
from eip_agent.core.plain import encoded
from eip_agent.core.settings import Settings
from eip_agent.core.status import Status
from eip_agent.daemon import chronicle
from eip_agent.daemon.asker import Answer, Asker
from eip_agent.daemon.chronicle import Entry
from eip_agent.daemon.control import Control, Question, listening, remove
from eip_agent.daemon.events import Events
from eip_agent.daemon.keeper import Done, Keeper
from eip_agent.daemon.log import Level, Log
from eip_agent.daemon.notify import Notify
from eip_agent.daemon.single import single
from eip_agent.daemon.state import Record, status_of
from eip_agent.errors import AgentError, BusyError, SettingsError
from eip_agent.netlink import Netlink
from eip_agent.reconcile import WITNESS_PAUSE, Agent

if TYPE_CHECKING:
    from eip_agent.core.host import HostFact

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ATTACHED: Final = Backoff(0.25, 30.0)
"""Between two questions whether the metadata service lists a link by now."""
_GIVE_UP: Final = 20
"""Questions, some six minutes; then the usual poll must do: what is still not listed is no ENI."""
_FAILED: Final = Backoff(1.0, 60.0)
"""Between two tries of a pass that failed."""
_BUSY: Final = Backoff(0.1, 2.0)
"""Between two looks whether the lock is free."""
_SILENT: Final = 2.0
"""The first pause after the metadata service was silent; doubled up to the usual poll."""
_HOST_AGE: Final = 60.0
"""Who else manages links is looked up anew after so long, while there is a fight."""
_PATIENCE: Final = 0.2
"""For the thread that asks, at the end."""


class Loop:
    """The daemon."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        notify: Notify,
        *,
        read: Callable[[], Settings],
        watchdog: float | None = None,
    ) -> None:
        """`read` gives the settings anew; `watchdog`: every how many seconds systemd wants to hear of us."""
        self._read, self._log, self._notify, self._watchdog = read, log, notify, watchdog
        self._settings = settings
        self._netlink = Netlink()
        self._keeper = Keeper(Agent(settings), settings, self._netlink)
        self._events = Events(self._netlink.port)
        self._asker = Asker()
        self._selector = selectors.DefaultSelector()
        self._control: Control | None = None
        self._record = Record(time.time())
        self._stopping = False

        self._burst: Burst | None = None
        self._budget = Budget(at=monotonic())
        self._look_at: float | None = None
        """When to make a pass, for another reason than events."""
        self._poll_at: float | None = 0.0
        """When to ask the metadata service."""
        self._others_at = 0.0
        """From when on all others are to be asked with it."""
        self._pat_at = monotonic() if watchdog else None
        self._asked_at = self._answered_at = -1.0
        """When the last question, and the one whose answer is known, began."""

        self._failures, self._locked, self._attached = _FAILED, _BUSY, _ATTACHED
        self._silent = Backoff(_SILENT, settings.poll)
        self._newcomers: frozenset[object] = frozenset()
        self._waits_for_lock = ""
        self._host: tuple[float, HostFact] | None = None
        self._said: dict[Hashable, Entry] = {}
        self._lookers: list[tuple[float, Question]] = []

    def run(self) -> None:
        """Until SIGTERM or SIGINT.  Raises BusyError where another daemon runs, and JournalError."""
        directory = self._settings.run_directory
        with single(directory), self._signals(), contextlib.ExitStack() as stack:
            stack.callback(self._close)
            self._control = Control(self._selector, listening(directory), self._asked)
            stack.callback(remove, directory)
            self._selector.register(self._events, selectors.EVENT_READ, self._hear)
            self._selector.register(self._asker, selectors.EVENT_READ, self._hear_answer)
            sources = f" ({', '.join(self._settings.notes)})" if self._settings.notes else ""
            self._log.say(Level.INFO, f"eip-agent {__version__} keeps this instance{sources}")
            self._notify.status("starting: asking the metadata service")
            while not self._stopping:
                self._turn()
            self._notify.stopping()
            self._log.say(Level.INFO, "stopped; the network stays as it is")

    # --- what happens -------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        due = self._due()
        timeout = None if due is None else max(0.0, due - monotonic())
        for key, events in self._selector.select(timeout):
            key.data(events, monotonic())
        now = monotonic()
        if self._control is not None:
            self._control.door.tidy(now)
        if self._pat_at is not None and self._watchdog is not None and now >= self._pat_at:
            self._notify.alive()
            self._pat_at = now + self._watchdog
        if self._stopping:
            return
        self._ask_if_due(now)
        if self._keeper.seen is not None and now >= (self._pass_due(now) or now + 1):
            self._pass()

    def _due(self) -> float | None:
        poll = None if self._asker.busy else self._poll_at
        looks = self._pass_due(monotonic()) if self._keeper.seen is not None else None
        visitors = self._control.door.due if self._control is not None else None
        return soonest(poll, looks, visitors, self._pat_at)

    def _pass_due(self, now: float) -> float | None:
        burst = max(self._burst.due, self._budget.free_at(now)) if self._burst is not None else None
        return soonest(self._look_at, burst, self._keeper.fights.due)

    def _hear(self, _events: int, now: float) -> None:
        said = self._events.read(self._keeper.enis)
        if said.overrun:
            self._log.say(Level.NOTICE, "so much changed that the kernel could not tell it all: looking at everything")
            self._poll_soon(now)
        if said.events or said.overrun:
            self._burst = heard(self._burst, now)

    def _signal(self, line: socket.socket) -> None:
        for number in line.recv(64):
            if number == signal.SIGHUP:
                self._reload()
            elif number in _SIGNALS:
                self._stopping = True

    def _reload(self) -> None:
        now = monotonic()
        self._notify.reloading(now)
        try:
            settings = self._read()
        except SettingsError as wrong:
            hint = f" ({wrong.hint})" if wrong.hint else ""
            self._log.say(Level.ERROR, f"the settings stay as they were: {wrong}{hint}")
            self._notify.ready()
        else:
            self._change(settings)
        self._others_at = now
        self._poll_soon(now)

    def _change(self, settings: Settings) -> None:
        if settings.run_directory != self._settings.run_directory:
            self._log.say(Level.WARNING, "`run_directory` changes with a restart only; all else has been read anew")
            settings = replace(settings, run_directory=self._settings.run_directory)
        self._settings = settings
        self._silent = Backoff(_SILENT, settings.poll)
        self._keeper.change(Agent(settings), settings)
        self._look_at = monotonic()
        self._log.say(Level.INFO, "settings were read anew")

    # --- asking -------------------------------------------------------------------------------------------------------

    def _poll_soon(self, at: float) -> None:
        self._poll_at = soonest(self._poll_at, at)

    def _ask_if_due(self, now: float) -> None:
        if self._asker.busy or self._poll_at is None or now < self._poll_at:
            return
        self._poll_at, self._asked_at = None, now
        anew = now >= self._others_at or any(since > self._answered_at for since, _ in self._lookers)
        self._asker.ask(self._keeper.worker, self._keeper.seen, anew=anew)

    def _hear_answer(self, _events: int, now: float) -> None:
        answer = self._asker.take()
        if answer is None:
            return
        if answer.asked is not self._keeper.worker:
            self._poll_soon(now)  # the settings changed meanwhile
            return
        self._look_at = now
        self._poll_soon(now + self._next_poll(answer))
        if answer.seen is None:
            self._fail(answer.error or AgentError("nothing was seen"), now)
            return
        self._answered_at = self._asked_at
        if self._keeper.seen is None or answer.seen.asked_at != self._keeper.seen.asked_at:
            self._others_at = now + jittered(self._settings.openapi_poll, random.random())  # noqa: S311 to spread load
        self._keeper.learn(answer.seen)
        if any(since > self._answered_at for since, _ in self._lookers):
            self._poll_soon(now)

    def _next_poll(self, answer: Answer) -> float:
        if answer.seen is not None and not answer.seen.witnesses.silent:
            self._silent = Backoff(_SILENT, self._settings.poll)
            return jittered(self._settings.poll, random.random())  # noqa: S311 to spread load
        delay = min(self._silent.delay, self._settings.poll)
        self._silent = self._silent.again()
        return delay

    # --- a pass -------------------------------------------------------------------------------------------------------

    def _pass(self) -> None:
        began = monotonic()
        self._burst = self._look_at = None
        try:
            done = self._keeper.look(began)
        except BusyError as busy:
            self._waits_for_lock = str(busy)
            self._look_at = monotonic() + self._locked.delay
            self._locked = self._locked.again()
            self._answer_busy(busy)
        except Exception as no:  # noqa: BLE001 whatever it is, the daemon goes on
            self._fail(no, began)
        else:
            self._made(done, began)
        now = monotonic()
        self._budget = self._budget.spent(now - began, now)
        self._notify.ready()

    def _made(self, done: Done, began: float) -> None:
        now, record = monotonic(), self._record
        record.done, record.failed, self._waits_for_lock = done, "", ""
        self._failures, self._locked = _FAILED, _BUSY
        record.last_pass, record.took = time.time(), now - began
        report = done.made.report
        for entry in chronicle.changes(done, self._keeper.links):
            self._tell(entry)
            record.last_change = record.last_pass
        self._follow_up(done, now)
        fights = self._fights()
        self._tell_news(chronicle.standing(report, fights))
        self._notify.status(chronicle.headline(report, fights))
        if not done.made.doomed:
            self._answer_lookers()

    def _follow_up(self, done: Done, now: float) -> None:
        """When to look or ask again because of what a pass found."""
        report = done.made.report
        if report.result is not None and report.result.refused:
            self._look_at = now  # without what was refused
        elif report.left:
            self._look_at = now + self._failures.delay
            self._failures = self._failures.again()
        if done.made.doomed:
            self._poll_soon(max(now, self._answered_at + WITNESS_PAUSE))
        new = self._keeper.newcomers
        if new - self._newcomers:
            self._attached = _ATTACHED
            self._poll_soon(now)
        elif new and self._attached.tries < _GIVE_UP and not self._asker.busy and self._answered_at >= 0:
            self._poll_soon(max(now, self._answered_at + self._attached.delay))
            self._attached = self._attached.again()
        self._newcomers = new

    def _fail(self, no: Exception, now: float) -> None:
        """A pass that was none is told once, and tried again."""
        known = isinstance(no, AgentError | OSError)
        self._record.failed = str(no) if known else f"{type(no).__name__}: {no}"
        self._look_at = now + self._failures.delay if self._keeper.seen is not None else None
        self._failures = self._failures.again()
        hint = f" ({no.hint})" if isinstance(no, AgentError) and no.hint else ""
        text = f"no pass could be made: {self._record.failed}{hint}; it is tried again"
        if not known:
            text += f"\n{_trace(no)}"
        # What else stands goes on to stand: nothing is known that would be over.
        self._tell_news(self._said | {("failed", self._record.failed): Entry(Level.ERROR, text)})
        self._notify.status(f"no pass could be made: {self._record.failed}")
        self._notify.ready()
        self._answer_lookers({"error": self._record.failed, "code": getattr(no, "exit_code", 1)})

    def _fights(self) -> tuple[Any, ...]:
        """The fights, with who probably is the other side; that is looked up only where there is one."""
        if not self._keeper.fights.standing:
            self._host = None
            return ()
        now = monotonic()
        if self._host is None or now - self._host[0] > _HOST_AGE:
            from eip_agent.sources import host  # noqa: PLC0415 psutil costs as much as all the rest

            self._host = now, host.read()
        return chronicle.fights_of(self._keeper.fights, self._keeper.links, self._host[1])

    # --- telling ------------------------------------------------------------------------------------------------------

    def _tell(self, entry: Entry) -> None:
        self._log.say(entry.level, entry.text, entry.fields)

    def _tell_news(self, now: dict[Hashable, Entry]) -> None:
        new, over, self._said = news(self._said, now)
        for entry in (*new, *map(chronicle.over, over)):
            self._tell(entry)

    def _asked(self, question: Question, now: float) -> None:
        match question.ask:
            case "status":
                question.answer(encoded(self.status()), now)
            case "report" if self._record.done is not None:
                question.answer(_printed(self._record.done, question), now)
            case "report":
                question.answer({"error": "no pass has been made yet", "hint": "try again in a moment"}, now)
            case _:
                self._lookers.append((now, question))
                self._poll_soon(now)

    def _answer_lookers(self, instead: dict[str, Any] | None = None) -> None:
        now = monotonic()
        for looker in list(self._lookers):
            since, question = looker
            if question.visitor.gone:
                self._lookers.remove(looker)
            elif instead is not None or since <= self._answered_at:
                self._lookers.remove(looker)
                assert self._record.done is not None or instead is not None  # noqa: S101 for mypy: a pass was made
                question.answer(instead or _printed(self._record.done, question), now)  # type: ignore[arg-type]

    def _answer_busy(self, busy: BusyError) -> None:
        """Who asked for a pass waits for the lock as long as he would alone."""
        now = monotonic()
        if any(now - since >= self._settings.lock_timeout for since, _ in self._lookers):
            self._answer_lookers({"error": str(busy), "hint": busy.hint, "code": busy.exit_code})

    def status(self) -> Status:
        """What it is doing."""
        keeper = self._keeper
        waits = [
            f"the metadata service does not list {keeper.links.get(index, index)} ({mac}) yet"
            for index, mac in sorted(keeper.newcomers)
        ]
        if keeper.doomed:
            waits.append("an address is to be removed when the metadata service has said so twice")
        if self._waits_for_lock:
            waits.append(self._waits_for_lock)
        if self._asker.busy:
            waits.append("an answer of the cloud")
        next_poll = None if self._poll_at is None else time.time() + self._poll_at - monotonic()
        return status_of(keeper, self._record, self._fights(), tuple(waits), next_poll)

    # --- beginning and end --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Signals become bytes that the loop reads between two passes, so that none cuts a pass in half."""
        reader, writer = socket.socketpair()
        with reader, writer:
            writer.setblocking(False)  # noqa: FBT003 the name says it
            before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
            handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
            self._selector.register(reader, selectors.EVENT_READ, lambda *_: self._signal(reader))
            try:
                yield
            finally:
                self._selector.unregister(reader)
                for number, handler in handlers.items():
                    signal.signal(number, handler)
                signal.set_wakeup_fd(before)

    def _close(self) -> None:
        if self._control is not None:
            self._control.door.close()
        self._asker.close(_PATIENCE)
        self._events.close()
        self._netlink.close()


def _printed(done: Done, question: Question) -> dict[str, Any]:
    """A report in the words of `eip-agent apply`."""
    from eip_agent.render.language import language  # noqa: PLC0415 only who is asked needs it
    from eip_agent.render.paper import Paper  # noqa: PLC0415

    paper = Paper(language(question.lang), question.width, question.colour, question.ascii)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        tell_on(done.made.report, question.format, paper)
    return {"out": out.getvalue(), "err": err.getvalue(), "code": code_of(done.made.report)}


def _trace(no: Exception) -> str:
    import traceback  # noqa: PLC0415 where the program itself is wrong

    return "".join(traceback.format_exception(no))
