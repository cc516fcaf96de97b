"""What the cloud does with what an ENI sends: whether it lets the source pass, and as whom the other side sees it.

Only what is documented is called certain; where it is silent, the answer is "unknown", with what that depends on.
"""

import enum
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from eip_agent.core.desired import given
from eip_agent.core.facts import EniFact, IPAddress, IPNetwork
from eip_agent.core.message import Message, say
from eip_agent.core.outlet import Outlet, barrier, outlet
from eip_agent.core.report import Story
from eip_agent.core.residents import mapping
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.verdict import is_private

SERVICES: Final = IPv4Network("100.64.0.0/10")
"""Metadata, DNS and other services of the cloud."""
_INSIDE6: Final = (IPv6Network("fc00::/7"), IPv6Network("fe80::/10"))


class State(enum.Enum):
    """Whether a packet gets past a place; the worst last."""

    PASSES = "passes"
    """Nothing that can be seen from here stops it."""
    UNKNOWN = "unknown"
    STOPS = "stops"


class Area(enum.Enum):
    """Where a destination is, as seen from this instance."""

    HERE = "here"
    """A local address."""
    OWN_EIP = "own eip"
    """An EIP of this instance that the cloud's gateway translates."""
    SERVICES = "services"
    INSIDE = "inside"
    """The VPC, as far as the metadata service names its blocks."""
    PRIVATE = "private"
    """A private network that the metadata service does not name."""
    INTERNET = "internet"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What happens at one place, and why."""

    state: State
    says: Message
    seen: IPAddress | None = None
    """As whom the other side sees the packet; None: not known."""


class Outside:
    """The cloud around this instance, as far as a scene knows it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.eips = mapping(scene)
        """The EIPs that the cloud's gateway translates, by private address."""
        self._homes = {ip: story for story in scene.report.stories for ip in owned(story)}

    def story_by(self, link: int | None) -> Story | None:
        """The ENI of a link; None for a device that is no ENI."""
        return next((one for one in self.scene.report.stories if one.link.link.index == link), None)

    def home(self, ip: IPAddress) -> Story | None:
        """The ENI to which the cloud delivers what is for an address; None where nobody knows."""
        return self._homes.get(ip) or next((one for one in self.scene.report.stories if _delegated(one.eni, ip)), None)

    def private_of(self, eip: IPAddress) -> IPAddress | None:
        """The private address into which the cloud's gateway translates an EIP; None for any other address."""
        return next((private for private, public in self.eips.items() if public == eip), None)

    def area(self, destination: IPAddress) -> Area:
        """Where a destination is."""
        if any(fact.ip == destination for fact in self.scene.kernel.addresses):
            return Area.HERE
        if self.private_of(destination) is not None:
            return Area.OWN_EIP
        enis = self.scene.cloud.enis if self.scene.cloud is not None else ()
        blocks = [net for eni in enis for net in (eni.subnet, eni.vpc, eni.subnet6) if net is not None]
        if any(net.version == destination.version and destination in net for net in blocks):
            return Area.INSIDE
        if isinstance(destination, IPv4Address):
            if destination in SERVICES:
                return Area.SERVICES
            return Area.PRIVATE if is_private(destination) else Area.INTERNET
        return Area.PRIVATE if any(destination in net for net in _INSIDE6) else Area.INTERNET

    def lets_pass(self, story: Story, source: IPAddress) -> Judgement:
        """Whether the cloud takes a packet with that source from an ENI."""
        eni = story.eni
        if not story.verdict.decided:
            return Judgement(
                State.UNKNOWN, say("its binding mode is undecided, so which sources are its own is unknown")
            )
        if source in owned(story) or _delegated(eni, source):
            return Judgement(State.PASSES, say("{source} is its own", source=source))
        if story.verdict.mode is Mode.EIP_VISIBLE and source in (eni.private_ipv4s or ()):
            return Judgement(
                State.STOPS, say("in EIP-visible mode its private address {source} is dead: dropped", source=source)
            )
        other = self.home(source)
        if other is not None:
            return Judgement(
                State.STOPS,
                say(
                    "{source} belongs to {eni} ({link}): dropped, for the cloud takes from an ENI only what is its own",
                    source=source,
                    eni=other.eni.eni_id or other.eni.mac,
                    link=other.link.link.name,
                ),
            )
        return Judgement(
            State.UNKNOWN,
            say(
                "nobody says that {source} is its own; the cloud drops what is not, unless it is a HAVIP", source=source
            ),
        )

    def carries(self, story: Story, source: IPAddress, destination: IPAddress) -> Judgement:
        """What becomes of a packet with a source of the ENI's own on its way to a destination."""
        area = self.area(destination)
        binded = story.verdict.mode is Mode.EIP_VISIBLE and source.version == 4
        visible = any(eip.address == source for eip in story.verdict.visible)
        if area is Area.OWN_EIP:
            says = say("whether the cloud leads an EIP of this instance back to it from inside is not documented")
            return Judgement(State.UNKNOWN, says)
        if area is Area.INTERNET:
            return self.to_internet(story, source, destination)
        if binded and area is Area.SERVICES:
            says = say("the cloud does not serve 100.64.0.0/10 on an ENI in EIP-visible mode")
            return Judgement(State.STOPS, says)
        if binded:
            says = say("an ENI in EIP-visible mode is not part of the private network: there is no way")
            return Judgement(State.STOPS, says)
        if visible:
            says = say("whether the cloud carries packets of an EIP to private addresses is not documented")
            return Judgement(State.UNKNOWN, says, source)
        if area is Area.PRIVATE:
            says = say("no block of the VPC that is known here; where it leads is up to the route table of the VPC")
            return Judgement(State.UNKNOWN, says, source)
        return Judgement(State.PASSES, say("inside the VPC nobody translates: seen as {source}", source=source), source)

    def to_internet(self, story: Story, source: IPAddress, destination: IPAddress | None = None) -> Judgement:
        """What becomes of it on its way to the Internet; without a destination, to most of it."""
        seen = self._as_whom(story, source)
        barred = barrier(self.scene, story, source, destination) if seen.state is State.PASSES else None
        if barred is None:
            return seen
        return Judgement(State.STOPS if barred.certain else State.UNKNOWN, barred.says, seen.seen)

    def lets_in(self, story: Story, address: IPv6Address) -> Judgement:
        """What becomes of a packet from the Internet that nobody here has asked for."""
        if outlet(self.scene, story, address) is Outlet.ONE_WAY:
            says = say("an egress-only rule of the IPv6 gateway drops what nobody here has asked for")
            return Judgement(State.STOPS, says)
        barred = barrier(self.scene, story, address)
        if barred is not None:
            return Judgement(State.STOPS, say("the Internet does not reach it: {why}", why=barred.says))
        return Judgement(State.PASSES, say("nobody translates: it comes as {address}", address=address), address)

    def _as_whom(self, story: Story, source: IPAddress) -> Judgement:
        """As whom it is seen where nothing keeps it."""
        if isinstance(source, IPv6Address):
            says = say("seen as {source}, if the IPv6 gateway gives it Internet bandwidth", source=source)
            if outlet(self.scene, story, source) is not Outlet.UNKNOWN:
                says = say("the IPv6 gateway gives it Internet bandwidth: seen as {source}", source=source)
            return Judgement(State.PASSES, says, source)
        if any(eip.address == source for eip in story.verdict.visible):
            return Judgement(State.PASSES, say("nobody translates: seen as the EIP {source}", source=source), source)
        eip = self.eips.get(source)
        if eip is not None:
            says = say("the cloud's gateway translates {source} into its EIP: seen as {eip}", source=source, eip=eip)
            return Judgement(State.PASSES, says, eip)
        if story.verdict.mode is Mode.SECONDARY_CIDR and source == story.eni.primary:
            says = say("the EIP is the private address itself: seen as {source}", source=source)
            return Judgement(State.PASSES, says, source)
        api = self.scene.witnesses.api
        if api is not None and story.eni.eni_id in api.asked:
            says = say(
                "no EIP is bound to {source}: it reaches the Internet only by a NAT gateway of the VPC (SNAT), "
                "if there is one",
                source=source,
            )
            return Judgement(State.UNKNOWN, says)
        says = say(
            "which EIP is bound to {source}, if any, nobody here knows: let the OpenAPI be asked, or declare it in the "
            "settings",
            source=source,
        )
        return Judgement(State.UNKNOWN, says)


def owned(story: Story) -> frozenset[IPAddress]:
    """The addresses for which the cloud delivers to an ENI, and which it accepts as sources from there."""
    addresses = given(story.eni, story.verdict)
    if story.verdict.mode is not Mode.EIP_VISIBLE:
        return addresses
    visible = {eip.address for eip in story.verdict.visible}
    return frozenset(ip for ip in addresses if ip.version == 6 or ip in visible)


def _delegated(eni: EniFact, ip: IPAddress) -> bool:
    """Whether it is of a prefix that the cloud has delegated to the ENI, for containers."""
    nets: tuple[IPNetwork, ...] = (*(eni.ipv4_prefixes or ()), *(eni.ipv6_prefixes or ()))
    return any(net.version == ip.version and ip in net for net in nets)
