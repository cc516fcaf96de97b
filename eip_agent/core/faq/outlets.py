"""What the VPC keeps from the Internet, for the answers that ask about it: IPv4 gateways, route tables, IPv6."""

from collections.abc import Iterator

from eip_agent.core.faq.answer import Gap, Point, Sign
from eip_agent.core.faq.instance import found, gap, held, listed, name_of
from eip_agent.core.faq.visibility import VISIBLE
from eip_agent.core.message import Message, Value, say
from eip_agent.core.outlet import Outlet, activated, gateways4, outlet, table_of_vswitch
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.vpc import TO_IPV4_GATEWAY


def by_tables(scene: Scene) -> Iterator[Point]:
    """Whether an IPv4 gateway lets the EIPs reach the Internet; nothing where it is not known whether there is one."""
    gateways = gateways4(scene)
    if gateways is None:
        return
    shown = found(scene, "EIP450")
    if not gateways:
        yield Point(
            say("the VPC has no IPv4 gateway, so that no route table stands between an EIP and the Internet"), Sign.FINE
        )
    for gateway in gateways:
        values = {"gateway": gateway.gateway_id}
        if shown:
            says = say("the VPC has the IPv4 gateway {gateway}, beside EIPs that show on a NIC", **values)
            yield Point(says, Sign.WRONG, shown)
        elif gateway.enabled is False:
            yield Point(say("the IPv4 gateway {gateway} is not activated: it changes nothing yet", **values), Sign.FINE)
        elif gateway.enabled is None:
            yield Point(say("whether the IPv4 gateway {gateway} is activated is not known", **values), Sign.UNKNOWN)
    yield from (_by_table(scene, story) for story in _translated(scene))


def _translated(scene: Scene) -> Iterator[Story]:
    """The ENIs with EIPs of whose traffic an activated IPv4 gateway decides."""
    links = {one.link for one in held(scene)}
    for story in scene.report.stories:
        having = story.link.link.name in links and story.verdict.mode not in VISIBLE
        if having and activated(scene, story) is not None:
            yield story


def _by_table(scene: Scene, story: Story) -> Point:
    table, gateway = table_of_vswitch(scene, story), activated(scene, story)
    values: dict[str, Value] = {"eni": name_of(story), "gateway": gateway.gateway_id if gateway else ""}
    if table is None:
        says = say("{eni}: whether its route table leads to the IPv4 gateway {gateway} is not known", **values)
        return Point(says, Sign.UNKNOWN)
    values["table"] = table.table_id
    if table.is_private:
        says = say("{eni}: no route of its route table {table} leads to the IPv4 gateway {gateway}", **values)
        return Point(says, Sign.WRONG, found(scene, "EIP451"))
    if table.default is None or table.default.kind != TO_IPV4_GATEWAY:
        to = listed(route.destination for route in table.routes if route.kind == TO_IPV4_GATEWAY)
        says = say(
            "{eni}: its route table {table} leads {to} to the IPv4 gateway {gateway}, and no more", to=to, **values
        )
        return Point(says)
    return Point(say("{eni}: its route table {table} leads to the IPv4 gateway {gateway}", **values), Sign.FINE)


def unknown_tables(scene: Scene) -> Iterator[Gap]:
    """What of it is not known, where it is known that there is an IPv4 gateway that counts."""
    if any(table_of_vswitch(scene, story) is None for story in _translated(scene)):
        what = say("whether the route tables lead to the IPv4 gateway")
        yield gap(scene, _missing(scene, "vpc:DescribeRouteTableList", "vpc:DescribeRouteEntryList"), what)


def unknown_gateway(scene: Scene, what: Message) -> Iterator[Gap]:
    """That it is not known whether there is an IPv4 gateway."""
    if gateways4(scene) is None:
        yield gap(scene, "vpc:ListIpv4Gateways", what)


def unknown_mode(scene: Scene) -> Iterator[Gap]:
    """What a deleted IPv4 gateway may have left behind, which no field of the OpenAPI tells (VPC guide)."""
    if gateways4(scene) == ():
        yield Gap(
            say(
                "whether there was or is an IPv4 gateway that is not told of: after one was deleted in private mode "
                "nothing in the VPC reaches the Internet, and that of a shared VPC is its owner's"
            ),
            say("nothing that eip-agent may ask: look at the IPv4 Internet access mode of the VPC in the console"),
        )


def _missing(scene: Scene, *actions: str) -> str:
    """The first of these that is not allowed; else the last one."""
    denied = {one.action for one in scene.witnesses.api.denied} if scene.witnesses.api is not None else set()
    return next((action for action in actions if action in denied), actions[-1])


# --- IPv6 -------------------------------------------------------------------------------------------------------------

_NO_MORE = {Outlet.NO_GATEWAY: "EIP431", Outlet.NO_BANDWIDTH: "EIP432", Outlet.ONE_WAY: "EIP433"}


def by_ipv6(scene: Scene, story: Story) -> Iterator[Point]:
    """What the IPv6 addresses of an ENI have of the Internet, those that are alike together."""
    having: dict[Outlet, list[object]] = {}
    for address in story.eni.ipv6s or ():
        having.setdefault(outlet(scene, story, address), []).append(address)
    for state, addresses in having.items():
        values = {"eni": name_of(story), "addresses": listed(addresses)}
        codes = found(scene, _NO_MORE[state]) if state in _NO_MORE else ()
        match state:
            case Outlet.OPEN:
                yield Point(say("{eni}: {addresses} with Internet bandwidth", **values), Sign.FINE)
            case Outlet.ONE_WAY:
                says = say("{eni}: {addresses} with bandwidth and an egress-only rule: nobody may ask", **values)
                yield Point(says, Sign.FACT, codes)
            case Outlet.NO_GATEWAY:
                says = say("{eni}: {addresses} for the VPC only, which has no IPv6 gateway", **values)
                yield Point(says, Sign.ABSENT, codes)
            case Outlet.NO_BANDWIDTH:
                says = say("{eni}: {addresses} for the VPC only, without Internet bandwidth", **values)
                yield Point(says, Sign.ABSENT, codes)


def unknown_ipv6(scene: Scene, having: list[Story]) -> Iterator[Gap]:
    """Of which addresses that is not known."""
    pairs = [(story, address) for story in having for address in story.eni.ipv6s or ()]
    if any(outlet(scene, story, address) is Outlet.UNKNOWN for story, address in pairs):
        what = say("whether the VPC has an IPv6 gateway, and bandwidth for each of these addresses")
        yield gap(scene, _missing(scene, "vpc:DescribeIpv6Gateways", "vpc:DescribeIpv6Addresses"), what)
