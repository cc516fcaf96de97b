"""EIP134, EIP135: marks and the reverse path filter, and what containers answer."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core.departure import departures, out_of
from eip_agent.core.facts import LinkFact
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.findings.ways import is_strict, marked
from eip_agent.core.message import say, text
from eip_agent.core.numbers import TABLES
from eip_agent.core.report import Story
from eip_agent.core.residents import tended
from eip_agent.core.scene import Scene
from eip_agent.core.spelling import spelled

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
        "{link} filters strictly by reverse path (`rp_filter` 1), "
        "and only packets with a mark leave by it (rule `{rule}`); the filter sees no mark (`src_valid_mark` 0)"
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
    means=text("who asks for a published port by an address of {links} gets no answer: {lost}"),
    do=text(
        "nothing, if no port is published on these addresses; else have replies leave where the request came in, "
        "by connection marks; the commands do so until the next boot"
    ),
    proof="tests/lab/findings/test_forwarding.py; nft(8), ct mark and ct direction",
)

KINDS = (BLIND, CONTAINERS)

_LOST_ON_RETURN: Final = say(
    "the reply has the container's address when it is routed, leaves by the default route, and the cloud drops it"
)
_LOST_ON_ARRIVAL: Final = say(
    "the reverse path filter is strict (`rp_filter` 1) and drops the request, for the way back of the container's "
    "address is not by this NIC"
)


def blind(scene: Scene) -> Iterator[Finding]:
    """Links that filter strictly, and by which only packets with a mark leave; those of excluded ENIs too."""
    by_mark = marked(scene)
    strict = [story for story in scene.report.stories if story.link.up and is_strict(scene, story)]
    ways = [(story, by_mark.get(story.link.link.index)) for story in strict]
    foreign = [(story, rule) for story, rule in ways if rule is not None and rule.table not in TABLES]
    departing = departures(scene) if foreign else None
    if departing is None or scene.surroundings is None:
        return
    for story, rule in foreign:
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
            yield BLIND.on(name, about=about, link=name, rule=spelled(rule), addresses=lost)


def containers(scene: Scene) -> Iterator[Finding]:
    """Bridges with containers, where replies of published ports cannot leave by every ENI: one finding for all."""
    around = scene.surroundings
    if around is None or around.rules is None or around.of_all("forwarding") != 1:
        return
    bridges = tuple(link.link.name for link in scene.kernel.links if link.up and _has_containers(scene, link))
    looked_up, by_mark = {rule.table for rule in around.rules}, marked(scene)
    tables: dict[int, int] = {}
    stories: list[Story] = []
    for story in tended(scene):
        own = [exit_.table for exit_ in story.exits if exit_.family == 4 and exit_.table in looked_up]
        # What a strict filter takes for a stray is dropped before a mark is of any use.
        served = story.link.link.index in by_mark and not is_strict(scene, story)
        if own and not story.primary and story.link.up and not served:
            tables[story.link.link.index] = own[0]
            stories.append(story)
    if bridges and stories:
        names = tuple(story.link.link.name for story in stories)
        yield CONTAINERS.on(
            ", ".join(names),
            about=names,
            commands=_recipe(scene, stories, tables),
            bridges=bridges,
            links=names,
            lost=_LOST_ON_ARRIVAL if all(is_strict(scene, story) for story in stories) else _LOST_ON_RETURN,
        )


def _has_containers(scene: Scene, bridge: LinkFact) -> bool:
    """Whether it is a network of containers: a bridge that has an IPv4 address, and ends of veth pairs in it."""
    index = bridge.link.index
    addressed = any(fact.link == index and fact.ip.version == 4 for fact in scene.kernel.addresses)
    inhabited = any(link.master == index and link.kind == "veth" for link in scene.kernel.links)
    return bridge.kind == "bridge" and addressed and inhabited


def _recipe(scene: Scene, stories: list[Story], tables: dict[int, int]) -> Iterator[str]:
    """Replies leave where the request came in, by a mark of the connection that a rule asks for."""
    by_mark = marked(scene)
    unmarked = [story.link.link for story in stories if story.link.link.index not in by_mark]
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
