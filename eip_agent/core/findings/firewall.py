"""EIP25x: the local firewall, where it stops what an address is for."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from eip_agent.core.claims import GONE, eips_of
from eip_agent.core.facts import IPAddress
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import Message, say, text
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode

if TYPE_CHECKING:
    from eip_agent.core.firewall import Fate, Stop
    from eip_agent.core.surroundings import Ruleset

DEAF = Kind(
    "EIP251",
    Severity.ERROR,
    text("the local firewall drops all that comes in for an address"),
    saw=text("the local firewall drops all that comes in by {link} for {addresses}: {where}"),
    means=text(
        "these addresses, and EIPs that are bound to them, answer nobody, and what is sent from them gets no answer"
    ),
    do=text("delete what drops it with the program that made it, or accept before it what is to come in"),
    proof="tests/lab/findings/test_firewall.py; nft(8)",
)
CLOSED = Kind(
    "EIP252",
    Severity.WARNING,
    text("the local firewall lets no new connection in to an address"),
    saw=text("the local firewall drops every new connection {whence} that comes in by {link} for {addresses}: {where}"),
    means=text(
        "who asks from there gets no answer, neither of these addresses nor of EIPs that are bound to them; "
        "what is begun from here works"
    ),
    do=text("accept before it what is to come in, with the program that made the rules"),
    proof="tests/lab/findings/test_firewall.py; nft(8)",
    caused_by=frozenset(("EIP251",)),
)
DOUBTFUL = Kind(
    "EIP253",
    Severity.NOTE,
    text("whether the local firewall lets new connections in to an address is not known"),
    saw=text(
        "whether the local firewall lets new connections in that come by {link} for {addresses} is not known: {why}; "
        "what is left is dropped by {where}"
    ),
    means=text(
        "nothing is known to be wrong: where that rule lets in, or hands on to a container, what is meant for these "
        "addresses, they are reached; what it does not gets no answer"
    ),
    do=text("nothing, if these addresses are reached; else look at that rule"),
    proof="tests/core/findings/test_firewall.py; tests/lab/findings/test_firewall.py",
    caused_by=frozenset(("EIP251", "EIP252")),
)
MUTE = Kind(
    "EIP254",
    Severity.ERROR,
    text("the local firewall drops all that an address sends"),
    saw=text("the local firewall drops all that {addresses} send by {link}: {where}"),
    means=text("requests to these addresses, and to EIPs that are bound to them, come in and are never answered"),
    do=text("delete what drops it with the program that made it, or accept before it what is to go out"),
    proof="tests/lab/findings/test_firewall.py; nft(8)",
)
LEGACY = Kind(
    "EIP255",
    Severity.NOTE,
    text("rules of iptables-legacy were not looked at"),
    saw=text("tables of iptables-legacy are in use: {tables}"),
    means=text("whether their rules drop what is for an EIP was not looked at; those of nftables were"),
    do=text("nothing, if the EIPs are reached; else look at them"),
    commands=("iptables-legacy-save", "ip6tables-legacy-save"),
    proof="tests/core/findings/test_firewall.py",
)

KINDS = (DEAF, CLOSED, DOUBTFUL, MUTE, LEGACY)


def firewall(scene: Scene) -> Iterator[Finding]:
    """What the rules stop, one finding for all addresses of a link that the same rule stops."""
    ruleset = scene.surroundings.firewall if scene.surroundings is not None else None
    if ruleset is None:
        return
    for story in scene.report.stories if ruleset.chains else ():
        if not story.excluded and story.link.up:
            yield from _of_link(ruleset, scene, story)
    if ruleset.legacy:
        tables = tuple(dict.fromkeys(ruleset.legacy))
        yield LEGACY.on("iptables-legacy", tables=tables)


def _of_link(ruleset: "Ruleset", scene: Scene, story: Story) -> Iterator[Finding]:
    # Only where there are rules: the classes of a firewall take time to be made.
    from eip_agent.core.firewall import edges  # noqa: PLC0415

    among = {version: edges(ruleset, version) for version in (4, 6)}
    alike: dict[tuple[int, int, bool], list[IPAddress]] = {}
    for address in _addresses(scene, story):
        place = bisect_right(among[address.version], int(address))
        alike.setdefault((address.version, place, _has_eip(scene, story, address)), []).append(address)
    stopped: dict[tuple[Kind, Stop, Stop | None], list[IPAddress]] = {}
    reached = False
    for (_, _, internet), addresses in alike.items():
        for found in _judged(ruleset, story, addresses[0], internet=internet):
            stopped.setdefault(found, []).extend(addresses)
            reached |= internet
    # Where an EIP leads to one of them, only packets from the Internet were judged: others of the VPC may get in.
    whence = say("from the Internet") if reached else say("from anywhere")
    for (kind, stop, doubt), addresses in stopped.items():
        told = tuple(sorted(addresses, key=lambda ip: (ip.version, int(ip))))
        yield _doubted(stop, doubt, story, told) if doubt is not None else _found(kind, stop, story, told, whence)


def _judged(
    ruleset: "Ruleset", story: Story, address: IPAddress, *, internet: bool
) -> "Iterator[tuple[Kind, Stop, Stop | None]]":
    """What stops its packets, and for what is doubtful by which rule it is."""
    from eip_agent.core.firewall import Passes, fate  # noqa: PLC0415  as above
    from eip_agent.core.firewall_match import Packets  # noqa: PLC0415  as above

    link = story.link
    new = Packets(
        incoming=True,
        address=address,
        link=link.link.name,
        index=link.link.index,
        group=link.group,
        internet=internet,
    )
    begun, sent = replace(new, new=False), replace(new, new=False, incoming=False)
    yield from _stop(MUTE, fate(ruleset, sent))
    answers, requests = fate(ruleset, begun), fate(ruleset, new)
    if answers.passes is Passes.NO:
        yield from _stop(DEAF, answers)
    elif requests.passes is Passes.MAYBE and requests.stop is not None:
        yield DOUBTFUL, requests.stop, requests.doubt
    else:
        yield from _stop(CLOSED, requests)


def _stop(kind: Kind, seen: "Fate") -> "Iterator[tuple[Kind, Stop, None]]":
    """It, where it stops all."""
    if not seen.passes and seen.stop is not None:
        yield kind, seen.stop, None


def _found(kind: Kind, stop: "Stop", story: Story, addresses: tuple[IPAddress, ...], whence: Message) -> Finding:
    link, where = story.link.link.name, _place(stop)
    commands = (f"nft -a list chain {stop.chain}",)
    if stop.rule is not None and kind in (DEAF, MUTE):
        commands = (f"nft delete rule {stop.chain} handle {stop.rule.handle}",)
    about = (link, *map(str, addresses))
    return kind.on(link, about=about, commands=commands, link=link, addresses=addresses, where=where, whence=whence)


def _doubted(stop: "Stop", doubt: "Stop", story: Story, addresses: tuple[IPAddress, ...]) -> Finding:
    """It is not known, and because of which rule."""
    from eip_agent.core.firewall_match import MARKS  # noqa: PLC0415  as above

    link, by, rule = story.link.link.name, _place(doubt), doubt.rule
    why = say("what {rule} lets in, or hands on, cannot be told from here", rule=by)
    plain = rule.matches if rule is not None and not rule.strange and rule.verdict != "other" else ()
    if any(match.field in MARKS for match in plain):
        why = say("{rule} decides by a mark that no rule here gives them; something else may, as tc or eBPF", rule=by)
    return DOUBTFUL.on(
        link,
        about=(link, *map(str, addresses)),
        commands=dict.fromkeys(f"nft -a list chain {one.chain}" for one in (doubt, stop)),
        link=link,
        addresses=addresses,
        why=why,
        where=_place(stop),
    )


def _place(stop: "Stop") -> Message:
    if stop.rule is None:
        return say("the policy of chain `{chain}`", chain=stop.chain)
    return say("the rule `{rule}` in chain `{chain}`", rule=stop.rule, chain=stop.chain)


def _addresses(scene: Scene, story: Story) -> Iterator[IPAddress]:
    """Those of its link that the world may know."""
    for fact in scene.kernel.addresses:
        if fact.link == story.link.link.index and fact.universal:
            yield fact.ip


def _has_eip(scene: Scene, story: Story, address: IPAddress) -> bool:
    """Whether the address is known to be reached from the Internet; False also where that is not known."""
    eni, cloud, api = story.eni, scene.cloud, scene.witnesses.api
    if address.version == 6 or address not in (eni.private_ipv4s or ()):
        return address.version == 4 and story.verdict.mode in (Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE)
    first = address == eni.primary
    declared = [
        eip for eip in scene.settings.eips if eip.mode is Mode.NAT and (eip.eni or eip.mac) in (eni.eni_id, eni.mac)
    ]
    told = eips_of(eni, cloud.instance_id if cloud else None, api.eips if api else (), primary=story.primary)
    mapped = [eip.private_address for eip in told if eip.mode is Mode.NAT and eip.status not in GONE]
    mapped += [eip.private_address or eni.primary for eip in declared]
    return address in mapped or (
        first and (None in mapped or (story.primary and cloud is not None and bool(cloud.eipv4)))
    )


FINDERS = (firewall,)
