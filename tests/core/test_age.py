"""Time spans as people say them."""

import pytest

from eip_agent.core.age import age


@pytest.mark.parametrize(
    ("seconds", "says"), [(-5, "0 s"), (59, "59 s"), (60, "1 minute"), (7300, "2 hours"), (90000, "1 day")]
)
def test_an_age_reads_as_people_say_it(seconds: float, says: str) -> None:
    assert says == age(seconds)
