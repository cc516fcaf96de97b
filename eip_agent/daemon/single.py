"""One daemon for a run directory: a second one does not start."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from typing import Final

from eip_agent.core.message import say
from eip_agent.errors import BusyError, JournalError
from eip_agent.sinks.directory import opened, opened_file

_NAME: Final = "daemon"


@contextlib.contextmanager
def single(directory: str) -> Iterator[None]:
    """Be the one daemon meanwhile.  Raises BusyError, naming the other; JournalError.

    This is not the lock of a pass, so that `apply` by hand goes on to work.  The kernel gives it back when the process
    ends, however it ends.
    """
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
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or say("unknown")
            message = say("a daemon runs already ({holder})", holder=other)
            raise BusyError(message, say("see `eip-agent status`; two would do the same work twice")) from None
        with contextlib.suppress(OSError):  # a courtesy, as on a full disk
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"pid {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
