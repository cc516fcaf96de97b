"""`eip-agent install` and `eip-agent uninstall`: units and drop-ins put in place, and taken away again."""

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from eip_agent.console import complain, language_of, put
from eip_agent.core.message import say
from eip_agent.errors import EXIT_OK, EXIT_PENDING, EXIT_REFUSED, ApplyError
from eip_agent.install import (
    DAEMON,
    ONCE,
    UNITS,
    Deed,
    Piece,
    Step,
    disable_plan,
    enable_plan,
    install_plan,
    link_of,
    shipped,
    uninstall_plan,
)
from eip_agent.sinks.tree import Tree

_BOOTED: Final = "/run/systemd/system"
"""There where systemd runs, see sd_booted(3)."""
_HIDDEN: Final = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 nothing is made there
"""What the sandbox of the units hides: ProtectHome, PrivateTmp."""
_CHANGES: Final = frozenset((Deed.ADD, Deed.REPLACE, Deed.REMOVE))


def run(args: Namespace) -> int:
    """Install or uninstall, or say what would be; the exit code."""
    tree = Tree(args.root)
    here = args.root == "/"
    booted = here and os.path.isdir(_BOOTED)
    links = {unit: tree.target(link_of(unit)) for unit in UNITS}
    if args.command == "uninstall":
        steps = uninstall_plan(files := shipped(program()), {piece.target: tree.read(piece.target) for piece in files})
        before, after, enabling = _stopping(steps), _reloading(steps), disable_plan(steps, links)
    else:
        command = program()
        if here and not args.dry_run:
            require_safe(command)
        files = {
            piece: data
            for piece, data in shipped(command).items()
            if (args.cloud_init or not piece.asked_for or tree.exists(piece.target)) and _is_read(piece, tree)
        }
        steps = install_plan(files, {piece.target: tree.read(piece.target) for piece in files})
        before, after = [], [*_reloading(steps), *_starting(steps, args, links)]
        enabling = enable_plan(_wanted(args), links)
    if booted:
        enabling = ()  # `systemctl` does that, and starts and stops what it enables and disables
    else:
        before, after = [], []
    runs = booted and not args.dry_run
    if runs:
        _carry_out(before)
    if not args.dry_run:
        _write(steps, enabling, tree)
    if runs:
        _carry_out(after)
    language = language_of(args)
    put(map(language, _told(steps, enabling, [*before, *after], args, runs=runs)))
    sys.stdout.flush()
    left = [step.piece.target for step in steps if step.deed is Deed.LEAVE]
    for path in left:
        complain(
            say("{path}: somebody has changed it, so it is left as it is", path=path),
            say("own settings of a unit belong into `systemctl edit`; move the file away and run this again"),
            language,
        )
    if left:
        return EXIT_REFUSED
    return EXIT_PENDING if args.dry_run and (_changes(steps) or enabling) else EXIT_OK


def program() -> list[str]:
    """How this very program is started by its full path."""
    beside = os.path.join(os.path.dirname(sys.executable), "eip-agent")
    called = os.path.abspath(sys.argv[0])
    for path in beside, called:
        if os.path.basename(path) == "eip-agent" and os.access(path, os.X_OK) and os.path.isfile(path):
            return [path]
    return [sys.executable, "-P", "-m", "eip_agent"]


def require_safe(command: Sequence[str]) -> None:
    """Raise ApplyError where the service could not run the program, or somebody else than root could change it."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    hint = say("install it as root into a virtual environment in /opt/eip-agent, and run `install` from there")
    for path in dict.fromkeys((command[0], os.path.realpath(command[0]), os.path.realpath(sys.executable), package)):
        if path.startswith(tuple(f"{hidden}/" for hidden in _HIDDEN)):
            raise ApplyError(say("{path}: the service does not see what lies there", path=path), hint)
        for part in _parts(path):
            found = os.stat(part)
            if found.st_uid != 0 or found.st_mode & 0o022:
                message = say("{path}: somebody else than root could change what the service runs", path=part)
                raise ApplyError(message, hint)
            if not found.st_mode & 0o001:
                raise ApplyError(say("{path}: the service, which is not root, may not go there", path=part), hint)


def _parts(path: str) -> Iterator[str]:
    """A path and all folders above it, but for the root."""
    while path != "/":
        yield path
        path = os.path.dirname(path)


def _is_read(piece: Piece, tree: Tree) -> bool:
    """Whether there is somebody to read it."""
    return not piece.needs or any(tree.exists(path) for path in piece.needs)


def _changes(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.deed in _CHANGES]


def _wanted(args: Namespace) -> Piece:
    return next(unit for unit in UNITS if unit.name == (ONCE if args.no_daemon else DAEMON))


def _stopping(steps: Sequence[Step]) -> list[list[str]]:
    """Before the units go; stopping leaves the network as it is."""
    units = [step.piece.name for step in _changes(steps) if step.piece in UNITS]
    return [["systemctl", "disable", "--now", *units]] if units else []


def _reloading(steps: Sequence[Step]) -> list[list[str]]:
    units = any(step.piece in UNITS for step in _changes(steps))
    return [["systemctl", "daemon-reload"]] if units else []


def _starting(steps: Sequence[Step], args: Namespace, links: Mapping[Piece, str | None]) -> list[list[str]]:
    """One of the two units at boot, and now; one whose file was replaced is started anew."""
    wanted = _wanted(args)
    others = [unit.name for unit in UNITS if unit is not wanted and links[unit] is not None]
    commands = [["systemctl", "disable", "--now", other] for other in others]
    commands.append(["systemctl", "enable", "--now", wanted.name])
    if any(step.deed is Deed.REPLACE and step.piece == wanted for step in steps):
        commands.append(["systemctl", "restart", wanted.name])
    return commands


def _write(steps: Sequence[Step], enabling: Sequence[tuple[Deed, Piece]], tree: Tree) -> None:
    for step in steps:
        if step.deed is Deed.REMOVE:
            _remove(step.piece.target, tree)
        elif step.deed in _CHANGES:
            tree.write(step.piece.target, step.data)
    for deed, unit in enabling:
        if deed is Deed.REMOVE:
            _remove(link_of(unit), tree)
        else:
            tree.link(link_of(unit), unit.target)


def _remove(path: str, tree: Tree) -> None:
    """A file or a link, and as `systemctl disable` does its folder, where that is only made for what is put into it."""
    tree.remove(path)
    folder = os.path.dirname(path)
    if folder.endswith((".wants", ".conf.d")):
        tree.prune(folder)


def _carry_out(commands: Sequence[Sequence[str]]) -> None:
    """Run them in order.  Raises ApplyError with what the first that fails says."""
    for command in commands:
        done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603
        if done.returncode:
            said = done.stderr.strip().splitlines()
            why = said[0] if said else say("exit code {code}", code=done.returncode)
            raise ApplyError(
                say("`{command}` failed: {why}", command=" ".join(command), why=why),
                say("the files are in place; see `systemctl status eip-agent` and `journalctl -u eip-agent`"),
            )


def _told(
    steps: Sequence[Step],
    enabling: Sequence[tuple[Deed, Piece]],
    commands: Sequence[Sequence[str]],
    args: Namespace,
    *,
    runs: bool,
) -> Iterator[str]:
    changes = _changes(steps)
    yield from (f"{step.deed.value} {step.piece.target}" for step in changes)
    yield from (f"{deed.value} {link_of(unit)}" for deed, unit in enabling)
    if not (changes or enabling):
        nothing = say("as desired: nothing of eip-agent's is installed")
        yield nothing if args.command == "uninstall" else say("as desired")
    for command in commands:
        spelled = " ".join(command)
        yield say("ran  {command}", command=spelled) if runs else say("run  {command}", command=spelled)
    for step in changes:
        if step.piece.effect:
            yield say("note  {path}: {effect}", path=step.piece.target, effect=step.piece.effect)
    if args.command == "uninstall":
        yield say("note  the network stays as it is: `eip-agent revert` takes back what the agent wrote")
