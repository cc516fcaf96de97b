"""Scenes to look for findings in, without a kernel or a cloud."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.facts import CloudFact, KernelFact, Remembered, Unread
from eip_agent.core.finding import Finding
from eip_agent.core.host import HostFact, Manager
from eip_agent.core.openapi import ApiFact, Bound, EipFact
from eip_agent.core.report import Report
from eip_agent.core.scene import Scene
from eip_agent.core.settings import DeclaredEip, Mode, Settings
from tests.builders import cloud, ip4, kernel

ASKED = frozenset(("eni-0", "eni-1"))
"""The ENIs of the builders' instance."""


def scene_of(
    api: ApiFact | None = None,
    *,
    of: CloudFact | None = None,
    holds: KernelFact | None = None,
    declared: tuple[DeclaredEip, ...] = (),
    programs: tuple[str, ...] | None = None,
    **witnesses: Any,
) -> Scene:
    """What would be concluded of the builders' instance; `programs` are the managers that run."""
    of, holds, settings = of or cloud(), holds or kernel(), Settings(eips=declared)
    said = Witnesses(api, **witnesses)
    host = None if programs is None else HostFact(tuple(Manager(name, 7) for name in programs))
    report = conclude(of, holds, Remembered(), settings, said)
    return Scene(report, holds, said, settings, Remembered(), host=host)


def silent_scene(unread: Unread, of: CloudFact | None = None) -> Scene:
    """Where something could not be read at all."""
    return Scene(Report(of, unread=(unread,)), kernel(), Witnesses(), Settings(), Remembered())


def told(*eips: EipFact, **others: Any) -> ApiFact:
    """The OpenAPI has told of both ENIs."""
    return replace(ApiFact(eips=eips, asked=ASKED), **others)


def nat_eip(host: int = 11, eni: int = 1, private: str = "192.168.1.10", **overrides: Any) -> EipFact:
    """The EIP 203.0.113.`host` in NAT mode on an ENI."""
    default = EipFact(
        ip4(f"203.0.113.{host}"), f"eip-{host}", Bound.ENI, f"eni-{eni}", Mode.NAT, private_address=ip4(private)
    )
    return replace(default, **overrides)


def direct_eip(host: int = 10, **overrides: Any) -> EipFact:
    """The EIP 203.0.113.`host` of the instance itself."""
    return replace(EipFact(ip4(f"203.0.113.{host}"), f"eip-{host}", Bound.ECS, "i-1", Mode.NAT), **overrides)


def codes(findings: Iterable[Finding]) -> list[str]:
    """Their codes; every one is whole."""
    found = list(findings)
    assert all(one.subject and one.saw and one.means and one.do for one in found)
    assert not [command for one in found for command in one.commands if "None" in command]
    return [one.code for one in found]
