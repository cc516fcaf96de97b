"""Files of the host below a root: read, replaced and removed, with no symbolic link followed on the way.

The root is `/`, or the folder of an image, in which a link could lead out of it into the host that works on it.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Final

from eip_agent.core.message import Message, say, text
from eip_agent.errors import ApplyError

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIMIT: Final = 1 << 20
"""Bytes; nothing that the agent writes here comes near."""


class Tree:
    """The files below a root; paths begin with `/` and are meant from there."""

    def __init__(self, root: str = "/") -> None:
        self._root = root

    def exists(self, path: str) -> bool:
        """Whether there is something of that name, reached through folders only."""
        try:
            with self._above(path, create=False) as (at, name):
                os.stat(name, dir_fd=at, follow_symlinks=False)
        except OSError:
            return False
        return True

    def read(self, path: str) -> bytes | None:
        """All that stands in a plain file; None where there is nothing.  Raises ApplyError naming the path."""
        with self._told(path, text("{path}: cannot be read: {strerror}")):
            try:
                with self._above(path, create=False) as (at, name):
                    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                    descriptor = os.open(name, flags, dir_fd=at)
            except FileNotFoundError:
                return None
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise OSError(errno.EINVAL, say("it is no plain file"))
                return file.read(_LIMIT)

    def target(self, path: str) -> str | None:
        """Where a symbolic link leads; None where there is none."""
        try:
            with self._above(path, create=False) as (at, name):
                return os.readlink(name, dir_fd=at)
        except OSError:
            return None

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link; folders above are made.  Raises ApplyError, also where something has that name."""
        wrong = text("{path}: cannot be made: {strerror}")
        with self._told(path, wrong), self._above(path, create=True) as (at, name):
            os.symlink(target, name, dir_fd=at)
            os.fsync(at)

    def write(self, path: str, data: bytes) -> None:
        """Replace a file as a whole, readable by all; folders above are made.

        Raises ApplyError, with the old one in place.
        """
        wrong = text("{path}: cannot be written: {strerror}")
        with self._told(path, wrong), self._above(path, create=True) as (at, name):
            new = f".{name}.eip-agent-new"
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new, dir_fd=at)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(new, flags, 0o644, dir_fd=at), "wb") as file:
                    os.fchmod(file.fileno(), 0o644)
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(new, name, src_dir_fd=at, dst_dir_fd=at)
                os.fsync(at)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(new, dir_fd=at)
                raise

    def prune(self, path: str) -> None:
        """Remove a folder in which nothing is left.  Does nothing where something is, or where it cannot."""
        with contextlib.suppress(OSError), self._above(path, create=False) as (at, name):
            os.rmdir(name, dir_fd=at)
            os.fsync(at)

    def remove(self, path: str) -> None:
        """Remove a file or a link.  Does nothing where there is none; raises ApplyError."""
        missing, wrong = contextlib.suppress(FileNotFoundError), text("{path}: cannot be removed: {strerror}")
        with self._told(path, wrong), missing, self._above(path, create=False) as (at, name):
            os.unlink(name, dir_fd=at)
            os.fsync(at)

    @contextlib.contextmanager
    def _above(self, path: str, *, create: bool) -> Iterator[tuple[int, str]]:
        """The folder of a path, and the name in it.  Raises OSError, ELOOP for a link on the way."""
        *folders, name = (part for part in path.split("/") if part)
        at = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                below = self._entered(at, folder, create=create)
                os.close(at)
                at = below
            yield at, name
        finally:
            os.close(at)

    @staticmethod
    def _entered(at: int, folder: str, *, create: bool) -> int:
        try:
            return os.open(folder, _FOLDER, dir_fd=at)
        except FileNotFoundError:
            if not create:
                raise
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, 0o755, dir_fd=at)
            return os.open(folder, _FOLDER, dir_fd=at)
        except NotADirectoryError as no:
            if stat.S_ISLNK(os.stat(folder, dir_fd=at, follow_symlinks=False).st_mode):
                message = say("`{folder}` in it is a symbolic link, which is not followed", folder=folder)
                raise OSError(errno.ELOOP, message) from no
            raise

    @contextlib.contextmanager
    def _told(self, path: str, wrong: str) -> Iterator[None]:
        try:
            yield
        except OSError as no:
            where = path if self._root == "/" else f"{self._root.rstrip('/')}{path}"
            why = say("it is a symbolic link, which is not followed") if _is_bare_loop(no) else no.strerror
            hint = say("run it with sudo") if no.errno in (errno.EACCES, errno.EPERM) else None
            raise ApplyError(Message(wrong, {"path": where, "strerror": why}), hint) from no


def _is_bare_loop(no: OSError) -> bool:
    return no.errno == errno.ELOOP and no.strerror == os.strerror(errno.ELOOP)
