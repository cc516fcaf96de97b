"""An answer of `explain` or one of its topics, in the form that the command line wants: text, JSON or a page."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from eip_agent.console import language_of, paper_of, show, talk
from eip_agent.core.message import Message, say
from eip_agent.core.scene import Scene
from eip_agent.errors import UsageError
from eip_agent.render.language import LANGUAGES, Language, language
from eip_agent.render.paper import Paper

STDOUT: Final = "-"
"""In place of a file, as everywhere.  A page is UTF-8 whatever the locale is, for so it says itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to `explain` or one of its topics, in every form."""

    title: Message
    """Of a page."""
    lines: Callable[[Paper], Iterable[str]]
    """For people."""
    parts: Callable[[Language], Mapping[str, object]]
    """For programs: what stands beside version and topic."""
    body: Callable[[Language], Iterable[str]] | None = None
    """HTML of a page; None: the lines as they are."""


def deliver(args: Namespace, scene: Scene, answer: Answer) -> None:
    """Print it, or write it to the file, as the command line wants it.

    Raises UsageError, also for a file that cannot be written.
    """
    mask = _mask_of(args, scene)
    if args.output == STDOUT:
        page = _page(args, answer, mask).encode(errors="backslashreplace")
        sys.stdout.flush()
        sys.stdout.buffer.write(page)
    elif args.output is not None:
        from eip_agent.sinks.page import write  # noqa: PLC0415

        write(args.output, _page(args, answer, mask))
        talk([language_of(args)(say("{file} is written", file=args.output))])
    elif args.format == "json":
        from eip_agent.render.json import spelled  # noqa: PLC0415

        spoken = language_of(args)
        topic = args.command.removeprefix("explain").removeprefix("_")
        parts = {**({"topic": topic} if topic else {}), **answer.parts(spoken)}
        sys.stdout.write(mask(spelled(parts, spoken)))
    else:
        paper = paper_of(args)
        show((mask(line) for line in answer.lines(paper)), paper)
    sys.stdout.flush()


def _mask_of(args: Namespace, scene: Scene) -> Callable[[str], str]:
    """What hides public addresses and ids, where that is wanted; the same thing has the same mask in every form."""
    if not args.redact:
        return str
    from eip_agent.render.json import document  # noqa: PLC0415
    from eip_agent.render.redaction import Mask  # noqa: PLC0415

    mask = Mask()
    mask(document(scene.report))
    return mask


def _page(args: Namespace, answer: Answer, mask: Callable[[str], str]) -> str:
    if args.format == "json":
        raise UsageError(
            say("`--output` writes HTML, and cannot write JSON"), say("leave one of them out; `> FILE` keeps JSON")
        )
    from eip_agent.render import html  # noqa: PLC0415

    def body(one: Language) -> str:
        parts = answer.body(one) if answer.body else html.preformatted(answer.lines(Paper(one)))
        return mask("".join(f"{part}\n" for part in parts))

    spoken = [language(code) for code in LANGUAGES]
    titles = {one.code: mask(one(answer.title)) for one in spoken}
    return html.page(titles, {one.code: body(one) for one in spoken}, language_of(args).code)
