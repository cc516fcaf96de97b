"""EIP431 to EIP433, EIP450 and EIP451: what the VPC keeps from the Internet, though an address is on an ENI."""

from collections.abc import Iterator
from ipaddress import IPv6Address

from eip_agent.core.claims import GONE, eips_of
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import Message, Value, say, text
from eip_agent.core.numbers import MAIN
from eip_agent.core.openapi import ApiFact
from eip_agent.core.outlet import Outlet, activated, outlet, table_of_vswitch, told, vpc_of
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.vpc import RouteTableFact

NO_GATEWAY6 = Kind(
    "EIP431",
    Severity.NOTE,
    text("IPv6 addresses reach no Internet, for the VPC has no IPv6 gateway"),
    saw=text("{vpc} has no IPv6 gateway, and a default route here sends IPv6 to the Internet; concerned: {addresses}"),
    means=text(
        "they reach the VPC only: a program that tries the Internet by IPv6 first waits for answers that never come"
    ),
    do=text(
        "make an IPv6 gateway in the VPC and buy Internet bandwidth for these addresses; or, if IPv6 is for the "
        "private network only, do nothing, or take the default route away"
    ),
    commands=("aliyun vpc CreateIpv6Gateway --RegionId {region} --VpcId {vpc}", "eip-agent explain faq 14"),
    proof="tests/lab/findings/test_outlets.py; cloud documentation: IPv6 gateway, DescribeIpv6Gateways",
)
NO_BANDWIDTH = Kind(
    "EIP432",
    Severity.NOTE,
    text("IPv6 addresses have no Internet bandwidth"),
    saw=text("the OpenAPI tells no Internet bandwidth of {addresses}, and {wanted}"),
    means=text(
        "they reach the VPC only: a program that tries the Internet by IPv6 first waits for answers that never come"
    ),
    do=text(
        "buy bandwidth for them at the IPv6 gateway; or, if IPv6 is for the private network only, do nothing, or take "
        "the default route away"
    ),
    proof="tests/lab/findings/test_outlets.py; cloud documentation: AllocateIpv6InternetBandwidth",
)
ONE_WAY = Kind(
    "EIP433",
    Severity.NOTE,
    text("IPv6 addresses may ask, and nobody on the Internet may ask them"),
    saw=text("the OpenAPI says that an egress-only rule of the IPv6 gateway holds for {addresses}"),
    means=text("connections from here to the Internet work; whoever connects from there gets no answer"),
    do=text("nothing, if that is meant; else delete the egress-only rule at the IPv6 gateway"),
    proof="tests/lab/findings/test_outlets.py; cloud documentation: CreateIpv6EgressOnlyRule",
)
BOTH = Kind(
    "EIP450",
    Severity.WARNING,
    text("an ENI shows its EIPs, and the VPC has an IPv4 gateway"),
    saw=text("its mode is `{mode}`, and {vpc} has the IPv4 gateway {gateway}"),
    means=text(
        "the cloud allows only one of them: it makes no IPv4 gateway where an EIP shows on a NIC, and binds none where "
        "there is one; what becomes of packets where both exist is not documented, and the EIPs may not work"
    ),
    do=text(
        "delete the IPv4 gateway, in public mode, for the private mode takes the Internet from the whole VPC; or bind "
        "the EIPs in NAT mode"
    ),
    commands=("aliyun vpc DeleteIpv4Gateway --RegionId {region} --Ipv4GatewayId {gateway} --InternetMode public",),
    proof="tests/lab/findings/test_outlets.py; cloud documentation: IPv4 gateway, limits; what follows is inferred",
)
PRIVATE = Kind(
    "EIP451",
    Severity.ERROR,
    text("an EIP is bound, and the route table of its vSwitch has no route to the IPv4 gateway"),
    saw=text(
        "EIPs that are bound to it: {eips}; the IPv4 gateway {gateway} is activated, and no route of {table}, the "
        "route table of {vswitch}, leads there; {default}"
    ),
    means=text(
        "such a vSwitch is private: what is in it does not reach the Internet by its EIPs; who asks from the Internet "
        "may get no answer either"
    ),
    do=text("{remedy}, for the whole vSwitch; or bind the EIPs to an ENI in a vSwitch that has such a route"),
    commands=(
        (
            "aliyun vpc CreateRouteEntry --RegionId {region} --RouteTableId {table} "
            "--DestinationCidrBlock 0.0.0.0/0 --NextHopType Ipv4Gateway --NextHopId {gateway}"
        ),
    ),
    proof="tests/lab/findings/test_outlets.py; cloud documentation: IPv4 gateway; about who asks from there: inferred",
)

KINDS = (NO_GATEWAY6, NO_BANDWIDTH, ONE_WAY, BOTH, PRIVATE)

_SHOWN = frozenset((Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE))


def ipv6(scene: Scene) -> Iterator[Finding]:
    """IPv6 addresses that do not have the Internet as this host would use it: one finding for each kind of lack.

    Private IPv6 is nothing wrong: where neither a default route nor the bandwidth of another address says that the
    Internet is wanted, nothing is told.
    """
    if scene.settings.leave_ipv6:
        return
    having: dict[Outlet, list[tuple[Story, IPv6Address]]] = {state: [] for state in Outlet}
    for story in scene.report.stories:
        for address in story.eni.ipv6s or () if not story.excluded else ():
            having[outlet(scene, story, address)].append((story, address))
    routed = _is_routed(scene)
    if routed and (without := having[Outlet.NO_GATEWAY]):
        vpc = vpc_of(scene, without[0][0])
        yield _on(NO_GATEWAY6, without, vpc=vpc.vpc_id if vpc else "", region=_region(scene))
    if (private := having[Outlet.NO_BANDWIDTH]) and (routed or _is_bought(scene)):
        wanted = say("a default route here sends IPv6 to the Internet") if routed else say("others here have it")
        yield _on(NO_BANDWIDTH, private, wanted=wanted)
    if one_way := having[Outlet.ONE_WAY]:
        yield _on(ONE_WAY, one_way)


def _on(kind: Kind, found: list[tuple[Story, IPv6Address]], **values: Value) -> Finding:
    links = tuple(dict.fromkeys(story.link.link.name for story, _ in found))
    addresses = tuple(str(address) for _, address in found)
    return Finding(kind, ", ".join(links), {"addresses": addresses, **values}, frozenset((*links, *addresses)))


def _is_routed(scene: Scene) -> bool:
    """Whether a program that binds to nothing would use IPv6 to the Internet by an ENI."""
    links = {story.link.link.index for story in scene.report.stories}
    return any(
        route.table == MAIN
        and route.link in links
        and route.destination.version == 6
        and not route.destination.prefixlen
        and not route.unreachable
        for route in scene.kernel.routes
    )


def _is_bought(scene: Scene) -> bool:
    """Whether some IPv6 address of this instance has Internet bandwidth."""
    addresses = [address for story in scene.report.stories for address in story.eni.ipv6s or ()]
    return any(fact.public for fact in (told(scene, address) for address in addresses) if fact is not None)


def ipv4(scene: Scene) -> Iterator[Finding]:
    """ENIs whose EIPs an IPv4 gateway of the VPC keeps, or may keep, from working."""
    api, instance = scene.witnesses.api or ApiFact(), scene.cloud.instance_id if scene.cloud else None
    for story in scene.report.stories:
        if story.excluded:
            continue
        name, eni = story.link.link.name, story.eni.eni_id or story.eni.mac
        vpc = vpc_of(scene, story)
        if story.verdict.mode in _SHOWN and vpc is not None and vpc.gateways4:
            yield BOTH.on(
                f"{name} {eni}",
                about=(name, *(str(eip.address) for eip in story.verdict.visible)),
                mode=story.verdict.mode.value,
                vpc=vpc.vpc_id,
                gateway=vpc.gateways4[0].gateway_id,
                region=_region(scene),
            )
        gateway, table = activated(scene, story), table_of_vswitch(scene, story)
        eips = eips_of(story.eni, instance, api.eips, primary=story.primary)
        bound = tuple(str(eip.address) for eip in eips if eip.status not in GONE)
        if gateway is None or table is None or not table.is_private or not bound or story.verdict.mode in _SHOWN:
            continue
        yield PRIVATE.on(
            f"{name} {eni}",
            about=(name, *bound),
            # A second default route is refused; which entry to change is not for a command to guess.
            commands=None if table.default is None else (),
            eips=bound,
            gateway=gateway.gateway_id,
            table=table.table_id,
            vswitch=next(one.vswitch for one in api.enis or () if one.mac == story.eni.mac),
            region=_region(scene),
            **_default(table),
        )


def _default(table: RouteTableFact) -> dict[str, Message]:
    """What becomes of everything else, and what to do about it; a table has one default route."""
    if table.default is None:
        return {
            "default": say("it has no default route"),
            "remedy": say("add a default route to the IPv4 gateway to that route table"),
        }
    return {
        "default": say("its default route leads to {to}", to=table.default.hop),
        "remedy": say("let the default route of that route table lead to the IPv4 gateway"),
    }


def _region(scene: Scene) -> str:
    return (scene.cloud.region if scene.cloud else None) or "REGION"


FINDERS = (ipv6, ipv4)
