"""What to ask, and what an answer makes worth asking next.  Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

ECS: Final = "ecs"
VPC: Final = "vpc"
VERSIONS: Final = {ECS: "2014-05-26", VPC: "2016-04-28"}
AT_ONCE: Final = 8
"""Calls under way at the same time: 72 ENIs in seconds, and far below what the cloud throttles (800 a minute)."""
MOST_ADDRESSES: Final = 50
"""Addresses in one `EipAddress` filter, from the documentation."""

Answer = Mapping[str, Any]


class Request(TypedDict):
    """What the agent wants to know; times in seconds."""

    region: str
    instance: str
    enis: list[str]
    """Ids, the primary one included."""
    eips: list[str]
    """Addresses to ask for by themselves, wherever they are bound."""
    everything: bool
    """Also what only explains: the instance and its type, NAT gateways with their DNAT entries, HAVIPs, and what leads
    from the VPC to the Internet."""
    instance_type: str
    """Empty where it is not known."""
    endpoints: dict[str, str]
    """By product, `host` or `host:port`; the in-VPC and public ones where there is none."""
    ca_file: str | None
    ram_role: str | None
    timeout: float
    """For one call."""
    until: float
    """When to answer with what is known by then: a time of CLOCK_MONOTONIC, which all processes share."""


@dataclass(frozen=True, slots=True)
class Call:
    """One question, of as many pages as it has."""

    product: str
    action: str
    of: str = ""
    """What it asks about: an ENI, an instance, a gateway."""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """How an action pages its answers."""

    path: tuple[str, ...]
    """Where the items are."""
    size: int
    """The most a page can have."""
    by_token: str = ""
    """What the size of a page is called where a token leads to the next one; empty where pages have numbers."""


LISTINGS: Final = {
    "DescribeNetworkInterfaces": Listing(("NetworkInterfaceSets", "NetworkInterfaceSet"), 100, "MaxResults"),
    "DescribeEipAddresses": Listing(("EipAddresses", "EipAddress"), 100),
    "DescribeNatGateways": Listing(("NatGateways", "NatGateway"), 50),
    "DescribeForwardTableEntries": Listing(("ForwardTableEntries", "ForwardTableEntry"), 50),
    "DescribeHaVips": Listing(("HaVips", "HaVip"), 50),
    "ListIpv4Gateways": Listing(("Ipv4GatewayModels",), 100, "MaxResults"),
    "DescribeRouteTableList": Listing(("RouterTableList", "RouterTableListType"), 50),
    "DescribeRouteEntryList": Listing(("RouteEntrys", "RouteEntry"), 100, "MaxResult"),
    "DescribeIpv6Gateways": Listing(("Ipv6Gateways", "Ipv6Gateway"), 50),
    "DescribeIpv6Addresses": Listing(("Ipv6Addresses", "Ipv6Address"), 50),
    "DescribeIpv6EgressOnlyRules": Listing(("Ipv6EgressOnlyRules", "Ipv6EgressOnlyRule"), 50),
}
"""Sizes and spellings: alibabacloud-go/vpc-20160428 and ecs-20140526 (2026), `client/*_model.go`."""

_BELOW: Final = {
    "DescribeNatGateways": ("DescribeForwardTableEntries", "NatGatewayId"),
    "DescribeRouteTableList": ("DescribeRouteEntryList", "RouteTableId"),
    "DescribeIpv6Gateways": ("DescribeIpv6EgressOnlyRules", "Ipv6GatewayId"),
}
"""What is asked about each item of a list, by its id."""


def first(request: Request) -> Iterator[Call]:
    """What depends on no answer, the most telling first."""
    instance = request["instance"]
    yield Call(ECS, "DescribeNetworkInterfaces", instance, {"InstanceId": instance})
    yield _eips_of("EcsInstance", instance)
    yield from (_eips_of("NetworkInterface", eni) for eni in request["enis"])
    eips = request["eips"]
    for start in range(0, len(eips), MOST_ADDRESSES):
        yield Call(VPC, "DescribeEipAddresses", query={"EipAddress": ",".join(eips[start : start + MOST_ADDRESSES])})
    if request["everything"]:
        yield Call(ECS, "DescribeInstanceAttribute", instance, {"InstanceId": instance})
        if kind := request["instance_type"]:
            yield Call(ECS, "DescribeInstanceTypes", kind, {"InstanceTypes.1": kind})


def then(request: Request, call: Call, answers: Sequence[Answer]) -> Iterator[Call]:
    """What these answers make worth asking; perhaps what was asked before."""
    found = [item for answer in answers for item in items(call.action, answer)]
    match call.action:
        case "DescribeNetworkInterfaces":
            enis = [text(item, "NetworkInterfaceId") for item in found]
            yield from (_eips_of("NetworkInterface", eni) for eni in enis if eni)
            if request["everything"]:
                yield from _of_vpc({text(item, "VpcId") for item in found})
                yield from _ipv6(request, found)
        case "DescribeEipAddresses":
            enis = [text(item, "InstanceId") for item in found if _needs_gateway(item)]
            yield from (Call(VPC, "DescribeEipGatewayInfo", eni, {"InstanceId": eni}) for eni in enis if eni == call.of)
        case "DescribeInstanceAttribute":
            yield from _of_vpc({text(answer.get("VpcAttributes"), "VpcId") for answer in answers})
        case "ListIpv4Gateways":
            # Until it is activated, no route table says who reaches the Internet.
            if any(text(item, "Enabled").lower() != "false" for item in found):
                yield Call(VPC, "DescribeRouteTableList", call.of, {"VpcId": call.of})
        case action if action in _BELOW:
            below, name = _BELOW[action]
            # The route table of a gateway is for what comes in, and has entries of another kind.
            ids = (text(item, name) for item in found if text(item, "AssociateType") != "Gateway")
            yield from (Call(VPC, below, one, {name: one}) for one in ids if one)


def first_page(call: Call) -> dict[str, str]:
    """What to add to the query of a listing."""
    listing = LISTINGS.get(call.action)
    if listing is None:
        return {}
    return {listing.by_token: str(listing.size)} if listing.by_token else _page(1, listing)


def next_page(call: Call, answers: Sequence[Answer]) -> dict[str, str] | None:
    """What to add to the query for the page after these; None where there is none."""
    listing, last = LISTINGS.get(call.action), answers[-1]
    if listing is None:
        return None
    if listing.by_token:
        token = text(last, "NextToken")
        # A token that comes again would be asked for without an end.
        again = token in (text(answer, "NextToken") for answer in answers[:-1])
        return {listing.by_token: str(listing.size), "NextToken": token} if token and not again else None
    count = len(items(call.action, last))
    total = text(last, "TotalCount")
    seen = sum(len(items(call.action, answer)) for answer in answers)
    more = seen < int(total) if total.isdecimal() else count >= listing.size
    return _page(len(answers) + 1, listing) if count and more else None


def items(action: str, answer: Answer) -> list[Answer]:
    """The items of a page; empty where there is nothing of the kind."""
    return list(_below(answer, *LISTINGS[action].path)) if action in LISTINGS else []


def _below(here: object, *path: str) -> Iterator[Answer]:
    for name in path:
        here = here.get(name) if isinstance(here, Mapping) else None
    yield from (item for item in here if isinstance(item, Mapping)) if isinstance(here, list) else ()


def text(item: object, name: str) -> str:
    """A field as text without blanks around it; empty where it is missing."""
    value = item.get(name) if isinstance(item, Mapping) else None
    return str(value).strip() if isinstance(value, (str, int)) else ""


def _eips_of(kind: str, of: str) -> Call:
    # Without the kind it is EcsInstance, and an ENI would match nothing.
    return Call(VPC, "DescribeEipAddresses", of, {"AssociatedInstanceType": kind, "AssociatedInstanceId": of})


def _of_vpc(vpcs: set[str]) -> Iterator[Call]:
    for vpc in sorted(vpcs - {""}):
        yield Call(VPC, "DescribeNatGateways", vpc, {"VpcId": vpc})
        yield Call(VPC, "DescribeHaVips", vpc, {"Filter.1.Key": "VpcId", "Filter.1.Value.1": vpc})
        yield Call(VPC, "ListIpv4Gateways", vpc, {"VpcId": vpc})


def _ipv6(request: Request, enis: Sequence[Answer]) -> Iterator[Call]:
    """What gives the IPv6 addresses of these ENIs the Internet; nothing where there are none."""
    having = [eni for eni in enis if list(_below(eni, "Ipv6Sets", "Ipv6Set"))]
    for vpc in sorted({text(eni, "VpcId") for eni in having} - {""}):
        yield Call(VPC, "DescribeIpv6Gateways", vpc, {"VpcId": vpc})
    for eni in having:
        # `NetworkInterface` is a secondary one; the addresses of the primary are the instance's.
        primary = text(eni, "Type") == "Primary"
        kind, of = (
            ("EcsInstance", request["instance"]) if primary else ("NetworkInterface", text(eni, "NetworkInterfaceId"))
        )
        if of:
            query = {"AssociatedInstanceType": kind, "AssociatedInstanceId": of}
            yield Call(VPC, "DescribeIpv6Addresses", of, query)


def _needs_gateway(eip: Answer) -> bool:
    return text(eip, "Mode") == "MULTI_BINDED" and text(eip, "InstanceType") == "NetworkInterface"


def _page(number: int, listing: Listing) -> dict[str, str]:
    return {"PageNumber": str(number), "PageSize": str(listing.size)}
