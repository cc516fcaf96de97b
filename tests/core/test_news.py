"""Something is said when it appears and when it is over."""

from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.news import news

moments = st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=2)), max_size=10)


def test_what_stays_is_said_once() -> None:
    new, over, known = news({}, {"a": "a is so", "b": "b is so"})
    assert (new, over) == (("a is so", "b is so"), ())
    new, over, known = news(known, {"a": "a is so since 3 s", "c": "c is so"})

    assert (new, over) == (("c is so",), ("b is so",))
    assert news(known, {"c": ""})[:2] == ((), ("a is so",)), "what is over is told in the words it was told in"


@given(moments)
def test_all_that_is_said_to_be_over_was_said_to_be_so(told: list[dict[Hashable, str]]) -> None:
    known: dict[Hashable, str] = {}
    standing = 0
    for now in told:
        new, over, known = news(known, now)
        standing += len(new) - len(over)

        assert standing == len(now)
        assert set(known) == set(now)
