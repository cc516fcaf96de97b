"""What systemd is told, and that nobody else is needed to hear it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from eip_agent.daemon.notify import Notify, watchdog_period


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)  # noqa: FBT003 the name says it
        yield listener


def heard(listener: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(listener.recv(4096).decode())
        except BlockingIOError:
            return found


def test_it_is_ready_once_and_again_after_a_reload(systemd: socket.socket) -> None:
    line = Notify(systemd.getsockname())
    line.ready()
    line.ready()
    line.reloading(12.5)
    line.ready()
    line.alive()
    line.stopping()

    assert heard(systemd) == ["READY=1", "RELOADING=1\nMONOTONIC_USEC=12500000", "READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_status_is_one_line_and_told_when_it_is_news(systemd: socket.socket) -> None:
    line = Notify(systemd.getsockname())
    line.status("as desired")
    line.status("as desired")
    line.status("eth1:\nno gateway\nREADY=1")

    assert heard(systemd) == ["STATUS=as desired", "STATUS=eth1: no gateway READY=1"]


def test_a_path_that_is_no_text_is_told_all_the_same(systemd: socket.socket) -> None:
    Notify(systemd.getsockname()).status(os.fsdecode(b"not known: /etc/\xff.toml"))

    assert heard(systemd) == [r"STATUS=not known: /etc/\udcff.toml"]


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0eip-agent-test-{os.getpid()}")
        Notify(f"@eip-agent-test-{os.getpid()}").alive()

        assert listener.recv(100) == b"WATCHDOG=1"


def test_nobody_need_listen(tmp_path: Path) -> None:
    Notify(None).ready()
    Notify("").ready()
    Notify(str(tmp_path / "nobody")).ready()


def test_a_systemd_that_does_not_read_keeps_nobody_waiting(systemd: socket.socket) -> None:
    line = Notify(systemd.getsockname())
    for _ in range(2000):
        line.alive()

    assert heard(systemd)


@pytest.mark.parametrize(
    ("microseconds", "pid", "period"),
    [
        ("60000000", None, 30.0),
        pytest.param("60000000", str(os.getpid()), 30.0, id="own process"),  # a name that all workers give
        ("60000000", "1", None),
        ("0", None, None),
        (None, None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdog_is_patted_twice_in_its_time(microseconds: str | None, pid: str | None, period: float) -> None:
    assert watchdog_period(microseconds, pid) == period
