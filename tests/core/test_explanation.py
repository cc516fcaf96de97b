"""What an explanation comes to, and the parts of it."""

from dataclasses import replace

import pytest

from eip_agent.core.explanation import Explanation, about_eip, about_eni, counted, explanation, summary
from eip_agent.core.facts import Unread
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.openapi import Bound
from eip_agent.core.report import Outcome
from eip_agent.core.scene import Scene
from tests.builders import ip4, kernel, link
from tests.core.findings.support import nat_eip, scene_of, told

HERE = kernel(link(0), link(1))


def found(severity: Severity, *about: str) -> Finding:
    return Kind("EIP998", severity, "t", "s", "m", "d").on("x", about=about)


def accepted(*about: str) -> Finding:
    return replace(found(Severity.ERROR, *about), accepted=True)


def with_(scene: Scene, **changes: object) -> Explanation:
    return explanation(replace(scene, report=replace(scene.report, **changes)))  # type: ignore[arg-type]  # by name


SCENE = scene_of(told(nat_eip(11)), holds=HERE)


@pytest.mark.parametrize(
    ("changes", "outcome", "says"),
    [
        ({"plan": (), "findings": ()}, Outcome.AS_DESIRED, "nothing is wrong"),
        ({"plan": (), "findings": (found(Severity.NOTE),)}, Outcome.AS_DESIRED, "nothing is wrong; 1 note"),
        (
            {"plan": (), "findings": (found(Severity.WARNING), found(Severity.ERROR, "eth1"))},
            Outcome.TO_DO,
            "to do: what was found, which is 1 error, 1 warning",
        ),
        ({"plan": (), "findings": (accepted(),)}, Outcome.AS_DESIRED, "nothing is wrong; 1 that is accepted"),
        (
            {"plan": (), "findings": (found(Severity.WARNING), accepted(), accepted("eth1"))},
            Outcome.TO_DO,
            "to do: what was found, which is 1 warning, 2 that are accepted",
        ),
        (
            {"findings": (accepted(),)},
            Outcome.PENDING,
            f"to do: {len(SCENE.report.plan)} changes, which `eip-agent apply` makes; found: 1 that is accepted",
        ),
        (
            {"plan": (), "findings": (accepted(),), "unread": (Unread("x", "y"),)},
            Outcome.FACTS_MISSING,
            "facts are missing (1 not read); found: 1 that is accepted",
        ),
        (
            {"findings": ()},
            Outcome.PENDING,
            f"to do: {len(SCENE.report.plan)} changes, which `eip-agent apply` makes",
        ),
        (
            {"findings": (found(Severity.ERROR),), "unread": (Unread("x", "y"),)},
            Outcome.FACTS_MISSING,
            "facts are missing (1 not read); found: 1 error",
        ),
    ],
)
def test_it_comes_to_one_line(changes: dict[str, object], outcome: Outcome, says: str) -> None:
    found_ = with_(SCENE, **changes)

    assert found_.outcome is outcome
    assert [str(line) for line in summary(found_)] == ["i-1: 2 ENIs, 1 EIP", says]


def test_an_eip_is_found_by_itself_and_by_its_private_address() -> None:
    told_ = with_(SCENE, findings=(found(Severity.ERROR, "eth1", "192.168.1.99"), found(Severity.NOTE, "eth1")))
    for asked in ("203.0.113.11", "192.168.1.10"):
        part = about_eip(told_, ip4(asked))
        assert part is not None
        assert [chain.eip for chain in part.chains] == [ip4("203.0.113.11")]
        assert [story.link.link.name for story in part.stories] == ["eth1"]
        assert [finding.severity for finding in part.findings] == [Severity.NOTE], "the other is about another address"
        assert any("eth1" in str(change) for change in part.plan)
        assert not any("eth0" in str(change) for change in part.plan)
        assert part.outcome is Outcome.PENDING
        assert replace(part, plan=(), findings=(found(Severity.ERROR),), chains=()).outcome is Outcome.TO_DO
        assert replace(part, plan=(), findings=(accepted(),), chains=()).outcome is Outcome.AS_DESIRED
    assert about_eip(told_, ip4("203.0.113.99")) is None


@pytest.mark.parametrize("name", ["eth1", "eni-1", "00:16:3e:00:00:01", "00:16:3E:00:00:01"])
def test_an_eni_is_found_by_all_its_names(name: str) -> None:
    part = about_eni(with_(SCENE, findings=(found(Severity.ERROR, "192.168.1.10", "eth1"),)), name)

    assert part is not None
    assert [story.eni.eni_id for story in part.stories] == ["eni-1"]
    assert len(part.findings) == 1
    assert part.hidden is not None


def test_one_that_is_not_here_is_not_found() -> None:
    assert about_eni(explanation(SCENE), "eth9") is None


def test_a_way_that_ends_is_something_to_do() -> None:
    free = explanation(scene_of(told(replace(nat_eip(), bound=Bound.IP_ADDRESS, instance_id="10.9.9.9"))))
    part = about_eip(
        replace(free, scene=replace(free.scene, report=replace(free.report, plan=()))), ip4("203.0.113.11")
    )

    assert part is not None
    assert part.outcome is Outcome.TO_DO


def test_one_thing_has_no_plural() -> None:
    assert [str(counted(number, ("1 ox", "{number} oxen"))) for number in (1, 2)] == ["1 ox", "2 oxen"]
