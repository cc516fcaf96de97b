"""What to try out, and what came of it: active checks, of every address of every ENI, that disturb nobody.

::

    plan      which addresses may be used, and what to ask with each
    Ask       one packet's worth: from an address of an ENI's own, by its own link
    Probes    what came of it, by address

Nothing is sent with an address that the ENI does not have, nor by a link of another ENI: what would, is not sent.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from eip_agent.core.facts import IPAddress, LinkFact
from eip_agent.core.message import say
from eip_agent.core.outside import Outside, owned
from eip_agent.core.probed import Probed, Probes, Reply, Said, Target, target_of
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.walk import LookupFact

MOST: Final = 256
"""Addresses that are tried; an instance may have two thousand."""


class Aim(enum.Enum):
    """What is tried."""

    GATEWAY = "gateway"
    METADATA = "metadata"
    OUTSIDE = "outside"
    SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to try, with one address."""

    aim: Aim
    source: IPAddress
    link: LinkFact
    gateway: IPAddress | None = None
    """Of `GATEWAY`."""
    target: Target | None = None
    """Of all others."""


def plan(scene: Scene) -> tuple[Ask, ...]:
    """Everything to try; one question about each gateway."""
    settings = scene.settings
    metadata = target_of(settings.metadata_url)
    asks: list[Ask] = []
    gateways: set[tuple[int, IPAddress]] = set()
    for story, source in _tried(scene):
        link, gateway = story.link, _gateway(story, source)
        if gateway is not None and (link.link.index, gateway) not in gateways:
            gateways.add((link.link.index, gateway))
            asks.append(Ask(Aim.GATEWAY, source, link, gateway=gateway))
        if source.version == 4 and story.verdict.mode is not Mode.EIP_VISIBLE:
            asks.append(Ask(Aim.METADATA, source, link, target=metadata))
        for aim, text in ((Aim.OUTSIDE, settings.probe_target), (Aim.SEEN, settings.probe_echo)):
            target = target_of(text) if text else None
            if target is not None and target.version in (None, source.version):
                asks.append(Ask(aim, source, link, target=target))
    return tuple(asks)


def may_be_sent(ask: Ask, fact: LookupFact, enis: Mapping[int, str]) -> Said | None:
    """None where the kernel would send it by the ENI's own link, or by a device that is no ENI; else why it is not.

    `enis` are the links of the ENIs by index.
    """
    if not fact.routed:
        return Said(Reply.UNSENT, say("the kernel has no route for it"))
    other = enis.get(fact.link or 0) if fact.kind != "local" and fact.link != ask.link.link.index else None
    if other is None:
        return None
    return Said(Reply.UNSENT, say("it would leave by {link}, whose ENI does not have this address", link=other))


def results(scene: Scene, said: Mapping[Ask, Said]) -> Probes:
    """What came of it, by address."""
    outside = Outside(scene)
    by_aim = {(ask.aim, ask.source): one for ask, one in said.items() if ask.aim is not Aim.GATEWAY}
    by_gateway = {(ask.link.link.index, ask.gateway): one for ask, one in said.items() if ask.aim is Aim.GATEWAY}
    rows = []
    for story, source in _tried(scene):
        gateway = _gateway(story, source)
        rows.append(
            Probed(
                source,
                story.link.link.name,
                gateway,
                by_gateway.get((story.link.link.index, gateway)),
                by_aim.get((Aim.METADATA, source)),
                by_aim.get((Aim.OUTSIDE, source)),
                by_aim.get((Aim.SEEN, source)),
                outside.to_internet(story, source).seen,
                services=source in (story.eni.private_ipv4s or ()),
            )
        )
    settings = scene.settings
    texts = (settings.metadata_url, settings.probe_target, settings.probe_echo)
    metadata, target, echo = (target_of(text) if text else None for text in texts)
    return Probes(tuple(rows), metadata, target, echo, len(list(_usable(scene))) - len(rows))


def _tried(scene: Scene) -> Iterator[tuple[Story, IPAddress]]:
    for number, one in enumerate(_usable(scene)):
        if number < MOST:
            yield one


def _usable(scene: Scene) -> Iterator[tuple[Story, IPAddress]]:
    """The addresses that are here and that the cloud accepts there; nothing of what the settings exclude."""
    here = [(fact.link, fact.ip) for fact in scene.kernel.addresses if fact.universal]
    for story in scene.report.stories:
        if story.excluded or not story.verdict.decided or not story.link.up:
            continue
        own = owned(story)
        for link, ip in here:
            excluded = any(net.version == ip.version and ip in net for net in scene.settings.exclude_addresses)
            if link == story.link.link.index and ip in own and not excluded:
                yield story, ip


def _gateway(story: Story, source: IPAddress) -> IPAddress | None:
    """By whom it leaves, or should."""
    for exit_ in story.exits:
        if any(net.version == source.version and source in net for net in exit_.sources):
            return exit_.gateway
    if source.version == 6:
        return story.eni.gateway6
    return story.eni.gateway if source in (story.eni.private_ipv4s or ()) else None
