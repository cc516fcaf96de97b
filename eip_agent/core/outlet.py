"""Whether the VPC lets an address of an ENI reach the Internet, as far as the OpenAPI told of gateways and routes.

By default an address needs nothing but its EIP.  With an activated IPv4 gateway the route table of the vSwitch decides
(VPC guide, "IPv4 gateway", 2026).  An IPv6 address has no more than the VPC until Internet bandwidth is bought for it
at the IPv6 gateway, which an egress-only rule makes one-way (IPv6 gateway guide; AllocateIpv6InternetBandwidth, 2026).
"""

import enum
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from eip_agent.core.facts import IPAddress
from eip_agent.core.message import Message, say
from eip_agent.core.openapi import ApiFact
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.vpc import TO_IPV4_GATEWAY, Ipv4GatewayFact, Ipv6AddressFact, RouteTableFact, VpcFact


class Outlet(enum.Enum):
    """What an IPv6 address has of the Internet."""

    OPEN = "open"
    ONE_WAY = "one-way"
    """It may ask, and nobody may ask it."""
    NO_GATEWAY = "no-gateway"
    NO_BANDWIDTH = "no-bandwidth"
    UNKNOWN = "unknown"


def vpc_of(scene: Scene, story: Story) -> VpcFact | None:
    """The VPC of an ENI; None where the OpenAPI did not tell of it."""
    api = scene.witnesses.api or ApiFact()
    own = next((eni.vpc for eni in api.enis or () if eni.mac == story.eni.mac), "")
    if own:
        return next((vpc for vpc in api.vpcs if vpc.vpc_id == own), None)
    return api.vpcs[0] if len(api.vpcs) == 1 else None


def gateways4(scene: Scene) -> tuple[Ipv4GatewayFact, ...] | None:
    """The IPv4 gateways of all VPCs of this instance; None where that is not known."""
    vpcs = scene.witnesses.api.vpcs if scene.witnesses.api is not None else ()
    if not vpcs or any(vpc.gateways4 is None for vpc in vpcs):
        return None
    return tuple(gateway for vpc in vpcs for gateway in vpc.gateways4 or ())


def activated(scene: Scene, story: Story) -> Ipv4GatewayFact | None:
    """The activated IPv4 gateway in the VPC of an ENI; None where there is none, or none is known."""
    vpc = vpc_of(scene, story)
    return next((one for one in (vpc.gateways4 or () if vpc else ()) if one.enabled), None)


def table_of_vswitch(scene: Scene, story: Story) -> RouteTableFact | None:
    """The route table of an ENI's vSwitch; None where it is not known."""
    api, vpc = scene.witnesses.api, vpc_of(scene, story)
    vswitch = next((eni.vswitch for eni in (api.enis or () if api else ()) if eni.mac == story.eni.mac), "")
    return next((one for one in (vpc.tables if vpc else ()) if vswitch and vswitch in one.vswitches), None)


def told(scene: Scene, address: IPv6Address) -> Ipv6AddressFact | None:
    """What the OpenAPI said of an IPv6 address; None where it did not."""
    api = scene.witnesses.api
    return next((one for one in (api.ipv6s if api is not None else ()) if one.address == address), None)


def outlet(scene: Scene, story: Story, address: IPv6Address) -> Outlet:
    """What an IPv6 address of an ENI has of the Internet."""
    vpc, fact = vpc_of(scene, story), told(scene, address)
    # A gateway that another account has made in a VPC that it shares may not be listed.
    closed = vpc is not None and vpc.gateways6 == () and not (fact is not None and fact.gateway_id)
    public = fact.public if fact is not None else None
    if public:
        # Bandwidth is bought at a gateway: without one the two answers contradict each other.
        return Outlet.UNKNOWN if closed else Outlet.ONE_WAY if fact is not None and fact.egress_only else Outlet.OPEN
    if closed:
        return Outlet.NO_GATEWAY
    return Outlet.UNKNOWN if public is None else Outlet.NO_BANDWIDTH


@dataclass(frozen=True, slots=True)
class Barrier:
    """What stands between an address that the Internet would see, and the Internet."""

    says: Message
    certain: bool = False
    """Whether it is known to stop what is sent; else it may."""


def barrier(scene: Scene, story: Story, source: IPAddress, destination: IPAddress | None = None) -> Barrier | None:
    """What the VPC has against a packet of an ENI to the Internet, to most of it where nobody says where to.

    None where nothing is known to stand in the way.
    """
    if isinstance(source, IPv6Address):
        match outlet(scene, story, source):
            case Outlet.NO_GATEWAY:
                return Barrier(say("the VPC has no IPv6 gateway"), certain=True)
            case Outlet.NO_BANDWIDTH:
                return Barrier(say("{source} has no Internet bandwidth", source=source), certain=True)
        return None
    if any(eip.address == source for eip in story.verdict.visible):
        vpc = vpc_of(scene, story)
        says = say("what becomes of an EIP that shows on a NIC beside an IPv4 gateway is not documented")
        return Barrier(says) if vpc is not None and vpc.gateways4 else None
    gateway = activated(scene, story)
    return _by_table(table_of_vswitch(scene, story), gateway.gateway_id, destination) if gateway is not None else None


def _by_table(table: RouteTableFact | None, gateway: str, destination: IPAddress | None) -> Barrier | None:
    """What the route table of a vSwitch leads elsewhere than to the activated IPv4 gateway."""
    if table is None:
        says = say(
            "whether the route table of its vSwitch leads to the IPv4 gateway {gateway} is not known", gateway=gateway
        )
        return Barrier(says)
    route = table.lookup(destination) if isinstance(destination, IPv4Address) else table.default
    values = {"table": table.table_id, "gateway": gateway}
    if route is None:
        says = say(
            "the route table {table} of its vSwitch has no route there, by the IPv4 gateway {gateway} or another",
            **values,
        )
        return Barrier(says, certain=True)
    if route.kind == TO_IPV4_GATEWAY:
        return None
    says = say(
        "the route table {table} of its vSwitch leads to {to}, and not to the IPv4 gateway {gateway}",
        to=route.hop,
        **values,
    )
    return Barrier(says)
