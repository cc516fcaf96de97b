"""Why EIPs in NAT mode are not seen on the links, as text for people."""

from collections.abc import Iterator
from typing import Final

from eip_agent.core.message import say, text
from eip_agent.core.nat import Choice, Hidden, Want
from eip_agent.render.paper import Paper

TITLE: Final = say("Why `ip addr` does not show these EIPs")
_HERE: Final = {True: text("yes"), False: text("no"), None: text("not known from here")}


def lines(hidden: Hidden, paper: Paper) -> Iterator[str]:
    """The whole of it."""
    yield paper.heading(TITLE)
    for why in hidden.why:
        yield from paper.field(text("because"), why)
    for meaning in hidden.programs:
        yield from paper.field(text("means"), meaning)
    yield from choice_lines(hidden.choices, paper)


def choice_lines(choices: tuple[Choice, ...], paper: Paper) -> Iterator[str]:
    """The modes that would show them."""
    yield "  " + paper.say(say("modes in which an EIP is seen on the link:"))
    for choice in choices:
        rows = paper.wrapped(paper.say(say("{mode}: {status}", mode=choice.mode.value, status=choice.status)), 2)
        yield from ("  " + paper.inked(row, "strong") for row in rows)
        yield from paper.field(text("shows"), choice.seen, 4)
        for needed in choice.wants:
            yield from paper.field(text("needs"), want(needed, paper), 4)
        for number, step in enumerate(choice.steps, start=1):
            yield from paper.field(
                text("steps") if number == 1 else "", say("{number}. {step}", number=number, step=step), 4
            )


def want(one: Want, paper: Paper) -> str:
    """One thing that a mode needs, and whether it is so here."""
    if one.here is None:
        return paper.say(one.what)
    here = paper.language.text(_HERE[one.here])
    return paper.say(say("{what} (here: {answer})", what=one.what, answer=here))
