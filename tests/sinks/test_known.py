"""The last known good survives a restart, and neither damage nor a stranger's file does any harm."""

import json
import os
from pathlib import Path
from threading import Thread

import pytest

from eip_agent.core.known import Known, ModeSeen, cloud_of
from eip_agent.core.plain import encoded
from eip_agent.core.settings import Mode
from eip_agent.errors import JournalError
from eip_agent.sinks.known import KnownStore
from tests.builders import cloud, mac

KNOWN = Known("i-1", mac(0), encoded(cloud()), 12.5, modes=(ModeSeen(mac(1), Mode.NAT),))
NAME = "last-known-good.json"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_what_was_kept_comes_back(directory: Path) -> None:
    KnownStore(str(directory)).write(KNOWN)
    known, damage = KnownStore(str(directory)).read()

    assert (known, damage) == (KNOWN, "")
    assert cloud_of(known) == cloud()


def test_it_is_for_its_owner_only(directory: Path) -> None:
    KnownStore(str(directory)).write(KNOWN)

    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / NAME).stat().st_mode & 0o777 == 0o600


def test_nothing_kept_is_nothing_wrong(directory: Path) -> None:
    assert KnownStore(str(directory)).read() == (None, "")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"version": 1}', '{"version": 1, "known": {"saved_at": "yesterday"}}', "[" * 100_000],
    ids=["empty", "cut off", "a list", "null", "no facts", "wrong facts", "deep"],
)
def test_a_damaged_file_is_told_and_not_used(directory: Path, text: str) -> None:
    store = KnownStore(str(directory))
    store.write(KNOWN)
    (directory / NAME).write_text(text, encoding="utf-8")
    known, damage = store.read()

    assert known is None
    assert str(directory / NAME) in damage


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999"])
def test_a_time_that_is_no_number_is_damage(directory: Path, number: str) -> None:
    """Its age could not be told."""
    store = KnownStore(str(directory))
    store.write(KNOWN)
    path = directory / NAME
    path.write_text(path.read_text(encoding="utf-8").replace("12.5", number), encoding="utf-8")
    known, damage = store.read()

    assert known is None
    assert "damaged" in damage


def test_one_of_another_version_is_told(directory: Path) -> None:
    store = KnownStore(str(directory))
    store.write(KNOWN)
    (directory / NAME).write_text(json.dumps({"version": 2, "known": {}}), encoding="utf-8")

    assert "another version" in store.read()[1]


def test_a_damaged_file_is_put_aside_for_who_wants_to_see_it(directory: Path) -> None:
    store = KnownStore(str(directory))
    store.write(KNOWN)
    (directory / NAME).write_text("{", encoding="utf-8")
    store.put_aside()

    assert store.read() == (None, "")
    assert (directory / "last-known-good.damaged").read_text(encoding="utf-8") == "{"


def test_a_link_is_not_followed(directory: Path, tmp_path: Path) -> None:
    store = KnownStore(str(directory))
    store.write(KNOWN)
    (directory / NAME).rename(tmp_path / "elsewhere")
    (directory / NAME).symlink_to(tmp_path / "elsewhere")

    assert store.read()[0] is None


def test_a_pipe_in_its_place_is_not_waited_for(directory: Path) -> None:
    store = KnownStore(str(directory))
    store.write(KNOWN)
    (directory / NAME).unlink()
    os.mkfifo(directory / NAME)
    found: list[tuple[Known | None, str]] = []
    reading = Thread(target=lambda: found.append(store.read()), daemon=True)
    reading.start()
    reading.join(5)

    assert [known for known, _ in found] == [None]
    assert "no plain file" in found[0][1]


def test_one_that_is_too_large_is_not_read_at_all(directory: Path) -> None:
    store = KnownStore(str(directory))
    store.write(KNOWN)
    os.truncate(directory / NAME, 64 << 20)

    known, damage = store.read()
    assert known is None
    assert "File too large" in damage


def test_a_directory_that_others_may_write_is_not_used(directory: Path) -> None:
    store = KnownStore(str(directory))
    store.write(KNOWN)
    os.chmod(directory, 0o777)  # noqa: S103  that is the point

    assert store.read()[0] is None
    with pytest.raises(JournalError):
        store.write(KNOWN)
