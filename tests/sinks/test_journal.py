"""The journal: whole or not at all, of this boot and of this network namespace."""

import json
import os
import stat
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.facts import Borrowed, IPAddress, Link, Mac, Remembered
from eip_agent.errors import JournalError
from eip_agent.sinks.journal import Journal
from tests.builders import device, ip4, ip6, mac

SOME = Remembered(
    (Borrowed(device(1), mac(1), "group", 0, 20000), Borrowed(device(1), mac(1), "up", 0, 1)),
    frozenset({(3, ip4("192.168.1.10"), 24), (3, ip6("2001:db8::10"), 64)}),
)
NUMBERS = st.integers(0, 2**32 - 1)
LOANS = st.builds(
    Borrowed,
    st.builds(Link, st.integers(1, 2**31), st.text(max_size=15)),
    st.just(Mac("00:16:3e:00:00:01")),
    st.sampled_from(("up", "group", "arp_ignore")),
    NUMBERS,
    NUMBERS,
)
ADDRESSES = st.tuples(st.integers(1, 2**31), st.ip_addresses(), st.integers(0, 128))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    Journal(str(tmp_path)).write(SOME)

    assert Journal(str(tmp_path)).read() == SOME


@given(st.lists(LOANS, max_size=3), st.frozensets(ADDRESSES, max_size=3))
def test_whatever_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    loans: list[Borrowed],
    addresses: frozenset[tuple[int, IPAddress, int]],
) -> None:
    journal = Journal(str(tmp_path_factory.getbasetemp() / "journal"))
    remembered = Remembered(tuple(loans), addresses)
    journal.write(remembered)

    assert journal.read() == remembered


def test_without_a_journal_nothing_is_remembered(tmp_path: Path) -> None:
    assert Journal(str(tmp_path)).read() == Remembered()
    assert Journal(str(tmp_path / "none")).read() == Remembered()
    assert not (tmp_path / "none").exists()


def test_with_nothing_to_remember_there_is_no_journal(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write(SOME)
    journal.write(Remembered())

    assert list(tmp_path.iterdir()) == []


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    Journal(str(tmp_path)).write(SOME)

    assert stat.S_IMODE((tmp_path / "journal.json").stat().st_mode) == 0o600


def changed(tmp_path: Path, **fields: object) -> Journal:
    """A journal in which somebody or something has changed a field."""
    journal = Journal(str(tmp_path))
    journal.write(SOME)
    path = tmp_path / "journal.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return journal


def test_one_of_an_earlier_boot_is_forgotten(tmp_path: Path) -> None:
    assert changed(tmp_path, boot="another").read() == Remembered()


def test_one_of_another_namespace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="another network namespace"):
        changed(tmp_path, namespace=1).read()


def test_one_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="another version"):
        changed(tmp_path, version=2).read()


@pytest.mark.parametrize(
    "fields",
    [
        {"borrowed": 1},
        {"borrowed": [[1, 2]]},
        {"borrowed": [[3, "eth1", "00:16:3e:00:00:01", "up", -1, 1]]},
        {"borrowed": [[float("inf"), "eth1", "00:16:3e:00:00:01", "up", 0, 1]]},
        {"addresses": [[3, "192.168.1.300", 24]]},
        {"addresses": None},
    ],
    ids=str,
)
def test_a_damaged_field_is_said(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(JournalError, match="damaged") as raised:
        changed(tmp_path, **fields).read()
    assert raised.value.hint.startswith("remove ")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_journal_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "journal.json").write_bytes(data)
    with pytest.raises(JournalError, match="damaged"):
        Journal(str(tmp_path)).read()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("{}")
    (tmp_path / "journal.json").symlink_to("real")
    with pytest.raises(JournalError, match="cannot be read"):
        Journal(str(tmp_path)).read()


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "journal.json")
    with pytest.raises(JournalError, match="no plain file"):
        Journal(str(tmp_path)).read()


def test_one_that_is_too_large_is_not_read_at_all(tmp_path: Path) -> None:
    (tmp_path / "journal.json").touch()
    os.truncate(tmp_path / "journal.json", 64 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(JournalError, match="File too large"):
            Journal(str(tmp_path)).read()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 16 << 20


def test_a_writer_killed_in_the_middle_leaves_the_old_one(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write(SOME)
    (tmp_path / ".journal.json.new").write_text('{"version": 1, "boo')

    assert journal.read() == SOME
    journal.tidy()
    assert [path.name for path in tmp_path.iterdir()] == ["journal.json"]
    journal.tidy()


def test_one_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write(SOME)
    (tmp_path / ".journal.json.new").mkdir()
    with pytest.raises(JournalError, match="cannot be written"):
        journal.write(Remembered(SOME.borrowed))

    assert journal.read() == SOME


def test_no_descriptor_is_lost(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    journal.write(SOME)
    journal.read()

    assert len(os.listdir("/proc/self/fd")) == before


def test_what_was_last_known_is_restored_beside_what_was_written_since(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "run"))
    for known in (journal.write, lambda _: journal.read()):
        known(SOME)
        (tmp_path / "run" / "journal.json").unlink()
        (tmp_path / "run").rmdir()
        journal.restore()
        assert Journal(str(tmp_path / "run")).read() == SOME

    other = Remembered((), frozenset({(4, ip4("192.168.2.10"), 24)}))
    Journal(str(tmp_path / "run")).write(other)
    journal.restore()
    assert Journal(str(tmp_path / "run")).read() == Remembered(SOME.borrowed, SOME.addresses | other.addresses)


def test_what_cannot_be_restored_yet_is_not_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    journal = Journal(str(tmp_path))
    journal.write(SOME)
    (tmp_path / "journal.json").unlink()
    with monkeypatch.context() as disk:
        disk.setattr("eip_agent.sinks.journal.replace", full)
        for _ in range(2):
            with pytest.raises(JournalError, match="No space left on device"):
                journal.restore()
    journal.restore()

    assert Journal(str(tmp_path)).read() == SOME


def test_what_somebody_removes_while_a_pass_is_made_is_recalled(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "run"))
    assert journal.recall() == Remembered()
    journal.write(SOME)
    (tmp_path / "run" / "journal.json").unlink()
    assert journal.recall() == SOME
    assert Journal(str(tmp_path / "run")).recall() == SOME
    (tmp_path / "run" / "journal.json").unlink()
    (tmp_path / "run").rmdir()
    (tmp_path / "run").touch()
    with pytest.raises(JournalError):
        journal.recall()
    (tmp_path / "run").unlink()

    assert journal.recall() == SOME


def test_what_was_forgotten_is_not_restored(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    journal.write(SOME)
    journal.write(Remembered())
    journal.restore()

    assert not (tmp_path / "journal.json").exists()
