"""A child that undoes what its parent has left unconfirmed: nothing else can where SIGKILL ends a pass that waits."""

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator

from eip_agent.core.message import say
from eip_agent.errors import ApplyError

_OVER = b"."


@contextlib.contextmanager
def watched(undo: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Have `undo` done by a child where this process dies meanwhile; by nobody, where it gets to the end.

    The child is a copy of this process as it is now: what was changed up to here it can undo, and the lock it holds
    too, so that nobody comes in between.  To be called `undisturbed`, as the child is then.  Raises ApplyError.

    Gives what tells the child, from then on, to undo nothing.
    """
    ours, childs = os.pipe(), 0
    try:
        with warnings.catch_warnings():
            # Python 3.12 and later warn of other threads; a pass has none, and the child would need none of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            childs = os.fork()
    except OSError as no:
        for end in ours:
            os.close(end)
        message = say("no process could be started that would undo it if this one were killed: {why}", why=no.strerror)
        raise ApplyError(message) from no
    listening, speaking = ours
    if childs == 0:
        _watch(listening, speaking, undo)
    os.close(listening)

    def keep() -> None:
        with contextlib.suppress(OSError):  # it was told before, or somebody has killed it
            os.write(speaking, _OVER)

    try:
        yield keep
    finally:
        keep()
        os.close(speaking)
        os.waitpid(childs, 0)


def _watch(listening: int, speaking: int, undo: Callable[[], object]) -> None:
    """The child's life; does not return."""
    code = 1
    try:
        os.setsid()  # no key on the terminal, and no end of it, is meant for it
        os.close(speaking)
        if os.read(listening, 1) != _OVER:
            undo()
        code = 0
    finally:
        os._exit(code)
