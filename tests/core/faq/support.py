"""Answers without a kernel or a cloud."""

from dataclasses import replace
from typing import Any, Final

from eip_agent.core.facts import CloudFact
from eip_agent.core.faq.answer import Answer, Sign
from eip_agent.core.findings.all import find_all
from eip_agent.core.openapi import ApiFact, LimitFact
from eip_agent.core.scene import Scene
from tests.builders import cloud
from tests.core.findings.support import direct_eip, nat_eip, scene_of, told

LIMITS: Final = LimitFact("ecs.g8i.large", 3, 2, 2)
WHOLE: Final = told(direct_eip(), nat_eip(), network_type="vpc", dnat=(), havips=(), limits=LIMITS)
"""The OpenAPI has told everything: an EIP of the instance, and one of its secondary ENI."""


def instance(*enis: Any, **others: Any) -> CloudFact:
    """What the metadata service says, with what only explains."""
    return cloud(*enis, instance_type="ecs.g8i.large", zone="cn-hangzhou-j", **others)


def explained(api: ApiFact | None = WHOLE, *, of: CloudFact | None = None, **others: Any) -> Scene:
    """A scene with all that is found in it."""
    scene = scene_of(api, of=of or instance(), **others)
    return replace(scene, report=replace(scene.report, findings=find_all(scene)))


def says(answer: Answer, sign: Sign | None = None) -> str:
    """Its points, those of one sign, as one text."""
    return "\n".join(point.says for point in answer.here if sign in (None, point.sign))


def unseen(answer: Answer) -> str:
    """Its gaps, as one text."""
    return "\n".join(f"{gap.what}: {gap.how}" for gap in answer.gaps)
