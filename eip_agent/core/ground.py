"""What a way is followed on: one scene, the kernel's answers, and the names of things."""

from collections.abc import Callable, Sequence

from eip_agent.core.ends import Ends
from eip_agent.core.facts import AddressFact, IPAddress, LinkFact
from eip_agent.core.items import Address
from eip_agent.core.message import Message, say
from eip_agent.core.outside import Outside, State
from eip_agent.core.path import Place, Stop
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.spelling import spelled_route
from eip_agent.core.surroundings import RouteSeen
from eip_agent.core.walk import Flow, LookupFact, Tables, Walk, local_routes

Look = Callable[[Flow], LookupFact]
"""Asks the kernel."""


class Ground:
    """One question, and all that is known to answer it."""

    def __init__(self, scene: Scene, ends: Ends, look: Look, local: Sequence[RouteSeen] | None = None) -> None:
        """`local` are the routes of the `local` table, where they were read."""
        self.scene = scene
        self.ends = ends
        self.look = look
        self.outside = Outside(scene)
        self.links = {link.link.index: link for link in scene.kernel.links}
        self._tables = _tables(scene, local)

    def walk(self, flow: Flow) -> Walk | None:
        """The way by rules and routes; None where they could not be read."""
        return self._tables.walk(flow) if self._tables is not None else None

    def held(self, ip: IPAddress) -> AddressFact | None:
        """The address on a link here; None where it is on none."""
        return next((fact for fact in self.scene.kernel.addresses if fact.ip == ip), None)

    def home(self, ip: IPAddress) -> Story | None:
        """The ENI to which the cloud delivers, or else the one on whose link the address is."""
        held = self.held(ip)
        return self.outside.home(ip) or (self.outside.story_by(held.link) if held is not None else None)

    def name(self, link: int | None) -> str:
        """The name of a link."""
        fact = self.links.get(link or 0)
        return fact.link.name if fact is not None else f"if{link}"

    def index(self, name: str | None) -> int | None:
        """The index of a link."""
        return next((index for index, link in self.links.items() if link.link.name == name), None)

    def names(self, walk: Walk | None) -> tuple[str, ...]:
        """The links by which a packet leaves."""
        return tuple(sorted({self.name(hop.link) for hop in walk.hops})) if walk is not None else ()

    def route(self, route: RouteSeen) -> str:
        """A route, as `ip route` spells it."""
        return spelled_route(route, self.name(route.hops[0].link) if route.hops else "")

    def absent(self, ip: IPAddress) -> Stop:
        """Nobody here has this address."""
        planned = any(isinstance(change.after, Address) and change.after.ip == ip for change in self.scene.report.plan)
        says = (
            say("on no link here, so no program can use it; `eip-agent apply` adds it")
            if planned
            else say("on no link here, so no program can use it")
        )
        return Stop(Place.PROGRAM, str(ip), says, State.STOPS)


def stranger(link: LinkFact | None) -> Message:
    """What a link is that is no ENI."""
    if link is not None and link.kind:
        return say("a {kind}, and no ENI: what becomes of it is decided behind it", kind=link.kind)
    return say("no ENI that the metadata service lists: what becomes of it is not known")


def name_of(story: Story) -> str:
    """An ENI by its id, or else by its MAC address."""
    return story.eni.eni_id or story.eni.mac


def _tables(scene: Scene, local: Sequence[RouteSeen] | None) -> Tables | None:
    around = scene.surroundings
    if around is None or around.rules is None or around.routes is None:
        return None
    kept = local if local is not None else local_routes(scene.kernel.addresses)
    return Tables(around.rules, (*around.routes, *kept), scene.kernel.links)
