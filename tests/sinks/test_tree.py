"""Files below a root: whole or not at all, and never by a link."""

import os
import stat
from pathlib import Path

import pytest

from eip_agent.errors import ApplyError
from eip_agent.sinks.tree import Tree


def test_what_is_written_is_read_by_all_and_goes_away_again(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    before = os.umask(0o077)
    try:
        tree.write("/etc/systemd/x.service", b"one")
        tree.write("/etc/systemd/x.service", b"two")
    finally:
        os.umask(before)

    assert tree.read("/etc/systemd/x.service") == b"two"
    assert stat.S_IMODE((tmp_path / "etc/systemd/x.service").stat().st_mode) == 0o644
    assert os.listdir(tmp_path / "etc/systemd") == ["x.service"]
    tree.remove("/etc/systemd/x.service")
    tree.remove("/etc/systemd/x.service")
    tree.remove("/none/of/it")
    assert tree.read("/etc/systemd/x.service") is None
    assert not tree.exists("/etc/systemd/x.service")
    assert tree.exists("/etc/systemd")


@pytest.mark.parametrize("at", ["etc", "etc/systemd", "etc/systemd/x.service"])
def test_no_link_leads_out_of_the_root(tmp_path: Path, at: str) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    (outside / "systemd").mkdir(parents=True)
    (outside / "victim").write_text("untouched")
    (root / at).parent.mkdir(parents=True)
    (root / at).symlink_to(outside / "victim" if at.endswith("service") else outside)
    tree = Tree(str(root))

    with pytest.raises(ApplyError, match="symbolic link"):
        tree.read("/etc/systemd/x.service")
    if not at.endswith("service"):
        with pytest.raises(ApplyError, match="symbolic link"):
            tree.write("/etc/systemd/x.service", b"bad")
        assert not tree.exists("/etc/systemd/x.service")
    assert (outside / "victim").read_text() == "untouched"
    assert os.listdir(outside / "systemd") == []


def test_a_temporary_file_that_somebody_put_there_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / ".x.eip-agent-new").symlink_to(tmp_path / "victim")
    Tree(str(tmp_path)).write("/x", b"new")

    assert (tmp_path / "victim").read_text() == "untouched"
    assert not (tmp_path / "x").is_symlink()


def test_what_is_no_file_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path in ("/x", "/pipe"):
        with pytest.raises(ApplyError, match=r"no plain file|Is a directory"):
            Tree(str(tmp_path)).read(path)
    with pytest.raises(ApplyError, match="cannot be written"):
        Tree(str(tmp_path)).write("/x", b"")
    assert sorted(os.listdir(tmp_path)) == ["pipe", "x"]


def test_a_link_is_made_once_and_told(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    assert tree.target("/a/b/link") is None
    tree.link("/a/b/link", "/elsewhere")

    assert (tree.target("/a/b/link"), os.readlink(tmp_path / "a/b/link")) == ("/elsewhere", "/elsewhere")
    with pytest.raises(ApplyError, match=r"/a/b/link: cannot be made: File exists"):
        tree.link("/a/b/link", "/other")
    (tmp_path / "file").touch()
    assert tree.target("/file") is None
    tree.remove("/a/b/link")
    assert tree.target("/a/b/link") is None


def test_only_an_empty_folder_is_pruned(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    tree = Tree(str(tmp_path))
    for path in ("/full", "/full/file", "/missing", "/link", "/missing/below"):
        tree.prune(path)
    assert {path.name for path in tmp_path.iterdir()} == {"full", "empty", "link"}

    tree.prune("/empty")
    assert {path.name for path in tmp_path.iterdir()} == {"full", "link"}
