"""The agent's own directories: owner-only, never a symbolic link, everything in them opened relative to them."""

import contextlib
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
            message = f"{path}: the directory cannot be made: {no.strerror}"
            raise JournalError(
                message, "run as root, or set `run_directory` and `state_directory` to places of your own"
            ) from no
    try:
        descriptor = os.open(path, _OPEN)
    except FileNotFoundError:
        raise
    except OSError as no:
        message = f"{path}: the directory cannot be opened: {no.strerror}"
        raise JournalError(
            message, "run as root, or set `run_directory` and `state_directory` to places of your own"
        ) from no
    found = os.fstat(descriptor)
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        os.close(descriptor)
        message = f"{path}: the directory belongs to or may be written by somebody else"
        raise JournalError(message, f"chown root {path} && chmod 0700 {path}")
    return descriptor


def temporary(name: str) -> str:
    """Where a file is written before it takes its name.  There is one writer at a time, so one name is enough."""
    return f".{name}.new"


def replace(directory: int, name: str, data: bytes) -> None:
    """Replace a file as a whole; when this returns, it is on the disk.  Raises OSError, with the old one in place."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary(name), flags, 0o600, dir_fd=directory), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary(name), name, src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary(name), dir_fd=directory)
        raise
