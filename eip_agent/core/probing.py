"""What to try out, and what came of it: active checks, of every address of every ENI, that disturb nobody.

::

    plan      which addresses may be used, and what to ask with each
    Ask       one packet's worth: from an address of an ENI's own, by its own link
    Said      what came of it

Nothing is sent with an address that the ENI does not have, nor by a link of another ENI: what would, is not sent.
"""

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from eip_agent.core.facts import IPAddress, LinkFact
from eip_agent.core.message import Message, say
from eip_agent.core.outside import Outside, owned
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


class Reply(enum.Enum):
    """What came back."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The other side is there, and does not want to."""
    SILENT = "silent"
    UNSENT = "not sent"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, as the settings name it."""

    host: str
    port: int
    scheme: str = "tcp"
    """`tcp`: only connect; `http`, `https`: ask for the path."""
    path: str = "/"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.scheme == "tcp" else f"{self.scheme}://{host}:{self.port}{self.path}"


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


@dataclass(frozen=True, slots=True)
class Said:
    """What came of it."""

    reply: Reply
    why: Message | str = ""
    """Why it was not sent, or what the system says."""
    seen: IPAddress | None = None
    """As whom the other side saw it."""


@dataclass(frozen=True, slots=True)
class Probed:
    """All that was tried with one address; None: not asked, for there is nothing to ask or it cannot be."""

    address: IPAddress
    link: str
    gateway: IPAddress | None = None
    arp: Said | None = None
    """Whether the gateway answers ARP, or neighbour discovery."""
    metadata: Said | None = None
    outside: Said | None = None
    seen: Said | None = None
    expected: IPAddress | None = None
    """As whom it should be seen; None: not known."""
    services: bool = True
    """Whether 100.64.0.0/10 is documented to be reached with it."""


@dataclass(frozen=True, slots=True)
class Probes:
    """What was tried, and with whom."""

    rows: tuple[Probed, ...]
    target: Target | None = None
    echo: Target | None = None
    left_out: int = 0
    """Addresses that were not tried, for there are too many."""


_TARGET: Final = re.compile(
    r"(?:(?P<scheme>https?)://)?(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-~]*)?"
)
_PORTS: Final = {"http": 80, "https": 443}


def target_of(text: str) -> Target | None:
    """Read `host:port`, `[address]:port` or an http or https URL; None for anything else."""
    found = _TARGET.fullmatch(text)
    if found is None:
        return None
    scheme = found["scheme"] or "tcp"
    port = int(found["port"]) if found["port"] else _PORTS.get(scheme, 0)
    if not 0 < port < 1 << 16 or (scheme == "tcp" and found["path"]):
        return None
    try:
        host = str(ip_address(found["six"])) if found["six"] else found["host"]
    except ValueError:
        return None
    return Target(host, port, scheme, found["path"] or "/")


def seen_in(body: str, version: int) -> IPAddress | None:
    """The first address of an IP version that an echo service names, in plain text, JSON or HTML."""
    for word in re.split(r"[^0-9A-Fa-f.:]+", body):
        try:
            address = ip_address(word.strip("."))
        except ValueError:
            continue
        if address.version == version:
            return address
    return None


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
            if target is not None:
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
    target, echo = (target_of(text) if text else None for text in (settings.probe_target, settings.probe_echo))
    return Probes(tuple(rows), target, echo, len(list(_usable(scene))) - len(rows))


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
