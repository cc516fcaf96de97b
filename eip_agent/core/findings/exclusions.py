"""EIP408 to EIP411: a static public address, DNAT entries and an EIP, which exclude each other."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from eip_agent.core.claims import GONE
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import text
from eip_agent.core.openapi import ApiFact, Bound, DnatFact
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode

STATIC = Kind(
    "EIP408",
    Severity.NOTE,
    text("the instance has a static public address"),
    saw=text("{address} is a static public address of the instance, and no EIP"),
    means=text(
        "the cloud translates it to {private}, as it does with an EIP; while it is there no EIP can be bound to the "
        "instance itself, but secondary ENIs may have EIPs"
    ),
    do=text("nothing; if the instance itself shall get an EIP, convert the static address into one first"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: AssociateEipAddress, FAQ about EIPs",
)
STATIC_TOO = Kind(
    "EIP409",
    Severity.WARNING,
    text("the instance has a static public address, and an EIP is meant for it too"),
    saw=text("{address} is a static public address of the instance, and {eip} is an EIP for the same {private}"),
    means=text(
        "the two exclude each other: the cloud refuses to bind an EIP to an instance that has a static public "
        "address (EIP_CAN_NOT_ASSOCIATE_WITH_PUBLIC_IP, Forbidden.InstanceBandwidthNotZero)"
    ),
    do=text("convert the static address into an EIP first; or bind {eip} to a secondary ENI"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: AssociateEipAddress, FAQ about EIPs",
)
DNAT_TOO = Kind(
    "EIP410",
    Severity.WARNING,
    text("a DNAT entry leads to a private address that has an EIP"),
    saw=text("the DNAT entry {entry} of {gateway} leads to {private}, and the EIP {eip} is bound to it too"),
    means=text(
        "the two exclude each other: where both are there all the same, {private} speaks with the Internet by its "
        "EIP, and not by the entry"
    ),
    do=text("delete the entry; or unbind the EIP, or bind it to a secondary ENI instead"),
    commands=("aliyun vpc DescribeForwardTableEntries --RegionId {region} --NatGatewayId {gateway}",),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: AssociateEipAddress, FAQ about EIPs",
)
DNAT = Kind(
    "EIP411",
    Severity.NOTE,
    text("a DNAT entry leads to this instance"),
    saw=text("the DNAT entry {entry} of {gateway} leads to {private}"),
    means=text(
        "requests to {external} come by the NAT gateway; while the entry is there the cloud refuses to bind an EIP to "
        "{private} (BIND_INSTANCE_HAVE_PORTMAP_OR_BIND_EIP)"
    ),
    do=text("nothing; delete the entry before an EIP is bound to {private}"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: AssociateEipAddress, FAQ about EIPs",
)

KINDS = (STATIC, STATIC_TOO, DNAT_TOO, DNAT)


def primary_address(scene: Scene) -> IPv4Address | None:
    """The private address that an EIP of the instance itself maps to."""
    cloud = scene.cloud
    return next((eni.primary for eni in cloud.enis if eni.mac == cloud.primary_mac), None) if cloud else None


def translated(scene: Scene) -> dict[IPv4Address, IPv4Address]:
    """By private address of this instance the EIP that is translated to it, as OpenAPI or settings say."""
    cloud, api = scene.cloud, scene.witnesses.api or ApiFact()
    if cloud is None:
        return {}
    found: dict[IPv4Address, IPv4Address] = {}
    primaries = {name: eni.primary for eni in cloud.enis for name in (eni.eni_id, eni.mac)}
    for declared in scene.settings.eips:
        private = declared.private_address or primaries.get(declared.eni or declared.mac)
        if declared.mode is Mode.NAT and private is not None:
            found[private] = declared.address
    for eip in api.eips:
        if eip.status in GONE:
            continue
        if eip.bound is Bound.ECS and eip.instance_id == cloud.instance_id:
            direct = primary_address(scene)
            if direct is not None:
                found[direct] = eip.address
        elif eip.bound is Bound.ENI and eip.mode is Mode.NAT and eip.instance_id in primaries:
            private = eip.private_address or primaries[eip.instance_id]
            found |= {private: eip.address} if private is not None else {}
    return found


def static(scene: Scene) -> Iterator[Finding]:
    """A static public address of the instance."""
    api, private = scene.witnesses.api, primary_address(scene)
    if api is None or api.static_ip is None or private is None:
        return
    eip = translated(scene).get(private)
    subject, about = str(api.static_ip), (str(api.static_ip), str(private))
    if eip is None or eip == api.static_ip:
        yield STATIC.on(subject, about=about, address=api.static_ip, private=private)
    else:
        yield STATIC_TOO.on(subject, about=(*about, str(eip)), address=api.static_ip, private=private, eip=eip)


def dnat(scene: Scene) -> Iterator[Finding]:
    """DNAT entries that lead to a private address of this instance."""
    api, cloud = scene.witnesses.api, scene.cloud
    if api is None or cloud is None:
        return
    eips = translated(scene)
    for entry in api.dnat or ():
        eip = eips.get(entry.internal)
        yield (DNAT if eip is None else DNAT_TOO).on(
            f"{entry.internal} {entry.external}",
            about=(str(entry.internal), *([str(eip)] if eip else [])),
            entry=spelled(entry),
            gateway=entry.gateway_id,
            private=entry.internal,
            external=entry.external,
            eip=eip,
            region=cloud.region or "REGION",
        )


def spelled(entry: DnatFact) -> str:
    """An entry as operators write it: `tcp 203.0.113.230:8080 -> 172.16.1.11:80`."""
    return f"{entry.protocol} {entry.external}:{entry.external_port} -> {entry.internal}:{entry.internal_port}".strip()


FINDERS = (static, dnat)
