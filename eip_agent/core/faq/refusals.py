"""Question 10: why an EIP cannot be bound to this instance; each cause checked, with the error that the cloud gives."""

from collections.abc import Iterator

from eip_agent.core.faq.answer import Answer, Gap, Point, Sign
from eip_agent.core.faq.instance import found, gap, name_of, no_instance, told_eips
from eip_agent.core.faq.outlets import unknown_gateway
from eip_agent.core.faq.quotas import room_of
from eip_agent.core.findings.exclusions import primary_address, spelled, translated
from eip_agent.core.message import Message, say
from eip_agent.core.openapi import ApiFact
from eip_agent.core.outlet import gateways4
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode


def refusals(scene: Scene) -> Answer:
    """Why an EIP cannot be bound to this instance."""
    points = tuple(_points(scene))
    wrong = sum(point.sign is Sign.WRONG for point in points)
    unknown = sum(point.sign is Sign.UNKNOWN for point in points)
    return Answer(
        10,
        say("Why can an EIP not be bound to the ECS instance?"),
        say(
            "of {all} causes checked here {wrong} hold, and {unknown} cannot be checked",
            all=sum(point.sign is not Sign.FACT for point in points),
            wrong=wrong,
            unknown=unknown,
        ),
        (
            say(
                "the instance is in no VPC; it is in another region than the EIP; it neither runs nor is stopped; "
                "or it has a static public address or an EIP already"
            ),
            say(
                "today also: a DNAT entry leads to it, the account is in arrears, the ENI is in another mode, in "
                "transition, or has no private address left; the EIP is being changed (`IncorrectEipStatus`, "
                "`TaskConflict`: wait and try again)"
            ),
        ),
        points,
        (*no_instance(scene), *_gaps(scene)),
    )


def _points(scene: Scene) -> Iterator[Point]:
    if scene.cloud is None:
        return
    yield from _vpc_and_region(scene)
    yield Point(
        say("it runs, or could not answer (else `IncorrectInstanceStatus`, `InvalidStatus.EcsStatusNotSupport`)"),
        Sign.FINE,
    )
    yield _static(scene)
    yield _taken(scene)
    yield from _dnat(scene)
    yield _locks(scene)
    yield from _gateways(scene)
    for story in scene.report.stories:
        if not story.excluded:
            yield from _eni(scene, story)


def _vpc_and_region(scene: Scene) -> Iterator[Point]:
    cloud, api = scene.cloud, scene.witnesses.api or ApiFact()
    vpc = next((eni.vpc for eni in cloud.enis if eni.vpc), None) if cloud else None
    if api.network_type == "classic":
        yield Point(
            say("it is not in a VPC but in the classic network (`OperationFailed.InstanceNotExist`)"), Sign.WRONG
        )
    elif api.network_type == "vpc" or vpc is not None:
        yield Point(say("it is in a VPC (else `OperationFailed.InstanceNotExist`)"), Sign.FINE)
    else:
        yield Point(say("whether it is in a VPC is not known (`OperationFailed.InstanceNotExist`)"), Sign.UNKNOWN)
    yield Point(
        say(
            "it is in {region}; an EIP of another region is refused (`InvalidParameter.Mismatch`)",
            region=(cloud.region if cloud else None) or say("a region that nobody told"),
        )
    )


def _static(scene: Scene) -> Point:
    api, cloud = scene.witnesses.api, scene.cloud
    eipv4 = cloud.eipv4 if cloud else None
    if api is not None and api.static_ip is not None:
        return Point(
            say(
                "it has the static public address {address}: convert it first "
                "(`EIP_CAN_NOT_ASSOCIATE_WITH_PUBLIC_IP`, `Forbidden.InstanceBandwidthNotZero`)",
                address=api.static_ip,
            ),
            Sign.WRONG,
            found(scene, "EIP408", "EIP409"),
        )
    if api is not None and api.network_type is not None:
        return Point(say("it has no static public address (else `EIP_CAN_NOT_ASSOCIATE_WITH_PUBLIC_IP`)"), Sign.FINE)
    if eipv4 is None:
        return Point(
            say("the metadata service tells no public address of the instance: it has no static one"), Sign.FINE
        )
    return Point(
        say(
            "its public address is {address}, which may be static "
            "(`EIP_CAN_NOT_ASSOCIATE_WITH_PUBLIC_IP`) or an EIP (`InvalidAssociation.Duplicated`)",
            address=eipv4,
        ),
        Sign.UNKNOWN,
    )


def _taken(scene: Scene) -> Point:
    private = primary_address(scene)
    eip = translated(scene).get(private) if private is not None else None
    if eip is not None:
        return Point(
            say(
                "the instance itself has the EIP {eip}, for {private}: a second one is refused "
                "(`InvalidAssociation.Duplicated`); bind it to another private address of an ENI",
                eip=eip,
                private=private,
            )
        )
    if _is_without_eip(scene):
        return Point(say("the instance itself has no EIP (else `InvalidAssociation.Duplicated`)"), Sign.FINE)
    return Point(
        say("whether the instance itself has an EIP is not known (`InvalidAssociation.Duplicated`)"), Sign.UNKNOWN
    )


def _is_without_eip(scene: Scene) -> bool:
    """Whether it is known that the instance itself has no EIP: the OpenAPI names none, or the metadata service."""
    api, cloud = scene.witnesses.api, scene.cloud
    primary = next((story.eni.eni_id for story in scene.report.stories if story.primary), None)
    if api is not None and primary in api.asked:
        return True
    return cloud is not None and not cloud.unread and cloud.eipv4 is None


def _dnat(scene: Scene) -> Iterator[Point]:
    entries = scene.witnesses.api.dnat if scene.witnesses.api is not None else None
    if entries is None:
        yield Point(
            say("whether a DNAT entry leads to it is not known (`BIND_INSTANCE_HAVE_PORTMAP_OR_BIND_EIP`)"),
            Sign.UNKNOWN,
        )
    elif not entries:
        yield Point(say("no DNAT entry leads to it (else `BIND_INSTANCE_HAVE_PORTMAP_OR_BIND_EIP`)"), Sign.FINE)
    for entry in entries or ():
        yield Point(
            say(
                "the DNAT entry {entry} leads to it (`BIND_INSTANCE_HAVE_PORTMAP_OR_BIND_EIP`): delete it first",
                entry=spelled(entry),
            ),
            Sign.WRONG,
            found(scene, "EIP410", "EIP411"),
        )


def _locks(scene: Scene) -> Point:
    locked = [eip.address for eip in told_eips(scene) if eip.locks]
    if locked:
        return Point(
            say(
                "{eips} are locked: pay what is overdue (`InvalidEIPStatus.BizDisabled`, `Forbidden.FinancialLocked`)",
                eips=tuple(locked),
            ),
            Sign.WRONG,
            found(scene, "EIP406", "EIP407"),
        )
    if told_eips(scene):
        return Point(
            say("none of the EIPs that are known here is locked (else `Forbidden.FinancialLocked`)"), Sign.FINE
        )
    return Point(say("whether an EIP is locked is not known (`Forbidden.FinancialLocked`)"), Sign.UNKNOWN)


def _gateways(scene: Scene) -> Iterator[Point]:
    """What an IPv4 gateway excludes, and what its absence does."""
    gateways = gateways4(scene)
    if gateways == ():
        yield Point(
            say(
                "the VPC has no IPv4 gateway: an EIP for an IP address, and not for an ENI, is refused "
                "(`OperationFailed.Ipv4GatewayNotOpenedInVpc`)"
            )
        )
    for gateway in gateways or ():
        yield Point(
            say(
                "the VPC has the IPv4 gateway {gateway}: EIPs in EIP-visible mode are refused "
                "(`OperationDenied.Ipv4GatewayExist`)",
                gateway=gateway.gateway_id,
            ),
            Sign.FACT,
            found(scene, "EIP450"),
        )


def _eni(scene: Scene, story: Story) -> Iterator[Point]:
    """What of an ENI speaks against another EIP."""
    name, private = name_of(story), story.eni.private_ipv4s
    api = scene.witnesses.api
    told = next((eni for eni in (api.enis or ()) if eni.mac == story.eni.mac), None) if api is not None else None
    if told is not None and told.status not in ("InUse", ""):
        says = say("{eni} is `{status}` (`InvalidStatus.EniStatusNotSupport`)", eni=name, status=told.status)
        yield Point(says, Sign.WRONG, found(scene, "EIP441"))
    if story.eni.ipv4_prefixes:
        says = say("{eni} has delegated prefixes (`OperationFailed.IpPrefixConflict`)", eni=name)
        yield Point(says, Sign.WRONG)
    yield Point(_next_eip(story, name), Sign.FACT if story.verdict.decided and private else Sign.UNKNOWN)


def _next_eip(story: Story, name: Message) -> Message:
    values = {"eni": name, "mode": story.verdict.mode.value, "room": room_of(story)}
    match story.verdict.mode:
        case Mode.EIP_VISIBLE:
            return say("{eni} is `{mode}`: no other EIP can be bound to it (`Mode.Conflict`)", **values)
        case Mode.MULTI_EIP_VISIBLE:
            return say(
                "{eni} is `{mode}`: EIPs in another mode are refused (`OperationFailed.EipBindModeConflict`), "
                "and more than {room} (`QuotaExceed.MultiBindedEip`)",
                **values,
            )
        case Mode.UNDECIDED:
            return say("{eni} is undecided: what is refused depends on its mode (`Mode.Conflict`)", **values)
    return say(
        "{eni} is `{mode}`: EIPs in another mode are refused (`Mode.Conflict`, `Eni.Attached`, `Eni.HasSubIp`), "
        "and more EIPs than it has private addresses, {room} (`InvalidEip.EipQuotaExceeded`)",
        **values,
    )


def _gaps(scene: Scene) -> Iterator[Gap]:
    api, cloud = scene.witnesses.api, scene.cloud
    if cloud is None:
        return
    if api is None or api.network_type is None:
        yield gap(scene, "ecs:DescribeInstanceAttribute", say("whether the instance has a static public address"))
    if api is None or api.dnat is None:
        yield gap(scene, "vpc:DescribeForwardTableEntries", say("whether a DNAT entry leads to this instance"))
    what = say(
        "whether the VPC has an IPv4 gateway, which excludes EIP-visible mode (`OperationDenied.Ipv4GatewayExist`) "
        "and without which no EIP can be bound to an IP address"
    )
    yield from unknown_gateway(scene, what)
    yield Gap(
        say("whether the account was granted multi-EIP-visible mode (`Mode.NotSupport`), and owns EIP and ENI"),
        say("nothing that eip-agent may ask: look in the console, or open a ticket"),
    )
