"""A running TCP stream that shows what a change does to connections that it does not concern."""

import contextlib
import os
import select
import socket
import struct
import sys
import threading
import time
from ipaddress import ip_address
from typing import Final, Self

from eip_agent.core.facts import IPAddress
from eip_agent.errors import LabError
from eip_agent.lab.echo import PORT
from eip_agent.lab.namespace import Namespace

_EVERY: Final = 0.005
"""Seconds between two numbers: often enough for a gap to show, seldom enough to leave the processor to others."""
_CONNECT: Final = 3.0
"""Seconds: one lost SYN is forgiven, for the stream is not about the first packet."""
_NUMBER: Final = struct.Struct("!Q")
_COUNTERS: Final = (slice(100, 104), slice(216, 220), slice(224, 228))
"""`tcpi_total_retrans`, `tcpi_dsack_dups`, `tcpi_rcv_ooopack` in `struct tcp_info` of linux/tcp.h, Linux 5.4."""


class Stream:
    """Sends numbers to an echo server all the time and looks for them to come back, every one and in order."""

    def __init__(
        self, namespace: Namespace, dst: IPAddress | str, *, source: IPAddress | str | None = None, port: int = PORT
    ) -> None:
        """Connect from inside `namespace` and begin.  Raises LabError where that fails."""
        family = socket.AF_INET if ip_address(str(dst)).version == 4 else socket.AF_INET6
        self._socket = namespace.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(_CONNECT)
            if source is not None:
                self._socket.bind((str(source), 0))
            self._socket.connect((str(dst), port))
            while not self._socket.recv(1).endswith(b"\n"):
                """Skip the greeting."""
        except OSError as no:
            self._socket.close()
            raise LabError(f"no stream to {dst} port {port}: {no}") from no
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._last = time.monotonic()
        self._longest = 0.0
        self._echoed = 0
        self._broken = ""
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._carry, name="lab stream", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def intact(self) -> bool:
        """Whether the connection lives and everything that came back was right."""
        return not self._broken

    @property
    def broken(self) -> str:
        """Why it is not intact, for messages."""
        return self._broken

    @property
    def echoed(self) -> int:
        """How many numbers have come back."""
        return self._echoed

    def lost(self) -> int:
        """How many segments got lost, either way, as far as this end can tell; after an outage ask `stalls` as well.

        What this end sent again without need does not count: with the answer to a probe of the tail delayed, TCP does.
        """
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        resent, needless, out_of_order = (int.from_bytes(info[field], sys.byteorder) for field in _COUNTERS)
        return max(resent - needless, 0) + out_of_order

    def stalls(self) -> float:
        """The longest time in seconds that nothing came back, the time since the last number included."""
        return max(self._longest, time.monotonic() - self._last if self._thread.is_alive() else 0.0)

    def close(self) -> None:
        """End the stream; its results can still be read, but for `lost`."""
        if self._thread.is_alive():
            self._longest = self.stalls()
            os.write(self._stopped, b"x")
            self._thread.join()
        if self._socket.fileno() >= 0:
            self._socket.close()
            os.close(self._stop)
            os.close(self._stopped)

    def _carry(self) -> None:
        try:
            self._exchange()
        except OSError as no:
            self._broken = no.strerror or str(no)

    def _exchange(self) -> None:
        self._socket.settimeout(0)
        sent, received, due = 0, b"", time.monotonic()
        while True:
            ends = [self._socket.fileno(), self._stop]
            ready, _, _ = select.select(ends, [], [], max(due - time.monotonic(), 0))
            if self._stop in ready:
                return
            if ready:
                data = self._socket.recv(65536)
                if not data:
                    self._broken = "closed by the other end"
                    return
                received = self._check(received + data)
                if self._broken:
                    return
            if time.monotonic() >= due:
                with contextlib.suppress(BlockingIOError):  # nothing comes through at present, and the buffer is full
                    self._socket.send(_NUMBER.pack(sent))
                    sent += 1
                due = time.monotonic() + _EVERY

    def _check(self, received: bytes) -> bytes:
        """Count the numbers that have come back and return the incomplete rest."""
        whole = len(received) - len(received) % _NUMBER.size
        for (number,) in _NUMBER.iter_unpack(received[:whole]):
            if number != self._echoed:
                self._broken = f"number {number} came back where {self._echoed} was due"
                return b""
            self._echoed += 1
        now = time.monotonic()
        self._longest, self._last = max(self._longest, now - self._last), now
        return received[whole:]
