"""What each source claims, before anybody weighs it."""

from dataclasses import replace
from typing import Any

from eip_agent.core.claims import Case, claims_of, eips_of
from eip_agent.core.message import Message
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import Bound, EipFact
from eip_agent.core.settings import Mode
from tests.builders import declared, eni, ip4, port


def told(ip: str, mode: Mode | None = Mode.NAT, **overrides: Any) -> EipFact:
    return replace(EipFact(ip4(ip), f"eip-{ip}", Bound.ENI, "eni-1", mode), **overrides)


def test_only_what_is_bound_to_the_eni_is_its_own() -> None:
    eips = [
        told("203.0.113.1"),
        told("203.0.113.2", bound=Bound.NAT_GATEWAY, mode=Mode.MULTI_EIP_VISIBLE),
        told("203.0.113.3", bound=Bound.ECS, instance_id="i-1"),
        told("203.0.113.4", instance_id="eni-2"),
    ]

    assert eips_of(eni(1), "i-1", eips, primary=False) == [eips[0]]
    assert eips_of(eni(1), "i-1", eips, primary=True) == [eips[0], eips[2]]


def test_every_source_says_so_in_words_that_can_be_said_in_another_language() -> None:
    seen = Case(
        port(1),
        declared=[declared("203.0.113.10")],
        told=[told("203.0.113.10", private_address=ip4("192.168.1.10"), status="Associating")],
        offer=OfferFact(7, ip4("192.168.1.10"), 24, ip4("192.168.1.253")),
    )
    evidence = [one for claim in claims_of(seen) for one in claim.because]

    assert [one.source for one in evidence] == ["settings", "OpenAPI", "DHCP offer"]
    assert all(isinstance(text, Message) for one in evidence for text in (one.source, one.says))
    assert evidence[1].says == "203.0.113.10 is nat for 192.168.1.10 (eip-203.0.113.10, Associating)"
    assert evidence[2].says == "192.168.1.10/24 by 192.168.1.253, of the vSwitch 192.168.1.0/24"
