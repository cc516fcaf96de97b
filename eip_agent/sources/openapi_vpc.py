"""What leads from a VPC to the Internet, out of the OpenAPI's answers.  Pure.

Nothing of it is half known: a list that is not whole, or has an item that cannot be read, is not read at all.
Fields: as in `eip_agent.core.vpc`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Address
from typing import Final, NamedTuple, TypeVar

from eip_agent.core.vpc import (
    TO_IPV4_GATEWAY,
    Ipv4GatewayFact,
    Ipv6AddressFact,
    RouteTableFact,
    VpcFact,
    VpcRoute,
)
from eip_agent.sources.openapi_call import Call
from eip_agent.sources.openapi_fields import (
    Item,
    address6_of,
    as_mapping,
    id_of,
    is_true,
    names_at,
    objects_at,
    text_of,
)

_FALSE: Final = frozenset(("false", "0"))
_NETWORK_TYPES: Final = {"public": True, "private": False}

T = TypeVar("T")


class Around(NamedTuple):
    """All that was found."""

    vpcs: tuple[VpcFact, ...]
    ipv6s: tuple[Ipv6AddressFact, ...]
    odd: tuple[str, ...]
    """Actions that were answered with something that is no whole list."""


def read(calls: Iterable[Call]) -> Around:
    """What these calls tell; the other ones are nobody's business here.  Never raises."""
    return _Reader(list(calls)).read()


class _Reader:
    def __init__(self, calls: list[Call]) -> None:
        self._calls = calls
        self._odd: dict[str, None] = {}

    def read(self) -> Around:
        gateways4 = self._lists("ListIpv4Gateways", _gateway4, "Ipv4GatewayModels")
        gateways6 = self._lists("DescribeIpv6Gateways", _gateway6, "Ipv6Gateways", "Ipv6Gateway")
        tables = self._tables()
        asked = dict.fromkeys(call.of for call in self._calls if call.action in _OF_VPC)
        vpcs = tuple(VpcFact(vpc, gateways4.get(vpc), tables.get(vpc, ()), gateways6.get(vpc)) for vpc in asked if vpc)
        return Around(vpcs, self._ipv6s(), tuple(self._odd))

    def _of(self, action: str) -> Iterator[Call]:
        return (call for call in self._calls if call.action == action)

    def _lists(self, action: str, convert: Callable[[Item], T], *path: str) -> dict[str, tuple[T, ...]]:
        """What each call of an action lists, by what it is about; without those that are not whole."""
        found = {}
        for call in self._of(action):
            try:
                if not call.failed and not call.is_whole(*path):
                    self._odd[f"{call.product}:{action}"] = None
                elif not call.failed:
                    found[call.of] = tuple(map(convert, call.found(*path)))
            except ValueError:
                self._odd[f"{call.product}:{action}"] = None
        return found

    def _tables(self) -> dict[str, tuple[RouteTableFact, ...]]:
        """The route tables of vSwitches whose routes were all read, by VPC."""
        entries = self._lists("DescribeRouteEntryList", lambda item: item, "RouteEntrys", "RouteEntry")
        routes = {table: _routes(found) for table, found in entries.items()}
        listed = self._lists("DescribeRouteTableList", _table, "RouterTableList", "RouterTableListType")
        return {
            vpc: tuple(replace(table, routes=own) for table in tables if (own := routes.get(table.table_id)))
            for vpc, tables in listed.items()
        }

    def _ipv6s(self) -> tuple[Ipv6AddressFact, ...]:
        """Each address once; of one that is told in two ways, that is not known."""
        egress_only = self._egress_only()
        found: dict[IPv6Address, Ipv6AddressFact] = {}
        for call in self._of("DescribeIpv6Addresses"):
            if not call.failed and not call.is_whole("Ipv6Addresses", "Ipv6Address"):
                self._odd[f"{call.product}:{call.action}"] = None
            for item in call.found("Ipv6Addresses", "Ipv6Address"):
                try:
                    fact = _ipv6(item)
                except ValueError:
                    self._odd[f"{call.product}:{call.action}"] = None
                    continue
                if egress_only is not None and fact.address_id:
                    fact = replace(fact, egress_only=fact.address_id in egress_only)
                before = found.setdefault(fact.address, fact)
                if before.public != fact.public:
                    found[fact.address] = replace(fact, public=None)
        return tuple(found.values())

    def _egress_only(self) -> frozenset[str] | None:
        """Ids of the addresses that a rule keeps from being asked; None unless the rules of every gateway were read."""
        path = ("Ipv6EgressOnlyRules", "Ipv6EgressOnlyRule")
        lists = self._lists("DescribeIpv6EgressOnlyRules", lambda item: text_of(item, "InstanceId"), *path)
        asked = {call.of for call in self._of("DescribeIpv6EgressOnlyRules")}
        if not asked or asked != lists.keys():
            return None
        return frozenset(one for ids in lists.values() for one in ids)


_OF_VPC: Final = frozenset(("ListIpv4Gateways", "DescribeIpv6Gateways"))


def _gateway4(item: Item) -> Ipv4GatewayFact:
    return Ipv4GatewayFact(id_of(item, "Ipv4GatewayId"), _flag(item.get("Enabled")))


def _gateway6(item: Item) -> str:
    return id_of(item, "Ipv6GatewayId")


def _flag(value: object) -> bool | None:
    if is_true(value):
        return True
    return False if isinstance(value, (str, int)) and str(value).strip().lower() in _FALSE else None


def _table(item: Item) -> RouteTableFact:
    """Without its routes."""
    return RouteTableFact(id_of(item, "RouteTableId"), names_at(item, "VSwitchIds", "VSwitchId"), ())


def _routes(items: tuple[Item, ...]) -> tuple[VpcRoute, ...]:
    """The IPv4 ones; nothing where one of them cannot be read, or they cannot be all.

    Every table has routes of the cloud's own, to 100.64.0.0/10 and to the vSwitches: a list without any is part of it.
    """
    if not any(text_of(item, "Type") == "System" for item in items):
        return ()
    try:
        return tuple(_route(item) for item in items if ":" not in text_of(item, "DestinationCidrBlock"))
    except ValueError:
        return ()


def _route(item: Item) -> VpcRoute:
    hops = [(text_of(hop, "NextHopType"), text_of(hop, "NextHopId")) for hop in objects_at(item, "NextHops", "NextHop")]
    # The documentation spells `Ipv4Gateway` and `IPv6Gateway` side by side.
    to = next((to for kind, to in hops if kind.lower() == TO_IPV4_GATEWAY.lower()), None)
    kind, to = (TO_IPV4_GATEWAY, to) if to is not None else hops[0] if hops else ("", "")
    return VpcRoute(IPv4Network(text_of(item, "DestinationCidrBlock")), kind, to)


def _ipv6(item: Item) -> Ipv6AddressFact:
    spelt = text_of(as_mapping(item.get("Ipv6InternetBandwidth")), "Bandwidth")
    by_bandwidth = int(spelt) > 0 if spelt.isascii() and spelt.isdecimal() else None
    by_type = _NETWORK_TYPES.get(text_of(item, "NetworkType").lower())
    said = {by_bandwidth, by_type} - {None}
    return Ipv6AddressFact(
        address6_of(item, "Ipv6Address"),
        text_of(item, "Ipv6AddressId"),
        said.pop() if len(said) == 1 else None,
        text_of(item, "Ipv6GatewayId"),
    )
