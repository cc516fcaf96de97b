"""The run directory: made owner-only, and refused when others could write in it."""

import os
import stat
from pathlib import Path

import pytest

from eip_agent.errors import JournalError
from eip_agent.sinks.directory import opened


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    os.close(opened(str(tmp_path / "a" / "b"), create=True))

    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_it_is_not_made_to_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        opened(str(tmp_path / "none"), create=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_one_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(JournalError, match="may be written by somebody else"):
        opened(str(tmp_path), create=True)


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(JournalError, match="cannot be opened"):
        opened(str(tmp_path / "link"), create=False)


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in ("file", "file/below"):
        with pytest.raises(JournalError):
            opened(str(tmp_path / path), create=True)


def test_no_descriptor_is_lost_on_the_way(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    tmp_path.chmod(0o777)
    with pytest.raises(JournalError):
        opened(str(tmp_path), create=True)

    assert len(os.listdir("/proc/self/fd")) == before
