"""Who asks is answered: at once, or when a pass was made with an answer of the cloud that is young enough."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from eip_agent.core.message import say
from eip_agent.core.report import Report
from eip_agent.core.status import Status
from eip_agent.daemon.control import Question
from eip_agent.daemon.desk import Desk, printed
from tests.daemon.support import report

if TYPE_CHECKING:
    from eip_agent.daemon.door import Visitor

STATUS = Status("1", 7, 0.0, "starting", 0, 0, 0, None, None, 0.0, None, 0)


class Caller:
    """In place of a visitor: what it was told, and whether it is still there."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.gone = False

    def answer(self, data: bytes, now: float) -> None:
        assert now
        self.told.append(data)


def question(caller: Caller, ask: str, **how: Any) -> Question:
    return Question(cast("Visitor", caller), ask, **how)


def desk(last: Report | None = None) -> tuple[Desk, list[float]]:
    wanted: list[float] = []
    return Desk(lambda: STATUS, lambda: last, wanted.append), wanted


def test_the_status_is_told_at_once() -> None:
    made, wanted = desk()
    caller = Caller()
    made.asked(question(caller, "status"), 5.0)

    assert b'"state": "starting"' in caller.told[0]
    assert wanted == []


def test_a_report_is_told_where_there_is_one() -> None:
    caller = Caller()
    desk()[0].asked(question(caller, "report"), 5.0)
    desk(report())[0].asked(question(caller, "report"), 5.0)

    assert b"no pass has been made yet" in caller.told[0]
    assert b"as desired: 2 ENIs, 7 items" in caller.told[1]


def test_a_pass_is_for_who_asked_before_the_cloud_did_answer() -> None:
    made, wanted = desk(report())
    early, late = Caller(), Caller()
    made.asked(question(early, "look"), 5.0)
    made.asked(question(late, "look"), 7.0)
    assert wanted == [5.0, 7.0]
    assert made.wants(6.0)
    made.passed(6.0, 8.0)

    assert (len(early.told), len(late.told)) == (1, 0)
    assert made.wants(6.0)
    made.passed(7.5, 9.0)
    assert (len(early.told), len(late.told)) == (1, 1)
    assert not made.wants(0.0)


def test_who_hung_up_wants_nothing() -> None:
    made, _ = desk(report())
    caller = Caller()
    made.asked(question(caller, "look"), 5.0)
    assert made.waits_for(6.0)
    caller.gone = True

    assert not made.waits_for(6.0)
    assert not made.wants(0.0)


def test_what_went_wrong_is_told_to_who_has_waited_long_enough() -> None:
    made, _ = desk(report())
    early, late = Caller(), Caller()
    made.asked(question(early, "look"), 5.0)
    made.asked(question(late, "look"), 7.0)
    made.failed("busy", "wait", 1, 8.0, before=6.0)

    assert early.told == [b'{"error": "busy", "hint": "wait", "code": 1}']
    assert late.told == []


def test_words_are_said_in_the_language_of_who_asks() -> None:
    waiting = replace(STATUS, waits=(say("an answer of the cloud"),))
    made = Desk(lambda: waiting, report, lambda _: None)
    english, chinese = Caller(), Caller()
    for caller, lang in ((english, "en"), (chinese, "zh")):
        made.asked(question(caller, "status", lang=lang), 5.0)
        made.asked(question(caller, "look", lang=lang), 5.0)
    made.failed(say("the daemon hung up"), say("run it with sudo"), 1, 8.0, before=6.0)

    told = [[json.loads(answer) for answer in caller.told] for caller in (english, chinese)]
    assert [status["waits"] for status, _ in told] == [["an answer of the cloud"], ["云端的应答"]]
    assert [status["state"] for status, _ in told] == ["starting", "starting"]
    assert [error["error"] for _, error in told] == ["the daemon hung up", "守护进程断开了连接"]
    assert [error["hint"] for _, error in told] == ["run it with sudo", "请用sudo运行"]


def test_a_report_is_printed_as_it_is_asked_for() -> None:
    json_ = printed(report(), question(Caller(), "look", format="json"))

    assert json_["out"].startswith('{\n  "version": 1,')
    assert (json_["err"], json_["code"]) == ("", 0)
