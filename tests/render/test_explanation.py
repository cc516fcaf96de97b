"""Whole explanations as people read them, in both languages: compared with the texts below `tests/golden/explain/`.

After a change on purpose: `EIP_AGENT_UPDATE_GOLDEN=1 pytest tests/render`, then read the difference.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from eip_agent.core.explanation import Excerpt, Explanation, about_eip, about_eni, explanation
from eip_agent.core.facts import Unread
from eip_agent.core.finding import Kind, Severity
from eip_agent.core.openapi import Bound
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.render import explanation as rendered
from eip_agent.render.json import spelled
from eip_agent.render.language import ENGLISH, language
from eip_agent.render.paper import Paper, columns
from tests.builders import cloud, declared, eni, ip4, kernel, link
from tests.core.findings.support import direct_eip, nat_eip, scene_of, told

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "explain"
UPDATE: Final = "EIP_AGENT_UPDATE_GOLDEN" in os.environ  # noqa: TID251  no setting of the agent
HERE: Final = kernel(link(0), link(1, up=False), link(2))
TWO: Final = (ip4("192.168.1.10"), ip4("192.168.1.11"))
CLOUD: Final = cloud(eni(0), eni(1, private_ipv4s=TWO), eni(2), instance_type="ecs.g8i.large")
SLB: Final = replace(nat_eip(99), bound=Bound.SLB, instance_id="lb-99")


ODD: Final = Kind(
    "EIP998",
    Severity.ERROR,
    "a link is odd",
    saw="{link} is odd",
    means="what comes in by it is odd too",
    do="make it even",
    commands=("ip link set {link} even",),
    proof="tests/render/test_explanation.py",
)
QUIET: Final = Kind("EIP999", Severity.NOTE, "quiet", "all is quiet", "nothing is heard", "nothing")


def found(scene: Scene) -> Explanation:
    """With findings that no change of what is looked for changes."""
    findings = (*(ODD.on(link, about=(link,), link=link) for link in ("eth1", "eth2")), QUIET.on("host"))
    return explanation(replace(scene, report=replace(scene.report, findings=findings)))


TOLD: Final = found(
    scene_of(
        told(direct_eip(), nat_eip(11), nat_eip(12, private="192.168.1.11"), SLB),
        of=CLOUD,
        holds=HERE,
        declared=(declared("203.0.113.20", Mode.EIP_VISIBLE, 2),),
        programs=("NetworkManager",),
    )
)
UNTOLD: Final = found(scene_of(of=CLOUD, holds=HERE))
SILENT: Final = explanation(
    replace(
        scene_of(of=CLOUD, holds=HERE),
        report=replace(UNTOLD.report, unread=(Unread("metadata service", "timed out"),), advice="see the route to it"),
    )
)
EIP: Final = about_eip(TOLD, ip4("203.0.113.12"))
ENI: Final = about_eni(TOLD, "eth2")
SHOWN: Final[dict[str, Explanation | Excerpt | None]] = {
    "told": TOLD,
    "untold": UNTOLD,
    "silent": SILENT,
    "eip": EIP,
    "eni": ENI,
}


def shown(what: Explanation | Excerpt | None, paper: Paper) -> list[str]:
    if isinstance(what, Explanation):
        return list(rendered.lines(what, paper))
    assert what is not None
    return list(rendered.excerpt_lines(what, paper))


@pytest.mark.parametrize("code", ["en", "zh"])
@pytest.mark.parametrize("name", SHOWN)
def test_an_explanation_reads_well(name: str, code: str) -> None:
    path = GOLDEN / f"{name}.{code}.txt"
    lines = "".join(f"{line}\n" for line in shown(SHOWN[name], Paper(language(code), 100)))
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(lines, encoding="utf-8")

    assert lines == path.read_text(encoding="utf-8")


def test_no_text_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}.{code}.txt" for name in SHOWN for code in ("en", "zh")}


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("code", ["en", "zh"])
@pytest.mark.parametrize("width", [60, 80, 132])
def test_no_line_is_wider_than_the_paper(name: str, code: str, width: int) -> None:
    """But what cannot be broken, as a command, a change as `ip` spells it, or a closing mark."""
    lines = shown(SHOWN[name], Paper(language(code), width))
    wide = [line for line in lines if columns(line) > width + 2]

    assert not [line for line in wide if line.lstrip()[:2] not in ("+ ", "~ ", "- ", "$ ") and len(line.split()) > 8]


def test_the_verdict_stands_on_top_and_the_plan_below() -> None:
    lines = shown(TOLD, Paper())

    assert lines[0] == "i-1: 3 ENIs, 5 EIPs"
    assert lines[1].startswith("to do: ")
    plan = next(number for number, line in enumerate(lines) if line.startswith("plan: "))
    assert all(line.startswith("  ") for line in lines[plan + 1 :])


def test_signs_are_plain_where_the_encoding_has_no_others() -> None:
    assert "\n".join(shown(EIP, Paper(ascii=True))).isascii()


def test_as_json_it_has_everything() -> None:
    parts: dict[str, Any] = json.loads(spelled(rendered.parts(TOLD)))
    excerpt = json.loads(spelled(rendered.excerpt_parts(EIP))) if EIP else {}

    assert [chain["eip"] for chain in parts["chains"]][-1] == "203.0.113.99"
    assert parts["outcome"] == TOLD.outcome.value
    assert parts["hidden"]["choices"][0]["mode"] == "secondary-cidr"
    assert (excerpt["asked"], len(excerpt["chains"])) == ("203.0.113.12", 1)
    assert json.loads(spelled(rendered.parts(TOLD), ENGLISH)) == parts
