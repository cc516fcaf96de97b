"""`eip-agent explain path`: the way of a packet and of its reply, rule by rule."""

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from eip_agent import inquiry
from eip_agent.answer import Answer, deliver
from eip_agent.console import settings_of
from eip_agent.core.ends import Ends, Protocol, Unclear, ends_of
from eip_agent.core.message import say
from eip_agent.core.outside import State
from eip_agent.core.path import Path
from eip_agent.core.scene import Scene
from eip_agent.errors import EXIT_FACTS, EXIT_OK, EXIT_PENDING, UsageError
from eip_agent.reconcile import Agent
from eip_agent.render import path as render
from eip_agent.render.language import Language


def run(args: Namespace) -> int:
    """Explain; the exit code.  Raises UsageError."""
    protocol = Protocol(args.proto)
    port = _port(getattr(args, "dport", None), protocol)

    def question(scene: Scene) -> Ends:
        ends = ends_of(scene, args.source, args.destination)
        if isinstance(ends, Unclear):
            raise UsageError(ends.says, ends.hint)
        return replace(ends, protocol=protocol, port=port, user=os.geteuid())

    scene, path = inquiry.trace(Agent(settings_of(args)), question)
    names = {link.link.index: link.link.name for link in scene.kernel.links}
    deliver(
        args,
        scene,
        Answer(
            render.title(path.ends),
            lambda paper: render.lines(path, names, paper),
            lambda _: render.parts(path, names),
            partial(_body, path, names),
        ),
    )
    return _code(scene, path)


def _port(given: int | None, protocol: Protocol) -> int:
    """The port that was asked about; 0 for none.  Raises UsageError."""
    if given is None:
        return 0
    if protocol is Protocol.ICMP:
        raise UsageError(say("ICMP has no ports"), say("leave `--dport` out, or ask about tcp or udp"))
    if not 0 < given < 1 << 16:
        raise UsageError(say("`--dport {port}` is no port", port=given), say("a port is a number from 1 to 65535"))
    return given


def _code(scene: Scene, path: Path) -> int:
    """3 where a packet is known not to arrive, 4 where that is not known for lack of facts."""
    states = [leg.state for leg in (path.request, path.reply) if leg is not None]
    if State.STOPS in states:
        return EXIT_PENDING
    around = scene.surroundings
    unread = scene.cloud is None or around is None or around.rules is None
    return EXIT_FACTS if unread else EXIT_OK


def _body(path: Path, names: Mapping[int, str], language: Language) -> Iterator[str]:
    from eip_agent.render import html, svg  # noqa: PLC0415  only who wants a page
    from eip_agent.render.paper import Paper  # noqa: PLC0415

    yield f'<div class="scroll">{svg.path(path, language, language(render.title(path.ends)))}</div>'
    yield from html.preformatted(render.lines(path, names, Paper(language)))
