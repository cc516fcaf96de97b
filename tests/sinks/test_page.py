"""A report in a file: whole, private, and where it was asked for."""

import os
import stat
from pathlib import Path

import pytest

from eip_agent.errors import UsageError
from eip_agent.sinks.page import MODE, write


def test_it_is_written_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    for text in ("one", "两个"):
        write(str(path), text)
        assert path.read_text(encoding="utf-8") == text
        assert stat.S_IMODE(path.stat().st_mode) == MODE
    assert os.listdir(tmp_path) == ["report.html"], "nothing else is left"


def test_a_name_without_a_folder_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("report.html", "here")

    assert (tmp_path / "report.html").read_text() == "here"


@pytest.mark.parametrize("what", ["link", "dangling", "folder", "pipe"])
def test_what_is_no_plain_file_stays(tmp_path: Path, what: str) -> None:
    path, other = tmp_path / "report.html", tmp_path / "other"
    if what == "link":
        other.write_text("mine")
        path.symlink_to(other)
    elif what == "dangling":
        path.symlink_to(other)
    elif what == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    before = path.lstat()

    with pytest.raises(UsageError, match=r"report.html: something is there that is no plain file"):
        write(str(path), "x")
    assert path.lstat() == before
    assert what == "link" or not other.exists()
    assert what != "link" or other.read_text() == "mine"


@pytest.mark.parametrize("path", ["", "folder/", "nowhere/report.html"])
def test_what_cannot_be_is_one_sentence(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError, match=r"folder|No such file"):
        write(str(tmp_path / path) + ("/" if path.endswith("/") or not path else ""), "x")


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(TypeError):
        write(str(path), None)  # type: ignore[arg-type]  # on purpose

    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]
