"""EIP430, EIP440 to EIP444: ENIs in a state in which they, or the EIPs on them, cannot work as they should."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from eip_agent.core.claims import GONE, eips_of
from eip_agent.core.facts import AddressFact
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import text
from eip_agent.core.openapi import EipFact
from eip_agent.core.ownership import is_our_address
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.verdict import is_private

EMPTIED = Kind(
    "EIP440",
    Severity.ERROR,
    text("an ENI in EIP-visible mode has lost its EIP"),
    saw=text("{eip} had taken the place of its private address, and the OpenAPI says that no EIP is bound to it now"),
    means=text(
        "the ENI has no address that works: after the EIP has gone, as when a subscription ran out, its private "
        "address works again only after the ENI was detached and attached again"
    ),
    do=text("detach {eni} from the instance and attach it again; or bind an EIP to it"),
    commands=(
        "aliyun ecs DetachNetworkInterface --RegionId {region} --NetworkInterfaceId {eni} --InstanceId {instance}",
        "aliyun ecs AttachNetworkInterface --RegionId {region} --NetworkInterfaceId {eni} --InstanceId {instance}",
    ),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: EIP-visible mode",
)
UNSETTLED = Kind(
    "EIP441",
    Severity.WARNING,
    text("an ENI is not in use, says the OpenAPI"),
    saw=text("the OpenAPI says that its status is `{status}`, and not `InUse`"),
    means=text("it is being attached or detached; its addresses may not work, and the cloud binds no EIP to it now"),
    do=text("nothing, if somebody attaches or detaches it; else see the ENI in the console"),
    commands=("eip-agent explain",),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: DescribeNetworkInterfaces",
)
MANAGED = Kind(
    "EIP442",
    Severity.NOTE,
    text("an ENI belongs to another service of the cloud"),
    saw=text("the OpenAPI says that another service of the cloud made {eni} and manages it (ServiceManaged)"),
    means=text("it may be there for containers, and that service may change it at any time"),
    do=text("nothing, if its EIPs are yours; else exclude the ENI: add {eni} to `enis` below `[exclude]`"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: DescribeNetworkInterfaces",
)
NO_DHCP = Kind(
    "EIP443",
    Severity.WARNING,
    text("an ENI in multi-EIP-visible mode is configured without DHCP"),
    saw=text("{address} is on {link} without a lease, and eip-agent did not put it there"),
    means=text("in multi-EIP-visible mode the cloud wants DHCP to be on for this link, or the EIPs may not work"),
    do=text("let the link get its private address by DHCP, in the settings of the program that configures it"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: multi-EIP-visible mode",
)
LONELY = Kind(
    "EIP444",
    Severity.WARNING,
    text("an ENI has a public address as its private one, and no such EIP is bound to it"),
    saw=text("its primary private address is {address}, and the OpenAPI names no EIP {address} that is bound to it"),
    means=text(
        "by a secondary CIDR the EIP is the ENI's own address only while that very EIP is bound to it: without it "
        "the address is one of the VPC and nothing more, and the Internet does not reach it"
    ),
    do=text("bind the EIP {address} to {eni} in NAT mode"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: EIPs by a secondary CIDR block",
    caused_by=frozenset(("EIP402", "EIP403")),
)
NO_GATEWAY6 = Kind(
    "EIP430",
    Severity.WARNING,
    text("an ENI has IPv6 addresses, and no IPv6 gateway is told"),
    saw=text("the metadata service gives it {addresses}, and no `ipv6-gateway`"),
    means=text("these addresses get no way out by this ENI; what is configured for them stays as it is"),
    do=text("see the vSwitch and the IPv6 gateway of the VPC in the console; nothing on this host helps"),
    commands=("eip-agent explain faq 14",),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: instance metadata",
)

KINDS = (NO_GATEWAY6, EMPTIED, UNSETTLED, MANAGED, NO_DHCP, LONELY)


def _about(story: Story) -> tuple[str, ...]:
    return (story.link.link.name,)


def _subject(story: Story) -> str:
    return f"{story.link.link.name} {story.eni.eni_id or story.eni.mac}"


def _told(scene: Scene, story: Story) -> list[EipFact] | None:
    """The EIPs that are bound to an ENI now; None where the OpenAPI does not tell."""
    api, cloud = scene.witnesses.api, scene.cloud
    if api is None or cloud is None or story.eni.eni_id not in api.asked or story.excluded:
        return None
    eips = eips_of(story.eni, cloud.instance_id, api.eips, primary=story.primary)
    return [eip for eip in eips if eip.status not in GONE]


def emptied(scene: Scene) -> Iterator[Finding]:
    """ENIs that have, or last had, an EIP in the place of their private address, and have no EIP bound any more."""
    for story in scene.report.stories:
        lost = _lost(scene, story)
        if not story.primary and lost and _told(scene, story) == []:
            yield EMPTIED.on(
                _subject(story),
                about=(*_about(story), str(lost)),
                eip=lost,
                eni=story.eni.eni_id,
                region=(scene.cloud.region if scene.cloud else None) or "REGION",
                instance=(scene.cloud.instance_id if scene.cloud else None) or "INSTANCE",
            )


def _lost(scene: Scene, story: Story) -> IPv4Address | None:
    """The EIP that a lease, the OpenAPI when it last told, or the last DHCP offer names."""
    index, subnet, before, known = (
        story.link.link.index,
        story.eni.subnet,
        scene.witnesses.api_before,
        scene.witnesses.known,
    )
    if subnet is None or story.eni.primary is None or not is_private(story.eni.primary):
        return None
    offer = next((offer for offer in scene.witnesses.offers if offer.link == index), None)
    if offer is not None and offer.address in subnet:
        # The cloud offers the private address again, so that it works.
        return None
    leased = (fact.ip for fact in scene.kernel.addresses if fact.link == index and fact.leased and fact.universal)
    public = [ip for ip in leased if isinstance(ip, IPv4Address) and ip not in subnet and not is_private(ip)]
    if before is not None:
        public += [
            eip.address
            for eip in eips_of(story.eni, None, before.eips, primary=False)
            if eip.mode is Mode.EIP_VISIBLE and eip.status not in GONE
        ]
    public += [seen.offer.address for seen in known.offers if seen.mac == story.eni.mac] if known is not None else []
    return public[0] if public else None


def unsettled(scene: Scene) -> Iterator[Finding]:
    """ENIs that are not in use, or belong to another service."""
    api = scene.witnesses.api
    told = {eni.mac: eni for eni in api.enis or ()} if api is not None else {}
    for story in scene.report.stories:
        eni = told.get(story.eni.mac)
        if eni is None or story.excluded:
            continue
        if eni.status not in ("InUse", ""):
            yield UNSETTLED.on(_subject(story), about=_about(story), status=eni.status)
        if eni.service_managed:
            yield MANAGED.on(_subject(story), about=_about(story), eni=eni.eni_id)


def without_dhcp(scene: Scene) -> Iterator[Finding]:
    """ENIs in multi-EIP-visible mode whose private address somebody else has set by hand."""
    for story in scene.report.stories:
        fact = _on_link(scene, story)
        if story.verdict.mode is not Mode.MULTI_EIP_VISIBLE or story.excluded or fact is None:
            continue
        if not fact.leased and not is_our_address(fact, scene.remembered):
            name = story.link.link.name
            yield NO_DHCP.on(_subject(story), about=(name, str(fact.ip)), address=fact.ip, link=name)


def _on_link(scene: Scene, story: Story) -> AddressFact | None:
    index, primary = story.link.link.index, story.eni.primary
    return next((fact for fact in scene.kernel.addresses if fact.link == index and fact.ip == primary), None)


def lonely(scene: Scene) -> Iterator[Finding]:
    """ENIs of a public block of the VPC without the EIP of the same address."""
    for story in scene.report.stories:
        primary, told = story.eni.primary, _told(scene, story)
        if told is None or primary is None or is_private(primary) or story.verdict.mode is not Mode.SECONDARY_CIDR:
            continue
        if all(eip.address != primary for eip in told):
            yield LONELY.on(
                _subject(story), about=(*_about(story), str(primary)), address=primary, eni=story.eni.eni_id
            )


def without_gateway6(scene: Scene) -> Iterator[Finding]:
    """ENIs with IPv6 addresses of which no way out is known."""
    for story in scene.report.stories:
        if story.eni.ipv6s and story.eni.gateway6 is None and not story.excluded and not scene.settings.leave_ipv6:
            yield NO_GATEWAY6.on(_subject(story), about=_about(story), addresses=story.eni.ipv6s)


FINDERS = (emptied, unsettled, without_dhcp, lonely, without_gateway6)
