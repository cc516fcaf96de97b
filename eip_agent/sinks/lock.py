"""One writer at a time: a lock on a file in the run directory, which says who holds it."""

import contextlib
import fcntl
import os
import select
import time
from collections.abc import Iterator
from typing import Final

from eip_agent.core.message import say
from eip_agent.errors import BusyError, JournalError
from eip_agent.sinks.directory import is_named, opened, opened_file

_NAME: Final = "lock"
_STEP: Final = 0.05
"""Seconds between two tries.  The kernel cannot wait for a file lock with a time limit."""


@contextlib.contextmanager
def held(directory: str, timeout: float, doing: str) -> Iterator[None]:
    """Hold the lock meanwhile.  Raises BusyError, naming the holder, after `timeout` seconds; JournalError.

    The kernel gives it back when the process ends, however it ends.
    """
    descriptor = _taken(directory, time.monotonic() + timeout)
    try:
        # Who holds it is a courtesy: on a full disk `revert` must still work.
        with contextlib.suppress(OSError):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"pid {os.getpid()}, eip-agent {doing}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _taken(directory: str, deadline: float) -> int:
    while True:
        descriptor, taken = _opened(directory), False
        try:
            _take(descriptor, deadline)
            # Where somebody has emptied the directory meanwhile, who comes next would lock another file.
            taken = is_named(descriptor, directory, _NAME)
        finally:
            if not taken:
                os.close(descriptor)
        if taken:
            return descriptor


def _opened(directory: str) -> int:
    at = opened(directory, create=True)
    try:
        return opened_file(at, _NAME)
    except OSError as no:
        message = say(
            "{directory}/{name}: cannot be opened: {strerror}", directory=directory, name=_NAME, strerror=no.strerror
        )
        raise JournalError(message, say("nothing was changed; free space or correct the permissions")) from no
    finally:
        os.close(at)


def _take(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or say("unknown")
                message = say("another eip-agent is at work ({holder})", holder=holder)
                hint = say("wait for it; if it waits for a confirmation: `eip-agent confirm`")
                raise BusyError(message, hint) from None
            select.select([], [], [], _STEP)
        else:
            return
