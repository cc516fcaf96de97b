"""Signals as something that the loop reads between two passes, so that none cuts a pass in half."""

import contextlib
import selectors
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Final

HEARD: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def signals(selector: selectors.BaseSelector, tell: Callable[[int], None]) -> Iterator[None]:
    """Meanwhile they end nothing, and `tell` gets the number of each."""
    reader, writer = socket.socketpair()

    def read(_events: int, _now: float) -> None:
        for number in reader.recv(64):
            if number in HEARD:
                tell(number)

    with reader, writer:
        writer.setblocking(False)  # noqa: FBT003 the name says it
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, lambda *_: None) for number in HEARD}
        selector.register(reader, selectors.EVENT_READ, read)
        try:
            yield
        finally:
            selector.unregister(reader)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
