"""Who lives on the links of the ENIs: each local address there, and what it is to the cloud."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from eip_agent.core.claims import GONE
from eip_agent.core.desired import given, is_excluded
from eip_agent.core.facts import AddressFact, IPAddress
from eip_agent.core.message import Value, say
from eip_agent.core.openapi import Bound
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode

SHOWN = 8
"""Addresses that are named in one sentence."""


class Role(enum.Enum):
    """What an address on the link of an ENI is to the cloud."""

    GIVEN = enum.auto()
    """The cloud has given it to this ENI."""
    DEAD = enum.auto()
    """It is of the vSwitch, and the ENI is in EIP-visible mode."""
    MAPPED = enum.auto()
    """An EIP that the cloud's gateway translates."""
    STRAYED = enum.auto()
    """The cloud has given it to another ENI."""
    UNLISTED = enum.auto()
    """It is of the vSwitch, and nobody says that this ENI has it."""
    OTHER = enum.auto()


@dataclass(frozen=True, slots=True)
class Resident:
    """One address on the link of an ENI that is not left alone."""

    story: Story
    fact: AddressFact
    role: Role

    @property
    def ip(self) -> IPAddress:
        """The address."""
        return self.fact.ip


def residents(scene: Scene) -> Iterator[Resident]:
    """All of them that the settings do not exclude; link-local ones left out."""
    mapped = frozenset(mapping(scene).values())
    homes = {ip: story for story in scene.report.stories for ip in given(story.eni, story.verdict)}
    stories = {story.link.link.index: story for story in tended(scene)}
    for fact in scene.kernel.addresses:
        story = stories.get(fact.link)
        if story is not None and fact.universal and not is_excluded(fact.ip, scene.settings):
            yield Resident(story, fact, _role(fact.ip, story, homes.get(fact.ip), mapped))


def tended(scene: Scene) -> Iterator[Story]:
    """The ENIs that the settings do not leave alone."""
    for story in scene.report.stories:
        if not story.excluded and not (story.primary and scene.settings.leave_primary):
            yield story


def mapping(scene: Scene) -> Mapping[IPAddress, IPv4Address]:
    """The EIPs that the cloud's gateway translates, by the private address that each is for, as far as they are known.

    An EIP of a secondary CIDR block is its own private address, and is not among them.
    """
    found: dict[IPAddress, IPv4Address] = {}
    cloud, api = scene.cloud, scene.witnesses.api
    for story in scene.report.stories:
        eni = story.eni
        if story.primary and cloud is not None and cloud.eipv4 is not None and eni.primary is not None:
            found[eni.primary] = cloud.eipv4
        for declared in scene.settings.eips:
            is_its = declared.mac == eni.mac if declared.mac is not None else declared.eni == eni.eni_id
            private = declared.private_address or eni.primary
            if is_its and declared.mode is Mode.NAT and private is not None:
                found[private] = declared.address
        for eip in api.eips if api is not None else ():
            ours = eip.instance_id in (eni.eni_id, cloud.instance_id if cloud is not None and story.primary else None)
            private = eip.private_address or eni.primary
            nat = eip.bound is Bound.ECS or (eip.bound is Bound.ENI and eip.mode is Mode.NAT)
            if ours and nat and eip.status not in GONE and private is not None:
                found[private] = eip.address
    return {private: eip for private, eip in found.items() if private != eip}


def named(addresses: tuple[IPAddress, ...], eips: Mapping[IPAddress, IPv4Address]) -> tuple[Value, ...]:
    """Addresses for a sentence: with their EIPs, and not too many."""
    shown = [
        say("{address} (EIP {eip})", address=ip, eip=eips[ip]) if ip in eips else str(ip) for ip in addresses[:SHOWN]
    ]
    more = len(addresses) - SHOWN
    return (*shown, say("{number} more", number=more)) if more > 0 else tuple(shown)


def subject_of(links: Sequence[str], ips: Sequence[IPAddress]) -> str:
    """What a finding about some addresses is about, in few words."""
    return f"{', '.join(links)} {ips[0]}" + (f" +{len(ips) - 1}" if len(ips) > 1 else "")


def _role(ip: IPAddress, story: Story, home: Story | None, mapped: frozenset[IPv4Address]) -> Role:
    eni, verdict = story.eni, story.verdict
    if verdict.decided and verdict.mode is Mode.EIP_VISIBLE and ip.version == 4:
        if any(ip == eip.address for eip in verdict.visible):
            return Role.GIVEN
        if ip in (eni.private_ipv4s or ()) or (eni.subnet is not None and ip in eni.subnet):
            return Role.DEAD
    if home is story:
        return Role.GIVEN
    if home is not None:
        return Role.STRAYED
    if ip in mapped:
        return Role.MAPPED
    subnet = eni.subnet if ip.version == 4 else eni.subnet6
    return Role.UNLISTED if subnet is not None and ip in subnet else Role.OTHER
