"""What the simulated OpenAPI answers, made from a topology.  Pure.

Fields and spellings are those of the cloud's API reference and its samples (2026), quirks included.  Assumptions where
it is silent: a free EIP has an empty `InstanceId`, an EIP on a secondary private address of the primary ENI is a
`NetworkInterface`, `PrivateIpAddress` of a visible EIP is the ENI's primary private address.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Final

from eip_agent.core.openapi import Bound
from eip_agent.core.settings import Mode
from eip_agent.lab import openapi_vpc as vpc
from eip_agent.lab.document import INSTANCE_TYPE
from eip_agent.lab.openapi_pages import VPC_ID, Answer, Query, RefusedError, paged, tokened
from eip_agent.lab.topology import Eip, Elsewhere, Eni, Topology

_MODES: Final = {Mode.EIP_VISIBLE: "BINDED", Mode.MULTI_EIP_VISIBLE: "MULTI_BINDED"}


@dataclass(slots=True)
class Quirks:
    """How the JSON differs from what is declared; each was seen in the documentation or in answers."""

    numbers_as_text: bool = False
    """And flags."""
    upper_ip: bool = False
    """`IP` instead of `Ip` in DescribeEipGatewayInfo."""
    leading_blanks: bool = False
    """In front of ids."""
    without_wrappers: bool = False
    """`{}` instead of an empty list in its two wrappers."""


def answer(topology: Topology, action: str, query: Query, quirks: Quirks) -> Answer:
    """The answer to a call.  Raises RefusedError."""
    region = query.get("RegionId")
    if region != topology.region:
        raise RefusedError(404, "Forbidden.RegionNotFound", f"the region {region} is not here")
    actions = {
        "DescribeNetworkInterfaces": _network_interfaces,
        "DescribeEipAddresses": _eip_addresses,
        "DescribeEipGatewayInfo": _gateway_info,
        "DescribeInstanceAttribute": _instance,
        "DescribeInstanceTypes": _instance_types,
        "DescribeNatGateways": _nat_gateways,
        "DescribeForwardTableEntries": _forward_entries,
        "DescribeHaVips": _havips,
        "ListIpv4Gateways": vpc.ipv4_gateways,
        "DescribeRouteTableList": vpc.route_tables,
        "DescribeRouteEntryList": vpc.route_entries,
        "DescribeIpv6Gateways": vpc.ipv6_gateways,
        "DescribeIpv6Addresses": vpc.ipv6_addresses,
        "DescribeIpv6EgressOnlyRules": vpc.egress_only_rules,
    }
    if action not in actions:
        raise RefusedError(404, "InvalidAction.NotFound", f"there is no action {action}")
    found = {**actions[action](topology, query), "RequestId": "0ED8D006-F706-4D23-88ED-E11ED28DCAC0"}
    if quirks.upper_ip and "EipInfos" in found:
        infos = found["EipInfos"]["EipInfo"]
        found["EipInfos"] = {"EipInfo": [{"IP": info.pop("Ip"), **info} for info in infos]}
    return {name: _strange(name, value, quirks) for name, value in found.items()}


def empty(found: Answer) -> Answer:
    """The same answer with nothing in its lists."""
    return {
        name: {inner: [] if isinstance(below, list) else below for inner, below in value.items()}
        if isinstance(value, dict)
        else []
        if isinstance(value, list)
        else 0
        if name == "TotalCount"
        else value
        for name, value in found.items()
    }


def allocation_id(eip: Eip | Elsewhere) -> str:
    """The id of an EIP."""
    return f"eip-bp1lab{int(eip.address):012d}"


def _strange(name: str, value: Any, quirks: Quirks) -> Any:
    if isinstance(value, dict):
        if quirks.without_wrappers and list(value.values()) == [[]]:
            return {}
        return {inner: _strange(inner, below, quirks) for inner, below in value.items()}
    if isinstance(value, list):
        return [_strange(name, below, quirks) for below in value]
    if quirks.numbers_as_text and isinstance(value, (bool, int)):
        return str(value).lower()
    if quirks.leading_blanks and isinstance(value, str) and name.endswith("Id"):
        return f" {value}"
    return value


def _eips(topology: Topology) -> Iterator[Answer]:
    """Every EIP of the account."""
    for eni in topology.enis:
        for eip in eni.eips:
            private = eni.private_of(eip)
            direct = eni == topology.primary and private == eni.private[0]
            yield {
                **_eip(topology, eip),
                "Status": eip.status,
                "InstanceId": topology.instance_id if direct else eni.eni_id,
                "InstanceType": "EcsInstance" if direct else "NetworkInterface",
                "Mode": _MODES.get(eip.mode, "NAT"),
                "PrivateIpAddress": "" if direct else str(private),
                "BusinessStatus": "FinancialLocked" if "financial" in eip.locks else "Normal",
                "OperationLocks": {"LockReason": [{"LockReason": reason} for reason in eip.locks]},
            }
    for other in topology.elsewhere:
        yield {
            **_eip(topology, other),
            "Status": "Available" if other.bound is Bound.NOTHING else "InUse",
            "InstanceId": other.instance_id,
            "InstanceType": other.bound.value,
            "Mode": other.mode,
            "PrivateIpAddress": str(other.private_address or ""),
            "BusinessStatus": "Normal",
            "OperationLocks": {"LockReason": []},
        }


def _eip(topology: Topology, eip: Eip | Elsewhere) -> Answer:
    return {
        "AllocationId": allocation_id(eip),
        "IpAddress": str(eip.address),
        "RegionId": topology.region,
        "InstanceRegionId": f" {topology.region}",
        "Bandwidth": 5,
        "HDMonitorStatus": False,
        "DeletionProtection": False,
        "Descritpion": "",
        "ISP": "BGP",
        "ServiceManaged": 0,
        "AllocationTime": "2026-01-01T00:00:00Z",
    }


def _eip_addresses(topology: Topology, query: Query) -> Answer:
    kind, of = query.get("AssociatedInstanceType", "EcsInstance"), query.get("AssociatedInstanceId")
    addresses = query.get("EipAddress", "").split(",") if query.get("EipAddress") else None
    if addresses and len(addresses) > 50:
        raise RefusedError(400, "InstanceIdLength.Exceed", "too many addresses")
    found = [
        eip
        for eip in _eips(topology)
        if (of is None or (eip["InstanceId"], eip["InstanceType"]) == (of, kind))
        and (addresses is None or eip["IpAddress"] in addresses)
    ]
    return paged(found, query, ("EipAddresses", "EipAddress"), default=10, most=100)


def _network_interfaces(topology: Topology, query: Query) -> Answer:
    size = int(query.get("MaxResults", "50"))
    if not 10 <= size <= 500:
        raise RefusedError(400, "InvalidParameter", "MaxResults is from 10 to 500")
    enis = [_eni(topology, eni) for eni in topology.enis if query.get("InstanceId") in {None, topology.instance_id}]
    page, token = tokened(enis, query, size)
    return {
        "NetworkInterfaceSets": {"NetworkInterfaceSet": page},
        "NextToken": token,
        "TotalCount": 0,
        "PageSize": size,
    }


def _eni(topology: Topology, eni: Eni) -> Answer:
    public = {eni.private_of(eip): eip for eip in eni.eips if eip.mode not in _MODES}
    sets = [
        {
            "PrivateIpAddress": str(address),
            "Primary": number == 0,
            "AssociatedPublicIp": {
                "AllocationId": allocation_id(public[address]),
                "PublicIpAddress": str(public[address].address),
            }
            if address in public
            else {},
        }
        for number, address in enumerate(eni.private)
    ]
    return {
        "NetworkInterfaceId": eni.eni_id,
        "MacAddress": eni.mac,
        "Type": "Primary" if eni == topology.primary else "Secondary",
        "Status": eni.status,
        "InstanceId": topology.instance_id,
        "PrivateIpAddress": str(eni.private[0]),
        "PrivateIpSets": {"PrivateIpSet": sets},
        "Ipv6Sets": {"Ipv6Set": [{"Ipv6Address": str(address)} for address in eni.ipv6s]},
        "VSwitchId": eni.vswitch.name,
        "VpcId": VPC_ID,
        "ServiceManaged": eni.service_managed,
        "QueueNumber": 2,
        "SourceDestCheck": False,
        "AssociatedPublicIp": sets[0]["AssociatedPublicIp"],
    }


def _gateway_info(topology: Topology, query: Query) -> Answer:
    enis = [eni for eni in topology.enis if eni.eni_id == query.get("InstanceId")]
    infos = [
        {
            "Ip": str(eip.address),
            "IpGw": str(eip.gateway),
            "IpMask": str(IPv4Network((0, eip.prefix_length)).netmask),
        }
        for eni in enis
        for eip in eni.eips
        if eip.mode is Mode.MULTI_EIP_VISIBLE
    ]
    return {"Code": "200", "Message": "successful", "EipInfos": {"EipInfo": infos}}


def _instance(topology: Topology, query: Query) -> Answer:
    if query.get("InstanceId") != topology.instance_id:
        raise RefusedError(404, "InvalidInstanceId.NotFound", "there is no such instance")
    direct = next((eip for eip in _eips(topology) if eip["InstanceType"] == "EcsInstance"), {})
    return {
        "InstanceId": topology.instance_id,
        "Status": "Running",
        "InstanceNetworkType": "vpc",
        "EipAddress": {"AllocationId": direct.get("AllocationId", ""), "IpAddress": direct.get("IpAddress", "")},
        "PublicIpAddress": {"IpAddress": [str(topology.static_ip)] if topology.static_ip else []},
        "InternetMaxBandwidthOut": 5 if topology.static_ip else 0,
        "VpcAttributes": {"VpcId": VPC_ID, "VSwitchId": topology.primary.vswitch.name},
        "OperationLocks": {"LockReason": []},
    }


def _instance_types(topology: Topology, query: Query) -> Answer:
    found = {
        "InstanceTypeId": INSTANCE_TYPE,
        "EniQuantity": topology.most_enis,
        "EniTotalQuantity": topology.most_enis,
        "EniPrivateIpAddressQuantity": topology.most_private,
        "EniIpv6AddressQuantity": topology.most_private,
    }
    return {"InstanceTypes": {"InstanceType": [found] if query.get("InstanceTypes.1") == INSTANCE_TYPE else []}}


def _nat_gateways(topology: Topology, query: Query) -> Answer:
    gateways = dict.fromkeys(entry.gateway_id for entry in topology.dnat) if query.get("VpcId") == VPC_ID else {}
    found = [{"NatGatewayId": gateway, "VpcId": VPC_ID, "Status": "Available"} for gateway in gateways]
    return paged(found, query, ("NatGateways", "NatGateway"))


def _forward_entries(topology: Topology, query: Query) -> Answer:
    if not query.get("NatGatewayId"):
        raise RefusedError(400, "MissingParameter", "ForwardTableId or NatGatewayId is wanted")
    found = [
        {
            "ForwardEntryId": f"fwd-bp1lab{number}",
            "ExternalIp": str(entry.external),
            "ExternalPort": entry.external_port,
            "InternalIp": str(entry.internal),
            "InternalPort": entry.internal_port,
            "IpProtocol": entry.protocol,
            "Status": "Available",
        }
        for number, entry in enumerate(topology.dnat)
        if entry.gateway_id == query["NatGatewayId"]
    ]
    return paged(found, query, ("ForwardTableEntries", "ForwardTableEntry"))


def _havips(topology: Topology, query: Query) -> Answer:
    inside = query.get("Filter.1.Key") == "VpcId" and query.get("Filter.1.Value.1") == VPC_ID
    found = [
        {
            "HaVipId": havip.havip_id,
            "IpAddress": str(havip.address),
            "Status": havip.status,
            "AssociatedInstanceType": "EcsInstance",
            "MasterInstanceId": havip.master,
            "AssociatedInstances": {"associatedInstance": list(havip.instances)},
            "AssociatedEipAddresses": {"associatedEipAddresse": list(map(str, havip.eips))},
        }
        for havip in topology.havips
        if inside
    ]
    return paged(found, query, ("HaVips", "HaVip"))
