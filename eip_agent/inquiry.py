"""What is asked besides all that is explained anyway: of the kernel, or by trying things out.  Nothing is changed."""

from collections.abc import Callable
from dataclasses import replace

from eip_agent.core.ends import Ends
from eip_agent.core.findings.all import find_all
from eip_agent.core.path import Path
from eip_agent.core.probing import plan, results
from eip_agent.core.scene import Scene
from eip_agent.core.trace import trace as follow
from eip_agent.core.walk import LOCAL
from eip_agent.netlink import Netlink
from eip_agent.reconcile import Agent
from eip_agent.sources import lookup
from eip_agent.sources.routing import read_routes


def probed(agent: Agent) -> Scene:
    """Everything explained, after things were tried out.  Raises KernelReadError."""
    # Imported here: `ssl` and `http.client` cost as much as a pass.
    from eip_agent.sources import probe  # noqa: PLC0415

    scene = agent.explain()
    links = {link.link.name: link.link.index for link in scene.kernel.links}
    with Netlink() as netlink:
        enis = [story.link for story in scene.report.stories]
        said = probe.read(plan(scene), lambda flow: lookup.read(netlink, flow, links), enis)
    tried = replace(scene, report=replace(scene.report, probes=results(scene, said)))
    return replace(tried, report=replace(tried.report, findings=find_all(tried)))


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
