"""What programs read: everything, in JSON's own types, under a version."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from eip_agent.core.changes import Change, Why
from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.explanation import explanation
from eip_agent.core.facts import Remembered, Unread
from eip_agent.core.report import Refusal, Report, Result
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Settings
from eip_agent.render import explanation as rendered
from eip_agent.render.json import VERSION, _plain, document, spelled
from eip_agent.render.language import ENGLISH
from tests.builders import address_item, cloud, eni, kernel, link, rule_item
from tests.schema import faults_of, schema_of
from tests.strategies import World, worlds


def told(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document(report))
    return found


def test_the_version_and_the_outcome_come_first() -> None:
    found = told(Report(None, unread=(Unread("mac", "timed out"),)))

    assert list(found)[:2] == ["version", "outcome"]
    assert (found["version"], found["outcome"]) == (VERSION, "facts missing")
    assert [(one["path"], one["reason"]) for one in found["unread"]] == [("mac", "timed out")]


def test_a_change_is_told_as_text_and_in_parts() -> None:
    found = told(Report(cloud(), plan=(Change(None, address_item("192.168.1.10"), Why.MISSING),)))["plan"][0]

    assert found["text"] == "+ address 192.168.1.10/24 dev eth1 noprefixroute"
    assert found["why"] == "desired, not present"
    assert found["before"] is None
    assert found["after"]["kind"] == "address"
    assert found["after"]["link"] == {"index": 3, "name": "eth1"}


def test_a_refusal_is_told_with_its_number() -> None:
    step = Change(None, rule_item(), Why.MISSING)
    found = told(Report(cloud(), result=Result(refused=(Refusal(step, 17, "File exists"),))))

    assert [(no["errno"], no["says"], no["change"]["text"]) for no in found["result"]["refused"]] == [
        (17, "File exists", str(step))
    ]


def test_a_story_tells_verdict_and_evidence() -> None:
    found = told(conclude(cloud(eni(0), eni(1)), kernel(link(0), link(1)), Remembered(), Settings()))["stories"][1]

    assert found["verdict"]["mode"] == "nat"
    assert found["verdict"]["because"] == [{"source": "metadata private-ipv4s", "says": "192.168.1.10"}]
    assert found["exits"][0]["sources"] == ["192.168.1.10/32"]


@given(worlds())
@settings(max_examples=20)
def test_every_report_can_be_told(world: World) -> None:
    report = conclude(world.cloud, world.kernel, Remembered(), world.settings)
    found = told(report)

    assert len(found["plan"]) == len(report.plan)
    assert found["outcome"] == report.outcome.value


def test_it_ends_in_a_newline() -> None:
    assert document(Report(None)).endswith("}\n")


def test_what_has_no_json_is_no_report() -> None:
    with pytest.raises(TypeError, match="no JSON for set"):
        _plain({1}, ENGLISH)


# --- the schema that is shipped ---------------------------------------------------------------------------------------


def required(schema: Any, name: str) -> list[str]:
    found: list[str] = schema["$defs"][name]["required"]
    return found


def test_the_schema_is_one_and_of_this_version() -> None:
    schema = schema_of()

    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["version"] == {"const": VERSION}


@given(worlds())
@settings(max_examples=20)
def test_every_report_is_as_the_schema_says(world: World) -> None:
    report = conclude(world.cloud, world.kernel, Remembered(), world.settings)
    scene = Scene(report, world.kernel, Witnesses(), world.settings, Remembered())

    assert faults_of(document(report)) == []
    assert faults_of(spelled(rendered.parts(explanation(scene)))) == []


def test_every_form_of_a_result_is_as_the_schema_says() -> None:
    step = Change(None, rule_item(), Why.MISSING)
    no = Refusal(step, 17, "File exists")
    report = Report(cloud(), result=Result((step,), (no,), (step.inverse(),), (no,)), left=(step,))

    assert faults_of(document(report)) == []
    assert faults_of(document(Report(None, unread=(Unread("mac", "timed out"),)))) == []


@pytest.mark.parametrize("key", required(schema_of(), "pass"))
def test_a_missing_key_is_seen(key: str) -> None:
    found = told(Report(cloud()))
    del found[key]

    assert faults_of(json.dumps(found))


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": VERSION + 1},
        {"outcome": "fine"},
        {"topic": "whatever"},
        {"topic": "eip"},
        {"plan": [{"text": "route", "before": None, "after": None, "why": ""}]},
        {"findings": [{"code": "X1"}]},
        {"stories": [{}]},
        {"chains": []},
    ],
    ids=str,
)
def test_what_is_otherwise_is_seen(wrong: dict[str, object]) -> None:
    assert faults_of(json.dumps({**told(Report(cloud())), **wrong}))
