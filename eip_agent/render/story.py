"""The stories of an instance as text for people: its ENIs, and the way to each of their EIPs."""

from collections.abc import Iterator
from typing import Final

from eip_agent.core.host import HostFact, Manager
from eip_agent.core.layout import Exit
from eip_agent.core.message import Message, say, text
from eip_agent.core.report import Report, Story
from eip_agent.core.verdict import Certainty
from eip_agent.render.paper import Paper


def story_lines(report: Report, paper: Paper) -> Iterator[str]:
    """What was seen and concluded, one paragraph an ENI."""
    for story in report.stories:
        yield from eni_lines(story, report.host, paper)
        yield ""


def eni_lines(story: Story, host: HostFact | None, paper: Paper) -> Iterator[str]:
    """One ENI: its mode, how that is known, and by which exits its sources leave."""
    yield title(story, paper)
    for evidence in story.verdict.because:
        says = say("{source}: {says}", source=evidence.source, says=evidence.says)
        yield from paper.field(text("because"), says)
    managers = host.on(story.link.link.name) if host is not None else ()
    if managers:
        yield from paper.field(text("managed"), tuple(_manager(one) for one in managers))
    for exit_ in story.exits:
        yield from paper.field(text("leaves"), _exit(exit_))


def title(story: Story, paper: Paper) -> str:
    """An ENI by link, id, role and mode."""
    role = say("primary") if story.primary else say("secondary")
    name = f"{story.link.link.name}  {story.eni.eni_id or story.eni.mac}"
    if story.excluded:
        return f"{paper.inked(name, 'strong')}  {paper.say(role)}  {paper.say(say('left alone, as the settings say'))}"
    mode = f"{story.verdict.mode.value} ({paper.language.text(CERTAINTIES[story.verdict.certainty])})"
    if not story.verdict.decided:
        mode = paper.inked(paper.say(say("undecided")), "error")
    return f"{paper.inked(name, 'strong')}  {paper.say(role)}  {mode}"


def _manager(one: Manager) -> Message:
    """Who may configure the link besides us, with a question mark where it may be at work in another namespace."""
    return say("{program} (pid {pid}){doubt}", program=one.name, pid=one.pid, doubt="" if one.certain else "?")


def _exit(exit_: Exit) -> Message:
    sources = tuple(str(net.network_address) if net.num_addresses == 1 else str(net) for net in exit_.sources)
    by = {"gateway": exit_.gateway, "link": exit_.link.name, "table": exit_.table}
    if len(sources) <= _SHOWN:
        return say("{sources} by {gateway} dev {link} (table {table})", sources=sources, **by)
    return say(
        "{sources} and {number} more by {gateway} dev {link} (table {table})",
        sources=sources[:_SHOWN],
        number=len(sources) - _SHOWN,
        **by,
    )


CERTAINTIES: Final = {
    Certainty.CERTAIN: text("certain"),
    Certainty.PROBABLE: text("probable"),
    Certainty.UNDECIDED: text("undecided"),
}
_SHOWN: Final = 4
"""Sources of an exit that are listed before the rest is counted."""
