"""All fifteen, in order and whole, whatever is known."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from eip_agent.core.conclude import NOBODY_ELSE, conclude
from eip_agent.core.facts import Remembered, Unread
from eip_agent.core.faq.all import QUESTIONS, answers
from eip_agent.core.faq.answer import Answer
from eip_agent.core.scene import Scene
from eip_agent.core.silence import Silence
from tests.core.faq.support import WHOLE, explained, says, unseen
from tests.core.findings.support import silent_scene
from tests.strategies import World, worlds


def whole(given: tuple[Answer, ...]) -> None:
    assert [answer.number for answer in given] == list(range(1, 16))
    for answer in given:
        assert answer.question.endswith("?")
        assert all((answer.short, answer.general)), answer.number
        assert "None" not in f"{answer.short} {says(answer)} {unseen(answer)}", answer.number


@pytest.mark.parametrize("api", [WHOLE, None, replace(WHOLE, asked=frozenset(), eips=(), dnat=None, limits=None)])
def test_every_question_is_answered_with_and_without_the_openapi(api: object) -> None:
    given = answers(explained(api))  # type: ignore[arg-type]  # a table

    whole(given)
    assert all(answer.here for answer in given)


def test_without_the_metadata_service_every_answer_says_what_is_missing() -> None:
    given = answers(silent_scene(Unread("metadata service", "no", Silence.UNREACHABLE)))

    whole(given)
    lacking = [answer.number for answer in given if "which ENIs and addresses" not in unseen(answer)]
    assert lacking == [6, 7, 8], "what nothing of this instance decides"


@given(worlds())
@settings(max_examples=30)
def test_answering_never_fails(world: World) -> None:
    report = conclude(world.cloud, world.kernel, Remembered(), world.settings)
    whole(answers(Scene(report, world.kernel, NOBODY_ELSE, world.settings, Remembered())))


def test_questions_have_no_repeats() -> None:
    assert len({answer.question for answer in answers(explained())}) == len(QUESTIONS) == 15
