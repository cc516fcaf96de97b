"""How the commands speak: data on stdout, talk on stderr, and nothing in it that a terminal would obey."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from eip_agent.errors import EXIT_FACTS, EXIT_OK, EXIT_PENDING, EXIT_REFUSED

if TYPE_CHECKING:
    from eip_agent.core.message import Value
    from eip_agent.core.report import Outcome, Report
    from eip_agent.core.settings import Settings
    from eip_agent.render.language import Language
    from eip_agent.render.paper import Paper


def put(lines: Iterable[str]) -> None:
    """To stdout: data."""
    sys.stdout.writelines(f"{spelled(line)}\n" for line in lines)


def show(lines: Iterable[str], paper: "Paper") -> None:
    """To stdout, with the colours of the paper, and no others."""
    if not paper.colour:
        put(lines)
        return
    from eip_agent.render.paper import by_ink  # noqa: PLC0415  --help must not pay for it

    for line in lines:
        sys.stdout.write("".join(part if ink else spelled(part) for part, ink in by_ink(line)) + "\n")


def talk(lines: Iterable[str]) -> None:
    """To stderr: data stands on stdout, talk here."""
    sys.stderr.writelines(f"{spelled(line)}\n" for line in lines)


def complain(message: "Value", hint: "Value", language: "Language") -> None:
    """To stderr: why there is nothing else to say, and at most one hint."""
    from eip_agent.core.message import say  # noqa: PLC0415  --help must not pay for it

    talk([f"eip-agent: {language(message)}", *([language(say("hint: {hint}", hint=hint))] if hint else [])])


def spelled(line: str) -> str:
    """Without what a terminal would obey: links and files are named by whoever made them."""
    if line.isprintable():
        return line
    return "".join(
        one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode("ascii") for one in line
    )


def nowhere() -> TextIO:
    """A stream for what nobody hears."""
    return open(os.devnull, "w", encoding="utf-8")


def settings_of(args: Namespace) -> "Settings":
    """The settings with what the command line adds.  Raises SettingsError."""
    from eip_agent.config import load  # noqa: PLC0415  --help must not pay for it

    given = {"run_directory": args.run_directory, "metadata.url": args.metadata_url}
    return load(args.config, {name: value for name, value in given.items() if value is not None})


# --- in which form ----------------------------------------------------------------------------------------------------


def language_of(args: Namespace) -> "Language":
    """What `--lang` names; else English for programs, and the language of the locale for people."""
    from eip_agent.config import message_locale  # noqa: PLC0415  as above
    from eip_agent.render.language import language  # noqa: PLC0415
    from eip_agent.render.language import language_of as of_locale  # noqa: PLC0415

    asked = getattr(args, "lang", None)
    if asked is None:
        asked = "en" if getattr(args, "format", "text") == "json" else of_locale(message_locale())
    return language(asked)


def paper_of(args: Namespace) -> "Paper":
    """What standard output is: a terminal has a width and perhaps colours, a pipe has neither."""
    from eip_agent.config import is_colour_unwanted  # noqa: PLC0415  as above
    from eip_agent.render.paper import Paper  # noqa: PLC0415

    try:
        "→←↓│└├─·…".encode(sys.stdout.encoding or "ascii")
        plain = False
    except (UnicodeEncodeError, LookupError):
        plain = True
    if not sys.stdout.isatty():
        return Paper(language_of(args), ascii=plain)
    try:
        width = os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        width = 0
    return Paper(language_of(args), width, not is_colour_unwanted(), plain)


# --- a pass -----------------------------------------------------------------------------------------------------------


def tell(report: "Report", args: Namespace) -> None:
    """Print a pass as text or JSON."""
    tell_on(report, args.format, paper_of(args))


def tell_on(report: "Report", how: str, paper: "Paper") -> None:
    """The same, for whoever has that paper."""
    if how == "json":
        from eip_agent.render.json import document  # noqa: PLC0415

        sys.stdout.write(document(report, paper.language))
    else:
        from eip_agent.render import text  # noqa: PLC0415
        from eip_agent.render.paper import Paper  # noqa: PLC0415

        show(text.plan_lines(report, paper), paper)
        show(text.result_lines(report, paper), paper)
        sys.stdout.flush()
        talk(text.trouble_lines(report, Paper(paper.language, ascii=paper.ascii)))
    sys.stdout.flush()


def code_of(report: "Report") -> int:
    """The exit code of a pass."""
    return code_of_outcome(report.outcome)


def code_of_outcome(outcome: "Outcome") -> int:
    """The exit code of a pass, or of explaining."""
    from eip_agent.core.report import Outcome  # noqa: PLC0415

    return {
        Outcome.AS_DESIRED: EXIT_OK,
        Outcome.PENDING: EXIT_PENDING,
        Outcome.TO_DO: EXIT_PENDING,
        Outcome.REFUSED: EXIT_REFUSED,
        Outcome.FACTS_MISSING: EXIT_FACTS,
    }[outcome]
