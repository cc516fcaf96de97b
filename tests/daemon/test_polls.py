"""When the cloud is asked next: at its pace, sooner after silence and for who waits, and never more often than that."""

from dataclasses import replace

from eip_agent.core.facts import Unread
from eip_agent.core.openapi import ApiFact
from eip_agent.core.settings import Settings
from eip_agent.daemon.polls import ATTACHED, GIVE_UP, OPENAPI, SILENT, Polls
from eip_agent.lookout import Seen
from eip_agent.reconcile import WITNESS_PAUSE
from tests.daemon.support import seen

SETTINGS = Settings(poll=60, openapi_poll=300)
NOBODY: frozenset[object] = frozenset()
NEW: frozenset[object] = frozenset({"eth5"})


def polls(now: float = 0.0) -> Polls:
    return Polls(SETTINGS, now, lambda: 0.5)


def silent(one: Seen) -> Seen:
    return replace(one, witnesses=replace(one.witnesses, silent=True))


def denied(one: Seen) -> Seen:
    return replace(one, witnesses=replace(one.witnesses, api=ApiFact(unread=(Unread("openapi", "denied"),))))


def test_everybody_is_asked_first_and_each_at_its_own_pace_from_then_on() -> None:
    assert polls(7.0).at == 7.0
    made = polls(7.0)
    assert made.ask(7.0), "all others too"
    assert (made.at, made.asked_at, made.answered_at) == (None, 7.0, -1.0)
    first = seen(asked_at=7.0)
    made.answered(first, None, 8.0)

    assert (made.at, made.answered_at) == (8.0 + 60, 7.0)
    assert not made.ask(68.0)
    made.answered(first, first, 69.0)
    assert not made.ask(8.0 + 299)
    assert made.ask(8.0 + 300)


def test_a_silent_metadata_service_is_asked_ever_later_up_to_the_usual_pace() -> None:
    made, pauses = polls(), []
    for answer in (None, silent(seen()), *[None] * 5):
        made.ask(100.0)
        made.answered(answer, None, 100.0)
        assert made.at is not None
        pauses.append(made.at - 100.0)

    assert pauses == [SILENT, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    made.ask(100.0)
    made.answered(seen(), None, 100.0)
    made.ask(200.0)
    made.answered(None, seen(), 200.0)
    assert made.at == 200.0 + SILENT, "it had spoken in between"


def test_the_openapi_that_denies_is_asked_ever_later() -> None:
    made = polls()
    for number, pause in enumerate((OPENAPI, 60.0, 120.0, 240.0, 300.0)):
        now = 1000.0 * (number + 1)
        assert made.ask(now)
        made.answered(denied(seen(asked_at=now)), seen(), now)
        assert not made.ask(now + pause - 1)
        assert made.ask(now + pause)


def test_somebody_who_waits_is_not_kept_waiting_longer_than_before() -> None:
    made = polls(50.0)
    made.soon(60.0)
    assert made.at == 50.0
    made.ask(50.0)
    made.soon(70.0)
    made.everybody(55.0)

    assert made.at == 55.0
    assert made.ask(55.0)


def test_a_condemned_address_is_asked_for_again_soon_and_then_later() -> None:
    made, pauses = polls(), []
    for _ in range(3):
        made.ask(10.0)
        made.answered(seen(), None, 10.0)
        made.passed(10.0, doomed=True, newcomers=NOBODY, busy=False)
        assert made.at is not None
        pauses.append(made.at - 10.0)
    made.passed(10.0, doomed=False, newcomers=NOBODY, busy=False)
    made.ask(20.0)
    made.passed(20.0, doomed=True, newcomers=NOBODY, busy=True)

    assert pauses == [WITNESS_PAUSE, 2 * WITNESS_PAUSE, 4 * WITNESS_PAUSE]
    assert made.at == 20.0, "a second after what was said at ten"


def test_a_link_that_is_not_listed_is_asked_for_until_nobody_expects_it_any_more() -> None:
    made = polls()
    made.ask(10.0)
    made.passed(10.0, doomed=False, newcomers=NEW, busy=True)
    assert made.at == 10.0, "one more, at once"
    made.ask(10.0)
    made.passed(11.0, doomed=False, newcomers=NEW, busy=True)
    assert made.at is None, "the answer may list it"
    now, asked = 10.0, 0
    while True:
        made.answered(replace(seen(), told_at=now), seen(), now)
        usual = made.at
        made.passed(now, doomed=False, newcomers=NEW, busy=False)
        assert made.at is not None
        if made.at == usual and asked:
            break
        asked, now = asked + 1, made.at
        made.ask(now)

    assert asked == GIVE_UP
    made.ask(now)
    made.passed(now, doomed=False, newcomers=NEW | {"eth6"}, busy=False)
    assert made.at == now, "another one begins anew"
    assert ATTACHED.delay < 1


def test_passes_between_two_questions_use_up_no_patience() -> None:
    """A new link comes with a dozen events, and somebody's containers with a hundred."""
    made, pauses = polls(), list[float]()
    made.ask(10.0)
    made.passed(10.0, doomed=True, newcomers=NEW, busy=True)
    for _ in range(3):
        now = made.at or 0.0
        made.ask(now)
        made.answered(seen(), seen(), now)
        for number in range(50):
            made.passed(now + number / 1000, doomed=False, newcomers=NEW, busy=False)
        pauses.append((made.at or 0.0) - now)

    assert pauses == [ATTACHED.delay, ATTACHED.again().delay, ATTACHED.again().again().delay]


def test_other_settings_count_from_the_next_answer_on() -> None:
    made = polls()
    made.ask(0.0)
    made.change(replace(SETTINGS, poll=20.0))
    made.answered(seen(), None, 0.0)

    assert made.at == 20.0
