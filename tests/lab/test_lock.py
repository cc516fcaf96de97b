"""Two at once, and a run directory that is not as it should be: one sentence, an exit code, and nothing half done."""

import fcntl
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import Topology, vswitch
from tests.lab.mortal import Ended, Mortal, at_rest, difference, leftovers, state, unchanged, unreached
from tests.lab.support import declared, nat

pytestmark = pytest.mark.lab

SMALL = Topology((nat(0, vswitch(0)), nat(1, vswitch(1), (10, 11))))
ENOSPC, EROFS, EACCES, ENOBUFS = 28, 30, 13, 105


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(SMALL, peers=False) as made:
        made.settings(f"lock_timeout = 0.2\n{declared(SMALL)}")
        at_rest(made.guest)
        yield made


@pytest.fixture(scope="module")
def mortal(cloud: Cloud) -> Iterator[Mortal]:
    with Mortal(cloud) as made:
        yield made


@pytest.fixture
def run(cloud: Cloud) -> Path:
    """The run directory."""
    return cloud.directory / "run"


@pytest.fixture(autouse=True)
def _as_before(cloud: Cloud, mortal: Mortal) -> Iterator[None]:
    with unchanged(cloud):
        yield
        assert mortal.run("revert").code == 0
    assert leftovers(cloud) <= {"lock"}


def one_sentence(ended: Ended, code: int, says: str) -> None:
    """It ended with that code, having said that, and at most a hint."""
    assert ended.code == code, ended
    assert ended.out == ""
    assert re.fullmatch(rf"eip-agent: [^\n]*{says}[^\n]*\n(hint: [^\n]+\n)?", ended.err), ended.err


def test_of_two_at_once_one_waits_and_both_succeed(cloud: Cloud, mortal: Mortal) -> None:
    cloud.settings(declared(SMALL))
    try:
        both = [cloud.guest.start(cloud.agent_command("apply"), env=cloud.agent_environment) for _ in range(2)]
        said = [process.communicate(timeout=30) for process in both]
    finally:
        cloud.settings(f"lock_timeout = 0.2\n{declared(SMALL)}")

    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(out.splitlines()[-1].split(":")[0] for out, _ in said) == ["as desired", "verified"]
    assert unreached(cloud) == []
    assert mortal.run("apply").out.startswith("as desired")


def test_a_holder_that_never_ends_is_named(cloud: Cloud, mortal: Mortal, run: Path) -> None:
    lock = run / "lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for content, holder in (("pid 4711, eip-agent apply\n", r"pid 4711, eip-agent apply"), ("", "unknown")):
            lock.write_text(content)
            with unchanged(cloud):
                one_sentence(mortal.run("apply"), 1, rf"another eip-agent is at work \({holder}\)")
                one_sentence(mortal.run("revert"), 1, rf"another eip-agent is at work \({holder}\)")
        assert mortal.run("explain").code == 3, "who only looks needs no lock"


def test_what_a_dead_holder_left_in_the_lock_is_nobodys(mortal: Mortal, run: Path) -> None:
    (run / "lock").write_bytes(b"pid 1, somebody\n\xff" * 100)

    assert mortal.run("apply").code == 0

    assert re.fullmatch(r"pid \d+, eip-agent apply\n", (run / "lock").read_text())


def link(place: Path, elsewhere: Path) -> None:
    elsewhere.write_text("precious")
    place.symlink_to(elsewhere)


def pipe(place: Path, _: Path) -> None:
    os.mkfifo(place)


def folder(place: Path, _: Path) -> None:
    place.mkdir()


@contextmanager
def instead(place: Path, made: Callable[[Path, Path], None], elsewhere: Path) -> Iterator[None]:
    """Something else in the place of a file."""
    place.unlink(missing_ok=True)
    made(place, elsewhere)
    try:
        yield
    finally:
        place.rmdir() if made is folder else place.unlink()
    assert made is not link or elsewhere.read_text() == "precious"


@pytest.mark.parametrize("made", [link, folder])
def test_a_lock_that_is_no_file_is_refused(
    cloud: Cloud, mortal: Mortal, run: Path, tmp_path: Path, made: Callable[[Path, Path], None]
) -> None:
    with instead(run / "lock", made, tmp_path / "elsewhere"), unchanged(cloud):
        one_sentence(mortal.run("apply"), 4, "lock: cannot be opened: ")


@pytest.mark.parametrize("made", [link, folder, pipe])
def test_a_journal_that_is_no_file_is_refused(
    cloud: Cloud, mortal: Mortal, run: Path, tmp_path: Path, made: Callable[[Path, Path], None]
) -> None:
    with instead(run / "journal.json", made, tmp_path / "elsewhere"), unchanged(cloud):
        for command in ("apply", "revert"):
            one_sentence(mortal.run(command), 4, "journal.json: ")
        looked = mortal.run("explain")

    assert looked.code == 4
    assert "not read journal: " in looked.out


def test_a_link_in_place_of_the_next_journal_is_not_followed(mortal: Mortal, run: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    link(run / ".journal.json.new", elsewhere)

    assert mortal.run("apply").code == 0

    assert elsewhere.read_text() == "precious"


def test_a_run_directory_that_is_a_link_is_refused(cloud: Cloud, mortal: Mortal, run: Path, tmp_path: Path) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to(run)
    with unchanged(cloud):
        one_sentence(mortal.run("apply", "--run-directory", str(alias)), 4, "alias: the directory cannot be opened")


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_run_directory_that_others_may_write_is_refused(cloud: Cloud, mortal: Mortal, run: Path, mode: int) -> None:
    run.chmod(mode)
    try:
        with unchanged(cloud):
            for command in ("apply", "revert"):
                one_sentence(mortal.run(command), 4, "may be written by somebody else")
            assert mortal.run("explain").code == 4
    finally:
        run.chmod(0o700)


def test_a_run_directory_that_is_missing_is_made(mortal: Mortal, tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"

    assert mortal.run("apply", "--run-directory", str(place)).code == 0

    assert place.stat().st_mode & 0o777 == 0o700
    assert mortal.run("revert", "--run-directory", str(place)).code == 0


def test_a_run_directory_that_cannot_be_made_is_one_sentence(cloud: Cloud, mortal: Mortal, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with unchanged(cloud):
        for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/none")):
            one_sentence(mortal.run("apply", "--run-directory", str(place)), 4, "the directory cannot be")


@contextmanager
def disk(place: Path) -> Iterator[None]:
    """A file system of 64 KiB."""
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(place)], check=False)
    if done.returncode:
        pytest.skip("nothing may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> None:
    with (place / "full").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def test_on_a_full_disk_nothing_is_written_and_all_can_be_taken_back(cloud: Cloud, tmp_path: Path) -> None:
    place = tmp_path / "small"
    with disk(place), Mortal(cloud) as mortal:
        here = ("--run-directory", str(place))
        before = state(cloud.guest)
        fill(place)
        with unchanged(cloud):
            one_sentence(mortal.run("apply", *here), 4, "journal.json: cannot be written: No space left on device")
        assert {path.name for path in place.iterdir()} == {"lock", "full"}
        (place / "full").unlink()
        assert mortal.run("apply", *here).code == 0
        fill(place)

        assert mortal.run("revert", *here).code == 0

        assert difference(before, state(cloud.guest)) == []


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
@pytest.mark.parametrize("errno", [ENOSPC, EROFS, EACCES])
def test_a_journal_that_cannot_be_written_ahead_stops_the_pass(
    cloud: Cloud, mortal: Mortal, run: Path, call: str, errno: int
) -> None:
    (run / "lock").unlink(missing_ok=True)
    number = 2 if call == "open" else 1  # the first one makes the lock
    with unchanged(cloud):
        one_sentence(mortal.run("apply", failing=f"{call}:{number}:{errno}"), 4, "journal.json: cannot be written: ")


def test_a_journal_that_cannot_be_brought_up_to_date_is_said(cloud: Cloud, mortal: Mortal, run: Path) -> None:
    """All is written and the memory of it too, so nothing has to be undone; only forgetting has to wait."""
    mortal.run("apply")
    remembered = (run / "journal.json").read_text()

    said = mortal.run("revert", failing=f"unlink:2:{EROFS}")

    assert said.code == 4
    assert "verified" in said.out
    assert "not read journal: " in said.err
    assert (run / "journal.json").read_text() == remembered
    assert mortal.run("revert").code == 0
    assert unreached(cloud) != []


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"version": 1}',
        b'{"version": 2, "boot": "", "namespace": 1}',
        b'{"version": 1, "boot": "@", "namespace": "#", "borrowed": [[1, "eth1", "", "up", 0]], "addresses": []}',
        b'{"version": 1, "boot": "@", "namespace": "#", "borrowed": [[1, "eth1", "", "up", -1, 1]], "addresses": []}',
        b'{"version": 1, "boot": "@", "namespace": "#", "borrowed": [], "addresses": [[1, "nowhere", 24]]}',
    ],
    ids=lambda damage: damage[:30].decode(errors="replace"),
)
def test_a_damaged_journal_stops_the_pass_and_names_it(cloud: Cloud, mortal: Mortal, run: Path, damage: bytes) -> None:
    mortal.run("apply")
    good = json.loads((run / "journal.json").read_text())
    text = damage.replace(b"@", good["boot"].encode()).replace(b'"#"', str(good["namespace"]).encode())
    (run / "journal.json").write_bytes(text)
    with unchanged(cloud):
        for command in ("apply", "revert"):
            one_sentence(mortal.run(command), 4, r"journal.json: (damaged|written by another version)")
        assert mortal.run("explain").code == 4
    (run / "journal.json").write_text(json.dumps(good))


def test_a_lost_journal_costs_only_what_no_mark_can_say(cloud: Cloud, mortal: Mortal, run: Path) -> None:
    before = state(cloud.guest)
    mortal.run("apply")
    kept = (run / "journal.json").read_text()
    (run / "journal.json").unlink()

    assert mortal.run("apply").out.startswith("as desired")
    assert mortal.run("revert").code == 0

    lost = difference(before, state(cloud.guest))
    assert lost
    assert all("eth1" in line for line in lost), "the link stays up, and what the kernel puts on a link that is up"
    (run / "journal.json").write_text(kept)


def test_a_journal_of_an_earlier_boot_is_forgotten(mortal: Mortal, run: Path) -> None:
    document = {"version": 1, "boot": "another", "namespace": 1, "borrowed": [[2, "eth0", "", "up", 0, 1]]}
    (run / "journal.json").write_text(json.dumps(document))

    assert mortal.run("apply").code == 0

    assert json.loads((run / "journal.json").read_text())["boot"] != "another"


def test_a_journal_of_another_namespace_is_not_ours_to_use(cloud: Cloud, mortal: Mortal, run: Path) -> None:
    mortal.run("apply")
    good = (run / "journal.json").read_text()
    (run / "journal.json").write_text(json.dumps({**json.loads(good), "namespace": 1}))
    with unchanged(cloud):
        for command in ("apply", "revert"):
            one_sentence(mortal.run(command), 4, "it belongs to another network namespace")
    (run / "journal.json").write_text(good)


@pytest.mark.parametrize("number", range(1, 7))
def test_answers_that_get_lost_once_undo_the_pass(cloud: Cloud, mortal: Mortal, number: int) -> None:
    with unchanged(cloud):
        said = mortal.run("apply", failing=f"write:{number}:{ENOBUFS}:1")

    assert said.code == 1
    assert "No buffer space available" in said.out
    assert "would not take back" not in said.out


@pytest.mark.parametrize("number", [1, 4])
def test_a_netlink_socket_that_breaks_while_writing_is_said(mortal: Mortal, number: int) -> None:
    """From its n-th batch on nothing can be sent any more, so that the first ones cannot be undone either."""
    said = mortal.run("apply", failing=f"write:{number}:{ENOBUFS}")

    assert said.code == 1
    assert "No buffer space available" in said.out
    assert "would not take back" in said.out
    assert mortal.run("apply").code == 0, "and the next pass goes on from there"


def test_a_second_look_that_fails_is_said(mortal: Mortal) -> None:
    """What was written stays, for the kernel has acknowledged every item of it."""
    first = 18  # one look has 7 dumps and one more for each link and family
    said = next(
        ended
        for number in range(first, 60)
        if "could not be verified" in (ended := mortal.run("apply", failing=f"dump:{number}:{ENOBUFS}")).err
        or mortal.run("revert").code
    )

    one_sentence(said, 4, r"\d+ changes were made, and could not be verified: netlink: No buffer space available")


@pytest.mark.parametrize("command", ["apply", "explain", "revert"])
def test_a_kernel_that_cannot_be_read_is_one_sentence(cloud: Cloud, mortal: Mortal, command: str) -> None:
    with unchanged(cloud):
        one_sentence(mortal.run(command, failing=f"dump:3:{ENOBUFS}"), 4, "netlink: No buffer space available")
