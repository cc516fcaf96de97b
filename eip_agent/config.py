"""Where settings come from, weakest first: defaults, the settings file, the environment, flags.

`eip_agent.schema` checks what was written.  Its import costs 18 times the start of a bare Python, as much as a whole
pass without changes, so it happens only when something is written that needs it.
No other module reads the environment.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from eip_agent.core.message import say, verbatim
from eip_agent.core.settings import Settings
from eip_agent.errors import SettingsError
from eip_agent.privilege import has_net_admin
from eip_agent.written import ABSOLUTE, PREFIX, Written, is_absolute

DEFAULT_PATH: Final = "/etc/eip-agent/config.toml"
LARGEST_FILE: Final = 1 << 20
"""Bytes.  The settings of the largest instance, 72 ENIs with 30 EIPs each, have a third of that."""


def load(
    path: str | None = None, overrides: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read and check all settings.  `overrides` come from flags, by dotted name: `{"metadata.url": "http://192.0.2.1"}`.

    A missing settings file is an error only when `path` names it.  Raises SettingsError naming the place.
    """
    text = _read(path or DEFAULT_PATH, required=path is not None)
    written = Written(
        path=None if text is None else path or DEFAULT_PATH,
        file=_parse(path or DEFAULT_PATH, text or ""),
        environment=_variables(os.environ if environ is None else environ),  # noqa: TID251 the one place
        flags={tuple(name.split(".")): value for name, value in (overrides or {}).items()},
    )
    simple = _simple(written)
    if simple is not None:
        return simple

    from eip_agent import schema  # noqa: PLC0415 see the docstring of the module

    return schema.check(written)


def run_directory(path: str | None = None, flag: str | None = None, environ: Mapping[str, str] | None = None) -> str:
    """The run directory alone, for who only asks a daemon: nothing else is checked.  Raises SettingsError."""
    given = os.environ if environ is None else environ  # noqa: TID251 the one place
    text = flag or given.get(f"{PREFIX}RUN_DIRECTORY")
    if text is None:
        text = _parse(path or DEFAULT_PATH, _read(path or DEFAULT_PATH, required=path is not None) or "").get(
            "run_directory", Settings().run_directory
        )
    if not isinstance(text, str) or not is_absolute(text):
        message = say("{place}: {value} is not an absolute path", place="run_directory", value=repr(text))
        raise SettingsError(message, ABSOLUTE)
    return text


def has_own_settings(path: str | None, environ: Mapping[str, str] | None = None) -> bool:
    """Whether this call is told more than where the directories are, so that its settings may not be a daemon's."""
    given = os.environ if environ is None else environ  # noqa: TID251 the one place
    places = {f"{PREFIX}RUN_DIRECTORY", f"{PREFIX}STATE_DIRECTORY"}
    return path is not None or any(name.startswith(PREFIX) and name not in places for name in given)


def _simple(written: Written) -> Settings | None:
    """The settings where none, or only such as every simulated instance has, are written: a plain check is enough."""
    texts = {**written.environment, **written.flags}
    directories = {("run_directory",), ("state_directory",)}
    switch = ("openapi", "enabled")
    if written.file or not texts.keys() <= {*directories, switch} or texts.get(switch, "false") != "false":
        return None
    for key in directories & texts.keys():
        if not is_absolute(texts[key]):
            place, value = written.place(key), repr(texts[key])
            raise SettingsError(say("{place}: {value} is not an absolute path", place=place, value=value), ABSOLUTE)
    given = Settings()
    return replace(
        given,
        run_directory=texts.get(("run_directory",), given.run_directory),
        state_directory=texts.get(("state_directory",), given.state_directory),
        openapi=False if switch in texts else None,
        origins=written.origins,
    )


def is_colour_unwanted(environ: Mapping[str, str] | None = None) -> bool:
    """Whether `NO_COLOR` is set to anything, see https://no-color.org, or the terminal is one that has none."""
    given = os.environ if environ is None else environ  # noqa: TID251 the one place
    return bool(given.get("NO_COLOR")) or given.get("TERM") == "dumb"


def message_locale(environ: Mapping[str, str] | None = None) -> str:
    """What the environment names for messages, ranked as in locale(7); empty where nothing does."""
    given = os.environ if environ is None else environ  # noqa: TID251 the one place
    return next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := given.get(name))), "")


def credentials_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What Alibaba's libraries may look at to find credentials, and nothing else: no proxies, no debugging."""
    given = os.environ if environ is None else environ  # noqa: TID251 the one place
    return {
        name: value for name, value in given.items() if name.startswith("ALIBABA_CLOUD_") or name in {"HOME", "PATH"}
    }


@dataclass(frozen=True, slots=True)
class Supervisor:
    """What whoever started the daemon tells it: systemd.exec(5), sd_notify(3), sd_watchdog_enabled(3)."""

    notify: str | None = None
    watchdog: str | None = None
    watchdog_pid: str | None = None
    journal: str | None = None


def supervisor(environ: Mapping[str, str] | None = None) -> Supervisor:
    """Read from the environment."""
    given = os.environ if environ is None else environ  # noqa: TID251 the one place
    names = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM")
    return Supervisor(*(given.get(name) for name in names))


def _variables(environ: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    given = sorted(item for item in environ.items() if item[0].startswith(PREFIX))
    return {tuple(name.removeprefix(PREFIX).lower().split("__")): value for name, value in given}


def _parse(path: str, text: str) -> dict[str, Any]:
    if not text:
        return {}
    import tomllib  # noqa: PLC0415 twice the start of a bare Python, for a file that mostly is not there

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, line, column = _where(str(error), text)
        raise SettingsError(
            say("{path}: line {line}, column {column}: {what}", path=path, line=line, column=column, what=what),
            say("the file is TOML: `key = value` lines below `[table]` headings"),
        ) from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(say("{path}: this TOML cannot be read: {error}", path=path, error=error)) from error


def _where(message: str, text: str) -> tuple[str, int, int]:
    """Take apart `What (at line 2, column 5)` and `What (at end of document)`."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    if found:
        what, line, column = found.group(1), int(found.group(2)), int(found.group(3))
    else:
        what, line, column = message.partition(" (at ")[0], text.count("\n") + 1, len(text) - text.rfind("\n")
    return what[:1].lower() + what[1:], line, column


def _read(path: str, *, required: bool) -> str | None:
    """Read the settings file; None when there is none and none is required."""
    try:
        with _opened(path) as descriptor:
            data = b"".join(iter(lambda: os.read(descriptor, LARGEST_FILE), b""))
        return data.decode()
    except (FileNotFoundError, NotADirectoryError) as error:
        if not required:
            return None
        raise SettingsError(say("{path}: there is no such file", path=path)) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            message = say("{path}: a symbolic link is not followed", path=path)
            raise SettingsError(message, say("use {path}", path=os.path.realpath(path))) from error
        why = (error.strerror or str(error)).lower()
        raise SettingsError(say("{path}: {why}", path=path, why=why)) from error
    except UnicodeDecodeError as error:
        message = say("{path}: byte {number} is not UTF-8", path=path, number=error.start + 1)
        raise SettingsError(message) from error


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """Open the settings file, once it is sure that nobody but root decides what a privileged agent does.

    Looks at what was opened and not at the name, so that nothing can be exchanged in between.
    """
    parent, name = os.path.split(path)
    parent = parent or "."
    distrust = _distrust if is_privileged() else _nothing_against
    # Not blocking, or a pipe of that name would hold us for ever.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    folder = os.open(parent, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        distrust(parent, os.fstat(folder))
        descriptor = os.open(name, flags, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SettingsError(say("{path}: not a regular file", path=path))
        distrust(path, status)
        if status.st_size > LARGEST_FILE:
            message = say("{path}: {number} bytes are too many", path=path, number=status.st_size)
            raise SettingsError(message, say("accepted: at most {number}", number=LARGEST_FILE))
        yield descriptor
    finally:
        os.close(descriptor)


def _distrust(path: str, status: os.stat_result) -> None:
    """Raise SettingsError when somebody else than root could change it."""
    if status.st_uid != 0:
        message = say("{path}: belongs to user {user}, not to root", path=path, user=status.st_uid)
        raise SettingsError(message, verbatim(f"chown root:root {path}"))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        hint = verbatim(f"chmod go-w {path}")
        if status.st_mode & stat.S_ISVTX:  # as /tmp, which is for everybody
            hint = say("move the settings file to a folder that only root can write, as /etc/eip-agent")
        raise SettingsError(say("{path}: others than root can write it", path=path), hint)


def _nothing_against(path: str, status: os.stat_result) -> None:
    """Trust, because without privilege only the caller's own output is at stake."""


def is_privileged() -> bool:
    """Whether this process may change the network: root, or CAP_NET_ADMIN; also when that cannot be found out."""
    if os.geteuid() == 0:
        return True
    try:
        return has_net_admin()
    except OSError:
        return True
