"""What a query round gives, made without a network: the plan asks the simulated answers."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any, Final

from eip_agent.core.openapi import Bound, DnatFact, HavipFact
from eip_agent.lab.document import INSTANCE_TYPE, metadata_tree
from eip_agent.lab.openapi_answers import Quirks, answer
from eip_agent.lab.topology import DEMO, Eip, Elsewhere, Gateway4, Topology, eni, public, vswitch
from eip_agent.openapi.plan import Call, Request, first, first_page, next_page, then
from eip_agent.sources.document import decode as decode_metadata

CLOUD: Final = decode_metadata(metadata_tree(DEMO))
"""What the metadata service says of the demo."""
RICH: Final = replace(
    DEMO,
    static_ip=public(250),
    dnat=(
        DnatFact(public(230), "8080", IPv4Address("172.16.1.11"), "80", "tcp", "ngw-bp1a"),
        DnatFact(public(231), "any", IPv4Address("172.16.77.7"), "any", "any", "ngw-bp1b"),
    ),
    havips=(
        HavipFact(
            "havip-bp1a",
            IPv4Address("172.16.1.99"),
            "InUse",
            DEMO.instance_id,
            (DEMO.instance_id, "i-bp1other"),
            (public(240),),
        ),
    ),
    gateway4=Gateway4(frozenset(("vsw-lab1",)), nat="ngw-bp1a"),
    private6=DEMO.enis[1].ipv6s[1:],
    asking6=DEMO.enis[3].ipv6s,
    elsewhere=(
        Elsewhere(public(201), Bound.SLB, "lb-bp1a"),
        Elsewhere(public(202), Bound.NAT_GATEWAY, "ngw-bp1a", "MULTI_BINDED"),
        Elsewhere(public(203), Bound.HAVIP, "havip-bp1a"),
        Elsewhere(public(204), Bound.ECS, "i-bp1other"),
        Elsewhere(public(205)),
        Elsewhere(public(206), Bound.IP_ADDRESS, "172.16.1.10", private_address=IPv4Address("172.16.1.10")),
    ),
)
"""The demo, everything an EIP can be bound to besides, and all that can lead to the Internet."""


def wide(enis: int) -> Topology:
    """An instance with so many ENIs, each with an EIP."""
    return Topology(tuple(eni(n, vswitch(n), (10,), [Eip(public(10 + n))]) for n in range(enis)))


def document(
    topology: Topology, *, everything: bool = True, quirks: Quirks | None = None, declared: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What `eip_agent.openapi.round.ask` gives when nothing fails."""
    request = Request(
        region=topology.region,
        instance=topology.instance_id,
        enis=[one.eni_id for one in topology.enis],
        eips=list(declared),
        everything=everything,
        instance_type=INSTANCE_TYPE,
        endpoints={},
        ca_file=None,
        ram_role=None,
        timeout=1,
        until=1,
    )
    return {"calls": list(_calls(request, topology, quirks or Quirks()))}


def _calls(request: Request, topology: Topology, quirks: Quirks) -> Iterator[dict[str, Any]]:
    waiting, asked = list(first(request)), set()
    for call in waiting:
        key = (call.action, call.of, call.query.get("EipAddress"))
        if key not in asked:
            asked.add(key)
            answers = pages(call, request["region"], topology, quirks)
            waiting += then(request, call, answers)
            yield {"product": call.product, "action": call.action, "of": call.of, "answers": answers, "error": None}


def pages(call: Call, region: str, topology: Topology, quirks: Quirks) -> list[Any]:
    """All pages of one call."""
    answers: list[Any] = []
    page: dict[str, str] | None = first_page(call)
    while page is not None:
        answers.append(answer(topology, call.action, {"RegionId": region, **call.query, **page}, quirks))
        page = next_page(call, answers)
    return answers
