"""How the commands speak: data on stdout, talk on stderr, and nothing in it that a terminal would obey."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from eip_agent.errors import EXIT_FACTS, EXIT_OK, EXIT_PENDING, EXIT_REFUSED

if TYPE_CHECKING:
    from eip_agent.core.report import Report
    from eip_agent.core.settings import Settings


def say(lines: Iterable[str]) -> None:
    """To stdout: data."""
    sys.stdout.writelines(f"{spelled(line)}\n" for line in lines)


def talk(lines: Iterable[str]) -> None:
    """To stderr: data stands on stdout, talk here."""
    sys.stderr.writelines(f"{spelled(line)}\n" for line in lines)


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


def tell(report: "Report", how: str, lang: str = "en") -> None:
    """Print a pass as `text` or `json`."""
    if how == "json":
        from eip_agent.render.json import document  # noqa: PLC0415
        from eip_agent.render.language import language  # noqa: PLC0415

        sys.stdout.write(document(report, language(lang)))
    else:
        from eip_agent.render import text  # noqa: PLC0415

        say(text.plan_lines(report))
        say(text.result_lines(report))
        sys.stdout.flush()
        talk(text.trouble_lines(report))
    sys.stdout.flush()


def code_of(report: "Report") -> int:
    """The exit code of a pass."""
    from eip_agent.core.report import Outcome  # noqa: PLC0415

    return {
        Outcome.AS_DESIRED: EXIT_OK,
        Outcome.PENDING: EXIT_PENDING,
        Outcome.REFUSED: EXIT_REFUSED,
        Outcome.FACTS_MISSING: EXIT_FACTS,
    }[report.outcome]
