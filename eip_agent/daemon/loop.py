"""The loop: one thread that waits for whatever happens, and says when to ask and when to make a pass.

Times are seconds of CLOCK_MONOTONIC, but for those that are told to people.
"""

import contextlib
import random
import selectors
import time
from collections.abc import Callable
from dataclasses import replace
from signal import SIGHUP
from time import monotonic
from typing import Final

from eip_agent import __version__
from eip_agent.core.message import said, say, verbatim
from eip_agent.core.pace import Backoff, Budget, Burst, heard, soonest
from eip_agent.core.settings import Settings
from eip_agent.core.status import Status
from eip_agent.daemon.asker import Asker
from eip_agent.daemon.control import Control
from eip_agent.daemon.desk import Desk
from eip_agent.daemon.events import Events
from eip_agent.daemon.herald import Herald
from eip_agent.daemon.keeper import Done, Keeper
from eip_agent.daemon.log import Level, Log
from eip_agent.daemon.notify import Notify
from eip_agent.daemon.polls import Polls
from eip_agent.daemon.signals import signals
from eip_agent.daemon.single import Place, single
from eip_agent.errors import AgentError, BusyError, JournalError, SettingsError
from eip_agent.netlink import Netlink
from eip_agent.reconcile import Agent

_FAILED: Final = Backoff(1.0, 60.0)
"""Between two tries of a pass that failed."""
_BUSY: Final = Backoff(0.1, 2.0)
"""Between two looks whether the lock is free."""
_PAUSE: Final = 0.1
"""Between two passes that are made because of fights."""
_STUCK: Final = 1800.0
"""Seconds without an answer from the thread that asks: more than all the deadlines that settings can give to it."""
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
        self._settings = settings
        self._read, self._log, self._notify, self._watchdog = read, log, notify, watchdog
        self._netlink = Netlink()
        self._agent = Agent(settings)
        self._keeper = Keeper(self._agent, settings, self._netlink)
        self._events = Events(self._netlink.port)
        self._asker = Asker()
        self._selector = selectors.DefaultSelector()
        self._herald = Herald(self._keeper, log, notify, self._selector)
        self._polls = Polls(settings, monotonic(), random.random)
        self._desk = Desk(self.status, lambda: self._herald.report, self._polls.soon)
        self._place: Place | None = None
        self._control: Control | None = None
        self._stopping = False
        self._ousted: BusyError | None = None
        """Why there is no place for it any more."""

        self._burst: Burst | None = None
        self._budget = Budget(at=monotonic())
        self._look_at: float | None = None
        """When to make a pass, for another reason than events."""
        self._fight_at: float | None = None
        """When to put back what somebody keeps taking away."""
        self._pat_at = monotonic() if watchdog else None

        self._failures, self._locked = _FAILED, _BUSY
        self._waits_for = ""

    def run(self) -> None:
        """Until SIGTERM or SIGINT.  Raises BusyError where another daemon runs, at the start or later; JournalError."""
        directory = self._settings.run_directory
        with single(directory) as self._place, signals(self._selector, self._signal), contextlib.ExitStack() as stack:
            stack.callback(self._close)
            self._control = Control(self._selector, directory, self._desk.asked)
            self._selector.register(self._events, selectors.EVENT_READ, self._hear)
            self._selector.register(self._asker, selectors.EVENT_READ, self._hear_answer)
            self._herald.open(self._settings, self.status)
            origins = f" (settings from {', '.join(self._settings.origins)})" if self._settings.origins else ""
            self._log.say(Level.INFO, f"eip-agent {__version__} keeps this instance{origins}")
            self._notify.status("starting: asking the metadata service")
            while not self._stopping:
                self._turn()
            self._notify.stopping()
            self._leave()
            self._log.say(Level.INFO, "stopped; the network stays as it is")
        if self._ousted is not None:
            raise self._ousted

    def status(self) -> Status:
        """What it is doing."""
        waits = [self._waits_for] if self._waits_for else []
        if self._asker.busy:
            waits.append(say("an answer of the cloud"))
        next_poll = None if self._polls.at is None else time.time() + self._polls.at - monotonic()
        return self._herald.status(waits, next_poll)

    # --- what happens -------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        due = self._due(monotonic())
        timeout = None if due is None else max(0.0, due - monotonic())
        for key, events in self._selector.select(timeout):
            key.data(events, monotonic())
        now = monotonic()
        if self._control is not None:
            self._control.door.tidy(now)
        self._herald.tidy(now)
        if self._pat_at is not None and self._watchdog is not None and now >= self._pat_at:
            # A thread that does not come back has hung up the daemon as surely as a loop would: systemd starts it anew.
            if not self._asker.busy or now - self._polls.asked_at < _STUCK:
                self._notify.alive()
            self._pat_at = now + self._watchdog
        if self._stopping:
            return
        if self._polls.at is not None and now >= self._polls.at and not self._asker.busy:
            self._ask(now)
        pass_at = self._pass_at(now)
        if pass_at is not None and now >= pass_at:
            self._pass()

    def _due(self, now: float) -> float | None:
        poll = None if self._asker.busy else self._polls.at
        visitors = self._control.door.due if self._control is not None else None
        return soonest(poll, self._pass_at(now), visitors, self._herald.due, self._pat_at)

    def _pass_at(self, now: float) -> float | None:
        """When to make a pass; None before anything is known of the cloud."""
        if self._keeper.seen is None:
            return None
        burst = max(self._burst.due, self._budget.free_at(now)) if self._burst is not None else None
        return soonest(self._look_at, burst, self._fight_at)

    def _hear(self, _events: int, now: float) -> None:
        said = self._events.read(self._keeper.enis)
        if said.overrun:
            self._herald.overrun()
            self._polls.soon(now)
        if said.events or said.overrun:
            self._burst = heard(self._burst, now)

    def _signal(self, number: int) -> None:
        if number == SIGHUP:
            self._reload()
        else:
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
            self._change(settings, now)
        self._polls.everybody(now)

    def _change(self, settings: Settings, now: float) -> None:
        if settings.run_directory != self._settings.run_directory:
            self._log.say(Level.WARNING, "`run_directory` changes with a restart only; all else has been read anew")
            settings = replace(settings, run_directory=self._settings.run_directory)
        self._settings = settings
        self._polls.change(settings)
        self._agent = Agent(settings, self._agent.journal)
        self._keeper.change(self._agent, settings)
        self._herald.open(settings, self.status)
        self._look_at = now
        self._log.say(Level.INFO, "the settings were read anew")

    # --- asking -------------------------------------------------------------------------------------------------------

    def _ask(self, now: float) -> None:
        wanted = self._desk.wants(self._polls.answered_at)
        anew = self._polls.ask(now) or wanted
        self._asker.ask(self._keeper.worker, self._keeper.seen, anew=anew)

    def _hear_answer(self, _events: int, now: float) -> None:
        answer = self._asker.take()
        if answer is None:
            return
        if answer.asked is not self._keeper.worker:
            self._polls.soon(now)  # the settings changed meanwhile
            return
        self._herald.answered(answer)
        self._polls.answered(answer.seen, self._keeper.seen, now)
        if answer.seen is None:
            self._fail(answer.error or AgentError(say("nothing was seen")))
            return
        self._keeper.learn(answer.seen)
        self._look_at = now
        if self._desk.wants(self._polls.answered_at):
            self._polls.soon(now)

    # --- its place ----------------------------------------------------------------------------------------------------

    def _stay(self) -> None:
        """Be found where everybody looks, for somebody may have emptied the run directory.

        Ends the daemon where another one has the place by now.  Raises JournalError where it cannot be had.
        """
        place, control = self._place, self._control
        assert place is not None, "it runs"  # noqa: S101 for mypy
        assert control is not None, "it runs"  # noqa: S101 for mypy
        try:
            if not place.is_held:
                place.retake()
                # What no mark in the kernel says, nobody else knows.
                self._keeper.emptied = True
                self._log.say(
                    Level.WARNING, f"{self._settings.run_directory} was emptied: what belongs there is put back"
                )
            if not control.is_found:
                control.reopen()
        except BusyError as other:
            with contextlib.suppress(BusyError, JournalError):
                self._keeper.bequeath()
            ended = say("the run directory was emptied, and {why}, so this one ends", why=said(other))
            self._ousted = BusyError(ended, verbatim(other.hint) if other.hint else None)
            self._stopping = True
        except JournalError as no:
            hint = say("`systemctl restart eip-agent` makes the directory anew")
            raise JournalError(verbatim(said(no)), hint) from no

    def _leave(self) -> None:
        """At the end: write down what only this daemon knows, where the run directory was emptied since a pass."""
        assert self._place is not None, "it ran"  # noqa: S101 for mypy
        if self._ousted is not None or (self._place.is_held and not self._keeper.emptied):
            return
        try:
            self._keeper.bequeath()
        except (BusyError, JournalError) as no:
            self._log.say(Level.ERROR, f"`eip-agent revert` will not give back what links were set to before: {no}")

    # --- a pass -------------------------------------------------------------------------------------------------------

    def _pass(self) -> None:
        began = monotonic()
        self._burst = self._look_at = self._fight_at = None
        try:
            self._stay()
            if self._stopping:
                return
            # Who asks for a pass by hand wants to see all of it done, or why not.
            done = self._keeper.look(began, insisting=self._desk.waits_for(self._polls.answered_at))
            self._made(done, began)
        except BusyError as busy:
            self._wait(busy)
        except Exception as no:  # noqa: BLE001 whatever it is, the daemon goes on
            self._waits_for = ""
            self._fail(no)
        now = monotonic()
        self._budget = self._budget.spent(now - began, now)
        self._notify.ready()

    def _made(self, done: Done, began: float) -> None:
        now = monotonic()
        self._locked, self._waits_for = _BUSY, ""
        self._follow_up(done, now)
        self._herald.passed(done, now - began)
        if not done.asks_again:
            self._desk.passed(self._polls.answered_at, now)

    def _follow_up(self, done: Done, now: float) -> None:
        """When to look or ask again because of what a pass found."""
        report = done.made.report
        if report.result is not None and report.result.refused:
            self._look_at = now  # without what was refused
        elif report.left:
            self._look_at = now + self._failures.delay
            self._failures = self._failures.again()
        else:
            self._failures = _FAILED
        due = self._keeper.fights.due
        # A pause in any case: what waits for an answer of the cloud, say, is not put back by looking at it.
        self._fight_at = max(due, now + _PAUSE) if due is not None else None
        self._polls.passed(now, doomed=bool(done.made.doomed), newcomers=self._keeper.newcomers, busy=self._asker.busy)

    def _wait(self, busy: BusyError) -> None:
        """For the lock.  Who asked for a pass waits as long as he would alone."""
        now = monotonic()
        self._waits_for = said(busy)
        self._look_at = now + self._locked.delay
        self._locked = self._locked.again()
        before = now - self._settings.lock_timeout
        self._desk.failed(said(busy), busy.hint, busy.exit_code, now, before=before)

    def _fail(self, no: Exception) -> None:
        """A pass that was none is told once, and tried again."""
        now = monotonic()
        self._look_at = now + self._failures.delay
        self._failures = self._failures.again()
        self._herald.failed(no)
        hint, code = (no.hint, no.exit_code) if isinstance(no, AgentError) else ("", 1)
        self._desk.failed(said(no) or type(no).__name__, hint, code, now, before=now)
        self._notify.ready()

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
        self._herald.close()
        self._asker.close(_PATIENCE)
        self._events.close()
        self._netlink.close()
