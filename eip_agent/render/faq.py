"""The answers to the frequent questions: all in a list, or one as a whole."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from eip_agent.core.faq.answer import Answer, Point, Sign
from eip_agent.core.message import Message, Value, say, text
from eip_agent.render.language import Language
from eip_agent.render.paper import Paper

_WORDS: Final = {
    Sign.FACT: text("here"),
    Sign.FINE: text("ok"),
    Sign.ABSENT: text("no"),
    Sign.WRONG: text("wrong"),
    Sign.UNKNOWN: text("unknown"),
}


def listed(answers: Sequence[Answer], paper: Paper) -> Iterator[str]:
    """Every question with its one-line answer."""
    for answer in answers:
        yield from _title(answer, paper)
        yield from paper.paragraph(answer.short, 4)
    yield ""
    yield from paper.paragraph(say("the whole of one: `eip-agent explain faq N`"))


def whole(answer: Answer, paper: Paper) -> Iterator[str]:
    """One answer: what holds everywhere, what holds here, what cannot be known from here."""
    yield from _title(answer, paper)
    yield from paper.field(text("answer"), answer.short)
    yield ""
    yield from _list(text("today"), answer.general, paper)
    yield ""
    for point in answer.here:
        yield from paper.field(_WORDS[point.sign], _pointed(point))
    for gap in answer.gaps:
        yield ""
        yield from paper.field(text("unseen"), gap.what)
        yield from paper.field(text("do"), gap.how)


def _title(answer: Answer, paper: Paper) -> Iterator[str]:
    rows = paper.wrapped(f"{answer.number}. {paper.say(answer.question)}")
    yield from (paper.inked(row, "strong") for row in rows)


def _list(label: str, values: Sequence[Value], paper: Paper) -> Iterator[str]:
    """Paragraphs under one label."""
    for number, value in enumerate(values):
        yield from paper.field("" if number else label, value)


def _pointed(point: Point) -> Message:
    """With where to read more."""
    if not point.codes:
        return point.says
    return say("{says} (see {codes})", says=point.says, codes=point.codes)


def parts(answers: Sequence[Answer], language: Language) -> Mapping[str, object]:
    """The same for programs."""
    return {"questions": [_part(answer, language) for answer in answers]}


def _part(answer: Answer, language: Language) -> Mapping[str, object]:
    return {
        "number": answer.number,
        "question": language(answer.question),
        "answer": language(answer.short),
        "general": [language(one) for one in answer.general],
        "here": [
            {"says": language(point.says), "sign": point.sign.value, "findings": list(point.codes)}
            for point in answer.here
        ],
        "unknown": [{"what": language(gap.what), "how": language(gap.how)} for gap in answer.gaps],
    }
