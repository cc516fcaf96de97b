"""What was tried out, as text for people: a table with a line for every address."""

from collections.abc import Iterator
from typing import Final

from eip_agent.core.message import Message, Value, say, text
from eip_agent.core.probed import Probed, Probes, Reply, Said
from eip_agent.core.probing import Aim
from eip_agent.render.paper import Paper, columns

_REPLIES: Final = {
    Reply.ANSWERED: text("answers"),
    Reply.REFUSED: text("refuses"),
    Reply.SILENT: text("does not answer"),
    Reply.UNSENT: text("not tried"),
}
_INKS: Final = {Reply.ANSWERED: "good", Reply.REFUSED: "warning", Reply.SILENT: "error", Reply.UNSENT: "dim"}


def lines(paper: Paper, probes: Probes | None) -> Iterator[str]:
    """All of it; nothing where nothing was tried."""
    if probes is None:
        return
    yield paper.heading(say("tried out"))
    if probes.rows:
        yield from _table(probes, paper)
        yield from _whys(probes, paper)
    else:
        yield from paper.paragraph(say("nothing: no address of an ENI is here yet"), 2)
    for wanted, key in ((probes.target, "target"), (probes.echo, "echo")):
        if wanted is None:
            yield from paper.paragraph(say("nothing outside was asked for lack of `probe.{key}`", key=key), 2)
    if probes.left_out:
        yield from paper.paragraph(say("{number} more addresses were not tried", number=probes.left_out), 2)


def _table(probes: Probes, paper: Paper) -> Iterator[str]:
    """Columns of what was asked of anybody."""
    heads: list[tuple[Value, Aim]] = [
        (say("gateway"), Aim.GATEWAY),
        (say("metadata"), Aim.METADATA),
        (probes.target or "", Aim.OUTSIDE),
        (say("seen as"), Aim.SEEN),
    ]
    asked = [(head, aim) for head, aim in heads if any(_of(row, aim) is not None for row in probes.rows)]
    cells = [[say("address"), say("link"), *(head for head, _ in asked)]]
    cells += [[row.address, row.link, *(_cell(row, aim) for _, aim in asked)] for row in probes.rows]
    texts = [[paper.say(cell) for cell in row] for row in cells]
    widths = [max(columns(row[at]) for row in texts) for at in range(len(texts[0]))]
    for number, row in enumerate(texts):
        inks = ["dim"] * len(row) if not number else ["", "", *(_ink(probes.rows[number - 1], aim) for _, aim in asked)]
        padded = (
            (paper.inked(cell, ink) if ink else cell) + " " * (width - columns(cell))
            for cell, ink, width in zip(row, inks, widths, strict=True)
        )
        yield "  " + "  ".join(padded).rstrip()


def _of(row: Probed, aim: Aim) -> Said | None:
    return {Aim.GATEWAY: row.arp, Aim.METADATA: row.metadata, Aim.OUTSIDE: row.outside, Aim.SEEN: row.seen}[aim]


def _cell(row: Probed, aim: Aim) -> Value:
    said = _of(row, aim)
    if said is None:
        return "-"
    if said.seen is None:
        return Message(_REPLIES[said.reply], {})
    if row.expected in (None, said.seen):
        return said.seen
    return say("{seen}, not {expected}", seen=said.seen, expected=row.expected)


def _ink(row: Probed, aim: Aim) -> str:
    said = _of(row, aim)
    if said is None:
        return ""
    strange = said.seen is not None and row.expected not in (None, said.seen)
    return _INKS[Reply.REFUSED if strange else said.reply]


def _whys(probes: Probes, paper: Paper) -> Iterator[str]:
    """What there is to say besides, once for all addresses that it is about."""
    told: dict[tuple[Reply, str], dict[str, None]] = {}
    for row in probes.rows:
        for aim in Aim:
            said = _of(row, aim)
            if said is not None and said.why:
                told.setdefault((said.reply, said.why), {})[str(row.address)] = None
    for (reply, why), addresses in told.items():
        word = Message(_REPLIES[reply], {})
        yield from paper.paragraph(
            say("{reply}: {why}: {addresses}", reply=word, why=why, addresses=tuple(addresses)), 2
        )
