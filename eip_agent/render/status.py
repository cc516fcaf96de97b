"""The status of the daemon as text for people."""

from collections.abc import Iterator

from eip_agent.core.known import age
from eip_agent.core.status import EniStatus, FightStatus, SourceStatus, Status, Usage


def lines(status: Status, now: float, usage: Usage | None = None) -> Iterator[str]:
    """What it does, how each ENI is, what it knows from whom, what waits and what is wrong; `now` as in `Status`."""
    yield f"eip-agent {status.version}, pid {status.pid}, has run for {age(now - status.since)}: {status.state}"
    if status.last_pass is not None:
        counts = f"{status.passes} passes, {status.changes} changes, {status.repairs} of them repairs"
        yield f"  last pass  {_ago(status.last_pass, now)}, took {status.took * 1000:.0f} ms; {counts}"
        yield f"  items      {status.items}, last changed {_ago(status.last_change, now)}"
    if usage is not None:
        memory = f"{usage.memory / 1e6:.0f} MB of memory"
        spent = f"{usage.processor:.1f} s of processor time so far"
        yield f"  takes      {memory}, {spent}, {usage.descriptors} descriptors"
    if status.next_poll is not None:
        yield f"  next poll  in {age(max(0.0, status.next_poll - now))}"
    yield from (f"  {note}" for note in status.settings)
    yield ""
    yield from map(_eni, status.enis)
    yield from (_source(source, now) for source in status.sources)
    yield from map(_fight, status.fights)
    yield from (f"waits     {what}" for what in status.waits)
    yield from (f"trouble   {what}" for what in status.troubles)


def _eni(eni: EniStatus) -> str:
    shown = ", ".join(eni.addresses[:4]) + (f" and {len(eni.addresses) - 4} more" if len(eni.addresses) > 4 else "")
    mode = eni.mode if eni.mode == eni.certainty else f"{eni.mode} ({eni.certainty})"
    return f"{eni.link:<8}  {eni.eni}  {eni.role:<9}  {mode}  {eni.health}" + (f"  {shown}" if shown else "")


def _source(source: SourceStatus, now: float) -> str:
    trouble = f"; now: {source.trouble}" if source.trouble else ""
    return f"source    {source.name}: last read {_ago(source.success, now)}{trouble}"


def _fight(fight: FightStatus) -> str:
    return (
        f"dispute   {fight.what}: taken away again and again, {fight.suspects}; "
        f"put back {age(fight.delay)} after each time"
    )


def _ago(when: float | None, now: float) -> str:
    return "never" if when is None else f"{age(now - when)} ago"
