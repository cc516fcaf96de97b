"""A report in a file of the operator's choice: the whole of it or nothing, and never by way of somebody else's link."""

import contextlib
import os
import secrets
import stat
from typing import Final

from eip_agent.core.message import say
from eip_agent.errors import UsageError

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
MODE: Final = 0o600
"""It tells how an instance is built."""


def write(path: str, text: str) -> None:
    """Replace the file, or make it.

    Raises UsageError where that cannot be, or where something else than a plain file has that name.
    """
    folder, name = os.path.split(path)
    if not name:
        raise UsageError(say("{path}: a file is wanted, and this is a folder", path=path))
    try:
        directory = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as no:
        raise UsageError(say("{path}: it cannot be written: {why}", path=path, why=no.strerror or no)) from no
    try:
        _replace(directory, name, text, path)
    except OSError as no:
        raise UsageError(say("{path}: it cannot be written: {why}", path=path, why=no.strerror or no)) from no
    finally:
        os.close(directory)


def _replace(directory: int, name: str, text: str, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        # A device as /dev/null would be replaced by a file, and a link would lead to a place nobody asked for.
        if not stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            raise UsageError(
                say("{path}: something is there that is no plain file", path=path), say("name a file of your own")
            )
    new = f".{name[:200]}.{secrets.token_hex(8)}"
    descriptor = os.open(new, _NEW, MODE, dir_fd=directory)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(new, dir_fd=directory)
        raise
