"""When to look next: bursts give one look, many looks give way, what fails is tried ever later."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.pace import (
    CREDIT,
    JITTER,
    LONGEST,
    QUIET,
    SHARE,
    Backoff,
    Budget,
    Burst,
    heard,
    jittered,
    soonest,
)

gaps = st.lists(st.floats(0, 0.2), min_size=1, max_size=60)


def times(between: list[float]) -> list[float]:
    found = [100.0]
    for gap in between:
        found.append(found[-1] + gap)
    return found


def test_a_single_event_is_looked_at_after_a_moment_of_quiet() -> None:
    assert heard(None, 5.0) == Burst(5.0, 5.0)
    assert heard(None, 5.0).due == 5.0 + QUIET


def test_a_burst_that_does_not_end_is_looked_at_all_the_same() -> None:
    burst = heard(heard(None, 5.0), 5.0 + LONGEST - 0.001)

    assert burst.due == 5.0 + LONGEST


@given(gaps)
def test_every_event_is_looked_at_in_time(between: list[float]) -> None:
    burst: Burst | None = None
    looks: list[float] = []
    for now in times(between):
        if burst is not None and burst.due < now:
            looks.append(burst.due)
            burst = None
        burst = heard(burst, now)
    assert burst is not None
    looks.append(burst.due)

    for now in times(between):
        assert any(now <= look <= now + LONGEST for look in looks)
    assert all(later - earlier >= QUIET for earlier, later in pairwise(looks))
    assert len(looks) <= 1 + (times(between)[-1] - 100) / QUIET


def test_events_close_together_give_one_look() -> None:
    burst: Burst | None = None
    for number in range(50):
        burst = heard(burst, 7.0 + number / 1000)

    assert burst is not None
    assert burst.due == 7.049 + QUIET


@given(st.lists(st.tuples(st.floats(0.001, 3), st.floats(0, 1)), min_size=1, max_size=50))
def test_looks_take_no_more_than_their_share(asked: list[tuple[float, float]]) -> None:
    """However soon the next event comes after a look, and however long each look takes."""
    budget, now, used, longest = Budget(at=0.0), 0.0, 0.0, 0.0
    for took, pause in asked:
        began = budget.free_at(now + pause)
        now = began + took
        used, longest = used + took, max(longest, took)
        budget = budget.spent(took, now)

        assert used <= CREDIT + SHARE * now + longest + 1e-6


@given(st.floats(0.001, 100), st.floats(0, 1000))
def test_no_look_waits_for_ever(took: float, now: float) -> None:
    budget = Budget(at=now).spent(took, now)

    assert now <= budget.free_at(now) <= now + took / SHARE + 1e-6


def test_after_a_rest_an_event_is_looked_at_at_once() -> None:
    tired = Budget().spent(50.0, 0.0)

    assert tired.free_at(1.0) > 200
    assert tired.free_at(10_000.0) == 10_000.0


@given(st.floats(0.1, 5), st.floats(5, 100), st.integers(0, 2000))
def test_a_backoff_grows_to_its_limit_and_stays(first: float, longest: float, tries: int) -> None:
    backoff = Backoff(first, longest)
    for _ in range(min(tries, 60)):
        assert backoff.again().delay >= backoff.delay
        backoff = backoff.again()

    assert Backoff(first, longest).delay == first
    assert Backoff(first, longest, tries).delay <= longest
    assert Backoff(first, longest, 60).delay == longest


@given(st.floats(1, 3600), st.floats(0, 1))
def test_jitter_keeps_a_period_about_what_it_is(period: float, chance: float) -> None:
    assert period * (1 - JITTER) <= jittered(period, chance) <= period * (1 + JITTER)
    assert jittered(period, 0.5) == period


def test_the_soonest_of_what_there_is() -> None:
    assert soonest(None, 3.0, 2.0) == 2.0
    assert soonest(None) is None
