"""Visitors: one question, one answer, and none keeps anybody waiting."""

import selectors
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from eip_agent.daemon.door import LONGEST, PATIENCE, ROOM, Door, Visitor


class House:
    """A door with its selector, whose clock the test moves."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.now = 100.0
        self.asked: list[tuple[Visitor, bytes]] = []
        self.open_to = True
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(64)
        self.selector = selectors.DefaultSelector()
        self.door = Door(
            self.selector,
            listener,
            is_whole=lambda data: data.endswith(b"\n"),
            ask=lambda visitor, data, _: self.asked.append((visitor, data)),
            may_enter=lambda _: self.open_to,
        )

    def turn(self) -> None:
        """Until nothing moves."""
        while ready := self.selector.select(0):
            for key, events in ready:
                key.data(events, self.now)
        self.door.tidy(self.now)

    def caller(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(5)
        line.connect(self.path)
        return line


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(str(tmp_path / "door"))
    yield made
    made.door.close()
    assert not made.selector.get_map()
    made.selector.close()


def test_a_question_is_answered_when_there_is_an_answer(house: House) -> None:
    with house.caller() as line:
        line.sendall(b"how ")
        house.turn()
        assert house.asked == []
        line.sendall(b"is it?\n")
        house.turn()
        (visitor, data) = house.asked[0]
        assert data == b"how is it?\n"
        assert house.door.due is None, "an answer may take as long as it takes"
        house.now += 1000
        house.turn()
        visitor.answer(b"well", house.now)
        house.turn()

        assert line.recv(100) == b"well"
        assert line.recv(100) == b""
        assert visitor.gone


def test_one_who_says_nothing_is_parted_with(house: House) -> None:
    with house.caller() as line:
        house.turn()
        assert house.door.due == 100 + PATIENCE
        house.now += PATIENCE - 0.1
        house.turn()
        assert house.door.due is not None
        house.now += 0.2
        house.turn()

        assert line.recv(100) == b""
        assert house.door.due is None


def test_one_who_does_not_listen_is_parted_with(house: House) -> None:
    with house.caller() as line:
        line.sendall(b"all of it\n")
        house.turn()
        house.asked[0][0].answer(b"x" * (8 << 20), house.now)
        house.turn()
        assert not house.asked[0][0].gone
        house.now += PATIENCE + 0.1
        house.turn()

        assert house.asked[0][0].gone
        while line.recv(1 << 20):
            pass


def test_one_who_says_too_much_is_parted_with(house: House) -> None:
    with house.caller() as line:
        line.sendall(b"x" * (LONGEST + 1))
        house.turn()

        assert house.asked == []
        assert house.door.due is None


def test_one_who_hangs_up_is_not_answered(house: House) -> None:
    line = house.caller()
    line.sendall(b"all of it\n")
    house.turn()
    line.close()
    house.turn()

    visitor = house.asked[0][0]
    assert visitor.gone
    visitor.answer(b"well", house.now)


def test_strangers_are_not_let_in(house: House) -> None:
    house.open_to = False
    with house.caller() as line:
        house.turn()

        assert line.recv(100) == b""


def test_a_crowd_is_not_let_in(house: House) -> None:
    lines = [house.caller() for _ in range(ROOM + 3)]
    house.turn()

    shut = [line for line in lines if _is_shut(line)]
    assert len(shut) == 3
    for line in lines:
        line.close()
    house.turn()
    with house.caller() as line:
        line.sendall(b"and now?\n")
        house.turn()
        assert len(house.asked) == 1


def _is_shut(line: socket.socket) -> bool:
    line.setblocking(False)  # noqa: FBT003 the name says it
    try:
        return line.recv(1) == b""
    except BlockingIOError:
        return False


def test_a_door_that_moves_keeps_who_is_in(house: House) -> None:
    with house.caller() as line:
        line.sendall(b"how ")
        house.turn()
        listener = socket.socket(socket.AF_UNIX)
        house.path += "2"
        listener.bind(house.path)
        listener.listen(1)
        house.door.move(listener)
        line.sendall(b"is it?\n")
        with house.caller() as other:
            other.sendall(b"and you?\n")
            house.turn()

    assert sorted(data for _, data in house.asked) == [b"and you?\n", b"how is it?\n"]
