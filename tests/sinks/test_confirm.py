"""A change stays only if somebody says yes in time.  Who waits is a process of its own, for signals are its matter."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from eip_agent.errors import ApplyError
from eip_agent.sinks.confirm import confirm, undisturbed

ROOT: Final = Path(__file__).parents[2]
WAIT: Final = """\
import os, sys
from eip_agent.errors import JournalError
from eip_agent.sinks.confirm import confirmed, undisturbed
with undisturbed():
    print("ready", flush=True)
    try:
        keep = (lambda: os._exit(0)) if "dies" in sys.argv else (lambda: None)
        print("yes" if confirmed(sys.argv[1], float(sys.argv[2]), keep) else "no", flush=True)
    except JournalError as no:
        print(no, flush=True)
"""


@contextlib.contextmanager
def waiting(directory: Path, seconds: float, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that waits for a yes, and `dies` as soon as it should keep something."""
    command = [sys.executable, "-c", WAIT, str(directory), str(seconds), *words]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process


def answer(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def say_yes(directory: Path) -> None:
    """Say it as soon as somebody listens."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return confirm(str(directory))
        except ApplyError as no:
            if time.monotonic() > deadline or "no pass waits" not in str(no):
                raise


def test_confirm_from_elsewhere_is_a_yes(tmp_path: Path) -> None:
    with waiting(tmp_path, 30) as process:
        say_yes(tmp_path)

        assert answer(process) == "yes"
    assert list(tmp_path.iterdir()) == []


def test_nobody_hears_that_it_is_kept_before_it_is(tmp_path: Path) -> None:
    with waiting(tmp_path, 30, "dies") as process, pytest.raises(ApplyError, match="ended without an answer"):
        say_yes(tmp_path)
    assert process.returncode == 0


def test_time_that_is_up_is_a_no(tmp_path: Path) -> None:
    with waiting(tmp_path, 0.05) as process:
        assert answer(process) == "no"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_is_a_no_and_kills_nobody(tmp_path: Path, number: signal.Signals) -> None:
    with waiting(tmp_path, 30) as process:
        process.send_signal(number)

        assert answer(process) == "no"
    assert process.returncode == 0


def test_signals_are_only_held_back_meanwhile() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with undisturbed():
        assert signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_where_nobody_waits_a_yes_is_refused(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "none"):
        with pytest.raises(ApplyError, match="no pass waits for a confirmation"):
            confirm(str(directory))


def test_what_a_killed_pass_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "confirm").touch()
    with waiting(tmp_path, 30) as process:
        say_yes(tmp_path)

        assert answer(process) == "yes"


def test_a_socket_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "confirm").mkdir()
    with waiting(tmp_path, 1) as process:
        assert answer(process) == f"{tmp_path}/confirm: Is a directory"


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True, mode=0o700)
    with waiting(deep, 30) as process:
        say_yes(deep)

        assert answer(process) == "yes"
