"""From one item of the OpenAPI's answers to one fact.  Pure; raises ValueError where it is none."""

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core.message import say
from eip_agent.core.openapi import Bound, DnatFact, EipFact, HavipFact, LimitFact
from eip_agent.core.settings import Mode
from eip_agent.core.silence import Silence
from eip_agent.sources.openapi_fields import Item, address_of, as_address, id_of, names_at, objects_at, quoted, text_of

MODES: Final = {"NAT": Mode.NAT, "BINDED": Mode.EIP_VISIBLE, "MULTI_BINDED": Mode.MULTI_EIP_VISIBLE}
_DOTTED: Final = re.compile(r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}", re.ASCII)
_SILENCES: Final = {
    "Unreachable": Silence.UNREACHABLE,
    "Timeout": Silence.UNREACHABLE,
    "Deadline": Silence.UNREACHABLE,
    "Certificate": Silence.UNTRUSTED,
    "Credentials": Silence.CREDENTIALS,
}
"""By the codes of our own; see `eip_agent.openapi.caller.Failure`."""
_KEYS: Final = re.compile(r".*(AccessKey|SecurityToken|Signature).*")


def silence_of(code: str) -> Silence:
    """Why a call failed, by the code of its error."""
    if "Throttling" in code:
        return Silence.THROTTLED
    return _SILENCES.get(code, Silence.CREDENTIALS if _KEYS.fullmatch(code) else Silence.ODD)


def eip(item: Item) -> EipFact:
    """Of DescribeEipAddresses."""
    instance, kind = text_of(item, "InstanceId"), text_of(item, "InstanceType")
    try:
        bound = Bound(kind)
    except ValueError:
        bound = Bound.OTHER
    if bound is Bound.NOTHING and instance:
        bound = Bound.OTHER
    private = address_of(item, "PrivateIpAddress") if text_of(item, "PrivateIpAddress") else None
    return EipFact(
        address=address_of(item, "IpAddress"),
        allocation_id=text_of(item, "AllocationId"),
        bound=bound,
        instance_id=instance,
        mode=Mode.NAT if bound is Bound.ECS else MODES.get(text_of(item, "Mode")) if bound is Bound.ENI else None,
        status=text_of(item, "Status"),
        private_address=private,
        locks=_locks(item),
    )


def _locks(item: Item) -> tuple[str, ...]:
    reasons = [text_of(lock, "LockReason") for lock in objects_at(item, "OperationLocks", "LockReason")]
    business = text_of(item, "BusinessStatus")
    return tuple(filter(None, (*reasons, business if business != "Normal" else "")))


def gateway(info: Item) -> tuple[IPv4Address, IPv4Address, int]:
    """Of DescribeEipGatewayInfo, its keys in lower case: EIP, gateway, prefix length."""
    spelt = text_of(info, "ipmask")
    mask = int(IPv4Address(spelt)) if _DOTTED.fullmatch(spelt) else 0
    length = mask.bit_count()
    if not mask or mask != (0xFFFFFFFF << 32 - length) & 0xFFFFFFFF:
        raise ValueError(say("IpMask {spelt} is no mask", spelt=quoted(spelt)))
    return address_of(info, "ip"), address_of(info, "ipgw"), length


def with_gateway(one: EipFact, gateways: Mapping[tuple[str, IPv4Address], tuple[IPv4Address, int]]) -> EipFact:
    """The same with the gateway and mask that another call told."""
    way, length = gateways.get((one.instance_id, one.address), (None, None))
    return replace(one, gateway=way, prefix_length=length)


def dnat_entry(item: Item, of: str) -> DnatFact:
    """Of DescribeForwardTableEntries, for a NAT gateway."""
    return DnatFact(
        external=address_of(item, "ExternalIp"),
        external_port=text_of(item, "ExternalPort"),
        internal=address_of(item, "InternalIp"),
        internal_port=text_of(item, "InternalPort"),
        protocol=text_of(item, "IpProtocol").lower(),
        gateway_id=of,
    )


def havip(item: Item) -> HavipFact:
    """Of DescribeHaVips."""
    return HavipFact(
        havip_id=id_of(item, "HaVipId"),
        address=address_of(item, "IpAddress"),
        status=text_of(item, "Status"),
        master=text_of(item, "MasterInstanceId"),
        instances=names_at(item, "AssociatedInstances", "associatedInstance"),
        eips=tuple(map(as_address, names_at(item, "AssociatedEipAddresses", "associatedEipAddresse"))),
    )


def limits(item: Item) -> LimitFact:
    """Of DescribeInstanceTypes.  A number that is none, or no count, is unknown."""
    return LimitFact(
        text_of(item, "InstanceTypeId"),
        _count(item, "EniQuantity"),
        _count(item, "EniPrivateIpAddressQuantity"),
        _count(item, "EniIpv6AddressQuantity"),
    )


def _count(item: Item, name: str) -> int | None:
    spelt = text_of(item, name)
    return int(spelt) if spelt.isascii() and spelt.isdecimal() and len(spelt) < 6 else None
