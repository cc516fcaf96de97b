"""Entries of the log: fields for the journal, lines for everybody else, and nothing that a terminal would obey."""

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from eip_agent.daemon.log import Level, Lines, SystemJournal, is_journals, log_for


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "journal"))
        yield listener


def test_an_entry_has_its_fields(journald: socket.socket) -> None:
    log = SystemJournal(journald.getsockname())
    log.say(Level.NOTICE, "+ rule 24011", {"LINK": "eth1", "ENI": "", "CHANGE": "+ rule 24011"})
    log.close()

    assert journald.recv(4096).decode().splitlines() == [
        "MESSAGE=+ rule 24011",
        "PRIORITY=5",
        "SYSLOG_IDENTIFIER=eip-agent",
        "EIP_AGENT_LINK=eth1",
        "EIP_AGENT_CHANGE=+ rule 24011",
    ]


def test_a_value_of_several_lines_is_no_field_of_its_own(journald: socket.socket) -> None:
    log = SystemJournal(journald.getsockname())
    log.say(Level.ERROR, "one\nPRIORITY=0")
    log.close()

    entry = journald.recv(4096)
    assert entry.startswith(
        b"MESSAGE\n" + len("one\nPRIORITY=0").to_bytes(8, "little") + b"one\nPRIORITY=0\nPRIORITY=3"
    )


def test_a_journal_that_is_full_or_away_keeps_nobody_waiting(journald: socket.socket, tmp_path: Path) -> None:
    log, away = SystemJournal(journald.getsockname()), SystemJournal(str(tmp_path / "away"))
    for _ in range(2000):
        log.say(Level.INFO, "x" * 100_000)
    away.say(Level.INFO, "x")
    log.close()
    away.close()

    assert len(journald.recv(1 << 20)) < 10_000


def test_a_line_has_its_priority_where_a_program_reads_it() -> None:
    plain, prefixed = io.StringIO(), io.StringIO()
    Lines(plain, prefixed=False).say(Level.WARNING, "no\nanswer \x1b[31m")
    Lines(prefixed, prefixed=True).say(Level.WARNING, "no\nanswer")

    assert plain.getvalue() == "no\nanswer \\x1b[31m\n"
    assert prefixed.getvalue() == "<4>no\n<4>answer\n"


def test_a_stream_that_is_gone_harms_nobody() -> None:
    gone = io.StringIO()
    gone.close()

    Lines(gone, prefixed=True).say(Level.INFO, "x")


def test_the_journal_is_spoken_to_where_it_reads_us(journald: socket.socket, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w") as stream:
        found = os.fstat(stream.fileno())
        told = f"{found.st_dev}:{found.st_ino}"

        assert is_journals(stream, told)
        log = log_for(stream, told, journald.getsockname())
        assert isinstance(log, SystemJournal)
        log.close()
        assert isinstance(log_for(stream, "1:1", journald.getsockname()), Lines)
        assert isinstance(log_for(stream, None), Lines)
        assert isinstance(log_for(stream, told, str(tmp_path / "away")), Lines)
    assert not is_journals(io.StringIO(), told)
