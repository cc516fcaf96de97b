"""Asks a running daemon.  Imports nothing that takes time, for who asks waits for the start of Python as it is."""

import json
import os
import socket
from typing import Any, Final

from eip_agent.core.message import say, verbatim
from eip_agent.errors import AgentError, ApplyError, BusyError, JournalError, SourceError

_NAME: Final = "control"
_LARGEST: Final = 64 << 20
"""Bytes of an answer."""


def ask(directory: str, question: str, timeout: float = 5.0, **how: str | int) -> dict[str, Any] | None:
    """The daemon's answer, in the form that `how` says (see `control.Question`); None where no daemon listens.

    Raises JournalError where the directory is not for us, BusyError where the daemon does not answer in so many
    seconds, and ApplyError where it answers that it could not.
    """
    data = _exchanged(directory, json.dumps({"ask": question, **how}).encode() + b"\n", timeout)
    if data is None:
        return None
    try:
        answer = json.loads(data)
    except ValueError as cut:
        message = say("the daemon ended before it had answered")
        raise BusyError(message, say("see `systemctl status eip-agent`")) from cut
    if not isinstance(answer, dict):
        raise BusyError(say("the daemon answers something else"), say("is it of another version? restart it"))
    if "error" in answer:
        kind = SourceError if answer.get("code") == SourceError.exit_code else ApplyError
        hint = str(answer.get("hint", ""))
        # It has said it in the language that it was asked in.
        raise kind(verbatim(str(answer["error"])), verbatim(hint) if hint else None)
    return answer


def runs(directory: str) -> bool:
    """Whether a daemon runs there; also one that does not answer now.  Raises JournalError as `ask`."""
    try:
        return ask(directory, "status", timeout=1.0) is not None
    except JournalError:
        raise
    except AgentError:
        return True


def _exchanged(directory: str, question: bytes, timeout: float) -> bytes | None:
    from eip_agent.sinks.directory import opened  # noqa: PLC0415  one who asks for --help has no use for it

    try:
        at = opened(directory, create=False)
    except FileNotFoundError:
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout)
            try:
                line.connect(f"/proc/self/fd/{at}/{_NAME}")
            except (FileNotFoundError, ConnectionRefusedError):
                return None
            except PermissionError as no:
                message = say("{path}: {why}", path=f"{directory}/{_NAME}", why=(no.strerror or "").lower())
                raise JournalError(message, say("run it with sudo")) from no
            line.sendall(question)
            return _all_of(line)
    except (TimeoutError, BlockingIOError) as late:  # the latter: so many wait that there is no room to wait with them
        message = say("the daemon did not answer within {seconds} s", seconds=f"{timeout:g}")
        raise BusyError(message, say("see `systemctl status eip-agent`, or stop it and work alone")) from late
    except ConnectionError as cut:
        message = say("the daemon hung up")
        raise BusyError(message, say("try again; see `systemctl status eip-agent`")) from cut
    finally:
        os.close(at)


def _all_of(line: socket.socket) -> bytes:
    found = bytearray()
    while piece := line.recv(1 << 16):
        found += piece
        if len(found) > _LARGEST:
            break
    return bytes(found)
