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
