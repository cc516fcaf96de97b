"""Visitors of a listening socket: each asks one thing and gets one answer, and none can keep the daemon waiting."""

import contextlib
import selectors
import socket
from collections.abc import Callable
from typing import Final

from eip_agent.core.pace import soonest

ROOM: Final = 16
"""Visitors at a time; more than people and scrapers ever are."""
PATIENCE: Final = 2.0
"""Seconds for a question to arrive, and for each piece of the answer to be taken."""
LONGEST: Final = 8192
"""Bytes of a question."""
_PIECE: Final = 1 << 16


class Visitor:
    """One connection."""

    def __init__(self, door: "Door", line: socket.socket, now: float) -> None:
        self._door = door
        self.line = line
        self.due: float | None = now + PATIENCE
        """When patience ends; None while it waits for us."""
        self._question = bytearray()
        self._answer = memoryview(b"")
        self._asked = False

    @property
    def gone(self) -> bool:
        """Whether nobody waits for an answer any more."""
        return self.line.fileno() < 0

    def ready(self, events: int, now: float) -> None:
        """Read or write what can be."""
        try:
            if events & selectors.EVENT_WRITE:
                self._write(now)
            elif not self._asked:
                self._read(now)
            elif not self.line.recv(_PIECE):
                # Who hangs up while we work does not want to know any more.
                self._door.leave(self)
        except BlockingIOError:
            return
        except OSError:
            self._door.leave(self)

    def answer(self, data: bytes, now: float) -> None:
        """Say it, and good-bye.  Does nothing where nobody waits."""
        if self.gone:
            return
        self._answer, self.due = memoryview(data), now + PATIENCE
        self._door.watch(self, selectors.EVENT_WRITE)

    def _read(self, now: float) -> None:
        piece = self.line.recv(LONGEST)
        self._question += piece
        if not piece or len(self._question) > LONGEST:
            self._door.leave(self)
        elif self._door.is_whole(self._question):
            self._asked, self.due = True, None
            self._door.ask(self, bytes(self._question), now)

    def _write(self, now: float) -> None:
        self._answer = self._answer[self.line.send(self._answer[:_PIECE]) :]
        self.due = now + PATIENCE
        if not self._answer:
            self._door.leave(self)


class Door:
    """A listening socket and who came by it."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        listener: socket.socket,
        *,
        is_whole: Callable[[bytearray], bool],
        ask: Callable[[Visitor, bytes, float], None],
        may_enter: Callable[[socket.socket], bool] = lambda _: True,
    ) -> None:
        """`is_whole` says whether a question has been said to its end; `ask` sees to its answer, now or later."""
        self.is_whole = is_whole
        self.ask = ask
        self._may_enter = may_enter
        self._selector = selector
        self._visitors: set[Visitor] = set()
        self._listener = self._listening(listener)

    def move(self, listener: socket.socket) -> None:
        """Let people in there instead; who is in already stays."""
        self._selector.unregister(self._listener)
        self._listener.close()
        self._listener = self._listening(listener)

    @property
    def due(self) -> float | None:
        """When patience with somebody ends."""
        return soonest(*(visitor.due for visitor in self._visitors))

    def tidy(self, now: float) -> None:
        """Part with whom patience is over."""
        for visitor in [one for one in self._visitors if one.due is not None and one.due <= now]:
            self.leave(visitor)

    def watch(self, visitor: Visitor, events: int) -> None:
        """Wait until it can be read from or written to."""
        self._selector.modify(visitor.line, events, visitor.ready)

    def leave(self, visitor: Visitor) -> None:
        """Part with somebody."""
        if visitor in self._visitors:
            self._visitors.remove(visitor)
            self._selector.unregister(visitor.line)
            visitor.line.close()

    def close(self) -> None:
        """Part with all, and let nobody in any more."""
        for visitor in list(self._visitors):
            self.leave(visitor)
        self._selector.unregister(self._listener)
        self._listener.close()

    def _listening(self, listener: socket.socket) -> socket.socket:
        listener.setblocking(False)  # noqa: FBT003 the name says it
        self._selector.register(listener, selectors.EVENT_READ, self._welcome)
        return listener

    def _welcome(self, _events: int, now: float) -> None:
        try:
            line, _ = self._listener.accept()
        except OSError:
            # It hung up before it was let in; or too many files are open, and then it waits with the others.
            return
        if len(self._visitors) >= ROOM or not self._allowed(line):
            line.close()
            return
        line.setblocking(False)  # noqa: FBT003 the name says it
        visitor = Visitor(self, line, now)
        self._visitors.add(visitor)
        self._selector.register(line, selectors.EVENT_READ, visitor.ready)

    def _allowed(self, line: socket.socket) -> bool:
        with contextlib.suppress(OSError):
            return self._may_enter(line)
        return False
