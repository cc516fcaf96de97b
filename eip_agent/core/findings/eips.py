"""EIP402 to EIP407: where the OpenAPI says that an EIP is, and in which state.  One that was unbound is EIP401 too."""

from collections.abc import Iterator
from typing import Final

from eip_agent.core.claims import GONE, eips_of
from eip_agent.core.facts import EniFact
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import Message, say, text
from eip_agent.core.openapi import ApiFact, Bound, EipFact
from eip_agent.core.scene import Scene
from eip_agent.core.settings import DeclaredEip, Mode

ELSEWHERE = Kind(
    "EIP402",
    Severity.ERROR,
    text("an EIP that the settings declare is bound to something else"),
    saw=text("the settings declare it for {eni}, and the OpenAPI says that it is bound to {where}"),
    means=text(
        "an EIP is bound to one resource at a time, so nothing that is sent to it comes to {eni}; the mode of that ENI "
        "stays undecided, and nothing is added to it"
    ),
    do=text("bind the EIP to {eni}, after unbinding it there; or correct the settings: {place}"),
    commands=("aliyun vpc DescribeEipAddresses --RegionId {region} --AllocationId {allocation}",),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: DescribeEipAddresses",
)
UNBOUND = Kind(
    "EIP403",
    Severity.ERROR,
    text("an EIP that the settings declare is bound to nothing"),
    saw=text("the settings declare it for {eni}, and the OpenAPI says that it is bound to nothing"),
    means=text(
        "nothing that is sent to it comes to this instance; the mode of that ENI stays undecided, "
        "and nothing is added to it"
    ),
    do=text("bind the EIP to {eni}; or remove it from the settings: {place}"),
    commands=("aliyun vpc AssociateEipAddress --RegionId {region} --AllocationId {allocation} {target}",),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: AssociateEipAddress, error codes",
)
COMING = Kind(
    "EIP404",
    Severity.NOTE,
    text("an EIP is being associated"),
    saw=text("the OpenAPI says that it is being associated with {where}"),
    means=text("it may not answer yet, and the cloud refuses every other change of it until it is in use"),
    do=text("nothing: wait until it is in use; if it stays so, see the EIP in the console"),
    commands=("eip-agent explain",),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: AssociateEipAddress",
)
LEAVING = Kind(
    "EIP405",
    Severity.WARNING,
    text("an EIP is being unassociated or released"),
    saw=text("the OpenAPI says that it is being taken away: its status is `{status}`"),
    means=text("it does not work for this instance any more, and what was configured for it is taken back"),
    do=text("nothing, if you unbound it; else see who may call UnassociateEipAddress, and bind it again"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: DescribeEipAddresses",
)
UNPAID = Kind(
    "EIP406",
    Severity.ERROR,
    text("an EIP is locked for payments that are overdue"),
    saw=text("the OpenAPI says that it is locked: {locks}"),
    means=text("the account is in arrears, so the EIP may be dead whatever is configured here"),
    do=text("pay what is overdue, in the console; nothing on this host helps"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: AssociateEipAddress, error codes",
)
LOCKED = Kind(
    "EIP407",
    Severity.ERROR,
    text("an EIP is locked"),
    saw=text("the OpenAPI says that it is locked: {locks}"),
    means=text("the cloud has locked it, so the EIP may be dead whatever is configured here"),
    do=text("see the messages of the account in the console, or open a ticket; nothing on this host helps"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: DescribeEipAddresses",
)

KINDS = (ELSEWHERE, UNBOUND, COMING, LEAVING, UNPAID, LOCKED)

API_MODES: Final = {Mode.EIP_VISIBLE: "BINDED", Mode.MULTI_EIP_VISIBLE: "MULTI_BINDED"}
"""How the OpenAPI spells them; all others are `NAT`."""
_UNPAID: Final = frozenset(("financial", "FinancialLocked"))


def place_of(eip: EipFact) -> Message:
    """What an EIP is bound to, by kind and id."""
    match eip.bound:
        case Bound.ENI:
            return say("the ENI {id}", id=eip.instance_id)
        case Bound.ECS:
            return say("the instance {id}", id=eip.instance_id)
        case Bound.SLB:
            return say("the load balancer {id}", id=eip.instance_id)
        case Bound.NAT_GATEWAY:
            return say("the NAT gateway {id}", id=eip.instance_id)
        case Bound.HAVIP:
            return say("the HAVIP {id}", id=eip.instance_id)
        case Bound.IP_ADDRESS:
            return say("the IP address {id} of a VPC with an IPv4 gateway", id=eip.instance_id)
        case Bound.NOTHING:
            return say("nothing")
    return say("{id}, which is of a kind that eip-agent does not know", id=eip.instance_id)


def displaced(scene: Scene) -> Iterator[Finding]:
    """EIPs that the settings declare for an ENI whose EIPs the OpenAPI told, and that are not among them."""
    api, cloud = scene.witnesses.api, scene.cloud
    if api is None or cloud is None:
        return
    for declared in scene.settings.eips:
        eni = next((eni for eni in cloud.enis if _is_for(declared, eni)), None)
        if eni is None or eni.eni_id not in api.asked:
            continue
        primary = eni.mac == cloud.primary_mac
        own = eips_of(eni, cloud.instance_id, api.eips, primary=primary)
        found = next((eip for eip in api.eips if eip.address == declared.address), None)
        if found is None or found in own:
            continue
        kind = UNBOUND if found.bound is Bound.NOTHING or found.status in GONE else ELSEWHERE
        links = [story.link.link.name for story in scene.report.stories if story.eni.mac == eni.mac]
        yield kind.on(
            str(declared.address),
            about=(str(declared.address), *links),
            eni=eni.eni_id,
            where=place_of(found),
            place=declared.place,
            region=cloud.region or "REGION",
            allocation=found.allocation_id or "ALLOCATION",
            target=_target(declared, eni, cloud.instance_id if primary else None),
        )


def _target(declared: DeclaredEip, eni: EniFact, instance: str | None) -> str:
    """What to bind the EIP to, as options of `aliyun vpc AssociateEipAddress`."""
    private = declared.private_address or eni.primary
    if instance and private == eni.primary:
        return f"--InstanceType EcsInstance --InstanceId {instance}"
    mode = API_MODES.get(declared.mode, "NAT")
    return f"--InstanceType NetworkInterface --InstanceId {eni.eni_id} --PrivateIpAddress {private} --Mode {mode}"


def _is_for(eip: DeclaredEip, eni: EniFact) -> bool:
    return eip.mac == eni.mac if eip.mac is not None else eip.eni == eni.eni_id


def moving(scene: Scene) -> Iterator[Finding]:
    """EIPs of this instance that are about to come or go."""
    for eip, links in _own(scene):
        about = (str(eip.address), *links)
        if eip.status == "Associating":
            yield COMING.on(str(eip.address), about=about, where=place_of(eip))
        elif eip.status in GONE and eip.status != "Available":
            yield LEAVING.on(str(eip.address), about=about, status=eip.status)


def locked(scene: Scene) -> Iterator[Finding]:
    """EIPs of this instance, and those that the settings declare, that are locked."""
    api = scene.witnesses.api
    for eip in api.eips if api is not None else ():
        if eip.locks:
            kind = UNPAID if _UNPAID & set(eip.locks) else LOCKED
            yield kind.on(str(eip.address), about=(str(eip.address),), locks=eip.locks)


def _own(scene: Scene) -> Iterator[tuple[EipFact, tuple[str, ...]]]:
    """The EIPs that the OpenAPI says are bound to an ENI of this instance, with the name of its link."""
    api = scene.witnesses.api or ApiFact()
    for story in scene.report.stories:
        instance = scene.cloud.instance_id if scene.cloud else None
        for eip in eips_of(story.eni, instance, api.eips, primary=story.primary):
            yield eip, (story.link.link.name,)


FINDERS = (displaced, moving, locked)
