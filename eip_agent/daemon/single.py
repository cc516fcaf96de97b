"""One daemon for a run directory: a second one does not start."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import Final

from eip_agent.core.message import say
from eip_agent.errors import BusyError, JournalError
from eip_agent.sinks.directory import is_named, opened, opened_file

_NAME: Final = "daemon"


class Place:
    """The place of the one daemon: a file in the run directory that it holds locked.

    This is not the lock of a pass, so that `apply` by hand goes on to work.  The kernel gives it back when the process
    ends, however it ends.
    """

    def __init__(self, directory: str) -> None:
        """Take it.  Raises BusyError, naming the other daemon; JournalError."""
        self._directory = directory
        self._descriptor = _taken(directory)

    @property
    def is_held(self) -> bool:
        """Whether the file is still the one in the directory: another one could be locked by another daemon."""
        return is_named(self._descriptor, self._directory, _NAME)

    def retake(self) -> None:
        """Take it where somebody has removed the file.  Raises as at first, with nothing changed."""
        descriptor = _taken(self._directory)
        os.close(self._descriptor)
        self._descriptor = descriptor

    def leave(self) -> None:
        """Give it back."""
        os.close(self._descriptor)


@contextlib.contextmanager
def single(directory: str) -> Iterator[Place]:
    """Be the one daemon meanwhile.  Raises BusyError, naming the other; JournalError."""
    place = Place(directory)
    try:
        yield place
    finally:
        place.leave()


def _taken(directory: str) -> int:
    at = opened(directory, create=True)
    try:
        descriptor = opened_file(at, _NAME)
    except OSError as no:
        message = say(
            "{directory}/{name}: cannot be opened: {strerror}", directory=directory, name=_NAME, strerror=no.strerror
        )
        raise JournalError(message, say("free space or correct the permissions")) from no
    finally:
        os.close(at)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or say("unknown")
        os.close(descriptor)
        message = say("a daemon runs already ({holder})", holder=other)
        raise BusyError(message, say("see `eip-agent status`; two would do the same work twice")) from None
    with contextlib.suppress(OSError):  # a courtesy, as on a full disk
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()}\n".encode(), 0)
    return descriptor
