"""A second daemon does not start."""

import os
from pathlib import Path

import pytest

from eip_agent.daemon.single import single
from eip_agent.errors import BusyError, JournalError


def test_a_second_one_is_told_of_the_first(tmp_path: Path) -> None:
    told = rf"a daemon runs already \(pid {os.getpid()}\)"
    with single(str(tmp_path)), pytest.raises(BusyError, match=told), single(str(tmp_path)):
        pass
    with single(str(tmp_path)):
        pass


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "daemon").mkdir()

    with pytest.raises(JournalError, match="daemon: cannot be opened"), single(str(tmp_path)):
        pass


@pytest.mark.parametrize("folder_too", [False, True])
def test_where_the_file_was_removed_the_place_is_taken_anew(tmp_path: Path, folder_too: bool) -> None:  # noqa: FBT001
    place = tmp_path / "run"
    with single(str(place)) as mine:
        assert mine.is_held
        (place / "daemon").unlink()
        if folder_too:
            place.rmdir()
        assert not mine.is_held

        mine.retake()
        assert mine.is_held
        with pytest.raises(BusyError), single(str(place)):
            pass


def test_a_place_that_another_one_has_by_now_is_not_taken(tmp_path: Path) -> None:
    with single(str(tmp_path)) as mine:
        (tmp_path / "daemon").unlink()
        with single(str(tmp_path)) as other:
            assert not mine.is_held
            with pytest.raises(BusyError, match="a daemon runs already"):
                mine.retake()
            assert other.is_held
        mine.retake()
        assert mine.is_held
