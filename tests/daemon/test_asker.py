"""The thread that asks: one at a time, it wakes who waits, and what goes wrong in it is handed back."""

import select
import threading
from collections.abc import Iterator
from typing import Any, Self, cast

import pytest

from eip_agent.core.message import say
from eip_agent.daemon.asker import Answer, Asker
from eip_agent.errors import KernelReadError
from eip_agent.lookout import Seen
from eip_agent.netlink import Netlink


class NoSocket:
    """In place of a netlink socket."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Source:
    """Answers when it is let."""

    def __init__(self, gives: Seen | Exception) -> None:
        self.gives = gives
        self.may = threading.Event()
        self.got: list[Any] = []

    def see(self, netlink: Netlink, last: Seen | None, *, anew: bool) -> Seen:
        assert netlink
        self.got.append((last, anew))
        assert self.may.wait(10)
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


@pytest.fixture
def asker() -> Iterator[Asker]:
    made = Asker(lambda: cast("Netlink", NoSocket()))
    yield made
    made.close(10)


def answer_of(asker: Asker) -> Answer:
    assert select.select([asker.fileno()], [], [], 10)[0]
    found = asker.take()
    assert found is not None
    return found


def test_the_loop_is_woken_when_there_is_an_answer(asker: Asker) -> None:
    seen, last = cast("Seen", object()), cast("Seen", object())
    source = Source(seen)
    asker.ask(source, last, anew=True)
    assert asker.busy
    assert asker.take() is None
    assert not select.select([asker.fileno()], [], [], 0)[0]
    source.may.set()

    answer = answer_of(asker)
    assert (answer.seen, answer.error, answer.asked) == (seen, None, source)
    assert source.got == [(last, True)]
    assert not asker.busy
    assert not select.select([asker.fileno()], [], [], 0)[0]


@pytest.mark.parametrize("error", [KernelReadError(say("no")), ZeroDivisionError()])
def test_what_goes_wrong_is_handed_back(asker: Asker, error: Exception) -> None:
    source = Source(error)
    source.may.set()
    asker.ask(source, None, anew=False)

    answer = answer_of(asker)
    assert (answer.seen, answer.error) == (None, error)


def test_one_who_still_asks_is_not_waited_for_at_the_end() -> None:
    asker, source = Asker(lambda: cast("Netlink", NoSocket())), Source(KernelReadError(say("no")))
    asker.ask(source, None, anew=False)
    asker.close(0)

    assert asker.busy
    source.may.set()
