"""The stories of an instance as text for people: its ENIs, and the way to each of their EIPs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from eip_agent.core.chain import PLANNED, Chain, Hop, State, Step
from eip_agent.core.host import HostFact, Manager
from eip_agent.core.layout import Exit
from eip_agent.core.message import Message, Value, say, text
from eip_agent.core.report import Story
from eip_agent.core.verdict import Certainty
from eip_agent.render.paper import Paper, columns

SHOWN: Final = 6
"""Chains of one ENI that are drawn before the rest is counted."""
_SOURCES: Final = 4
"""Sources of an exit that are listed before the rest is counted."""

CERTAINTIES: Final = {
    Certainty.CERTAIN: text("certain"),
    Certainty.PROBABLE: text("probable"),
    Certainty.UNDECIDED: text("undecided"),
}
STEPS: Final = {
    Step.CLIENT: text("client"),
    Step.EIP: text("EIP"),
    Step.CLOUD: text("cloud"),
    Step.HOLDER: text("bound to"),
    Step.ENI: text("ENI"),
    Step.ADDRESS: text("address"),
    Step.RULE: text("rule"),
    Step.ROUTE: text("route"),
    Step.GATEWAY: text("gateway"),
}
_NAMED: Final = (Step.EIP, Step.RULE, Step.GATEWAY)
SIGNS: Final = {State.THERE: "", State.PLANNED: "+ ", State.MISSING: "! ", State.UNKNOWN: "? "}
_INKS: Final = {State.PLANNED: "good", State.MISSING: "error", State.UNKNOWN: "warning"}
_LEGEND: Final = {
    State.PLANNED: text("`+` is not there yet: `eip-agent apply` adds it"),
    State.MISSING: text("`!` is not there, and `eip-agent apply` does not add it"),
    State.UNKNOWN: text("`?` is not known"),
}


def story_lines(
    stories: Iterable[Story], chains: Sequence[Chain], host: HostFact | None, paper: Paper
) -> Iterator[str]:
    """What was seen and concluded, one paragraph an ENI, and below it the ways to its EIPs; then all other ways."""
    links = set()
    for story in stories:
        links.add(story.link.link.name)
        yield from eni_lines(story, host, paper)
        yield from _some([chain for chain in chains if chain.link == story.link.link.name], paper)
        yield ""
    others = [chain for chain in chains if chain.link not in links]
    if others:
        yield paper.heading(say("EIPs that no ENI with a link here has"))
        yield from _some(others, paper)
        yield ""
    signs = list(legend(chains, paper))
    if signs:
        yield from (*signs, "")


def eni_lines(story: Story, host: HostFact | None, paper: Paper) -> Iterator[str]:
    """One ENI: its mode, how that is known, and by which exits its sources leave."""
    yield _title(story, paper)
    for evidence in story.verdict.because:
        says = say("{source}: {says}", source=evidence.source, says=evidence.says)
        yield from paper.field(text("because"), says)
    managers = host.on(story.link.link.name) if host is not None else ()
    if managers:
        yield from paper.field(text("managed"), tuple(_manager(one) for one in managers))
    for exit_ in story.exits:
        yield from paper.field(text("leaves"), _exit(exit_))


def chain_lines(chain: Chain, paper: Paper) -> Iterator[str]:
    """The way to one EIP and back, as a request and its reply."""
    yield from ("  " + paper.inked(row, "strong") for row in paper.wrapped(paper.say(heading(chain, paper)), 2))
    yield from _flow(text("in"), chain.inward, paper)
    if chain.outward:
        yield from _flow(text("out"), chain.outward, paper)
    for note in chain.notes:
        yield from paper.field(text("note"), note, 4)


def ladder_lines(chain: Chain, paper: Paper) -> Iterator[str]:
    """The same from top to bottom, one hop a line, each with what it is."""
    width = max(columns(paper.language.text(name)) for name in STEPS.values()) + 2
    for number, hop in enumerate(chain.hops):
        if number:
            turn = number == len(chain.inward)
            arrow = " " * (2 + width) + paper.drawn("↓")
            reply = paper.inked(paper.say(say("and the reply")), "dim")
            yield f"{arrow}  {reply}" if turn else arrow
        word = paper.language.text(STEPS[hop.step])
        label = "" if hop.step is Step.CLIENT else word
        head = "  " + label + " " * (width - columns(label))
        rows = paper.wrapped(SIGNS[hop.state] + paper.say(hop.what), columns(head))
        yield head + _inked(rows[0], hop, paper)
        yield from (" " * columns(head) + _inked(row, hop, paper) for row in rows[1:])
        if hop.why and hop.why != PLANNED:
            yield from (" " * (columns(head) + 2) + row for row in paper.wrapped(paper.say(hop.why), columns(head) + 2))
    for note in chain.notes:
        yield from paper.field(text("note"), note)


def legend(chains: Iterable[Chain], paper: Paper) -> Iterator[str]:
    """What the signs mean that were used."""
    used: list[State] = []  # of the few there are: to compare them takes less than to hash them
    for hop in (hop for chain in chains for hop in chain.hops):
        if hop.state not in used:
            used.append(hop.state)
    for state, meaning in _LEGEND.items():
        if state in used:
            yield from paper.paragraph(paper.language.text(meaning))


def heading(chain: Chain, paper: Paper) -> Message:
    """An EIP, its mode, how sure that is, and by whose word it is bound."""
    what: Value = say("EIP {eip}", eip=chain.eip) if chain.eip else say("{address}", address=chain.address or "?")
    if chain.mode is None or chain.certainty is None:
        return (
            say("{what}, by {source}", what=what, source=chain.known_by) if chain.known_by else say("{what}", what=what)
        )
    sure = paper.language.text(CERTAINTIES[chain.certainty])
    if not chain.known_by:
        return say("{what}, {mode} ({certainty})", what=what, mode=chain.mode.value, certainty=sure)
    return say(
        "{what}, {mode} ({certainty}), by {source}",
        what=what,
        mode=chain.mode.value,
        certainty=sure,
        source=chain.known_by,
    )


def _some(chains: Sequence[Chain], paper: Paper) -> Iterator[str]:
    for chain in chains[:SHOWN]:
        yield from chain_lines(chain, paper)
    if len(chains) > SHOWN:
        more = say("... and {number} more (`eip-agent explain eni {link}` draws them all)", **_rest(chains))
        yield from paper.paragraph(more, 2)


def _rest(chains: Sequence[Chain]) -> dict[str, Value]:
    return {"number": len(chains) - SHOWN, "link": chains[0].link or "?"}


def _flow(label: str, hops: Sequence[Hop], paper: Paper) -> Iterator[str]:
    """Hops with arrows between them, wrapped at arrows."""
    word = paper.language.text(label)
    row = "    " + word + " " * max(1, 5 - columns(word))
    indent = used = columns(row)
    arrow = ""
    for hop in hops:
        # What is only a number is called by its name.
        name = f"{paper.language.text(STEPS[hop.step])} " if hop.step in _NAMED and hop.what[:1].isdigit() else ""
        said = arrow + SIGNS[hop.state] + name + paper.say(hop.what)
        gap = 1 if arrow and used > indent else 0
        if paper.width and used > indent and used + gap + columns(said) > paper.width:
            yield row
            row, used, gap = " " * indent, indent, 0
        first, *more = paper.wrapped(said, indent)
        row += " " * gap + _inked(first, hop, paper)
        used += gap + columns(first)
        for rest in more:
            yield row
            row = " " * indent + _inked(rest, hop, paper)
            used = indent + columns(rest)
        arrow = paper.drawn("→ ")
    yield row


def _inked(said: str, hop: Hop, paper: Paper) -> str:
    return paper.inked(said, _INKS[hop.state]) if hop.state in _INKS else said


def _title(story: Story, paper: Paper) -> str:
    """An ENI by link, id, role and mode."""
    role = say("primary") if story.primary else say("secondary")
    name = f"{story.link.link.name}  {story.eni.eni_id or story.eni.mac}"
    if story.excluded:
        state = paper.say(say("left alone, as the settings say"))
    elif story.verdict.decided:
        sure = paper.language.text(CERTAINTIES[story.verdict.certainty])
        state = paper.say(say("{mode} ({certainty})", mode=story.verdict.mode.value, certainty=sure))
    else:
        state = paper.inked(paper.say(say("undecided")), "error")
    return f"{paper.inked(name, 'strong')}  {paper.say(role)}  {state}"


def _manager(one: Manager) -> Message:
    """Who may configure the link besides us, with a question mark where it may be at work in another namespace."""
    return say("{program} (pid {pid}){doubt}", program=one.name, pid=one.pid, doubt="" if one.certain else "?")


def _exit(exit_: Exit) -> Message:
    sources = tuple(str(net.network_address) if net.num_addresses == 1 else str(net) for net in exit_.sources)
    by: dict[str, Value] = {"gateway": exit_.gateway, "link": exit_.link.name, "table": exit_.table}
    if len(sources) <= _SOURCES:
        return say("{sources} by {gateway} dev {link} (table {table})", sources=sources, **by)
    return say(
        "{sources} and {number} more by {gateway} dev {link} (table {table})",
        sources=sources[:_SOURCES],
        number=len(sources) - _SOURCES,
        **by,
    )
