"""A child does what its parent did not live to do, and nothing where the parent lives."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eip_agent.errors import ApplyError
from eip_agent.sinks.watch import watched

ROOT = Path(__file__).parents[2]
WAITING = """
import sys
from pathlib import Path
from eip_agent.sinks.confirm import undisturbed
from eip_agent.sinks.watch import watched
with undisturbed(), watched(lambda: Path(sys.argv[1]).write_text("undone")):
    print("waits", flush=True)
    sys.stdin.read()
print("lived", flush=True)
"""


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that is watched, until its standard input ends; its output ends with the last that has it open."""
    command = [sys.executable, "-c", WAITING, str(tmp_path / "done")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as made:
        assert made.stdout is not None
        assert made.stdout.readline() == "waits\n"
        yield made
        made.kill()


def test_who_is_killed_has_it_undone(waiting: "subprocess.Popen[str]", tmp_path: Path) -> None:
    waiting.send_signal(signal.SIGKILL)

    assert waiting.communicate(timeout=20)[0] == ""
    assert (tmp_path / "done").read_text() == "undone"


def test_what_is_meant_for_the_whole_job_does_not_reach_the_child(
    waiting: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    """Neither `kill -9 %1` nor what a terminal sends when it dies."""
    (child,) = map(int, Path(f"/proc/{waiting.pid}/task/{waiting.pid}/children").read_text(encoding="ascii").split())
    for name in ("SIGHUP", "SIGTERM", "SIGINT", "SIGTSTP"):
        os.kill(child, signal.Signals[name])
    end = time.monotonic() + 20
    while os.getsid(child) != child:
        assert time.monotonic() < end
        threading.Event().wait(0.01)
    os.killpg(waiting.pid, signal.SIGKILL)
    waiting.communicate(timeout=20)

    assert (tmp_path / "done").read_text() == "undone"


def test_who_lives_does_it_himself(waiting: "subprocess.Popen[str]", tmp_path: Path) -> None:
    assert waiting.communicate("", timeout=20)[0] == "lived\n"
    assert waiting.returncode == 0
    assert not (tmp_path / "done").exists()


def test_who_is_killed_after_it_was_kept_has_nothing_undone(tmp_path: Path) -> None:
    """As between the yes that `eip-agent confirm` hears and the end of the pass."""
    script = WAITING.replace('"undone")):\n', '"undone")) as keep:\n    keep()\n')
    assert script != WAITING
    command = [sys.executable, "-c", script, str(tmp_path / "done")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as made:
        assert made.stdout is not None
        assert made.stdout.readline() == "waits\n"
        made.kill()
        made.communicate(timeout=20)

    assert not (tmp_path / "done").exists()


def test_an_error_is_no_death(tmp_path: Path) -> None:
    open_before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ZeroDivisionError), watched((tmp_path / "done").touch):
        _ = 1 / 0

    assert not (tmp_path / "done").exists()
    assert len(os.listdir("/proc/self/fd")) == open_before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def no() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", no)
    with pytest.raises(ApplyError, match="no process could be started"), watched(lambda: None):
        pass
