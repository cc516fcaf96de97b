"""Starts agents by asking a `zygote`, one for each worker of the tests."""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eip_agent.errors import LabError
from eip_agent.lab.cloud import Cloud
from tests.lab import zygote

ROOT: Final = Path(__file__).parents[2]


class Spawner:
    """An `eip_agent.lab.spawner.Spawner`; the process behind it is started when it is needed first."""

    def __init__(self) -> None:
        self._busy = threading.Lock()
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, cloud: Cloud, arguments: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str] | None:
        """Run the agent; None where another thread has one run.  Raises LabError after `timeout` seconds."""
        if not self._busy.acquire(blocking=False):
            return None
        try:
            channel = self._channel or self._started()
            (out, told), (err, talked) = os.pipe(), os.pipe()
            order = {"arguments": arguments, "environment": cloud.agent_environment, "disk": str(cloud.disk)}
            socket.send_fds(channel, [json.dumps(order).encode()], [cloud.guest.fd, told, talked])
            os.close(told)
            os.close(talked)
            pid = int(channel.recv(64))
            texts = _read((out, err), time.monotonic() + timeout)
            if texts is None:
                os.kill(pid, signal.SIGKILL)
            code = int(channel.recv(64))
            if texts is None:
                raise LabError(f"`eip-agent {' '.join(arguments)}` took longer than {timeout:g} s")
            return subprocess.CompletedProcess(["eip-agent", *arguments], code, *texts)
        finally:
            self._busy.release()

    def close(self) -> None:
        """End the process behind it."""
        if self._channel is not None and self._process is not None:
            self._channel.close()
            self._process.wait()
            self._channel = None

    def _started(self) -> socket.socket:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", zygote.__name__, str(theirs.fileno())],
                cwd=ROOT,
                env={"PATH": os.defpath},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        return self._channel


def _read(ends: Sequence[int], until: float) -> tuple[str, str] | None:
    """All that comes out of two pipes, which are closed; None where that does not end in time."""
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        found: dict[int, list[bytes]] = {end: [] for end in ends}
        for end in ends:
            stack.callback(os.close, end)
            selector.register(end, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(until - time.monotonic(), 0))
            if not ready:
                return None
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                found[key.fd].append(data)
                if not data:
                    selector.unregister(key.fd)
        out, err = (b"".join(found[end]).decode() for end in ends)
        return out, err
