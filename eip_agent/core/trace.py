"""Follow a packet and its reply.

The kernel's own lookup says how a packet is routed; `walk` explains it rule by rule; `outside` says what the cloud does
with it.  Nothing is sent.
"""

from collections.abc import Iterator, Sequence

from eip_agent.core.ends import Ends
from eip_agent.core.ground import Ground, Look
from eip_agent.core.inbound import arrive
from eip_agent.core.message import Message, say
from eip_agent.core.outbound import leave
from eip_agent.core.outside import Area, State
from eip_agent.core.path import Leg, Path
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.surroundings import RouteSeen


def trace(scene: Scene, ends: Ends, look: Look, local: Sequence[RouteSeen] | None = None) -> Path:
    """Both directions.  `look` asks the kernel; `local` are the routes of the `local` table, where they were read."""
    ground = Ground(scene, ends, look, local)
    reply: Leg | None = None
    if ends.incoming and ends.near is not None:
        request = arrive(ground, ends.near, ends.named, dport=ends.port)
        reply, seen = leave(ground, ends.near, sport=ends.port)
        return Path(ends, ends.near, request, reply, seen, tuple(_notes(ground, (request, reply))))
    request, seen = leave(ground, ends.near, dport=ends.port)
    near = ends.near or (request.fact.source if request.fact is not None else None)
    arrives = request.state is not State.STOPS
    if near is not None and arrives and ground.outside.area(ends.far) is not Area.HERE:
        reply = arrive(ground, near, seen, sport=ends.port)
    return Path(ends, near, request, reply, seen, tuple(_notes(ground, (request, reply))))


def _notes(ground: Ground, legs: Sequence[Leg | None]) -> Iterator[Message]:
    ends, scene = ground.ends, ground.scene
    if ends.named is not None and ends.near is not None:
        yield say(
            "{eip} is an EIP that the cloud's gateway translates; here it is {private}",
            eip=ends.named,
            private=ends.near,
        )
    story = ground.home(ends.near) if ends.near is not None else ground.outside.story_by(ground.index(ends.link))
    if story is not None and story.verdict.mode is Mode.EIP_VISIBLE and ground.outside.area(ends.far) is Area.SERVICES:
        yield say(
            "the cloud serves 100.64.0.0/10 on no ENI in EIP-visible mode: programs that need metadata, DNS or OSS "
            "must bind to no address, or to one of another ENI"
        )
    if scene.cloud is None:
        yield say("the metadata service does not tell the ENIs, so what the cloud does is not known")
    if scene.surroundings is None or scene.surroundings.rules is None:
        yield say("rules and routes could not be read; only what the kernel answers is told")
    if any(leg.walk is not None and leg.walk.doubtful for leg in legs if leg is not None):
        yield say("a rule asks for something that eip-agent does not know; the kernel's answer counts")
    if any(not leg.agrees for leg in legs if leg is not None):
        yield say("the rules seem to say something else than the kernel answers; the kernel's answer counts")
    yield say("security groups, network ACLs and local firewalls are not looked at")
