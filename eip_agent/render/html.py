"""A page that needs nothing from elsewhere: light and dark, in every language, without a script."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from eip_agent.render.language import Language

_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_CODE: Final = re.compile("`([^`]+)`")
NAMES: Final = {"en": "English", "zh": "中文"}

_STYLE: Final = """\
:root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--dim:#5c6670;--line:#d3d9e0;--card:#f6f8fa;--code:#eceff3;
--error:#b3261e;--warning:#8a5300;--note:#1f5fae;--good:#1a7f37;--accent:#1f5fae}
@media(prefers-color-scheme:dark){:root{--back:#14181d;--text:#e4e8ec;--dim:#9aa5b1;--line:#39424c;--card:#1b2128;
--code:#262d36;--error:#ff8a80;--warning:#f2b866;--note:#82b4ff;--good:#6fd08c;--accent:#82b4ff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.2rem;max-width:76rem;background:var(--back);color:var(--text);
font:15px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei","PingFang SC",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:1.8rem 0 .6rem}h3{font-size:1rem;margin:1rem 0 .3rem}
code,pre,svg text{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,"Noto Sans Mono CJK SC",monospace}
code{background:var(--code);border-radius:3px;padding:0 .25em;font-size:.92em}
pre{background:var(--code);border-radius:6px;padding:.6rem .8rem;overflow-x:auto;font-size:.87rem;white-space:pre-wrap}
.dim{color:var(--dim)}.card{border:1px solid var(--line);border-left-width:5px;border-radius:6px;padding:.6rem .9rem;
margin:.7rem 0;background:var(--card)}
.error{border-left-color:var(--error)}.warning{border-left-color:var(--warning)}.note{border-left-color:var(--note)}
.good{border-left-color:var(--good)}.badge{font-weight:600}
.badge.error,.ink.error{color:var(--error)}.badge.warning{color:var(--warning)}.badge.note{color:var(--note)}
.card h2{margin-top:.2rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem .9rem;margin:.3rem 0}
dt{color:var(--dim)}dd{margin:0}ol,ul{margin:.2rem 0;padding-left:1.4rem}
nav{float:right}nav label{cursor:pointer;padding:.1rem .5rem;border:1px solid var(--line);border-radius:4px}
.pick{position:absolute;opacity:0}
.pick:focus-visible~nav{outline:2px solid var(--accent)}
.scroll{overflow-x:auto}svg.way{display:block;width:100%;height:auto;margin:.5rem 0}
svg rect{fill:var(--back);stroke:var(--dim)}svg text{font-size:12px;fill:var(--text)}
svg .label{fill:var(--dim);font-size:11px;font-family:system-ui,sans-serif}
svg .planned rect{stroke:var(--good);stroke-dasharray:5 4;stroke-width:2}
svg .missing rect{stroke:var(--error);stroke-dasharray:5 4;stroke-width:2}
svg .unknown rect{stroke:var(--warning);stroke-dasharray:2 3}
.arrow{stroke:var(--dim);stroke-width:1.5;fill:none}.head{fill:var(--dim)}
"""


def page(titles: Mapping[str, str], bodies: Mapping[str, str], first: str) -> str:
    """The whole page: a body for each language, of which one is shown at a time, at first that of `first`."""
    picks = "".join(
        f'<input class="pick" type="radio" name="language" id="{code}"{" checked" if code == first else ""}>\n'
        for code in bodies
    )
    labels = "".join(f'<label for="{code}" lang="{code}">{NAMES[code]}</label> ' for code in bodies)
    shown = "".join(
        f"#{code}:checked~main.{other}{{display:none}}" for code in bodies for other in bodies if other != code
    )
    chosen = ",".join(f'#{code}:checked~nav label[for="{code}"]' for code in bodies)
    mains = "".join(
        f'<main class="{code}" lang="{code}">\n<h1>{escape(titles[code])}</h1>\n{body}</main>\n'
        for code, body in bodies.items()
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{first}">\n<head>\n<meta charset="utf-8">\n'
        # Whatever got into it: nothing is loaded, and nothing runs.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(titles[first])}</title>\n"
        f"<style>\n{_STYLE}{shown}\n{chosen}{{background:var(--code);font-weight:600}}\n</style>\n</head>\n"
        f"<body>\n{picks}<nav>{labels}</nav>\n{mains}</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """Text that is no markup, without what a terminal would obey."""
    return "".join(
        _ESCAPES.get(one, one) if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text
    )


def prose(text: str) -> str:
    """Text for people: what stands in backticks is code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def block(lines: Iterable[str]) -> str:
    """Lines as they are, to be copied."""
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def preformatted(lines: Iterable[str]) -> Iterator[str]:
    """The body of a page that has no better form than its text."""
    yield block(lines)


def fields(rows: Iterable[tuple[str, str]], language: Language) -> str:
    """Labelled paragraphs; labels are templates, and the paragraphs are HTML."""
    inner = "".join(f"<dt>{escape(language.text(label))}</dt><dd>{text}</dd>" for label, text in rows)
    return f"<dl>{inner}</dl>"
