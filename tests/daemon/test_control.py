"""The control socket and who asks there: the same words on both sides, and a sentence where something is amiss."""

import json
import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from eip_agent.daemon import client
from eip_agent.daemon.control import NAME, Control, Question, listening, may_enter, understood
from eip_agent.errors import ApplyError, BusyError, JournalError, SourceError

if TYPE_CHECKING:
    from eip_agent.daemon.door import Visitor

NOBODY = cast("Visitor", None)


@contextmanager
def served(directory: Path, answer: Callable[[Question, float], None]) -> Iterator[None]:
    """A daemon that answers so."""
    selector, stop = selectors.DefaultSelector(), os.eventfd(0)
    selector.register(stop, selectors.EVENT_READ)
    control = Control(selector, str(directory), answer)

    def serve() -> None:
        while True:
            for key, events in selector.select():
                if key.fd == stop:
                    return
                key.data(events, 0.0)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        os.eventfd_write(stop, 1)
        thread.join()
        control.close()
        selector.close()
        os.close(stop)


def echoed(question: Question, now: float) -> None:
    question.answer({"ask": question.ask, "format": question.format, "long": "x" * 500_000}, now)


@pytest.mark.parametrize(("ask", "how"), [("status", "text"), ("look", "json"), ("report", "text")])
def test_who_asks_is_answered(tmp_path: Path, ask: str, how: str) -> None:
    with served(tmp_path, echoed):
        answer = client.ask(str(tmp_path), ask, format=how)

    assert answer == {"ask": ask, "format": how, "long": "x" * 500_000}


def test_where_no_daemon_is_there_is_no_answer(tmp_path: Path) -> None:
    assert client.ask(str(tmp_path / "missing"), "status") is None
    assert client.ask(str(tmp_path), "status") is None
    listening(str(tmp_path)).close()
    assert (tmp_path / NAME).is_socket(), "a killed daemon leaves its socket"
    assert client.ask(str(tmp_path), "status") is None
    with served(tmp_path, echoed):
        assert client.ask(str(tmp_path), "status") is not None
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize("gone", ["the socket", "the folder", "nothing but a stranger's socket"])
def test_a_socket_that_is_not_found_any_more_is_made_anew(tmp_path: Path, gone: str) -> None:
    place = tmp_path / "run"
    with selectors.DefaultSelector() as selector:
        control = Control(selector, str(place), echoed)
        assert control.is_found
        (place / NAME).unlink()
        if gone == "the folder":
            place.rmdir()
        elif gone != "the socket":
            listening(str(place)).close()
        assert not control.is_found

        control.reopen()
        assert control.is_found
        assert len(selector.get_map()) == 1
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(place / NAME))
        control.close()
        assert not (place / NAME).exists()


def test_the_socket_of_another_daemon_is_left_to_it(tmp_path: Path) -> None:
    with selectors.DefaultSelector() as selector:
        first, second = (Control(selector, str(tmp_path), echoed) for _ in range(2))
        first.close()

        assert second.is_found
        second.close()


def test_only_its_owner_may_open_the_socket(tmp_path: Path) -> None:
    with listening(str(tmp_path)):
        assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_no_link_is_followed_that_takes_the_place_of_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of the service root makes it, and the service may exchange what has a name there at any moment."""
    place, theirs = tmp_path / "run", tmp_path / "theirs"
    place.mkdir(0o700)
    theirs.touch(0o644)
    bind = socket.socket.bind

    def exchanged(listener: socket.socket, path: str) -> None:
        bind(listener, path)
        (place / NAME).unlink()
        (place / NAME).symlink_to(theirs)

    monkeypatch.setattr(socket.socket, "bind", exchanged, raising=False)
    listening(str(place)).close()

    assert theirs.stat().st_mode & 0o777 == 0o644


def test_a_question_that_cannot_be_answered_ends_nothing(tmp_path: Path) -> None:
    def fails(question: Question, now: float) -> None:
        if question.ask == "look":
            raise KeyError(question.ask)
        echoed(question, now)

    with served(tmp_path, fails):
        with pytest.raises(ApplyError, match="cannot answer that: KeyError: 'look'"):
            client.ask(str(tmp_path), "look")
        assert client.ask(str(tmp_path), "status") is not None


def test_whether_one_runs_is_not_known_where_nobody_may_look(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot be opened"):
        client.runs(str(tmp_path / "file"))
    assert not client.runs(str(tmp_path))
    other: Any = []
    with served(tmp_path, lambda question, now: question.answer(other, now)):
        assert client.runs(str(tmp_path)), "one of another version"


def test_a_place_that_cannot_be_taken_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()

    with pytest.raises(JournalError, match="control: cannot be made"):
        listening(str(tmp_path))


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ({"error": "no", "hint": "do", "code": 4}, SourceError, "no"),
        ({"error": "no", "code": 1}, ApplyError, "no"),
        ([], BusyError, "answers something else"),
    ],
)
def test_what_went_wrong_there_is_raised_here(tmp_path: Path, answer: Any, error: type[Exception], says: str) -> None:
    with served(tmp_path, lambda question, now: question.answer(answer, now)), pytest.raises(error, match=says):
        client.ask(str(tmp_path), "look")


def test_a_daemon_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    with served(tmp_path, lambda *_: None), pytest.raises(BusyError, match=r"did not answer within 0\.05 s"):
        client.ask(str(tmp_path), "status", timeout=0.05)


def test_a_daemon_that_dies_meanwhile_is_told(tmp_path: Path) -> None:
    def cut(question: Question, now: float) -> None:
        question.visitor.answer(b'{"a', now)

    with served(tmp_path, cut), pytest.raises(BusyError, match="ended before it had answered"):
        client.ask(str(tmp_path), "look")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"status\n",
        b"[]",
        b"[" * 9000,
        b'{"ask": "revert"}',
        b'{"ask": ["status"]}',
        b'{"ask": "status", "format": "html"}',
        b'{"ask": "status", "format": []}',
        b'{"ask": "look", "lang": "fr"}',
        b'{"ask": "look", "width": -1}',
        b'{"ask": "look", "width": "80"}',
        b"\xff",
    ],
)
def test_what_is_no_question_is_not_understood(data: bytes) -> None:
    assert understood(NOBODY, data) is None


def test_who_asks_says_what_the_answer_is_printed_on() -> None:
    question = understood(NOBODY, b'{"ask": "look", "lang": "zh", "width": 80, "colour": true, "ascii": 5, "more": 1}')

    assert question == Question(NOBODY, "look", "text", "zh", 80, colour=True, ascii=False)


def test_what_is_not_understood_is_said(tmp_path: Path) -> None:
    with served(tmp_path, echoed), socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / NAME))
        line.sendall(b'{"ask": "revert"}\n')

        assert json.loads(line.recv(4096)) == {"error": "this daemon does not know that question"}


def test_root_and_its_own_user_may_enter() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert may_enter(one)
