"""What people read, whole: compared with the texts below `tests/golden/`.

After a change on purpose: `EIP_AGENT_UPDATE_GOLDEN=1 pytest tests/render`, then read the difference.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from eip_agent.core.changes import Change, Why, diff
from eip_agent.core.conclude import conclude
from eip_agent.core.facts import Remembered, Unread
from eip_agent.core.finding import Kind, Severity
from eip_agent.core.report import Refusal, Report, Result
from eip_agent.core.settings import Mode, Settings
from eip_agent.render import text
from eip_agent.render.paper import Paper
from tests.builders import cloud, declared, eni, eni6, ip4, kernel, link, mac, rule_item

GOLDEN: Final = Path(__file__).parents[1] / "golden"
UPDATE: Final = "EIP_AGENT_UPDATE_GOLDEN" in os.environ  # noqa: TID251  no setting of the agent
NOTHING: Final = Remembered()
PAPER: Final = Paper()


def concluded(wanted: Settings | None = None) -> Report:
    """An instance with a NAT ENI of several addresses, and one that shows its EIPs."""
    many = tuple(ip4(f"192.168.1.{host}") for host in range(10, 17))
    enis = cloud(eni6(0), eni(1, private_ipv4s=many), eni(2))
    eips = (declared("203.0.113.10", Mode.MULTI_EIP_VISIBLE, 2), declared("198.51.100.70", Mode.MULTI_EIP_VISIBLE, 2))
    return conclude(enis, kernel(link(0), link(1, up=False), link(2)), NOTHING, wanted or Settings(eips=eips))


def whole(report: Report) -> Iterator[str]:
    yield from text.plan_lines(report, PAPER)
    yield from text.result_lines(report, PAPER)
    yield from text.trouble_lines(report, PAPER)


PLANNED: Final = concluded()
DONE: Final = replace(PLANNED, result=Result(PLANNED.plan))
NO: Final = Refusal(PLANNED.plan[-1], 1, "Operation not permitted")
UNDONE: Final = tuple(change.inverse() for change in reversed(PLANNED.plan[:3]))
DOUBTFUL: Final = Settings(
    eips=(declared("203.0.113.5"), declared("203.0.113.6", Mode.EIP_VISIBLE), declared("203.0.113.7", number=9)),
    exclude_macs=frozenset({mac(2)}),
)
STORIES: Final = {
    "planned": PLANNED,
    "done": replace(DONE, stories=()),
    "as_desired": replace(PLANNED, plan=(), findings=()),
    "doubtful": concluded(DOUBTFUL),
    "refused": Report(cloud(), result=Result((), (NO,), UNDONE)),
    "stuck": Report(cloud(), result=Result((), (NO,), UNDONE, (replace(NO, change=UNDONE[0]),))),
    "not_confirmed": Report(cloud(), result=Result(PLANNED.plan[:3], undone=UNDONE)),
    "not_verified": Report(cloud(), result=Result(PLANNED.plan[:3]), left=PLANNED.plan[:1]),
    "silent": Report(None, unread=(Unread("metadata service", "timed out"),), advice="check the route to it"),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_reads_well(name: str) -> None:
    path = GOLDEN / f"{name}.txt"
    lines = "".join(f"{line}\n" for line in whole(STORIES[name]))
    if UPDATE:
        path.write_text(lines)

    assert lines == path.read_text()


def test_no_text_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(STORIES)


def lines_of(plan: Iterable[Change]) -> list[str]:
    return list(text.plan_lines(Report(cloud(), plan=tuple(plan)), PAPER))


def test_a_long_plan_is_cut_short() -> None:
    found = lines_of(diff([], [rule_item(f"192.168.1.{host}/32") for host in range(100)], lambda _: True))

    assert len(found) == 2 + text.SHOWN
    assert found[0] == "plan: 100 to add, 0 to replace, 0 to remove"
    assert found[-1] == "  ... and 40 more (`--format json` lists them all)"


def test_nothing_is_as_desired_while_something_is_unread() -> None:
    assert list(text.plan_lines(Report(cloud(), unread=(Unread("x", "y"),)), PAPER)) == []
    assert list(text.plan_lines(Report(None), PAPER)) == []


def test_a_missing_fact_is_not_said_to_leave_all_as_it_is_where_something_changes() -> None:
    """A pass by the last known good changes things while the metadata service is silent."""
    silent = (Unread("metadata service", "timed out"),)
    for report in (replace(DONE, unread=silent), Report(None, unread=silent)):
        (means,) = (line for line in text.trouble_lines(replace(report, findings=()), PAPER) if "means" in line)
        assert "stays as it is" not in means
        assert "nothing is removed because of it" in means


def test_a_pass_that_was_undone_removed_something_after_all() -> None:
    unasked = replace(STORIES["not_confirmed"], unread=(Unread("confirmation", "no socket"),))

    assert list(text.trouble_lines(unasked, PAPER)) == ["not read confirmation: no socket"]


def test_one_thing_has_no_plural() -> None:
    step = Change(None, rule_item(), Why.MISSING)
    report = Report(cloud(), result=Result((step,), undone=(step.inverse(),)))

    assert list(text.result_lines(report, PAPER)) == ["not confirmed: 1 change undone"]


def test_what_is_accepted_says_so_and_stands_for_itself() -> None:
    kind = Kind("EIP998", Severity.ERROR, "odd", "{link} is odd", "it limps", "make it even")
    one, other = (kind.on(name, link=name) for name in ("eth0", "eth1"))

    assert list(text.finding_lines((one, replace(other, accepted=True)), PAPER)) == [
        "EIP998 error    eth0: eth0 is odd",
        "  means    it limps",
        "  do       make it even",
        "EIP998 note     eth1: eth1 is odd",
        "  accepted by the settings: it is known, and asks for nothing",
        "  means    it limps",
        "  do       make it even",
    ]
