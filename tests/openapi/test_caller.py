"""Tries, waits, and what is kept secret; whole calls are in `test_round` and `tests/sources/test_openapi.py`."""

from time import monotonic

import pytest

from eip_agent.core.message import say
from eip_agent.openapi.caller import CallError, Failure, Keys, again
from eip_agent.sources.openapi_fields import words_of
from tests.spoken import CHINESE


def refusing(errors: list[CallError], made: list[float]) -> str:
    made.append(monotonic())
    if errors:
        raise errors.pop(0)
    return "done"


def test_what_is_ours_tells_how_it_was_made_and_what_is_the_clouds_does_not() -> None:
    """The agent says it anew, in the language of who asks."""
    ours = Failure("Unreachable", say("no connection to {hosts}", hosts=("a.example", "b.example")))
    theirs = Failure("Forbidden.RAM", "{no}", 403)

    assert CHINESE(words_of(ours.told())) == "无法连接到a.example, b.example"
    assert words_of(ours.told()) == ours.message
    assert theirs.told() == {"code": "Forbidden.RAM", "message": "{no}", "status": 403}
    assert words_of(theirs.told()) == "{no}"


def test_what_passes_is_tried_again_with_longer_waits() -> None:
    made: list[float] = []
    errors = [CallError(Failure("Throttling.User", "", 400)) for _ in range(2)]

    assert again(lambda: refusing(errors, made), monotonic() + 5, lambda error, _: error.passing) == "done"
    assert made[1] - made[0] >= 0.125
    assert made[2] - made[1] >= 0.25


def test_a_wait_the_cloud_asks_for_is_kept() -> None:
    made: list[float] = []
    again(
        lambda: refusing([CallError(Failure("Throttling", ""), 0.4)][len(made) :], made),
        monotonic() + 5,
        lambda *_: True,
    )

    assert made[1] - made[0] >= 0.4


def test_no_wait_goes_beyond_the_deadline() -> None:
    made: list[float] = []
    errors = [CallError(Failure("Throttling", "")) for _ in range(9)]
    with pytest.raises(CallError):
        again(lambda: refusing(errors, made), monotonic() + 0.3, lambda *_: True)

    assert made[-1] - made[0] < 0.3


@pytest.mark.parametrize(
    ("failure", "passing", "throttled"),
    [
        (Failure("Throttling", "", 400), True, True),
        (Failure("Throttling.User", "", 400), True, True),
        (Failure("Rejected.Throttling", "", 429), True, True),
        (Failure("ServiceUnavailable", "", 503), True, False),
        (Failure("InternalError", "", 500), True, False),
        (Failure("Garbage", ""), True, False),
        (Failure("Forbidden.RAM", "", 403), False, False),
        (Failure("InvalidAccessKeyId.NotFound", "", 404), False, False),
        (Failure("Certificate", ""), False, False),
    ],
)
def test_what_is_worth_another_try(failure: Failure, passing: bool, throttled: bool) -> None:  # noqa: FBT001 - a table
    assert (CallError(failure).passing, CallError(failure).throttled) == (passing, throttled)


def test_secrets_are_taken_out_of_texts_however_they_are_spelt() -> None:
    keys = Keys("LTAIx", "se/cret=", "CAIS/to+ken==")

    assert keys.redact("a se/cret= b se%2Fcret%3D c CAIS/to+ken== d CAIS%2Fto%2Bken%3D%3D") == "a *** b *** c *** d ***"
    assert "cret" not in repr(keys)
    assert Keys("LTAIx", "s", "").redact("nothing") == "nothing"
