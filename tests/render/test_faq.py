"""Answers as text and for programs."""

from typing import Any

from eip_agent.core.faq.answer import Answer, Gap, Point, Sign
from eip_agent.core.message import say
from eip_agent.render.faq import listed, parts, whole
from eip_agent.render.language import ENGLISH
from eip_agent.render.paper import Paper, columns

ANSWER = Answer(
    10,
    say("Why can it not be bound?"),
    say("one cause holds"),
    (say("it is bound already"), say("or it is locked")),
    (
        Point(say("it is in {region}", region="cn-hangzhou")),
        Point(say("it runs"), Sign.FINE),
        Point(say("there is room for one"), Sign.ABSENT),
        Point(say("it is locked"), Sign.WRONG, ("EIP406", "EIP407")),
        Point(say("who owns it"), Sign.UNKNOWN),
    ),
    (Gap(say("its quota"), say("look in the console")),),
)


def test_a_whole_answer_has_every_part_once() -> None:
    assert list(whole(ANSWER, Paper())) == [
        "10. Why can it not be bound?",
        "  answer   one cause holds",
        "",
        "  today    it is bound already",
        "           or it is locked",
        "",
        "  here     it is in cn-hangzhou",
        "  ok       it runs",
        "  no       there is room for one",
        "  wrong    it is locked (see EIP406, EIP407)",
        "  unknown  who owns it",
        "",
        "  unseen   its quota",
        "  do       look in the console",
    ]


def test_the_list_is_two_lines_a_question_and_says_how_to_go_on() -> None:
    lines = list(listed([ANSWER, ANSWER], Paper()))

    assert lines[:2] == ["10. Why can it not be bound?", "    one cause holds"]
    assert len(lines) == 6
    assert "eip-agent explain faq N" in lines[-1]


def test_lines_fit_their_paper() -> None:
    assert all(columns(line) <= 34 for line in whole(ANSWER, Paper(width=34)))


def test_programs_get_signs_and_codes() -> None:
    document: Any = parts([ANSWER], ENGLISH)
    (part,) = document["questions"]

    assert part["number"] == 10
    assert part["here"][3] == {"says": "it is locked", "sign": "wrong", "findings": ["EIP406", "EIP407"]}
    assert part["unknown"] == [{"what": "its quota", "how": "look in the console"}]
