"""The frequent questions, answered for the demo's instance; after a change on purpose: EIP_AGENT_UPDATE_GOLDEN=1."""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import DEMO
from tests.lab.support import needs_openapi

pytestmark = [
    pytest.mark.lab,
    needs_openapi,
]

GOLDEN: Final = Path(__file__).parent.parent / "golden" / "faq"
UPDATE: Final = "EIP_AGENT_UPDATE_GOLDEN" in os.environ  # noqa: TID251  no setting of the agent


def questions(cloud: Cloud, *options: str) -> list[dict[str, Any]]:
    done = cloud.agent("explain", "faq", "--format", "json", *options)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["version"] == 1
    found: list[dict[str, Any]] = document["questions"]
    return found


def spelled(question: dict[str, Any]) -> str:
    """One answer with all its parts."""
    lines = [f"{question['number']}. {question['question']}", f"  answer   {question['answer']}"]
    lines += [f"  today    {one}" for one in question["general"]]
    lines += [f"  {point['sign']:<8} {' '.join([point['says'], *point['findings']])}" for point in question["here"]]
    lines += [f"  unseen   {gap['what']}\n  do       {gap['how']}" for gap in question["unknown"]]
    return "\n".join([*lines, ""])


def test_all_fifteen_for_the_demo_in_both_languages() -> None:
    with Cloud(DEMO, boot="dhcp", peers=False) as cloud:
        cloud.settings(cloud.openapi_settings())
        assert cloud.agent("apply").returncode == 0
        english, chinese = (questions(cloud, "--lang", lang) for lang in ("en", "zh"))

        assert [question["number"] for question in english] == list(range(1, 16))
        signs = {point["sign"] for question in english for point in question["here"]}
        assert "wrong" not in signs, "the demo is healthy"
        for one, other in zip(english, chinese, strict=True):
            path, text = GOLDEN / f"{one['number']:02}.txt", f"{spelled(one)}\n{spelled(other)}"
            if UPDATE:
                path.write_text(text, encoding="utf-8")
            assert text == path.read_text(encoding="utf-8")

        (single,) = questions(cloud, "11")
        assert single == english[10]
        shown = cloud.agent("explain", "faq", "11")
        assert shown.stdout.startswith(f"11. {single['question']}\n  answer   {single['answer']}\n")
        listed = cloud.agent("explain", "faq").stdout
        assert all(f"{question['number']}. {question['question']}" in listed for question in english)


def test_silence_and_a_number_that_is_none_are_told_by_exit_codes() -> None:
    with Cloud(DEMO, peers=False) as cloud:
        for number in ("0", "16", "-1"):
            wrong = cloud.agent("explain", "faq", "--", number)
            assert (wrong.returncode, wrong.stdout) == (2, "")
            assert "there is no question" in wrong.stderr
            assert "1 to 15" in wrong.stderr
        assert cloud.agent("explain", "faq", "eleven").returncode == 2

        cloud.metadata.stop()
        cloud.settings("[metadata]\ndeadline = 0.5\ntimeout = 0.2\n")
        silent = cloud.agent("explain", "faq", "13")
        assert silent.returncode == 4
        assert "the metadata service does not tell" in silent.stdout
