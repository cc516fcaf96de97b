"""The status of the daemon as text for people."""

from collections.abc import Iterator
from typing import Final

from eip_agent.core.age import age
from eip_agent.core.message import Message, Value, say, text
from eip_agent.core.status import EniStatus, FightStatus, SourceStatus, Status, Usage
from eip_agent.render.language import ENGLISH, Language
from eip_agent.render.paper import columns

WORDS: Final = {
    str(word): word
    for word in (
        # States.
        say("starting"),
        say("as desired"),
        say("changes pending"),
        say("refused"),
        say("facts missing"),
        say("failed"),
        # Roles and certainties.
        say("primary"),
        say("secondary"),
        say("certain"),
        say("probable"),
        say("undecided"),
        # How an ENI is.
        say("right"),
        say("excluded"),
        say("waits"),
        say("pending"),
        # Sources.
        say("kernel"),
        say("metadata service"),
        say("OpenAPI"),
    )
}
"""The words of `Status` that are of a closed list."""
_SHOWN: Final = 4
"""Addresses of an ENI that are listed before the rest is counted."""


def lines(status: Status, now: float, usage: Usage | None = None, language: Language = ENGLISH) -> Iterator[str]:
    """What it does, how each ENI is, what it knows from whom, what waits and what is wrong; `now` as in `Status`."""
    yield language(
        say(
            "eip-agent {version}, pid {pid}, has run for {age}: {state}",
            version=status.version,
            pid=status.pid,
            age=age(now - status.since),
            state=_word(status.state),
        )
    )
    for label, value in _heads(status, now, usage):
        yield f"  {_padded(language.text(label), 11)}{language(value)}"
    yield from ("  " + language(say("settings from {origin}", origin=origin)) for origin in status.settings)
    yield ""
    yield from (_eni(eni, language) for eni in status.enis)
    for label, value in _details(status, now):
        yield f"{_padded(language.text(label), 10)}{language(value)}"


def _heads(status: Status, now: float, usage: Usage | None) -> Iterator[tuple[str, Value]]:
    if status.last_pass is not None:
        yield (
            text("last pass"),
            say(
                "{ago}, took {took} ms; {passes} passes, {changes} changes, {repairs} of them repairs",
                ago=_ago(status.last_pass, now),
                took=f"{status.took * 1000:.0f}",
                passes=status.passes,
                changes=status.changes,
                repairs=status.repairs,
            ),
        )
        changed = _ago(status.last_change, now)
        yield text("items"), say("{number}, last changed {ago}", number=status.items, ago=changed)
    if usage is not None:
        yield (
            text("takes"),
            say(
                "{memory} MB of memory, {seconds} s of processor time so far, {number} descriptors",
                memory=f"{usage.memory / 1e6:.0f}",
                seconds=f"{usage.processor:.1f}",
                number=usage.descriptors,
            ),
        )
    if status.next_poll is not None:
        yield text("next poll"), say("in {age}", age=age(max(0.0, status.next_poll - now)))


def _details(status: Status, now: float) -> Iterator[tuple[str, Value]]:
    for source in status.sources:
        yield text("source"), _source(source, now)
    for fight in status.fights:
        yield text("dispute"), _fight(fight)
    for what in status.waits:
        yield text("waits"), what
    for what in status.troubles:
        yield text("trouble"), what


def _eni(eni: EniStatus, language: Language) -> str:
    role, mode, certainty = (language(_word(word)) for word in (eni.role, eni.mode, eni.certainty))
    how = mode if eni.mode == eni.certainty else language(say("{mode} ({certainty})", mode=mode, certainty=certainty))
    row = f"{_padded(eni.link, 8)}  {eni.eni}  {_padded(role, 9)}  {how}  {language(_word(eni.health))}"
    return f"{row}  {language(_addresses(eni))}" if eni.addresses else row


def _addresses(eni: EniStatus) -> Value:
    rest = len(eni.addresses) - _SHOWN
    if rest <= 0:
        return eni.addresses
    return say("{addresses} and {number} more", addresses=eni.addresses[:_SHOWN], number=rest)


def _source(source: SourceStatus, now: float) -> Message:
    name, ago = _word(source.name), _ago(source.success, now)
    if not source.trouble:
        return say("{source}: last read {ago}", source=name, ago=ago)
    return say("{source}: last read {ago}; now: {trouble}", source=name, ago=ago, trouble=source.trouble)


def _fight(fight: FightStatus) -> Message:
    return say(
        "{what}: taken away again and again, {suspects}; put back {age} after each time",
        what=fight.what,
        suspects=fight.suspects,
        age=age(fight.delay),
    )


def _ago(when: float | None, now: float) -> Message:
    return say("never") if when is None else say("{age} ago", age=age(now - when))


def _word(word: str) -> str:
    """A word of a closed list; one that is not in it, as of another version, is said as it is."""
    return WORDS.get(word, word)


def _padded(word: str, width: int) -> str:
    return word + " " * (width - columns(word))
