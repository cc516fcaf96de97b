"""What the OpenAPI says, as facts, and what it takes to be told.  Authoritative for modes; any of it may be missing."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

from eip_agent.core.facts import Mac, Unread
from eip_agent.core.settings import Mode
from eip_agent.core.silence import Silence

if TYPE_CHECKING:
    from eip_agent.core.vpc import Ipv6AddressFact, VpcFact
else:
    # Only explaining is told of them, and classes take time to be made; what is kept on disk never has any.
    Ipv6AddressFact = VpcFact = Any

CORE_ACTIONS: Final = ("ecs:DescribeNetworkInterfaces", "vpc:DescribeEipAddresses", "vpc:DescribeEipGatewayInfo")
"""What the agent needs to know every mode."""
ALL_ACTIONS: Final = (
    *CORE_ACTIONS,
    "ecs:DescribeInstanceAttribute",
    "vpc:DescribeNatGateways",
    "vpc:DescribeForwardTableEntries",
    "vpc:DescribeHaVips",
    "ecs:DescribeInstanceTypes",
    "vpc:ListIpv4Gateways",
    "vpc:DescribeRouteTableList",
    "vpc:DescribeRouteEntryList",
    "vpc:DescribeIpv6Gateways",
    "vpc:DescribeIpv6Addresses",
    "vpc:DescribeIpv6EgressOnlyRules",
)
"""Those, and what it needs to explain why an EIP is not here, and what the VPC keeps from the Internet."""
ASIDE: Final = frozenset(ALL_ACTIONS[-6:])
"""Whose failure is told by a finding and no more: no verdict and no other answer hangs on them."""
LEFT_OUT: Final = frozenset(("ecs:DescribeInstanceTypes",))
"""What only fills an answer in, so that nobody is told that it is not allowed."""


class Bound(enum.Enum):
    """What an EIP is bound to: `InstanceType` of DescribeEipAddresses."""

    ECS = "EcsInstance"
    """The primary ENI's primary private address, always in NAT mode."""
    ENI = "NetworkInterface"
    """Only this one makes `Mode` the mode of an ENI: NAT gateways carry EIPs in `MULTI_BINDED` too."""
    SLB = "SlbInstance"
    NAT_GATEWAY = "Nat"
    HAVIP = "HaVip"
    IP_ADDRESS = "IpAddress"
    NOTHING = ""
    OTHER = "other"
    """A kind this version does not know."""


@dataclass(frozen=True, slots=True)
class EipFact:
    """One EIP: DescribeEipAddresses, and DescribeEipGatewayInfo for the last two."""

    address: IPv4Address
    allocation_id: str
    bound: Bound
    instance_id: str
    """ENI, instance, gateway ... id by `bound`; empty when bound to nothing."""
    mode: Mode | None
    """NAT, EIP_VISIBLE or MULTI_EIP_VISIBLE; None when the answer does not tell, or tells a mode unknown here."""
    status: str = "InUse"
    """Associating, Unassociating, InUse, Available, Releasing."""
    private_address: IPv4Address | None = None
    locks: tuple[str, ...] = ()
    """Why it is locked: `financial`, `security`; also `FinancialLocked` as a business status."""
    gateway: IPv4Address | None = None
    prefix_length: int | None = None


@dataclass(frozen=True, slots=True)
class ApiEniFact:
    """One ENI: DescribeNetworkInterfaces."""

    eni_id: str
    mac: Mac
    primary: bool
    status: str = "InUse"
    private_ipv4s: tuple[IPv4Address, ...] = ()
    service_managed: bool = False
    vpc: str = ""
    """Ids; empty where they are not told."""
    vswitch: str = ""


@dataclass(frozen=True, slots=True)
class DnatFact:
    """A DNAT entry that leads to one of this instance's private addresses: DescribeForwardTableEntries."""

    external: IPv4Address
    external_port: str
    internal: IPv4Address
    internal_port: str
    protocol: str
    gateway_id: str


@dataclass(frozen=True, slots=True)
class HavipFact:
    """A high-availability virtual IP address of the VPC: DescribeHaVips."""

    havip_id: str
    address: IPv4Address
    status: str
    master: str
    """Id of the instance that holds it now; empty when nobody does."""
    instances: tuple[str, ...] = ()
    eips: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """A call that was refused for lack of rights; the others were made all the same."""

    action: str
    """The RAM action that is missing: `vpc:DescribeEipAddresses`."""
    says: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A call that failed otherwise."""

    action: str
    """`vpc:DescribeEipAddresses`; empty for the whole round."""
    why: Silence
    says: str


@dataclass(frozen=True, slots=True)
class LimitFact:
    """What an instance type may have: DescribeInstanceTypes.  Each is None where it is not told."""

    instance_type: str
    enis: int | None = None
    """`EniQuantity`; the primary ENI is one of them."""
    ipv4s: int | None = None
    """`EniPrivateIpAddressQuantity`: private IPv4 addresses of one ENI."""
    ipv6s: int | None = None
    """`EniIpv6AddressQuantity`: IPv6 addresses of one ENI."""


@dataclass(frozen=True, slots=True)
class ApiFact:
    """One query round."""

    enis: tuple[ApiEniFact, ...] | None = None
    """None: not read."""
    eips: tuple[EipFact, ...] = ()
    """Those of this instance's ENIs and of the instance, and (by address) those declared in the settings."""
    asked: frozenset[str] = frozenset()
    """The ENI ids whose EIPs were listed in full: an ENI among them without an EIP has none."""
    static_ip: IPv4Address | None = None
    """The instance's static public address: DescribeInstanceAttribute."""
    network_type: str | None = None
    """`vpc` or `classic`."""
    dnat: tuple[DnatFact, ...] | None = None
    havips: tuple[HavipFact, ...] | None = None
    denied: tuple[Denied, ...] = ()
    unread: tuple[Unread, ...] = ()
    """Calls that failed otherwise: throttled too long, unreachable, garbage."""
    unanswered: tuple[Unanswered, ...] = ()
    """The same calls with why, each action and reason once."""
    limits: LimitFact | None = None
    """Of this instance's type; None: not read."""
    vpcs: tuple[VpcFact, ...] = ()
    """Those of this instance's ENIs; usually one."""
    ipv6s: tuple[Ipv6AddressFact, ...] = ()
    """Those addresses of this instance that were told of."""


def policy(actions: Iterable[str] = ALL_ACTIONS) -> str:
    """The RAM policy, as JSON on one line to paste, that allows these actions and no more; all of them only read."""
    # Their resources are lists of everything, so narrower ones than `*` are refused by some of them.
    allowed = ", ".join(f'"{action}"' for action in dict.fromkeys(actions))
    return f'{{"Version": "1", "Statement": [{{"Effect": "Allow", "Action": [{allowed}], "Resource": "*"}}]}}'
