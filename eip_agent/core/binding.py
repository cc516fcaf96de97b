"""Which EIPs are bound to an ENI, to which of its addresses, and by whose word."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core.claims import GONE, eips_of
from eip_agent.core.message import Message, say
from eip_agent.core.openapi import ApiFact, Bound, EipFact
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode


@dataclass(frozen=True, slots=True)
class Binding:
    """An EIP and a private address of one ENI."""

    eip: IPv4Address | None
    """None: nobody says which EIP the cloud maps to the address, if any."""
    private: IPv4Address | None
    """None: not known."""
    known_by: str = ""
    eip_id: str = ""
    notes: tuple[Message, ...] = ()


OPENAPI: Final = say("OpenAPI")
BEFORE: Final = say("OpenAPI, as it was last known")
SETTINGS: Final = say("settings")
METADATA: Final = say("metadata eipv4")
CIDR: Final = say("metadata: the primary private address is a public one")


def bindings(story: Story, scene: Scene) -> tuple[Binding, ...]:
    """Those of one ENI, by every source; the highest that tells of an EIP tells all of it."""
    found: dict[IPv4Address, Binding] = {}
    for one in _told(story, scene):
        if one.eip is not None:
            found.setdefault(one.eip, one)
    return (*found.values(), *_untold(story, scene, {one.private for one in found.values()}))


def _told(story: Story, scene: Scene) -> Iterator[Binding]:
    eni, verdict, cloud = story.eni, story.verdict, scene.cloud
    for api, source in ((scene.witnesses.api, OPENAPI), (scene.witnesses.api_before, BEFORE)):
        if api is None or (source is BEFORE and tells(scene.witnesses.api, story)):
            continue
        mine = eips_of(eni, cloud.instance_id if cloud else None, api.eips, primary=story.primary)
        yield from (_of_api(fact, story, source) for fact in mine)
    for eip in scene.settings.eips:
        if eip.mac == eni.mac or (eip.mac is None and eip.eni is not None and eip.eni == eni.eni_id):
            private = eip.address if eip.mode is Mode.SECONDARY_CIDR else eip.private_address or eni.primary
            yield Binding(eip.address, private, SETTINGS)
    for shown in verdict.visible:
        yield Binding(shown.address, eni.primary, verdict.because[0].source)
    if story.primary and cloud is not None and cloud.eipv4 is not None:
        yield _of_metadata(cloud.eipv4, story, scene.witnesses.api)
    if verdict.mode is Mode.SECONDARY_CIDR and eni.primary is not None:
        yield Binding(eni.primary, eni.primary, CIDR)


def tells(api: ApiFact | None, story: Story) -> bool:
    """Whether the OpenAPI listed all EIPs of an ENI."""
    return api is not None and story.eni.eni_id is not None and story.eni.eni_id in api.asked


def _of_api(fact: EipFact, story: Story, source: Message) -> Binding:
    only = fact.bound is Bound.ECS or len(story.eni.private_ipv4s or ()) == 1
    private = fact.private_address or (story.eni.primary if only else None)
    return Binding(fact.address, private, source, fact.allocation_id, tuple(notes_of(fact)))


def notes_of(fact: EipFact) -> Iterator[Message]:
    """What is unusual about an EIP."""
    if fact.status in GONE or fact.status != "InUse":
        yield say("its status is {status}, so it may not work at the moment", status=fact.status)
    if fact.locks:
        yield say("it is locked ({locks}): it carries nothing until that is settled", locks=fact.locks)


def _of_metadata(address: IPv4Address, story: Story, api: ApiFact | None) -> Binding:
    if api is not None and api.static_ip == address:
        notes = (say("it is the static public address of the instance, and no EIP"),)
    elif tells(api, story):
        notes = (say("the OpenAPI does not list it: it may be a static public address"),)
    else:
        notes = (say("it may be an EIP or a static public address: the metadata service does not say which"),)
    return Binding(address, story.eni.primary, METADATA, notes=notes)


def _untold(story: Story, scene: Scene, told: set[IPv4Address | None]) -> Iterator[Binding]:
    """The private addresses of which nobody says whether they have an EIP."""
    if tells(scene.witnesses.api, story) or story.excluded or story.verdict.mode is Mode.EIP_VISIBLE:
        return
    for private in story.eni.private_ipv4s or ():
        if private not in told:
            yield Binding(None, private)
