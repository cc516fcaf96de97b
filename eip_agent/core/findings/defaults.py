"""EIP121 to EIP125: default routes of `main` that are missing, lead by another NIC, or to another gateway."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from eip_agent.core.departure import departures, out_of
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import text
from eip_agent.core.numbers import MAIN, TABLES
from eip_agent.core.report import Story
from eip_agent.core.residents import tended
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.spelling import spelled_route
from eip_agent.core.surroundings import RouteSeen

NONE = Kind(
    "EIP121",
    Severity.ERROR,
    text("there is no default route"),
    saw=text("who is bound to no address finds no route to the Internet: `main` has no default route"),
    means=text(
        "this host reaches nobody outside by itself, only what is bound to an address with a table of its own does"
    ),
    do=text("give `main` the default route of the primary NIC, and see why its DHCP client did not"),
    commands=("ip route add default via {gateway} dev {link}",),
    proof="tests/lab/findings/test_defaults.py",
    caused_by=frozenset(("EIP105", "EIP110")),
)
STOLEN = Kind(
    "EIP122",
    Severity.WARNING,
    text("the default route of a secondary NIC comes before that of the primary one"),
    saw=text("who is bound to no address leaves by {link}, for `{route}` is the best default route of `main`"),
    means=text(
        "programs that bind to no address are seen as the EIP of {link}, or reach nobody if it has none; "
        "replies of addresses with a rule are not affected"
    ),
    do=text("nothing, if you want it so; else delete it, and have its DHCP client set none or a higher metric"),
    commands=("ip route del {route}",),
    proof="tests/lab/findings/test_defaults.py",
)
EQUAL = Kind(
    "EIP123",
    Severity.WARNING,
    text("default routes of several NICs have the same metric"),
    saw=text("`main` has several default routes of metric {metric}: {routes}"),
    means=text(
        "the kernel takes the one that was made first, so by which NIC this host leaves depends on who was quicker"
    ),
    do=text("give the NICs different metrics where they are configured, the primary one the lowest"),
    commands=("ip route del {first}",),
    proof="tests/lab/findings/test_defaults.py",
)
GATEWAY = Kind(
    "EIP124",
    Severity.WARNING,
    text("a default route of an ENI leads to another gateway than the cloud's"),
    saw=text("the gateway of `{route}` is {gateway}, and the cloud says {right}"),
    means=text("packets by that route are lost, unless {gateway} is a router that somebody runs there"),
    do=text("nothing, if it is; else correct the route, and where it is configured"),
    commands=("ip route replace {better}",),
    proof="tests/lab/findings/test_defaults.py",
    caused_by=frozenset(("EIP302",)),
)
LEFT = Kind(
    "EIP125",
    Severity.WARNING,
    text("the default route of the primary NIC is missing, and that of a secondary one is used"),
    saw=text(
        "who is bound to no address leaves by {link}, by `{route}`, for `main` has no default route by the primary "
        "NIC {primary}"
    ),
    means=text(
        "programs that bind to no address are seen as the EIP of {link}, or reach nobody if it has none; "
        "replies of addresses with a rule are not affected"
    ),
    do=text(
        "nothing, if you want it so; else give `main` the default route of the primary NIC, and see why its DHCP "
        "client did not"
    ),
    commands=("ip route replace default via {gateway} dev {primary}",),
    proof="tests/lab/findings/test_defaults.py",
    caused_by=frozenset(("EIP105", "EIP110")),
)

KINDS = (NONE, STOLEN, EQUAL, GATEWAY, LEFT)


def _defaults(scene: Scene) -> list[RouteSeen]:
    """The IPv4 default routes of `main`, the best first; of equals the one that the kernel takes comes first."""
    around = scene.surroundings
    found = [
        route
        for route in (around.routes if around is not None else None) or ()
        if route.table == MAIN and route.destination.version == 4 and not route.destination.prefixlen
    ]
    return sorted(found, key=lambda route: route.metric)


def _of(route: RouteSeen, scene: Scene) -> Story | None:
    """The ENI by whose link alone a route leads."""
    links = {hop.link for hop in route.hops}
    return next((story for story in scene.report.stories if links == {story.link.link.index}), None)


def unbound(scene: Scene) -> Iterator[Finding]:
    """Where packets without a source go: nowhere, or by a secondary ENI."""
    departing = departures(scene)
    walks = departing.to_internet(None) if departing is not None else ()
    primary = next((story for story in scene.report.stories if story.primary), None)
    if not walks or primary is None:
        return
    first, gateway = primary.link.link.name, primary.eni.gateway
    commands = None if gateway is not None and primary.link.up else ()
    if any(walk.end is None for walk in walks):
        yield NONE.on("main", about=(first,), commands=commands, gateway=gateway, link=first)
        return
    best, story = walks[0].route, None
    if best is not None and best.table == MAIN and len({out_of(walk) for walk in walks}) == 1:
        story = _of(best, scene)
    alike = [route for route in _defaults(scene) if best is not None and route.metric == best.metric]
    if best is not None and story is not None and not story.primary and len(alike) == 1:
        name = story.link.link.name
        route = spelled_route(best, name)
        if any(hop.link == primary.link.link.index for one in _defaults(scene) for hop in one.hops):
            yield STOLEN.on(name, about=(name,), link=name, route=route)
        else:
            # To delete that of this link as well would let the next secondary one have its place, and so on.
            about = (name, first)
            yield LEFT.on(name, about=about, commands=commands, link=name, route=route, gateway=gateway, primary=first)


def equal(scene: Scene) -> Iterator[Finding]:
    """Default routes of several ENIs of one metric; one route with several ways is somebody's wish."""
    defaults = _defaults(scene)
    best = [(route, _of(route, scene)) for route in defaults if route.metric == defaults[0].metric]
    mine = [(route, story) for route, story in best if story is not None]
    if len({story.eni.mac for _, story in mine}) < 2:
        return
    spelled = [spelled_route(route, story.link.link.name) for route, story in mine]
    wrong = next(text for text, (_, story) in zip(spelled, mine, strict=True) if not story.primary)
    names, quoted = [story.link.link.name for _, story in mine], tuple(f"`{one}`" for one in spelled)
    yield EQUAL.on(
        ", ".join(names),
        about=names,
        metric=mine[0][0].metric,
        routes=quoted,
        first=wrong,
    )


def gateways(scene: Scene) -> Iterator[Finding]:
    """Default routes, in whatever table but ours, by the link of an ENI and another gateway than its own."""
    around = scene.surroundings
    stories = {story.link.link.index: story for story in tended(scene) if story.verdict.decided}
    offers = {offer.link: offer.router for offer in scene.witnesses.offers}
    for route in (around.routes if around is not None else None) or ():
        if route.destination.version == 6 or route.destination.prefixlen or len(route.hops) != 1:
            continue
        # What somebody else has put into a table of ours is to be deleted, not corrected: `changed`.
        if route.table in TABLES:
            continue
        story, via = stories.get(route.hops[0].link or 0), route.hops[0].gateway
        if story is None or not isinstance(via, IPv4Address):
            continue
        right = [eip.gateway for eip in story.verdict.visible]
        if story.verdict.mode is not Mode.EIP_VISIBLE:
            right = [story.eni.gateway, *right] if story.eni.gateway is not None else []
        if right and via not in right and via != offers.get(story.link.link.index):
            name = story.link.link.name
            spelled = spelled_route(route, name)
            # The gateway of an EIP lies outside of what the link knows as its neighbours.
            near = story.eni.subnet is not None and right[0] in story.eni.subnet
            better = spelled.replace(
                f"via {via} dev {name}", f"via {right[0]} dev {name}" + ("" if near else " onlink")
            )
            yield GATEWAY.on(f"{name} {via}", about=(name,), route=spelled, gateway=via, right=right[0], better=better)


FINDERS = (unbound, equal, gateways)
