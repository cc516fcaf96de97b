"""What the simulated OpenAPI answers of what leads from the VPC to the Internet.  Pure.

Assumptions where the API reference is silent: the addresses of the primary ENI are the instance's, without bandwidth
there is a `Bandwidth` of 0, without an IPv6 gateway the `Ipv6GatewayId` of an address is empty.
"""

from typing import Final

from eip_agent.lab.openapi_pages import VPC_ID, Answer, Query, RefusedError, paged, tokened
from eip_agent.lab.topology import Gateway4, Topology, VSwitch

GATEWAY6: Final = "ipv6gw-bp1lab00000000000001"


def table_id(vswitch: VSwitch) -> str:
    """The id of the route table of a vSwitch."""
    return f"vtb-bp1{vswitch.name.removeprefix('vsw-'):0>17}"


def ipv4_gateways(topology: Topology, query: Query) -> Answer:
    """ListIpv4Gateways, whose list has no wrapper and whose count is text."""
    gateway = topology.gateway4 if query.get("VpcId") in {None, VPC_ID} else None
    found = [
        {
            "Ipv4GatewayId": one.gateway_id,
            "Enabled": one.enabled,
            "Status": "Created",
            "VpcId": VPC_ID,
            "Ipv4GatewayRouteTableId": "",
        }
        for one in ([gateway] if gateway else [])
    ]
    page, token = tokened(found, query, _size(query, "MaxResults"))
    return {"Ipv4GatewayModels": page, "NextToken": token, "TotalCount": str(len(found))}


def route_tables(topology: Topology, query: Query) -> Answer:
    """DescribeRouteTableList: one for each vSwitch, and one that is a gateway's."""
    found: list[Answer] = [
        {
            "RouteTableId": table_id(vswitch),
            "RouteTableType": "Custom",
            "AssociateType": "VSwitch",
            "Status": "Available",
            "VpcId": VPC_ID,
            "VSwitchIds": {"VSwitchId": [vswitch.name]},
            "GatewayIds": {"GatewayIds": []},
        }
        for vswitch in topology.vswitches
    ]
    if topology.gateway4:
        gateways = {"GatewayIds": [topology.gateway4.gateway_id]}
        of_gateway = {"RouteTableId": "vtb-bp1gateway", "AssociateType": "Gateway", "GatewayIds": gateways}
        found.append({**of_gateway, "VpcId": VPC_ID, "VSwitchIds": {"VSwitchId": []}})
    inside = query.get("VpcId") in {None, VPC_ID}
    return paged(found if inside else [], query, ("RouterTableList", "RouterTableListType"))


def route_entries(topology: Topology, query: Query) -> Answer:
    """DescribeRouteEntryList, which spells the size of its pages in a way of its own."""
    vswitch = next((one for one in topology.vswitches if table_id(one) == query.get("RouteTableId")), None)
    if vswitch is None:
        raise RefusedError(404, "InvalidRouteTableId.NotFound", "there is no such route table")
    system = [str(one.cidr) for one in topology.vswitches] + ["100.64.0.0/10"]
    found = [_route(to, "local", "", kind="System") for to in system]
    gateway = topology.gateway4 or Gateway4()
    if topology.gateway4 and vswitch.name in gateway.leading:
        found.append(_route("0.0.0.0/0", "Ipv4Gateway", gateway.gateway_id))
    elif gateway.nat:
        found.append(_route("0.0.0.0/0", "NatGateway", gateway.nat))
    if topology.gateway6:
        found.append(_route("::/0", "IPv6Gateway", GATEWAY6))
    page, token = tokened(found, query, _size(query, "MaxResult"))
    return {"RouteEntrys": {"RouteEntry": page}, "NextToken": token}


def _route(to: str, hop: str, gateway: str, *, kind: str = "Custom") -> Answer:
    return {
        "DestinationCidrBlock": to,
        "IpVersion": "IPv6" if ":" in to else "IPv4",
        "Type": kind,
        "Status": "Available",
        "NextHops": {"NextHop": [{"NextHopType": hop, "NextHopId": gateway, "Enabled": 1, "Weight": 0}]},
    }


def ipv6_gateways(topology: Topology, query: Query) -> Answer:
    """DescribeIpv6Gateways."""
    there = topology.gateway6 and query.get("VpcId") in {None, VPC_ID}
    found = [{"Ipv6GatewayId": GATEWAY6, "VpcId": VPC_ID, "Status": "Available", "BusinessStatus": "Normal"}]
    return paged(found if there else [], query, ("Ipv6Gateways", "Ipv6Gateway"))


def ipv6_addresses(topology: Topology, query: Query) -> Answer:
    """DescribeIpv6Addresses."""
    kind, of = query.get("AssociatedInstanceType"), query.get("AssociatedInstanceId")
    found = []
    for eni in topology.enis:
        primary = eni == topology.primary
        own = ("EcsInstance", topology.instance_id) if primary else ("NetworkInterface", eni.eni_id)
        if of is not None and (kind, of) != own:
            continue
        for address in eni.ipv6s:
            bandwidth = 0 if address in topology.closed6 else 5
            found.append(
                {
                    "Ipv6Address": str(address),
                    "Ipv6AddressId": f"ipv6-bp1lab{int(address) % 10**12:012d}",
                    "Ipv6GatewayId": GATEWAY6 if topology.gateway6 else "",
                    "AssociatedInstanceType": own[0],
                    "AssociatedInstanceId": own[1],
                    "NetworkType": "Public" if bandwidth else "Private",
                    "Ipv6InternetBandwidth": {"Bandwidth": bandwidth, "BusinessStatus": "Normal"},
                    "RealBandwidth": bandwidth,
                    "Status": "Available",
                    "VpcId": VPC_ID,
                    "VSwitchId": eni.vswitch.name,
                }
            )
    return paged(found, query, ("Ipv6Addresses", "Ipv6Address"))


def egress_only_rules(topology: Topology, query: Query) -> Answer:
    """DescribeIpv6EgressOnlyRules."""
    if query.get("Ipv6GatewayId") != GATEWAY6 or not topology.gateway6:
        raise RefusedError(404, "InvalidIpv6Gateway.NotFound", "there is no such IPv6 gateway")
    found = [
        {
            "Ipv6EgressOnlyRuleId": f"ipv6py-bp1lab{number}",
            "InstanceType": "Ipv6Address",
            "InstanceId": f"ipv6-bp1lab{int(address) % 10**12:012d}",
            "Status": "Available",
        }
        for number, address in enumerate(topology.asking6)
    ]
    return paged(found, query, ("Ipv6EgressOnlyRules", "Ipv6EgressOnlyRule"))


def _size(query: Query, name: str) -> int:
    size = int(query.get(name, "10"))
    if not 1 <= size <= 100:
        raise RefusedError(400, "InvalidParameter", f"{name} is from 1 to 100")
    return size
