"""What the log says of passes: a line for each change; for what is wrong, one when it appears and one when it is over.

Nothing is said at rest.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from eip_agent.core.changes import Change
from eip_agent.core.fight import FREE, Fights, Key, key_of, link_index, suspects
from eip_agent.core.finding import Finding, Severity
from eip_agent.core.host import HostFact
from eip_agent.core.items import Rule
from eip_agent.core.message import say
from eip_agent.core.report import Outcome, Report
from eip_agent.core.status import FightStatus
from eip_agent.daemon.keeper import Done, kind_of
from eip_agent.daemon.log import Level

_LEVELS: Final = {Severity.ERROR: Level.ERROR, Severity.WARNING: Level.WARNING, Severity.NOTE: Level.INFO}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log."""

    level: Level
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """Names without `EIP_AGENT_`."""


def changes(done: Done, links: Mapping[int, str]) -> Iterator[Entry]:
    """What a pass did."""
    report = done.made.report
    result = report.result
    if result is None:
        return
    if not result.undone:
        for change in result.applied:
            repair = change in done.repairs
            text = f"{change}, which somebody had taken away" if repair else str(change)
            why = "repair" if repair else change.why.value
            level = Level.NOTICE if repair else Level.INFO
            yield Entry(level, text, {"CHANGE": str(change), "WHY": why, **_about(change, report, links)})
    for refusal in result.stuck:
        text = f"the kernel would not take back: {refusal.change}: {refusal.says}"
        yield Entry(Level.ERROR, text, {"CHANGE": str(refusal.change), **_about(refusal.change, report, links)})
    if report.left and not result.refused:
        text = f"a second look still finds {len(report.left)} to do, the first: {report.left[0]}"
        yield Entry(Level.WARNING, text)


def standing(report: Report, fights: tuple[FightStatus, ...], refusals: tuple[str, ...]) -> dict[Hashable, Entry]:
    """What is wrong after a pass, by what it is about."""
    found: dict[Hashable, Entry] = {}
    for refusal in refusals:
        text = f"refused by the kernel: {refusal}; all else is done without it, and it is tried again"
        found["refused", refusal] = Entry(Level.ERROR, text, {"CHANGE": refusal.partition(": ")[0]})
    for unread in report.unread:
        text = f"not read: {unread.path}: {unread.reason}; nothing is removed because of it"
        found["unread", str(unread.path)] = Entry(Level.WARNING, text)
    for finding in report.findings:
        found["finding", finding.code, str(finding.subject)] = _finding(finding)
    for fight in fights:
        text = (
            f"{fight.what}: what eip-agent puts there is taken away again and again, {fight.suspects}; "
            "it is put back ever later, at least every minute"
        )
        found["fight", fight.what, fight.suspects] = Entry(Level.WARNING, text, {"LINK": fight.what})
    return found


def over(entry: Entry) -> Entry:
    """That it is not so any more."""
    return Entry(Level.INFO, f"over: {entry.text.partition('; ')[0]}", entry.fields)


def fights_of(fights: Fights, links: Mapping[int, str], host: HostFact | None) -> tuple[FightStatus, ...]:
    """The fights that are worth a word, one for each link; rules that are about no link are one too."""
    worst: dict[str, tuple[int, float]] = {}
    for key, fight in fights.standing.items():
        what = _named(key, links)
        worst[what] = max(worst.get(what, (0, 0.0)), (fight.rounds - FREE, fight.delay))
    names = set(links.values())
    return tuple(
        FightStatus(what, rounds, delay, suspects(host, what if what in names else None))
        for what, (rounds, delay) in sorted(worst.items())
    )


def headline(report: Report, outcome: Outcome, fights: tuple[FightStatus, ...]) -> str:
    """How it is, in one line."""
    enis = f"{len(report.stories)} ENI{'' if len(report.stories) == 1 else 's'}"
    match outcome:
        case Outcome.AS_DESIRED:
            text = f"as desired: {enis}, {report.items} items"
        case Outcome.PENDING:
            text = f"{enis}, changes wait"
        case Outcome.REFUSED:
            text = f"{enis}, the kernel does not hold what it should"
        case Outcome.FACTS_MISSING:
            undecided = [story.link.link.name for story in report.stories if not story.verdict.decided]
            what = str(report.unread[0].path) if report.unread else f"the mode of {', '.join(undecided)}"
            text = f"{enis}, not known: {what}"
    return f"{text}; in dispute: {', '.join(fight.what for fight in fights)}" if fights else text


def _finding(finding: Finding) -> Entry:
    text = f"{finding.code} {finding.subject}: {finding.saw}; {finding.means}; do: {finding.do}"
    if finding.accepted:
        text += "; accepted by the settings"
    return Entry(_LEVELS[finding.severity], text, {"FINDING": finding.code})


def _about(change: Change, report: Report, links: Mapping[int, str]) -> dict[str, str]:
    """The link and the ENI that a change is about."""
    item = change.item
    if isinstance(item, Rule) and item.device is not None:
        index = next((one for one, name in links.items() if name == item.device), None)
    else:
        index = link_index(key_of(item))
    eni = next((story.eni.eni_id or story.eni.mac for story in report.stories if story.link.link.index == index), "")
    return {"KIND": kind_of(change), "LINK": links.get(index or 0, ""), "ENI": eni}


def _named(key: Key, links: Mapping[int, str]) -> str:
    index = link_index(key)
    return say("rules") if index is None else links.get(index) or say("link {index}", index=index)
