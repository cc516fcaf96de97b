"""The run directory: made owner-only, refused when others could write in it, and shared with a service safely."""

import os
import stat
from pathlib import Path

import pytest

from eip_agent.errors import JournalError
from eip_agent.sinks.directory import hand_over, identity, is_named, opened, opened_file, replace

SERVICE = 61234
"""A user as systemd makes them up for a service, 61184 to 65519."""

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to others")


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


# --- the directory of a service with a dynamic user -------------------------------------------------------------------


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """What systemd makes of `RuntimeDirectory=eip-agent` with `DynamicUser=yes`; gives the link."""
    tmp_path.chmod(0o755)
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "private" / "eip-agent").mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(tmp_path / "private" / "eip-agent", SERVICE, SERVICE)
    (tmp_path / "eip-agent").symlink_to("private/eip-agent")
    return tmp_path / "eip-agent"


def child(uid: int, act: str, path: Path) -> str:
    """Do something with a directory as another user, in a process of its own; what came of it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = "fine"
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            at = opened(str(path), create=True)
            if act == "lock":
                os.close(opened_file(at, "lock"))
            elif act == "read":
                os.close(os.open("journal.json", os.O_RDONLY, dir_fd=at))
        except BaseException as no:  # noqa: BLE001 nothing of the test may go on in the child
            said = f"{type(no).__name__}: {no}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as told:
        return told.read()


@root_only
def test_root_works_in_the_directory_of_the_service_and_leaves_everything_to_it(service: Path) -> None:
    at = opened(str(service), create=True)
    replace(at, "journal.json", b"{}")
    os.close(opened_file(at, "lock"))
    os.close(at)

    assert {path.name: (path.stat().st_uid, oct(path.stat().st_mode & 0o777)) for path in service.iterdir()} == {
        "journal.json": (SERVICE, "0o600"),
        "lock": (SERVICE, "0o600"),
    }


@root_only
def test_the_service_goes_on_with_what_root_made(service: Path) -> None:
    at = opened(str(service), create=True)
    replace(at, "journal.json", b"{}")
    os.close(opened_file(at, "lock"))
    os.close(at)
    # In the mount namespace of the service this folder is an empty one with its own directory in it, open to all.
    (service.parent / "private").chmod(0o755)
    for above in (service.parent, *service.parent.parents[:3]):
        above.chmod(above.stat().st_mode | 0o111)

    assert [child(SERVICE, act, service) for act in ("lock", "read")] == ["fine", "fine"]
    assert "belongs to" in child(SERVICE + 1, "lock", service) or "Permission denied" in child(
        SERVICE + 1, "lock", service
    )


@root_only
@pytest.mark.parametrize("spoil", ["parent", "link's owner", "target", "private's mode", "private's owner", "open"])
def test_a_link_that_could_be_anybodys_is_not_followed(service: Path, spoil: str) -> None:
    os.close(opened(str(service), create=True))
    above, private = service.parent, service.parent / "private"
    match spoil:
        case "parent":
            above.chmod(0o777)
        case "link's owner":
            os.chown(service, SERVICE, SERVICE, follow_symlinks=False)
        case "target":
            service.unlink()
            (above / "elsewhere").mkdir(mode=0o700)
            service.symlink_to("elsewhere")
        case "private's mode":
            private.chmod(0o720)
        case "private's owner":
            os.chown(private, SERVICE, SERVICE)
        case _:
            private.chmod(0o755)

    with pytest.raises(JournalError):
        opened(str(service), create=True)


@root_only
def test_a_folder_of_the_service_that_others_may_write_is_refused(service: Path) -> None:
    service.chmod(0o770)
    with pytest.raises(JournalError, match="may be written by somebody else"):
        opened(str(service), create=True)


@root_only
def test_a_link_instead_of_the_folder_is_not_followed(service: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir(mode=0o700)
    (tmp_path / "private" / "eip-agent").rmdir()
    (tmp_path / "private" / "eip-agent").symlink_to("../secret")
    with pytest.raises(JournalError, match="cannot be opened"):
        opened(str(service), create=True)


@pytest.mark.parametrize("name", [".journal.json.new", "journal.json", "lock"])
def test_what_is_written_never_lands_in_a_file_that_has_another_name(tmp_path: Path, name: str) -> None:
    """Whoever owns the directory could make a link, hard or symbolic, to a file that only root may write."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    for link in (Path.hardlink_to, Path.symlink_to):
        victim = tmp_path / "victim"
        victim.write_text("untouched")
        link(folder / name, victim)
        at = opened(str(folder), create=True)
        replace(at, "journal.json", b"{}")
        if name == "lock":
            with pytest.raises(OSError, match=r"no plain file|symbolic links"):
                opened_file(at, "lock")
        os.close(at)
        (folder / name).unlink(missing_ok=True)

        assert victim.read_text() == "untouched"
        assert victim.stat().st_uid == os.geteuid()
        victim.unlink()


def test_a_pipe_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    os.mkfifo(tmp_path / "lock")
    at = opened(str(tmp_path), create=True)
    with pytest.raises(OSError, match="no plain file"):
        opened_file(at, "lock")
    os.close(at)


def test_in_an_own_directory_nothing_is_given_away(tmp_path: Path) -> None:
    at = opened(str(tmp_path / "run"), create=True)
    descriptor = opened_file(at, "lock")
    hand_over(at, descriptor)

    assert os.fstat(descriptor).st_uid == os.geteuid()
    os.close(descriptor)
    os.close(at)


def test_a_file_is_known_by_what_it_is_and_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    (tmp_path / "two").touch()
    with (tmp_path / "one").open() as one:
        assert is_named(one.fileno(), str(tmp_path), "one")
        assert not is_named(one.fileno(), str(tmp_path), "two")
        assert not is_named(one.fileno(), str(tmp_path / "none"), "one")
        (tmp_path / "one").unlink()
        assert not is_named(one.fileno(), str(tmp_path), "one")
    assert identity(str(tmp_path), "one") is None
    tmp_path.chmod(0o777)
    assert identity(str(tmp_path), "two") is None, "what anybody can exchange is nobody's"
