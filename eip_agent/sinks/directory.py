"""The run directory: owner-only, never a symbolic link, and everything in it opened relative to it."""

import os
import stat
from typing import Final

from eip_agent.errors import JournalError

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def opened(path: str, *, create: bool) -> int:
    """A descriptor of the directory, made 0700 where it is missing.  The caller closes it.

    Raises FileNotFoundError when it is missing and not to be made, JournalError when it cannot be used or is not safe:
    a journal that others may write would let them say what the agent removes.
    """
    if create:
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
        except OSError as no:
            message = f"{path}: the run directory cannot be made: {no.strerror}"
            raise JournalError(message, "run as root, or set `run_directory` to a place of your own") from no
    try:
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        raise
    except OSError as no:
        message = f"{path}: the run directory cannot be opened: {no.strerror}"
        raise JournalError(message, "run as root, or set `run_directory` to a place of your own") from no
    found = os.fstat(descriptor)
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        os.close(descriptor)
        message = f"{path}: the run directory belongs to or may be written by somebody else"
        raise JournalError(message, f"chown root {path} && chmod 0700 {path}")
    return descriptor
