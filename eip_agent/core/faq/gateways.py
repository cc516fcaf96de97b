"""Questions 6 to 9: load balancers, the console, NAT gateways, and DNAT beside an EIP."""

from collections.abc import Iterator

from eip_agent.core.faq.answer import Answer, Gap, Point, Sign
from eip_agent.core.faq.instance import found, gap, no_instance, told_eips
from eip_agent.core.findings.exclusions import spelled, translated
from eip_agent.core.message import Message, say
from eip_agent.core.openapi import ASIDE, Bound
from eip_agent.core.scene import Scene


def balancers(scene: Scene) -> Answer:
    """Whether an EIP can be bound to a load balancer."""
    points = tuple(_bound(scene, Bound.SLB))
    return Answer(
        6,
        say("Can an EIP be bound to a load balancer (SLB)?"),
        say("yes, to a private one; {number} of the EIPs known here are", number=len(points))
        if points
        else say("yes, to a private one; none of the EIPs known here is"),
        (
            say(
                "to a private CLB in a VPC, one EIP each, in the EIP console and not in that of the load balancer; "
                "not to an Internet-facing one, which has an address of its own"
            ),
            say(
                "an ALB or NLB gets EIPs in its own console, by changing its network type; the FAQ of 2021 has neither"
            ),
        ),
        points or (_none(scene, say("no EIP that was asked about here is bound to a load balancer")),),
        tuple(_others(scene)),
    )


def console(scene: Scene) -> Answer:
    """Why the console does not show a load balancer that has an EIP."""
    return Answer(
        7,
        say("Why does the EIP console not show the load balancer that an EIP is bound to?"),
        say("another resource group, or a RAM user; nothing on this host has a part in it"),
        (
            say("the EIP and the load balancer are in different resource groups: choose the other one, or all"),
            say("or you are signed in as a RAM user who may not see it: sign in with the account itself"),
        ),
        tuple(_bound(scene, Bound.SLB)) or (Point(say("nothing of this instance decides it")),),
        (
            Gap(
                say("resource groups and the rights of whoever looks at the console"),
                say("nothing that eip-agent may ask: look in the console"),
            ),
        ),
    )


def nat_gateways(scene: Scene) -> Answer:
    """Why an EIP cannot be bound to a NAT gateway."""
    api = scene.witnesses.api
    gateways = tuple(dict.fromkeys(entry.gateway_id for entry in (api.dnat or ()))) if api is not None else ()
    leading = (Point(say("the NAT gateway {id} has DNAT entries that lead here", id=gateway)) for gateway in gateways)
    return Answer(
        8,
        say("Why can an EIP not be bound to a NAT gateway?"),
        say("an old bandwidth package, a quota, or arrears; none of it can be seen on this host"),
        (
            say(
                "accounts that had a NAT bandwidth package before 3 November 2017 (26 January 2018 outside China) "
                "go on using it for that gateway: open a ticket to bind EIPs instead"
            ),
            say(
                "today also: the gateway has as many EIPs as its quota allows (`QuotaExceeded.NumberOfEip`), "
                "or the account is in arrears (`NATGATEWAY_FINANCIALLOCKED`)"
            ),
        ),
        (*_bound(scene, Bound.NAT_GATEWAY), *leading) or (_none(scene, say("no NAT gateway is known to lead here")),),
        (
            Gap(
                say("since when the account exists, its packages and its quotas"),
                say("nothing that eip-agent may ask: look in the console, and in the quota centre"),
            ),
        ),
    )


def dnat(scene: Scene) -> Answer:
    """Whether an instance with an EIP can be reached by DNAT too."""
    api = scene.witnesses.api
    entries = api.dnat if api is not None else None
    return Answer(
        9,
        say("Can an instance that has an EIP also serve the Internet by DNAT of a NAT gateway?"),
        _dnat_short(scene),
        (
            say(
                "no: while an EIP is bound to the instance no DNAT entry can be made for it, and while there is an "
                "entry no EIP can be bound (`BIND_INSTANCE_HAVE_PORTMAP_OR_BIND_EIP`); unbind or delete the one first"
            ),
            say("where both are there from before, the instance speaks with the Internet by its EIP"),
            say(
                "it works when the EIP is bound to a secondary ENI: DNAT leads to the primary one, and each answers by "
                "its own ENI, for which eip-agent sees; no page of the cloud was seen that lifts the limit since"
            ),
            say(
                "the same order holds outwards: an EIP, a static public address or a DNAT entry for any port wins over "
                "SNAT; move the EIP to a secondary ENI to make SNAT the way out of everything else"
            ),
        ),
        tuple(_entries(scene)),
        (
            *no_instance(scene),
            *(
                [gap(scene, "vpc:DescribeForwardTableEntries", say("whether a DNAT entry leads to this instance"))]
                if entries is None and scene.cloud is not None
                else []
            ),
            Gap(
                say("whether a SNAT entry covers the vSwitches of this instance"),
                say(
                    "nothing that eip-agent may ask: look at the SNAT entries of the VPC's NAT gateways in the console"
                ),
            ),
        ),
    )


def _dnat_short(scene: Scene) -> Message:
    entries = scene.witnesses.api.dnat if scene.witnesses.api is not None else None
    if entries is None:
        return say("no; whether an entry leads here is not known")
    clashes = sum(entry.internal in translated(scene) for entry in entries)
    if clashes:
        return say("no; {number} entries lead to addresses here that have an EIP", number=clashes)
    if entries:
        return say("no; {number} entries lead here, to addresses without an EIP", number=len(entries))
    return say("no; no entry leads to this instance")


def _entries(scene: Scene) -> Iterator[Point]:
    entries = scene.witnesses.api.dnat if scene.witnesses.api is not None else None
    eips = translated(scene)
    if entries is None:
        yield Point(say("whether a DNAT entry leads to this instance is not known"), Sign.UNKNOWN)
        return
    if not entries:
        yield Point(say("no DNAT entry of the VPC leads to a private address of this instance"), Sign.FINE)
    for entry in entries:
        values = {"entry": spelled(entry), "gateway": entry.gateway_id, "eip": eips.get(entry.internal)}
        if entry.internal in eips:
            yield Point(
                say("{entry} of {gateway} leads to an address that has the EIP {eip}", **values),
                Sign.WRONG,
                found(scene, "EIP410"),
            )
        else:
            yield Point(say("{entry} of {gateway} leads to an address without an EIP", **values))


def _bound(scene: Scene, to: Bound) -> Iterator[Point]:
    for eip in told_eips(scene):
        if eip.bound is to:
            yield Point(say("{eip} is bound to {id}", eip=eip.address, id=eip.instance_id))


def _none(scene: Scene, says: Message) -> Point:
    """That there is none, where the OpenAPI was asked and told it."""
    api = scene.witnesses.api
    if api is not None and not api.unread and not {one.action for one in api.denied} - ASIDE:
        return Point(says)
    return Point(say("the OpenAPI did not tell which EIPs and NAT gateways lead elsewhere"), Sign.UNKNOWN)


def _others(scene: Scene) -> Iterator[Gap]:
    if scene.cloud is not None:
        yield Gap(
            say("EIPs of the account that are neither this instance's nor in its settings: they are not asked about"),
            say("declare an EIP in the settings, and the OpenAPI is asked where it is bound"),
        )
