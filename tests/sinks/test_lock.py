"""One at a time, and the other is told who."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eip_agent.errors import BusyError, JournalError
from eip_agent.sinks.lock import held


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with (
        held(str(tmp_path), 0, "apply"),
        pytest.raises(BusyError, match=rf"at work \(pid {os.getpid()}, eip-agent apply\)"),
        held(str(tmp_path), 0, "revert"),
    ):
        pass


def test_the_second_may_wait(tmp_path: Path) -> None:
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with held(str(tmp_path), 0, "apply"):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    threading.Timer(0.1, leave.set).start()
    with held(str(tmp_path), 10, "apply"):
        assert leave.is_set()
    thread.join()


def test_it_is_given_back_after_an_error_and_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), held(str(tmp_path), 0, "apply"):
        _ = 1 / 0
    with held(str(tmp_path), 0, "apply"):
        pass


def test_a_holder_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal; from eip_agent.sinks.lock import held\n"
        f"with held({str(tmp_path)!r}, 0, 'apply'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2])

    assert killed.returncode == -9
    with held(str(tmp_path), 0, "apply"):
        pass


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("precious")
    with pytest.raises(JournalError, match="cannot be opened"), held(str(tmp_path), 0, "apply"):
        pass
    assert not (tmp_path / "precious").exists()


@pytest.mark.parametrize("folder_too", [False, True])
def test_who_waited_for_a_file_that_was_removed_holds_the_one_that_others_see(tmp_path: Path, folder_too: bool) -> None:  # noqa: FBT001
    place = tmp_path / "run"
    taken, leave = threading.Event(), threading.Event()

    def second() -> None:
        with held(str(place), 10, "apply"):
            taken.set()
            leave.wait(10)

    thread = threading.Thread(target=second)
    with held(str(place), 0, "apply"):
        thread.start()
        threading.Event().wait(0.1)  # it waits by now, or the test proves nothing
        (place / "lock").unlink()
        if folder_too:
            place.rmdir()
    assert taken.wait(10)
    with pytest.raises(BusyError), held(str(place), 0, "revert"):
        pass
    leave.set()
    thread.join()
