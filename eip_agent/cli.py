"""The command line: parse, call, print, exit.  Every AgentError ends here, as one line and at most one hint."""

import argparse
import errno
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

from eip_agent import __version__
from eip_agent.console import complain, language_of, nowhere
from eip_agent.errors import EXIT_FACTS, EXIT_REFUSED, AgentError

if TYPE_CHECKING:
    from eip_agent.core.message import Value

_CODES: Final = """\
exit codes:
  0  as desired
  1  refused or not verified; what this pass had done was undone
  2  usage or settings
  3  changes pending (explain, and --dry-run)
  4  facts missing; nothing is removed because of it
"""

_UNHEARD: Final = frozenset((errno.EIO, errno.ENOSPC))
"""What a stream answers that takes nothing any more."""


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
    if args.command not in ("run", "demo"):
        # It ends before garbage matters: a tenth of the time of who writes or explains went into looking for it.
        gc.disable()
    try:
        code = int(import_module(f"eip_agent.commands.{args.command}").run(args))
        sys.stdout.flush()  # else it would fail at the very end, where nobody can say so any more
    except AgentError as error:
        from eip_agent.core.message import said  # noqa: PLC0415  --help must not pay for it

        _end_with(args, said(error), error.hint)
        return error.exit_code
    except BrokenPipeError:
        # The reader had enough, as `head` does.  Nothing may be flushed to it any more.
        sys.stdout = None
        return EXIT_REFUSED
    except OSError as no:
        return _failed(args, no) if no.errno not in _UNHEARD or no.filename else _unheard(args, no)
    except KeyboardInterrupt:
        from eip_agent.core.message import say  # noqa: PLC0415  as above

        _end_with(args, say("interrupted"))
        return 130
    return code


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
    sys.stdout = sys.stdout or nowhere()
    sys.stderr = sys.stderr or nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _failed(args: argparse.Namespace, no: OSError) -> int:
    """What the system refused where nobody foresaw it, as too many open files."""
    from eip_agent.core.message import say  # noqa: PLC0415  as above

    why = no.strerror or str(no)
    message = say("{path}: {why}", path=no.filename, why=why) if no.filename else why
    writes = args.command in ("apply", "revert") and not args.dry_run
    _end_with(args, message, say("run it again: it goes on from what it finds") if writes else "")
    return EXIT_FACTS if args.command.startswith(("explain", "apply", "revert")) and not writes else EXIT_REFUSED


def _unheard(args: argparse.Namespace, no: OSError) -> int:
    """A full disk behind `>`, or a terminal that died: what was done is done, and whoever reads stderr is told."""
    from eip_agent.core.message import say  # noqa: PLC0415  --help must not pay for it

    sys.stdout = None
    hint = say("free space where `>` leads, or name another place")
    if args.command in ("apply", "revert") and not args.dry_run:
        hint = say("what was done is done; `eip-agent explain` tells how it is now")
    _end_with(args, say("not all could be printed: {why}", why=no.strerror or no), hint)
    return EXIT_REFUSED


def _end_with(args: argparse.Namespace, message: "Value", hint: "Value" = "") -> None:
    """The last that is said, in the language of who asked.

    The exit code tells it too, so that it does no harm when nobody hears it.
    """
    try:
        complain(message, hint, language_of(args))
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

    explain = _command(commands, "explain", "what is so, how it is known, and what `apply` would do")
    apply = _command(commands, "apply", "one pass: see, decide, plan, write, verify")
    run = _command(commands, "run", "keep it so: a pass on every change and on a timer, until it is stopped")
    status = _command(commands, "status", "what the running daemon does, and how it goes")
    revert = _command(commands, "revert", "take back everything that is the agent's, and nothing else")
    confirm = _command(commands, "confirm", "say yes to the `apply --confirm` that waits")
    installers = _installers(commands)
    watch = "watch it work in a simulated instance made of network namespaces"
    demo = commands.add_parser("demo", help=watch, formatter_class=_Help)
    demo.add_argument(
        "--boot",
        choices=("bare", "dhcp"),
        default="dhcp",
        help="how its image comes up: only the primary link, or a DHCP client on every link (default: dhcp)",
    )
    demo.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)  # of a network of its own already
    demo.set_defaults(command="demo", lang="en")
    run.set_defaults(lang="en")  # what it says is a log, from the first word to the last

    topics = _topics(explain)
    for reader in (explain, *topics, apply, status, revert):
        reader.add_argument("--format", choices=("text", "json"), help="how to print (default: text)")
    for reader in (explain, apply, status, revert):
        reader.set_defaults(format="text")
    for speaker in (explain, *topics, apply, status, revert, confirm, *installers):
        speaker.add_argument("--lang", choices=("en", "zh"), help="language of the text (default: that of the locale)")
    for writer in (apply, revert):
        writer.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
    apply.add_argument(
        "--confirm",
        type=_seconds,
        metavar="SECONDS",
        help="undo everything again unless Enter is pressed, or `eip-agent confirm` is run, within this time",
    )
    for topic in (explain, *topics):
        topic.add_argument(
            "--redact", action="store_true", help="mask public addresses and ids, so that it can be posted"
        )
        topic.add_argument(
            "--output", metavar="FILE", help="write a self-contained HTML report instead; `-` is standard output"
        )
    for command in (explain, *topics, apply, run, status, revert, confirm):
        command.add_argument("--config", metavar="PATH", help="settings file (default: /etc/eip-agent/config.toml)")
        command.add_argument("--run-directory", metavar="PATH", help="lock and journal (default: /run/eip-agent)")
        command.add_argument("--metadata-url", metavar="URL", help=argparse.SUPPRESS)
    return parser


def _installers(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> Sequence[argparse.ArgumentParser]:
    install = _command(commands, "install", "put the systemd unit and the settings of its neighbours in place")
    install.add_argument("--no-daemon", action="store_true", help="one pass at each boot instead of the daemon")
    install.add_argument(
        "--cloud-init",
        action="store_true",
        help="also let cloud-init configure the primary link only, from the next boot on",
    )
    uninstall = _command(commands, "uninstall", "take away what `install` has put in place")
    for installer in (install, uninstall):
        installer.add_argument("--root", default="/", metavar="DIR", help="an image instead of this host")
        installer.add_argument("--dry-run", action="store_true", help="say what would be done and change nothing")
    return install, uninstall


def _topics(explain: argparse.ArgumentParser) -> Sequence[argparse.ArgumentParser]:
    """What may be explained besides the whole.  Options may stand before or after the topic."""
    explain.add_argument("--probe", action="store_true", help="also try things out: ARP, metadata, the Internet")
    topics = explain.add_subparsers(title="topics", metavar="TOPIC", required=False)
    path = _topic(topics, "path", "the way of a packet and of its reply, rule by rule")
    path.add_argument("--from", dest="source", metavar="A", required=True, help="source address, link or ENI")
    path.add_argument("--to", dest="destination", metavar="B", required=True, help="destination address")
    path.add_argument("--proto", choices=("tcp", "udp", "icmp"), default="tcp", help="protocol (default: tcp)")
    path.add_argument("--dport", type=int, metavar="PORT", help="destination port")
    eip = _topic(topics, "eip", "one EIP: where it is bound, and how it reaches this instance")
    eip.add_argument("address", metavar="ADDRESS")
    eni = _topic(topics, "eni", "one ENI: its link, its addresses, its EIPs")
    eni.add_argument("eni", metavar="ENI", help="its id, MAC address or link")
    finding = _topic(topics, "finding", "the page of a finding")
    finding.add_argument("code", metavar="CODE", help="for example EIP101")
    faq = _topic(topics, "faq", "the frequent questions, answered for this instance")
    faq.add_argument("number", metavar="N", type=int, nargs="?", default=None, help="only one of them")
    return path, eip, eni, finding, faq


def _topic(
    topics: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    topic = _command(topics, name, what, epilog=None, argument_default=argparse.SUPPRESS)
    topic.set_defaults(command=f"explain_{name}")
    return topic


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    what: str,
    epilog: str | None = _CODES,
    argument_default: str | None = None,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=epilog,
        formatter_class=_Help,
        argument_default=argument_default,
    )
    command.set_defaults(command=name)
    return command


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
