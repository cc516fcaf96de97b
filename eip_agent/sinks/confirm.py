"""Commit-confirm: a change stays only if somebody who can still reach the machine says so in time."""

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from eip_agent.core.message import say
from eip_agent.errors import ApplyError, JournalError
from eip_agent.sinks.directory import opened

_NAME: Final = "confirm"
_STEP: Final = 0.2
"""Seconds between two looks for a signal, which stay blocked while a pass writes or waits."""
_ENDING: Final = frozenset((signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM))
_STOPPING: Final = frozenset((signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU))
"""A pass that is stopped holds the lock, and its time to be confirmed would run out unheard."""


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back the signals that end or stop a process: a terminal that dies must not cut a pass in half.

    What came meanwhile is delivered at the end, but for the one that was the answer to `confirmed`.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING | _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def confirmed(directory: str, seconds: float, keep: Callable[[], None] = lambda: None) -> bool:
    """Wait for Enter on a terminal or for `eip-agent confirm`.  False when time is up, or a signal came.

    `keep` is called before anybody hears that it is kept.  To be called `undisturbed`.  Raises JournalError when the
    socket cannot be made.
    """
    deadline = time.monotonic() + seconds
    with _listening(directory) as listener:
        sources: list[int | socket.socket] = [listener]
        if sys.stdin is not None and not sys.stdin.closed and os.isatty(sys.stdin.fileno()):
            sources.append(sys.stdin.fileno())
        while (left := deadline - time.monotonic()) > 0:
            if signal.sigtimedwait(_ENDING, 0):
                return False
            ready, _, _ = select.select(sources, [], [], min(left, _STEP))
            if listener in ready:
                peer, _ = listener.accept()
                keep()
                with peer, contextlib.suppress(OSError):  # who asked has said yes, even without waiting for the answer
                    peer.sendall(b"kept")
                return True
            if ready:
                answer = _typed(sys.stdin.fileno())
                if answer is False:
                    signal.sigtimedwait(_ENDING, _STEP)  # the terminal that died says so by a signal too: one answer
                if answer is not None:
                    return answer
                sources = [listener]
    return False


def _typed(terminal: int) -> bool | None:
    """Whether somebody pressed Enter; False for a terminal that died, None for one that speaks to another process."""
    try:
        if os.tcgetpgrp(terminal) != os.getpgrp():
            return None
        return bool(os.read(terminal, 1))
    except OSError:
        return False


def confirm(directory: str) -> None:
    """Say yes to the pass that waits.  Raises ApplyError when none does."""
    try:
        with _relative(directory) as path, socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(5)
            caller.connect(path)
            if caller.recv(16) != b"kept":
                message = say("the pass that waited ended without an answer")
                raise ApplyError(message, say("see what it printed"))
    except (OSError, FileNotFoundError) as no:
        message = say("no pass waits for a confirmation")
        raise ApplyError(message, say("start one with `eip-agent apply --confirm SECONDS`")) from no


@contextlib.contextmanager
def _listening(directory: str) -> Iterator[socket.socket]:
    with _relative(directory) as path, socket.socket(socket.AF_UNIX) as listener:
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            mask = os.umask(0o177)  # a chmod afterwards would follow whatever link is there by then
            try:
                listener.bind(path)
            finally:
                os.umask(mask)
            listener.listen(1)
        except OSError as no:
            message = say("{directory}/{name}: {strerror}", directory=directory, name=_NAME, strerror=no.strerror)
            raise JournalError(message) from no
        try:
            yield listener
        finally:
            with contextlib.suppress(OSError):
                os.unlink(path)


@contextlib.contextmanager
def _relative(directory: str) -> Iterator[str]:
    """The socket's path by the descriptor of its directory: safe from links, and short enough for any directory."""
    descriptor = opened(directory, create=False)
    try:
        yield f"/proc/self/fd/{descriptor}/{_NAME}"
    finally:
        os.close(descriptor)
