"""What the daemon is doing, as a `Status`: from the last pass and what the loop knows."""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from eip_agent import __version__
from eip_agent.core.fight import key_of, link_index
from eip_agent.core.message import say
from eip_agent.core.report import Outcome, Report, Story
from eip_agent.core.status import EniStatus, FightStatus, SourceStatus, Status
from eip_agent.daemon.keeper import Done, Keeper
from eip_agent.lookout import Seen


@dataclass(slots=True)
class Record:
    """What the loop remembers; times are seconds since the epoch, None: never."""

    since: float
    done: Done | None = None
    """The last pass that was one."""
    failed: str = ""
    """Why the last one was none."""
    last_pass: float | None = None
    last_change: float | None = None
    took: float = 0.0


def status_of(
    keeper: Keeper,
    record: Record,
    fights: tuple[FightStatus, ...],
    waits: tuple[str, ...],
    next_poll: float | None,
) -> Status:
    """All of it."""
    done, failed = record.done, record.failed
    report = done.made.report if done is not None else None
    outcome = outcome_of(done).value if done is not None else "starting"
    return Status(
        version=__version__,
        pid=os.getpid(),
        since=record.since,
        state="failed" if failed else outcome,
        passes=keeper.counts["passes"],
        changes=keeper.counts["changes"],
        repairs=keeper.counts["repairs"],
        last_pass=record.last_pass,
        last_change=record.last_change,
        took=record.took,
        next_poll=next_poll,
        items=report.items if report is not None else 0,
        enis=tuple(enis_of(report, done)) if report is not None and done is not None else (),
        sources=sources_of(keeper.seen, record.last_pass, failed),
        fights=fights,
        waits=waits,
        troubles=troubles_of(report, failed, keeper.fights.refusals),
        settings=keeper.settings.origins,
    )


def outcome_of(done: Done) -> Outcome:
    """What a pass amounts to; what was left for later is not as desired."""
    outcome = done.made.report.outcome
    return Outcome.PENDING if outcome is Outcome.AS_DESIRED and done.waits else outcome


def enis_of(report: Report, done: Done) -> list[EniStatus]:
    """One for each ENI that has a link here."""
    held = {link_index(key_of(change.item)) for change in done.waits}
    left = {
        link_index(key_of(change.item)) for change in (*report.left, *done.made.planned) if change not in _did(report)
    }
    return [
        EniStatus(
            eni=story.eni.eni_id or story.eni.mac,
            link=story.link.link.name,
            role="primary" if story.primary else "secondary",
            mode=story.verdict.mode.value,
            certainty=story.verdict.certainty.value,
            health=_health(story, held, left),
            addresses=tuple(
                str(source.network_address) if source.num_addresses == 1 else str(source)
                for exit_ in story.exits
                for source in exit_.sources
            ),
        )
        for story in report.stories
    ]


def _did(report: Report) -> frozenset[object]:
    result = report.result
    return frozenset(result.applied) if result is not None and not result.undone else frozenset()


def _health(story: Story, held: Collection[int | None], left: Collection[int | None]) -> str:
    index = story.link.link.index
    if story.excluded:
        return "excluded"
    if not story.verdict.decided:
        return "undecided"
    if index in held:
        return "waits"
    return "pending" if index in left else "right"


def sources_of(seen: Seen | None, kernel_read: float | None, failed: str) -> tuple[SourceStatus, ...]:
    """When each last said all that it was asked for, and why not now."""
    kernel = SourceStatus("kernel", kernel_read, failed)
    if seen is None:
        return (kernel, SourceStatus("metadata service", None), SourceStatus("OpenAPI", None))
    told = seen.told_at or None
    silence = next((unread.reason for unread in seen.unread), "") if seen.witnesses.silent else ""
    api, known = seen.witnesses.api, seen.witnesses.known
    at = (known.api_at if known is not None else 0.0) or None
    if api is None:
        why = say("not asked while the metadata service is silent") if seen.witnesses.silent else say("not asked")
        return (kernel, SourceStatus("metadata service", told, silence), SourceStatus("OpenAPI", at, why))
    denied = (say("{action} is denied", action=one.action) for one in api.denied)
    trouble = _together([*denied, *(one.reason for one in api.unread)])
    return (
        kernel,
        SourceStatus("metadata service", told, silence),
        SourceStatus("OpenAPI", at if trouble else seen.asked_at, trouble),
    )


def _together(troubles: Sequence[str]) -> str:
    first, *others = troubles or [""]
    return reduce(lambda one, other: say("{one}; {other}", one=one, other=other), others, first)


def troubles_of(report: Report | None, failed: str, refusals: Iterable[str] = ()) -> tuple[str, ...]:
    """What was found, refused, or could not be read, in words."""
    found = [failed] if failed else []
    found += [say("refused by the kernel: {refusal}", refusal=refusal) for refusal in refusals]
    if report is not None:
        found += [say("not read: {what}: {why}", what=unread.path, why=unread.reason) for unread in report.unread]
        found += [
            say("{code} {subject}: {saw}", code=one.code, subject=one.subject, saw=one.saw)
            for one in report.findings
            if not one.accepted
        ]
    return tuple(found)
