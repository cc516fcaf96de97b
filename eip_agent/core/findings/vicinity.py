"""EIP132, EIP133: several ENIs of this instance in one subnet."""

from collections.abc import Iterator

from eip_agent.core.departure import departures, out_of
from eip_agent.core.facts import LinkFact
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.items import ARP_ANNOUNCE, ARP_IGNORE
from eip_agent.core.message import text
from eip_agent.core.numbers import MAIN
from eip_agent.core.report import Story
from eip_agent.core.residents import Role, residents, tended
from eip_agent.core.scene import Scene
from eip_agent.core.surroundings import Surroundings

CONFLICT = Kind(
    "EIP132",
    Severity.WARNING,
    text("several NICs have a connected route to one subnet"),
    saw=text("{links} each have a connected route to {subnet} in `main`, and {address} sends by {out} there"),
    means=text("the kernel takes one of them for every source: what {address} sends to its neighbours is dropped"),
    do=text("let eip-agent route each address by its own ENI, also into its own subnet"),
    commands=("eip-agent apply",),
    proof="tests/lab/findings/test_vicinity.py",
    caused_by=frozenset(("EIP301",)),
)
FLUX = Kind(
    "EIP133",
    Severity.WARNING,
    text("NICs in one subnet answer ARP for each other's addresses"),
    saw=text("{links} are in {subnet}, and not every one speaks by ARP for its own addresses only: {loose}"),
    means=text("a link answers ARP for addresses of the others, and the cloud drops what is not the NIC's own"),
    do=text("have every link speak for its own addresses only"),
    commands=("eip-agent apply",),
    proof="tests/lab/findings/test_vicinity.py; ip-sysctl (kernel documentation), arp_ignore and arp_announce",
)

KINDS = (CONFLICT, FLUX)


def _crowds(scene: Scene) -> list[list[Story]]:
    """The ENIs that share a subnet with another one, by subnet."""
    found: dict[object, list[Story]] = {}
    for story in tended(scene):
        if story.eni.subnet is not None and story.link.up:
            found.setdefault(story.eni.subnet, []).append(story)
    return [crowd for crowd in found.values() if len(crowd) > 1]


def connected(scene: Scene) -> Iterator[Finding]:
    """Subnets with several connected routes in `main`, where an address does not go by its own ENI all the same."""
    crowds, around = _crowds(scene), scene.surroundings
    departing = departures(scene) if crowds else None
    if departing is None or around is None:
        return
    living = list(residents(scene))
    for crowd in crowds:
        subnet, gateway = crowd[0].eni.subnet, crowd[0].eni.gateway
        links = {story.link.link.index: story.link.link.name for story in crowd}
        routes = [route for route in around.routes or () if route.table == MAIN and route.destination == subnet]
        hops = [hop for route in routes for hop in route.hops if hop.gateway is None]
        ways = sorted({hop.link for hop in hops if hop.link in links and hop.link is not None})
        if len(ways) < 2 or gateway is None:
            continue
        for one in living:
            own = one.story.link.link.index
            walk = departing.walk(one.ip, gateway) if own in links and one.ip.version == 4 else None
            if walk is not None and one.role is Role.GIVEN and out_of(walk) != {own} and not walk.doubtful:
                names = tuple(links[link] for link in ways)
                out = tuple(departing.name(link) for link in sorted(out_of(walk)))
                yield CONFLICT.on(", ".join(names), about=names, links=names, subnet=subnet, address=one.ip, out=out)
                break


def flux(scene: Scene) -> Iterator[Finding]:
    """Crowded links that speak for each other by ARP."""
    around = scene.surroundings or Surroundings()
    for crowd in _crowds(scene):
        names = tuple(story.link.link.name for story in crowd)
        loose = tuple(told for story in crowd if (told := _loose(story.link, around)))
        if loose:
            yield FLUX.on(", ".join(names), about=names, links=names, subnet=crowd[0].eni.subnet, loose=loose)


def _loose(link: LinkFact, around: Surroundings) -> str:
    """The settings by which a link speaks for others; empty where it does not, or where that is not known.

    `arp_filter` answers for what is routed by the link only, which is as good as `arp_ignore`.
    """
    found = {
        name: max(own, common)
        for name in (ARP_IGNORE, ARP_ANNOUNCE)
        if (own := link.setting(name)) is not None and (common := around.of_all(name)) is not None
    }
    seen = around.link(link.link.index)
    filters = around.of_all("arp_filter") == 1 or (seen is not None and seen.setting("arp_filter") == 1)
    if len(found) < 2 or ((found[ARP_IGNORE] or filters) and found[ARP_ANNOUNCE] >= 2):
        return ""
    return f"{link.link.name} ({', '.join(f'`{name}` {value}' for name, value in found.items())})"


FINDERS = (connected, flux)
