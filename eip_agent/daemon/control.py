"""The daemon's control socket: who may speak there, and what may be asked.

A Unix stream socket `control` in the run directory.  A question is one line of JSON, an answer one document, and then
the line is cut.  Questions are `status`, `report` (the last pass) and `look` (a pass now, and its report); the latter
two come as the text or JSON that `eip-agent apply` prints, with its exit code.  Who asks says in which language: every
message of an answer is said in it, so that nothing but words has to cross.
"""

import contextlib
import json
import os
import selectors
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from eip_agent.core.message import say
from eip_agent.daemon.door import Door, Visitor
from eip_agent.errors import JournalError
from eip_agent.sinks.directory import identity, opened

NAME: Final = "control"
CHOICES: Final = {"ask": ("status", "report", "look"), "format": ("text", "json"), "lang": ("en", "zh")}
WIDEST: Final = 10_000
"""Columns."""
_CREDENTIALS = struct.Struct("=iII")
"""struct ucred: process, user, group."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks."""

    visitor: Visitor
    ask: str
    format: str = "text"
    lang: str = "en"
    width: int = 0
    colour: bool = False
    ascii: bool = False
    """As `render.paper.Paper` has them: who asks knows what the answer is printed on."""

    def answer(self, document: dict[str, Any], now: float) -> None:
        """Say it, in the language of who asks."""
        from eip_agent.render.language import language  # noqa: PLC0415 only who is asked needs it

        self.visitor.answer(json.dumps(language(self.lang).document(document)).encode(), now)


def listening(directory: str) -> socket.socket:
    """The socket, in place of one that a killed daemon left.  Raises JournalError."""
    at = opened(directory, create=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # By the descriptor of its directory: safe from links, and short enough for any directory.
        path = f"/proc/self/fd/{at}/{NAME}"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(NAME, dir_fd=at)
        # Before it has a name: a chmod afterwards would follow whatever link is there by then.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(path)
        listener.listen(8)
    except OSError as no:
        listener.close()
        message = say("{path}: cannot be made: {strerror}", path=f"{directory}/{NAME}", strerror=no.strerror)
        raise JournalError(message, say("free space or correct the permissions")) from no
    finally:
        os.close(at)
    return listener


class Control:
    """The door at that socket."""

    def __init__(
        self, selector: selectors.BaseSelector, directory: str, asked: Callable[[Question, float], None]
    ) -> None:
        """Raises JournalError."""
        self._directory = directory
        self._asked = asked
        listener = listening(directory)
        self._identity = identity(directory, NAME)
        self.door = Door(selector, listener, is_whole=_is_whole, ask=self._ask, may_enter=may_enter)

    @property
    def is_found(self) -> bool:
        """Whether who looks for the socket finds ours."""
        return self._identity is not None and identity(self._directory, NAME) == self._identity

    def reopen(self) -> None:
        """Make the socket anew.  Raises JournalError."""
        self.door.move(listening(self._directory))
        self._identity = identity(self._directory, NAME)

    def close(self) -> None:
        """Hang up, and take the socket away, so that nobody waits at it; but not that of another daemon."""
        if self.is_found:
            with contextlib.suppress(OSError, JournalError):
                at = opened(self._directory, create=False)
                try:
                    os.unlink(NAME, dir_fd=at)
                finally:
                    os.close(at)
        self.door.close()

    def _ask(self, visitor: Visitor, data: bytes, now: float) -> None:
        question = understood(visitor, data)
        if question is None:
            visitor.answer(json.dumps({"error": "this daemon does not know that question"}).encode(), now)
        else:
            try:
                self._asked(question, now)
            except Exception as no:  # noqa: BLE001 whatever it is, the daemon goes on
                words = f"this daemon cannot answer that: {type(no).__name__}: {no}"
                visitor.answer(json.dumps({"error": words, "hint": "`systemctl restart eip-agent`"}).encode(), now)


def may_enter(line: socket.socket) -> bool:
    """Whether root or the daemon's own user is at the other end.  The permissions say the same; this is certain."""
    data = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(data)
    return user in (0, os.geteuid())


def understood(visitor: Visitor, data: bytes) -> Question | None:
    """What is asked; None where that is nothing we know."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    found = {"format": "text", "lang": "en", "width": 0, "colour": False, "ascii": False, **document}
    if any(found.get(name) not in among for name, among in CHOICES.items()):
        return None
    if not isinstance(found["width"], int) or not 0 <= found["width"] <= WIDEST:
        return None
    words = {name: found[name] for name in (*CHOICES, "width")}
    return Question(visitor, **words, colour=found["colour"] is True, ascii=found["ascii"] is True)


def _is_whole(data: bytearray) -> bool:
    return data.endswith(b"\n")
