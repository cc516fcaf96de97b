"""What is asked of the kernel to explain one thing, besides all that is explained anyway.  Nothing is changed."""

from collections.abc import Callable

from eip_agent.core.ends import Ends
from eip_agent.core.path import Path
from eip_agent.core.scene import Scene
from eip_agent.core.trace import trace as follow
from eip_agent.core.walk import LOCAL
from eip_agent.netlink import Netlink
from eip_agent.reconcile import Agent
from eip_agent.sources import lookup
from eip_agent.sources.routing import read_routes


def trace(agent: Agent, question: Callable[[Scene], Ends]) -> tuple[Scene, Path]:
    """The way of a packet and of its reply, as the kernel answers now.

    `question` says between whom; what it raises is raised.  Raises KernelReadError.
    """
    scene = agent.explain()
    ends = question(scene)
    links = {link.link.name: link.link.index for link in scene.kernel.links}
    with Netlink() as netlink:
        local = read_routes(netlink, (LOCAL,))
        return scene, follow(scene, ends, lambda flow: lookup.read(netlink, flow, links), local)
