"""A way as a picture: a request from left to right, and below it its reply from right to left.  Scalable, no script.

Colours are those of the page around it, by classes: see `html`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from eip_agent.core.chain import PLANNED, Chain, Hop, Step
from eip_agent.core.message import text
from eip_agent.core.outside import State as Passing
from eip_agent.core.path import Path, Place, Stop
from eip_agent.render.html import escape
from eip_agent.render.language import Language
from eip_agent.render.paper import Paper, columns
from eip_agent.render.story import SIGNS, STEPS

_WIDE: Final = 196
"""Pixels of a box."""
_GAP: Final = 30
_LINE: Final = 16
_EDGE: Final = 10
_COLUMN: Final = 7.3
"""Pixels of a column of text, of the size that the style sheet gives it."""

_PLACES: Final = {
    Place.PROGRAM: text("program"),
    Place.ROUTING: text("routing"),
    Place.LINK: text("link"),
    Place.ENI: text("ENI"),
    Place.GATEWAY: text("gateway"),
    Place.CLOUD: text("cloud"),
    Place.PEER: text("other side"),
}
_KINDS: Final = {Passing.PASSES: "there", Passing.UNKNOWN: "unknown", Passing.STOPS: "missing"}


@dataclass(frozen=True, slots=True)
class Box:
    """One hop of a picture."""

    label: str
    text: str
    kind: str = "there"
    """A class of the style sheet."""
    why: str = ""


def chain(found: Chain, language: Language, title: str) -> str:
    """The way to an EIP and back."""
    return picture([_box(hop, language) for hop in found.inward], [_box(hop, language) for hop in found.outward], title)


def path(found: Path, language: Language, title: str) -> str:
    """The way of a packet and of its reply."""
    reply = found.reply.stops if found.reply is not None else ()
    return picture(
        [_stop(stop, language) for stop in found.request.stops], [_stop(stop, language) for stop in reply], title
    )


def picture(inward: Sequence[Box], outward: Sequence[Box], title: str) -> str:
    """One line of HTML.  `title` is what is read to who does not see it."""
    across = max(len(inward), len(outward))
    rows = [[(box, _wrapped(box)) for box in row] for row in (inward, outward) if row]
    heights = [_EDGE * 2 + _LINE * (1 + max(len(lines) for _, lines in row)) for row in rows]
    width = across * (_WIDE + _GAP) - _GAP + 4
    height = sum(heights) + _GAP * (len(rows) - 1) + 4
    # As small as it can still be read; then its surroundings scroll.
    style = f"min-width:{width * 2 // 3}px;max-width:{width}px"
    parts = [f'<svg class="way" style="{style}" role="img" viewBox="0 0 {width} {height}">']
    parts.append(f"<title>{escape(title)}</title>")
    top = 2
    for number, row in enumerate(rows):
        # Both end at the right, for the reply begins where the request has arrived.
        places = range(across - len(row), across)
        lefts = [2 + column * (_WIDE + _GAP) for column in (reversed(places) if number else places)]
        for place, ((box, lines), left) in enumerate(zip(row, lefts, strict=True)):
            parts += _drawn(box, lines, left, top, heights[number])
            if place:
                middle = top + heights[number] // 2
                parts.append(
                    _arrow(lefts[place - 1] + (0 if number else _WIDE), middle, left + (_WIDE if number else 0))
                )
        if number:
            x = lefts[0] + _WIDE // 2
            parts.append(f'<path class="arrow" d="M{x} {top - _GAP}V{top - 5}"/>')
            parts.append(f'<path class="head" d="M{x} {top}l-5 -8h10z"/>')
        top += heights[number] + _GAP
    return "".join((*parts, "</svg>"))


def _box(hop: Hop, language: Language) -> Box:
    label = "" if hop.step is Step.CLIENT else language.text(STEPS[hop.step])
    why = language(hop.why) if hop.why != PLANNED else ""
    return Box(label, SIGNS[hop.state] + language(hop.what), hop.state.value, why)


def _stop(stop: Stop, language: Language) -> Box:
    return Box(language.text(_PLACES[stop.place]), stop.name, _KINDS[stop.state], language(stop.says))


def _wrapped(box: Box) -> list[str]:
    """The text in as many lines as the box needs; what is not simply there says so."""
    paper = Paper(width=int((_WIDE - 2 * _EDGE) / _COLUMN))
    return [
        *_cut(paper.wrapped(box.text), paper.width),
        *(_cut(paper.wrapped(box.why), paper.width) if box.why else ()),
    ]


def _cut(rows: Sequence[str], width: int) -> Iterator[str]:
    """No row wider than the box: an id is cut where it must be."""
    for row in rows:
        rest = row
        while columns(rest) > width:
            end = next(n for n in range(len(rest), 0, -1) if columns(rest[:n]) <= width)
            yield rest[:end]
            rest = rest[end:]
        yield rest


def _drawn(box: Box, lines: Sequence[str], left: int, top: int, height: int) -> Iterator[str]:
    yield f'<g class="hop {box.kind}"><rect x="{left}" y="{top}" width="{_WIDE}" height="{height}" rx="6"/>'
    if box.label:
        yield f'<text class="label" x="{left + _EDGE}" y="{top + _EDGE + 9}">{escape(box.label)}</text>'
    for number, line in enumerate(lines, start=1):
        yield f'<text x="{left + _EDGE}" y="{top + _EDGE + 10 + number * _LINE}">{escape(line)}</text>'
    yield "</g>"


def _arrow(start: int, middle: int, end: int) -> str:
    back = 8 if end > start else -8
    return (
        f'<path class="arrow" d="M{start} {middle}H{end - back}"/>'
        f'<path class="head" d="M{end} {middle}l{-back} -5v10z"/>'
    )
