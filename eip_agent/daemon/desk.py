"""Answers who asks at the control socket: at once, or when the pass that was asked for has been made."""

import contextlib
import io
from collections.abc import Callable
from typing import Any

from eip_agent.console import code_of, tell_on
from eip_agent.core.message import say
from eip_agent.core.plain import encoded
from eip_agent.core.report import Report
from eip_agent.core.status import Status
from eip_agent.daemon.control import Question


class Desk:
    """Who waits, and for what."""

    def __init__(
        self, status: Callable[[], Status], report: Callable[[], Report | None], wanted: Callable[[float], None]
    ) -> None:
        """`report`: the last one; `wanted` is told when somebody wants a pass."""
        self._status, self._report, self._wanted = status, report, wanted
        self._waiting: list[tuple[float, Question]] = []

    def asked(self, question: Question, now: float) -> None:
        """See to it."""
        report = self._report()
        if question.ask == "status":
            question.answer(encoded(self._status()), now)
        elif question.ask == "look":
            self._waiting.append((now, question))
            self._wanted(now)
        elif report is None:
            question.answer({"error": say("no pass has been made yet"), "hint": say("try again in a moment")}, now)
        else:
            question.answer(printed(report, question), now)

    def wants(self, since: float) -> bool:
        """Whether somebody asked for a pass after that time: an older answer of the cloud is none for him."""
        self._waiting = [(at, question) for at, question in self._waiting if not question.visitor.gone]
        return any(at > since for at, _ in self._waiting)

    def waits_for(self, since: float) -> bool:
        """Whether the next pass, with what the cloud said at that time, is for somebody."""
        return any(at <= since and not question.visitor.gone for at, question in self._waiting)

    def passed(self, since: float, now: float) -> None:
        """A pass was made with what the cloud said at that time."""
        report = self._report()
        for at, question in self._left(lambda at: at <= since):
            assert report is not None, f"a pass has a report, also at {at}"  # noqa: S101 for mypy
            question.answer(printed(report, question), now)

    def failed(self, why: str, hint: str, code: int, now: float, *, before: float) -> None:
        """No pass could be made for who asked before that time."""
        for _, question in self._left(lambda at: at <= before):
            question.answer({"error": why, "hint": hint, "code": code}, now)

    def _left(self, when: Callable[[float], bool]) -> list[tuple[float, Question]]:
        """Those who asked then, who wait no more."""
        found = [one for one in self._waiting if when(one[0])]
        self._waiting = [one for one in self._waiting if one not in found]
        return found


def printed(report: Report, question: Question) -> dict[str, Any]:
    """A report in the words of `eip-agent apply`, on the paper of who asks, and its exit code."""
    from eip_agent.render.language import language  # noqa: PLC0415 only who is asked needs it
    from eip_agent.render.paper import Paper  # noqa: PLC0415

    paper = Paper(language(question.lang), question.width, question.colour, question.ascii)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        tell_on(report, question.format, paper)
    return {"out": out.getvalue(), "err": err.getvalue(), "code": code_of(report)}
