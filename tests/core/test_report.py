"""What a report amounts to: the worst of what there is to say."""

from dataclasses import replace
from typing import Any

import pytest

from eip_agent.core.changes import Change, Why
from eip_agent.core.facts import Unread
from eip_agent.core.report import Outcome, Refusal, Report, Result, Story, unread_of
from eip_agent.core.settings import Mode
from eip_agent.core.verdict import Certainty, Verdict
from tests.builders import cloud, eni, link, mac, rule_item

STEP = Change(None, rule_item(), Why.MISSING)
UNREAD = Unread("macs/x/gateway", "timed out")
DOUBT = Story(eni(1), link(1), primary=False, verdict=Verdict(mac(1), Mode.UNDECIDED, Certainty.UNDECIDED, ()))


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, Outcome.AS_DESIRED),
        ({"plan": (STEP,)}, Outcome.PENDING),
        ({"plan": (STEP,), "result": Result((STEP,))}, Outcome.AS_DESIRED),
        ({"plan": (STEP,), "result": Result((STEP,)), "left": (STEP,)}, Outcome.REFUSED),
        ({"plan": (STEP,), "result": Result(refused=(Refusal(STEP, 1, "no"),))}, Outcome.REFUSED),
        ({"plan": (STEP,), "result": Result((STEP,), undone=(STEP.inverse(),))}, Outcome.REFUSED),
        ({"unread": (UNREAD,)}, Outcome.FACTS_MISSING),
        ({"unread": (UNREAD,), "plan": (STEP,)}, Outcome.FACTS_MISSING),
        ({"unread": (UNREAD,), "result": Result(refused=(Refusal(STEP, 1, "no"),))}, Outcome.REFUSED),
        ({"stories": (DOUBT,)}, Outcome.FACTS_MISSING),
        ({"stories": (replace(DOUBT, excluded=True),)}, Outcome.AS_DESIRED),
    ],
    ids=str,
)
def test_a_report_amounts_to_the_worst_of_it(fields: dict[str, Any], outcome: Outcome) -> None:
    assert Report(cloud(), **fields).outcome is outcome


def test_nobody_is_told_what_could_not_be_read_of_an_excluded_eni() -> None:
    silent = eni(1, unread=(UNREAD,))
    seen = cloud(eni(0), silent, unread=(Unread("region-id", "404"),))

    assert unread_of(seen, []) == (Unread("region-id", "404"), UNREAD)
    assert unread_of(seen, [silent]) == (Unread("region-id", "404"),)
