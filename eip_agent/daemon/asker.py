"""Asks the cloud in a thread of its own: who is silent costs all deadlines, and no repair may wait so long.

There is one thread at a time, and only while something is asked.  It hands back a value and touches nothing else: what
is decided, written and said stays with the loop.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from eip_agent.lookout import Seen
from eip_agent.netlink import Netlink


class Asked(Protocol):
    """Who knows how to ask: the agent."""

    def see(self, netlink: Netlink, last: Seen | None, *, anew: bool) -> Seen:
        """As `Agent.see`."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it."""

    asked: Asked
    """Who was asked; with other settings meanwhile it is no answer any more."""
    began: float
    took: float
    """Seconds of a monotonic clock."""
    seen: Seen | None
    error: Exception | None = None
    """Why nothing was seen."""


class Asker:
    """Starts the thread, and wakes the loop when it is done."""

    def __init__(self, sockets: Callable[[], Netlink] = Netlink) -> None:
        self._sockets = sockets
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread: threading.Thread | None = None
        self._answers: list[Answer] = []

    @property
    def busy(self) -> bool:
        """Whether an answer is still to be taken."""
        return self._thread is not None

    def fileno(self) -> int:
        """Readable when there is an answer."""
        return self._bell

    def ask(self, agent: Asked, last: Seen | None, *, anew: bool) -> None:
        """Begin to ask, as `Agent.see`; not while `busy`."""
        self._thread = threading.Thread(target=self._run, args=(agent, last, anew), name="asks the cloud", daemon=True)
        self._thread.start()

    def take(self) -> Answer | None:
        """The answer; None while there is none."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        if not self._answers or self._thread is None:
            return None
        self._thread.join()
        self._thread = None
        return self._answers.pop()

    def close(self, patience: float) -> None:
        """Leave, after so many seconds at most; a thread that still asks ends with the process."""
        if self._thread is not None:
            self._thread.join(patience)
            if self._thread.is_alive():
                return
        os.close(self._bell)

    def _run(self, agent: Asked, last: Seen | None, anew: bool) -> None:  # noqa: FBT001 what a thread is given
        began, seen, error = monotonic(), None, None
        try:
            with self._sockets() as netlink:
                seen = agent.see(netlink, last, anew=anew)
        except Exception as no:  # noqa: BLE001 whatever it is, the loop is told and goes on
            error = no
        self._answers.append(Answer(agent, began, monotonic() - began, seen, error))
        os.eventfd_write(self._bell, 1)
