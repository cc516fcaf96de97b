"""The fifteen answers, in the order of the cloud's FAQ."""

from collections.abc import Callable
from typing import Final

from eip_agent.core.faq.answer import Answer
from eip_agent.core.faq.gateways import balancers, console, dnat, nat_gateways
from eip_agent.core.faq.internet import firewall_origin, internet
from eip_agent.core.faq.ipv6 import ipv6
from eip_agent.core.faq.quotas import quotas
from eip_agent.core.faq.refusals import refusals
from eip_agent.core.faq.resources import regions, resources, several_resources, zones
from eip_agent.core.faq.several import several
from eip_agent.core.faq.visibility import visibility
from eip_agent.core.scene import Scene

QUESTIONS: Final[tuple[Callable[[Scene], Answer], ...]] = (
    resources,
    several_resources,
    regions,
    zones,
    quotas,
    balancers,
    console,
    nat_gateways,
    dnat,
    refusals,
    visibility,
    several,
    internet,
    ipv6,
    firewall_origin,
)


def answers(scene: Scene) -> tuple[Answer, ...]:
    """All of them for this instance."""
    return tuple(question(scene) for question in QUESTIONS)
