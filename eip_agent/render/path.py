"""The way of a packet as text for people: a picture of every place it passes, then rule by rule; and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from eip_agent.core.ends import Ends
from eip_agent.core.message import Message, say, text
from eip_agent.core.outside import State
from eip_agent.core.path import Leg, Path, Stop
from eip_agent.core.spelling import spelled, spelled_route
from eip_agent.core.walk import Outcome, Selector, Step, Walk
from eip_agent.render.paper import Paper, columns

_WIDEST: Final = 30
"""Columns of a name in the picture; what is longer has its text on the next line."""
_RULES: Final = 12
"""Rules in a row that do not match and are listed each; more of them are counted."""

_STATES: Final = {
    State.PASSES: text("nothing that can be seen from here stops it"),
    State.UNKNOWN: text("whether it arrives cannot be known from here"),
    State.STOPS: text("it does not arrive"),
}
_INKS: Final = {State.PASSES: "good", State.UNKNOWN: "warning", State.STOPS: "error"}
_SIGNS: Final = {State.PASSES: " ", State.UNKNOWN: "?", State.STOPS: "!"}

_OUTCOMES: Final = {
    Outcome.PASSED: text("does not match"),
    Outcome.FOUND: text("finds"),
    Outcome.NOTHING: text("finds no route"),
    Outcome.SHORT: text("passed over, for its prefix is as good as a default:"),
    Outcome.GROUPED: text("passed over, for its link is in that device group:"),
    Outcome.JUMPS: text("jumps"),
    Outcome.ASTRAY: text("jumps nowhere, for no such rule follows"),
    Outcome.IDLE: text("does nothing"),
    Outcome.REFUSES: text("refuses"),
    Outcome.UNKNOWN: text("cannot be judged by eip-agent"),
}
_UNLIKE: Final = {
    Selector.INCOMING: text("it is for packets that come in by another way"),
    Selector.OUTGOING: text("it is for sockets that are bound to that link"),
    Selector.MARK: text("it is for another mark"),
    Selector.USER: text("it is for other users"),
    Selector.SOURCE: text("it is for other sources"),
    Selector.DESTINATION: text("it is for other destinations"),
    Selector.TOS: text("it is for another type of service"),
    Selector.PROTOCOL: text("it is for another protocol"),
    Selector.SOURCE_PORT: text("it is for other source ports"),
    Selector.DESTINATION_PORT: text("it is for other destination ports"),
    Selector.NOT: text("it is for all others"),
}


def title(ends: Ends) -> Message:
    """What was asked."""
    near = ends.named or ends.near or ends.link
    source, destination = (ends.far, near) if ends.incoming else (near, ends.far)
    asked = {"protocol": ends.protocol.value, "source": source, "destination": destination}
    if ends.port:
        return say("{protocol} from {source} to {destination}, port {port}", port=ends.port, **asked)
    return say("{protocol} from {source} to {destination}", **asked)


def lines(path: Path, names: Mapping[int, str], paper: Paper) -> Iterator[str]:
    """All of it; `names` are those of the links by index."""
    yield paper.heading(title(path.ends))
    for note in path.notes:
        yield from paper.field(text("note"), note)
    for heading, leg in ((say("request"), path.request), (say("reply"), path.reply)):
        yield ""
        if leg is None:
            none = say("none: there is nothing to reply to")
            yield f"{paper.heading(heading)}  {paper.say(none)}"
            continue
        verdict = paper.inked(paper.language.text(_STATES[leg.state]), _INKS[leg.state])
        yield f"{paper.heading(heading)}  {verdict}"
        yield from _picture(leg.stops, paper)
    for heading, leg in (
        (say("rules that the request meets"), path.request),
        (say("rules that the reply meets"), path.reply),
    ):
        if leg is not None and leg.walk is not None:
            yield ""
            yield paper.heading(heading)
            yield from _rules(leg.walk, names, paper)


def parts(path: Path, names: Mapping[int, str]) -> Mapping[str, object]:
    """What a program gets."""
    ends = path.ends
    return {
        "topic": "path",
        "protocol": ends.protocol,
        "port": ends.port or None,
        "other_side": ends.far,
        "address": path.near,
        "named": ends.named,
        "bound_to": ends.link,
        "incoming": ends.incoming,
        "seen_as": path.seen,
        "notes": path.notes,
        "request": _leg(path.request, names),
        "reply": _leg(path.reply, names) if path.reply is not None else None,
    }


def _picture(stops: Sequence[Stop], paper: Paper) -> Iterator[str]:
    """The places below each other, with an arrow to each but the first."""
    width = max((columns(stop.name) for stop in stops if columns(stop.name) <= _WIDEST), default=0)
    for number, stop in enumerate(stops):
        sign = paper.inked(_SIGNS[stop.state], _INKS[stop.state]) if stop.state is not State.PASSES else " "
        arrow = paper.drawn("→") if number else " "
        yield from _stop(stop, f"  {sign} {arrow} ", width, paper)


def _stop(stop: Stop, head: str, width: int, paper: Paper) -> Iterator[str]:
    name = paper.inked(stop.name, "strong")
    margin = 6 + width + 2
    if columns(stop.name) > width:
        yield head + name
        lead = " " * margin
    else:
        lead = head + name + " " * (width - columns(stop.name) + 2)
    rows = paper.wrapped(paper.say(stop.says), margin)
    ink = _INKS[stop.state] if stop.state is not State.PASSES else ""
    yield lead + (paper.inked(rows[0], ink) if ink else rows[0])
    yield from (" " * margin + (paper.inked(row, ink) if ink else row) for row in rows[1:])


def _rules(walk: Walk, names: Mapping[int, str], paper: Paper) -> Iterator[str]:
    """Every rule that was met, in order; long runs of those that do not match are counted."""
    run: list[Step] = []
    for step in walk.steps:
        if step.outcome is Outcome.PASSED:
            run.append(step)
            continue
        yield from _passed(run, names, paper)
        run = []
        yield from _step(step, names, paper)
    yield from _passed(run, names, paper)


def _passed(run: Sequence[Step], names: Mapping[int, str], paper: Paper) -> Iterator[str]:
    shown = run if len(run) <= _RULES else run[:3]
    for step in shown:
        yield from _step(step, names, paper)
    if len(shown) < len(run):
        more = say("and {number} more that do not match", number=len(run) - len(shown))
        yield f"  {paper.drawn('…')} {paper.say(more)}"


def _step(step: Step, names: Mapping[int, str], paper: Paper) -> Iterator[str]:
    outcome = paper.language.text(_OUTCOMES[step.outcome])
    if step.unlike is not None:
        outcome = paper.say(say("{what}: {why}", what=outcome, why=paper.language.text(_UNLIKE[step.unlike])))
    if step.route is not None:
        outcome = f"{outcome} {_spelled(step, names)}"
    rule = spelled(step.rule)
    matched = step.outcome is not Outcome.PASSED
    yield f"  {rule if matched else paper.inked(rule, 'dim')}"
    ink = {Outcome.FOUND: "good", Outcome.REFUSES: "error", Outcome.UNKNOWN: "warning"}.get(step.outcome, "")
    for row in paper.wrapped(outcome, 6):
        yield f"      {paper.inked(row, ink) if ink else row}"


def _leg(leg: Leg, names: Mapping[int, str]) -> Mapping[str, object]:
    walk = leg.walk
    return {
        "state": leg.state,
        "stops": leg.stops,
        "rules": [
            {
                "rule": spelled(step.rule),
                "priority": step.rule.priority,
                "table": step.rule.table,
                "outcome": step.outcome,
                "differs_in": step.unlike,
                "route": _spelled(step, names) if step.route is not None else None,
            }
            for step in walk.steps
        ]
        if walk is not None
        else None,
        "kernel": leg.fact,
        "agrees": leg.agrees,
    }


def _spelled(step: Step, names: Mapping[int, str]) -> str:
    if step.route is None:
        return ""
    hops = step.route.hops
    return spelled_route(step.route, names.get(hops[0].link or 0, "") if hops else "")
