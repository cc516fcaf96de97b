"""Passes to be told about, without a kernel or a cloud."""

from typing import Any

from eip_agent.core.changes import Change, Why
from eip_agent.core.conclude import Witnesses
from eip_agent.core.items import Item
from eip_agent.core.report import Refusal, Report, Result, Story
from eip_agent.core.settings import Mode
from eip_agent.core.verdict import Certainty, Evidence, Verdict
from eip_agent.daemon.keeper import Done
from eip_agent.lookout import Seen
from eip_agent.reconcile import Pass
from tests.builders import cloud, eni, kernel, link, rule_item

RULE = rule_item()
"""A rule to the table of eth1."""
ADDED = Change(None, RULE, Why.MISSING)


def seen(**values: Any) -> Seen:
    """What a quiet instance tells."""
    given: dict[str, Any] = {"told_at": 50.0, "asked_at": 40.0, **values}
    return Seen(cloud(), kernel(link(0), link(1)), Witnesses(), **given)


def report(**values: Any) -> Report:
    """A report of two ENIs in NAT mode."""
    stories = tuple(Story(eni(n), link(n), n == 0, _nat(n)) for n in (0, 1))
    return Report(cloud(), stories, items=7, **values)


def done(*applied: Change, repairs: frozenset[Change] = frozenset(), **values: Any) -> Done:
    """A pass that did this."""
    result = Result(applied) if applied else None
    return Done(made(report(result=result, **values)), repairs, ())


def made(told: Report, held: frozenset[Item] = frozenset(), **values: Any) -> Pass:
    """A pass with that report."""
    return Pass(told, values.pop("seen", seen()), told.plan, held=held, **values)


def refused(change: Change) -> Result:
    """A result in which the kernel would not take it."""
    return Result((), (Refusal(change, 17, "File exists"),))


def _nat(number: int) -> Verdict:
    return Verdict(eni(number).mac, Mode.NAT, Certainty.PROBABLE, (Evidence("metadata", "x"),))
