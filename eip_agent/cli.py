"""The command line: parse, call, print, exit.  Every AgentError ends here, as one line and at most one hint."""

import argparse
import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from eip_agent import __version__
from eip_agent.errors import EXIT_FACTS, EXIT_OK, EXIT_PENDING, EXIT_REFUSED, AgentError

if TYPE_CHECKING:
    from eip_agent.core.report import Report
    from eip_agent.core.settings import Settings

_CODES: Final = """\
exit codes:
  0  as desired
  1  refused or not verified; what this pass had done was undone
  2  usage or settings
  3  changes pending (explain, and --dry-run)
  4  facts missing; nothing is removed because of it
"""

_UNHEARD: Final = frozenset((errno.EIO, errno.ENOSPC))

_Command = Callable[[argparse.Namespace], int]


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal.  Left to itself argparse asks `shutil`, whose import is a tenth of the start-up time."""

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size().columns or 80  # some terminals do not know
        except OSError:
            columns = 80
        super().__init__(prog, width=columns - 2)


def entry() -> None:
    """What the console script calls."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    _with_streams()
    args = _parser().parse_args(argv)
    command: _Command = args.command
    try:
        return command(args)
    except AgentError as error:
        _end_with(str(error), error.hint)
        return error.exit_code
    except BrokenPipeError:
        # The reader had enough, as `head` does.  Nothing may be flushed to it any more.
        sys.stdout = None
        return EXIT_REFUSED
    except OSError as no:
        if no.errno not in _UNHEARD:
            return _failed(args, no)
        # A terminal that died, or a full disk behind `>`: what was done is done, and nobody can be told.
        sys.stdout = sys.stderr = None
        return EXIT_REFUSED
    except KeyboardInterrupt:
        _end_with("interrupted")
        return 130


def _with_streams() -> None:
    """Make the standard streams usable, whatever the process was started with.

    The number of a missing one would go to the next socket, and what is printed with it.  What a terminal or a pipe
    cannot spell is escaped: no name in it is worth ending without an answer.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003  the lowest free number: this one
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _failed(args: argparse.Namespace, no: OSError) -> int:
    """What the system refused where nobody foresaw it, as too many open files."""
    where = f"{no.filename}: " if no.filename else ""
    writes = args.command in (_apply, _revert) and not args.dry_run
    _end_with(f"{where}{no.strerror or no}", "run it again: it goes on from what it finds" if writes else "")
    return EXIT_FACTS if args.command in (_explain, _apply, _revert) and not writes else EXIT_REFUSED


def _end_with(message: str, hint: str = "") -> None:
    """The last that is said; the exit code tells it too, so that it does no harm when nobody hears it."""
    try:
        _talk([f"eip-agent: {message}", *([f"hint: {hint}"] if hint else [])])
    except OSError:
        sys.stderr = None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eip-agent",
        description="Keep every elastic IP of this Alibaba Cloud instance working, and explain it.",
        epilog=_CODES,
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="version", version=f"eip-agent {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    explain = _command(commands, "explain", _explain, "what is so, how it is known, and what `apply` would do")
    apply = _command(commands, "apply", _apply, "one pass: see, decide, plan, write, verify")
    revert = _command(commands, "revert", _revert, "take back everything that is the agent's, and nothing else")
    confirm = _command(commands, "confirm", _confirm, "say yes to the `apply --confirm` that waits")
    watch = "watch it work in a simulated instance made of network namespaces"
    demo = commands.add_parser("demo", help=watch, formatter_class=_Help)
    demo.add_argument(
        "--boot",
        choices=("bare", "dhcp"),
        default="dhcp",
        help="how its image comes up: only the primary link, or a DHCP client on every link (default: dhcp)",
    )
    demo.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)  # of a network of its own already
    demo.set_defaults(command=_demo)

    for reader in (explain, apply, revert):
        reader.add_argument("--format", choices=("text", "json"), default="text", help="how to print (default: text)")
    for writer in (apply, revert):
        writer.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
    apply.add_argument(
        "--confirm",
        type=_seconds,
        metavar="SECONDS",
        help="undo everything again unless Enter is pressed, or `eip-agent confirm` is run, within this time",
    )
    for command in (explain, apply, revert, confirm):
        command.add_argument("--config", metavar="PATH", help="settings file (default: /etc/eip-agent/config.toml)")
        command.add_argument("--run-directory", metavar="PATH", help="lock and journal (default: /run/eip-agent)")
        command.add_argument("--metadata-url", metavar="URL", help=argparse.SUPPRESS)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: _Command, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=_CODES,
        formatter_class=_Help,
    )
    command.set_defaults(command=run)
    return command


def _explain(args: argparse.Namespace) -> int:
    from eip_agent.reconcile import Agent  # noqa: PLC0415  --help must not pay for it

    report = Agent(_settings(args)).explain()
    _print(args, report, explained=True)
    return _code(report)


def _apply(args: argparse.Namespace) -> int:
    from eip_agent.privilege import require_net_admin  # noqa: PLC0415
    from eip_agent.reconcile import Agent  # noqa: PLC0415

    settings = _settings(args)
    agent = Agent(settings)
    if args.dry_run:
        report = agent.look()
    else:
        from eip_agent.sinks.confirm import confirmed, undisturbed  # noqa: PLC0415
        from eip_agent.sinks.lock import held  # noqa: PLC0415

        require_net_admin("apply")

        answers: list[bool] = []

        def ask(done: "Report") -> bool:
            # Who does not hear what was done may hear the question; and who hears neither, as a terminal that died,
            # is not the only one who may confirm.
            try:
                if args.format == "text":
                    _print(args, done, explained=False)
            except OSError:
                sys.stdout = _nowhere()
            with contextlib.suppress(OSError):
                within = f"within {args.confirm:g} s; else it is undone"
                _talk([f"keep it? press Enter, or run `eip-agent confirm`, {within}"])
                sys.stderr.flush()
            answers.append(confirmed(settings.run_directory, args.confirm))
            return answers[-1]

        with held(settings.run_directory, settings.lock_timeout, "apply"), undisturbed():
            report = agent.reconcile(ask if args.confirm is not None else None)
        if answers == [True] and args.format == "text":
            _talk(["kept"])
            return _code(report)
    _print(args, report, explained=False)
    return _code(report)


def _revert(args: argparse.Namespace) -> int:
    from eip_agent.privilege import require_net_admin  # noqa: PLC0415
    from eip_agent.reconcile import Agent  # noqa: PLC0415

    settings = _settings(args)
    agent = Agent(settings)
    if args.dry_run:
        report = agent.planned_revert()
    else:
        from eip_agent.sinks.confirm import undisturbed  # noqa: PLC0415
        from eip_agent.sinks.lock import held  # noqa: PLC0415

        require_net_admin("revert")
        with held(settings.run_directory, settings.lock_timeout, "revert"), undisturbed():
            report = agent.take_back()
    if not report.plan and args.format == "text":
        sys.stdout.write("nothing here is eip-agent's\n")
    else:
        _print(args, report, explained=False)
    return _code(report)


def _confirm(args: argparse.Namespace) -> int:
    from eip_agent.sinks.confirm import confirm  # noqa: PLC0415

    confirm(_settings(args).run_directory)
    sys.stdout.write("kept\n")
    return EXIT_OK


def _demo(args: argparse.Namespace) -> int:
    from eip_agent.lab.demo import demo  # noqa: PLC0415

    return demo(args.boot, inside=args.inside)


def _settings(args: argparse.Namespace) -> "Settings":
    from eip_agent.config import load  # noqa: PLC0415

    given = {"run_directory": args.run_directory, "metadata.url": args.metadata_url}
    return load(args.config, {name: value for name, value in given.items() if value is not None})


def _print(args: argparse.Namespace, report: "Report", *, explained: bool) -> None:
    if args.format == "json":
        from eip_agent.render.json import document  # noqa: PLC0415

        sys.stdout.write(document(report))
    else:
        from eip_agent.render import text  # noqa: PLC0415

        if explained:
            _say(text.story_lines(report))
        _say(text.plan_lines(report))
        _say(text.result_lines(report))
        sys.stdout.flush()
        _talk(text.trouble_lines(report))
    sys.stdout.flush()


def _code(report: "Report") -> int:
    from eip_agent.core.report import Outcome  # noqa: PLC0415

    return {
        Outcome.AS_DESIRED: EXIT_OK,
        Outcome.PENDING: EXIT_PENDING,
        Outcome.REFUSED: EXIT_REFUSED,
        Outcome.FACTS_MISSING: EXIT_FACTS,
    }[report.outcome]


def _say(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{_spelled(line)}\n" for line in lines)


def _talk(lines: Iterable[str]) -> None:
    """To stderr: data stands on stdout, talk here."""
    sys.stderr.writelines(f"{_spelled(line)}\n" for line in lines)


def _spelled(line: str) -> str:
    """Without what a terminal would obey: links and files are named by whoever made them."""
    if line.isprintable():
        return line
    return "".join(
        one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode("ascii") for one in line
    )


def _seconds(text: str) -> float:
    """A time between one second and an hour: long enough to press a key, short enough for who is locked out."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 1 <= seconds <= 3600:
        message = f"{text!r} is not a number of seconds from 1 to 3600"
        raise argparse.ArgumentTypeError(message)
    return seconds
