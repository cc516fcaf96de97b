"""EIP134, EIP135: marks and the reverse path filter, and what containers answer."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core.departure import is_ours, spelled
from eip_agent.core.facts import LinkFact
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.findings.ways import departures, is_strict, out_of
from eip_agent.core.message import text
from eip_agent.core.report import Story
from eip_agent.core.residents import tended
from eip_agent.core.scene import Scene
from eip_agent.core.surroundings import RuleSeen

MARKS: Final = 0x450000
"""Of the recipe's connection marks; the index of the link is added.  It has none of the bits that kube-proxy (0x4000,
0x8000), Terway (0x10) and the VPC plug-in of another cloud (0x80) test, and Tailscale compares eight bits with others
(0x40000, 0x80000)."""
BEFORE: Final = 23999
"""Priority of the recipe's rules: just before ours."""

BLIND = Kind(
    "EIP134",
    Severity.WARNING,
    text("a strict reverse path filter does not see the mark that leads back"),
    saw=text(
        "{link} filters strictly by reverse path (`rp_filter` 1), and only packets with a mark leave by it (`{rule}`); "
        "the filter does not look at marks (`src_valid_mark` 0)"
    ),
    means=text("requests to {addresses} from outside its subnet are dropped on arrival, though replies would go right"),
    do=text("filter loosely on this link; the larger of its value and that of `all` counts"),
    commands=("sysctl -w net.ipv4.conf.{link}.rp_filter=2",),
    proof="tests/lab/findings/test_forwarding.py; ip-sysctl (kernel documentation), rp_filter and src_valid_mark",
    caused_by=frozenset(("EIP105", "EIP110")),
)
CONTAINERS = Kind(
    "EIP135",
    Severity.NOTE,
    text("ports that containers publish are answered by the primary NIC only"),
    saw=text("this host forwards packets, and containers are behind {bridges}; their replies do not leave by {links}"),
    means=text(
        "who asks for a published port by an address of {links} gets no answer: the reply has the container's address "
        "when it is routed, leaves by the default route, and the cloud drops it"
    ),
    do=text(
        "nothing, if no port is published on these addresses; "
        "else have replies leave where the request came in, by connection marks"
    ),
    proof="tests/lab/findings/test_forwarding.py; nft(8), ct mark and ct direction",
)

KINDS = (BLIND, CONTAINERS)


def _marked(scene: Scene, story: Story) -> RuleSeen | None:
    """A rule that sends packets with a mark out by the link of an ENI."""
    around = scene.surroundings
    if around is None or around.rules is None or around.routes is None:
        return None
    index = story.link.link.index
    tables = {
        route.table
        for route in around.routes
        if route.destination.version == 4
        and not route.destination.prefixlen
        and {hop.link for hop in route.hops} == {index}
    }
    return next((rule for rule in around.rules if rule.family == 4 and rule.mark and rule.table in tables), None)


def blind(scene: Scene) -> Iterator[Finding]:
    """Links that filter strictly, and by which only packets with a mark leave; those of excluded ENIs too."""
    strict = [story for story in scene.report.stories if story.link.up and is_strict(scene, story)]
    marked = [(story, rule) for story in strict if (rule := _marked(scene, story)) is not None and not is_ours(rule)]
    departing = departures(scene) if marked else None
    if departing is None or scene.surroundings is None:
        return
    for story, rule in marked:
        name, index = story.link.link.name, story.link.link.index
        seen, common = scene.surroundings.link(index), scene.surroundings.of_all("src_valid_mark")
        own = seen.setting("src_valid_mark") if seen is not None else None
        if own is None or common is None or own or common:
            continue
        lost = tuple(
            fact.ip
            for fact in scene.kernel.addresses
            if fact.link == index and fact.universal and isinstance(fact.ip, IPv4Address)
            if any(out_of(walk) != {index} for walk in departing.to_internet(fact.ip))
        )
        if lost:
            about = (name, *map(str, lost))
            yield BLIND.on(name, about=about, link=name, rule=f"ip rule {spelled(rule)}", addresses=lost)


def containers(scene: Scene) -> Iterator[Finding]:
    """Bridges with containers, where replies of published ports cannot leave by every ENI: one finding for all."""
    around = scene.surroundings
    if around is None or around.rules is None or around.of_all("forwarding") != 1:
        return
    bridges = tuple(link.link.name for link in scene.kernel.links if link.up and _has_containers(scene, link))
    looked_up = {rule.table for rule in around.rules}
    tables: dict[int, int] = {}
    stories: list[Story] = []
    for story in tended(scene):
        own = [exit_.table for exit_ in story.exits if exit_.family == 4 and exit_.table in looked_up]
        # What a strict filter takes for a stray is dropped before a mark is of any use.
        served = _marked(scene, story) is not None and not is_strict(scene, story)
        if own and not story.primary and story.link.up and not served:
            tables[story.link.link.index] = own[0]
            stories.append(story)
    if bridges and stories:
        names = tuple(story.link.link.name for story in stories)
        recipe = tuple(_recipe(scene, stories, tables))
        yield CONTAINERS.on(", ".join(names), about=names, commands=recipe, bridges=bridges, links=names)


def _has_containers(scene: Scene, bridge: LinkFact) -> bool:
    """Whether it is a network of containers: a bridge that has an IPv4 address, and ends of veth pairs in it."""
    index = bridge.link.index
    addressed = any(fact.link == index and fact.ip.version == 4 for fact in scene.kernel.addresses)
    inhabited = any(link.master == index and link.kind == "veth" for link in scene.kernel.links)
    return bridge.kind == "bridge" and addressed and inhabited


def _recipe(scene: Scene, stories: list[Story], tables: dict[int, int]) -> Iterator[str]:
    """Replies leave where the request came in, by a mark of the connection that a rule asks for."""
    unmarked = [story.link.link for story in stories if _marked(scene, story) is None]
    chain = "ip eip_replies prerouting"
    if unmarked:
        yield "nft add table ip eip_replies"
        yield f"nft 'add chain {chain} {{ type filter hook prerouting priority mangle; }}'"
        yield f"nft 'add rule {chain} ct direction reply ct mark and 0xff0000 == {MARKS:#x} meta mark set ct mark'"
    for link in unmarked:
        mark = hex(MARKS + link.index)
        yield f"nft 'add rule {chain} iifname \"{link.name}\" ct state new ct mark set {mark}'"
        yield f"ip rule add priority {BEFORE} fwmark {mark} lookup {tables[link.index]}"
    for story in stories:
        if is_strict(scene, story):
            yield f"sysctl -w net.ipv4.conf.{story.link.link.name}.rp_filter=2"


FINDERS = (blind, containers)
