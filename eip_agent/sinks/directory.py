"""The agent's own directories: owner-only, everything in them opened relative to them, no link of a stranger followed.

Two forms are accepted.  A plain directory of root or of our own.  And what systemd makes for a service with a dynamic
user: `/run/eip-agent`, a symbolic link to `private/eip-agent` beside it, where `/run/private` is root's alone and the
directory belongs to the service.  There root works in a folder whose owner it must not trust with more than the network
configuration, which that owner may change anyway: root follows no link in it, writes only into files that it made or
that have no other name, and gives what it made to that owner, so that the service can go on with it.
"""

import contextlib
import errno
import os
import stat
from typing import Final

from eip_agent.core.message import say, verbatim
from eip_agent.errors import JournalError

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_PRIVATE: Final = "private"
"""The folder of systemd beside the link, see "DynamicUser=" in systemd.exec(5)."""
_OWN: Final = say("run as root, or set `run_directory` and `state_directory` to places of your own")


def opened(path: str, *, create: bool) -> int:
    """A descriptor of the directory, made 0700 where it is missing.  The caller closes it.

    Raises FileNotFoundError when it is missing and not to be made, JournalError when it cannot be used or is not safe:
    a journal that others may write would let them say what the agent removes.
    """
    if create:
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
        except OSError as no:
            message = say("{path}: the directory cannot be made: {strerror}", path=path, strerror=no.strerror)
            raise JournalError(message, _OWN) from no
    try:
        descriptor, trusted = _entered(path)
    except FileNotFoundError:
        raise
    except OSError as no:
        message = say("{path}: the directory cannot be opened: {strerror}", path=path, strerror=no.strerror)
        raise JournalError(message, _OWN) from no
    found = os.fstat(descriptor)
    if found.st_mode & _OTHERS_WRITE or not (trusted or found.st_uid in (0, os.geteuid())):
        os.close(descriptor)
        message = say("{path}: the directory belongs to or may be written by somebody else", path=path)
        raise JournalError(message, verbatim(f"chown root {path} && chmod 0700 {path}"))
    return descriptor


def opened_file(directory: int, name: str) -> int:
    """A descriptor of a file to read and write in place, made empty where it is missing.  The caller closes it.

    Raises OSError, also where it is something else than a plain file with one name: what is written into it must not
    land in a file of somebody else.
    """
    while True:
        try:
            # Not blocking, or a pipe of that name would hold us for ever.
            flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=directory)
        except FileNotFoundError:
            try:
                descriptor = os.open(name, os.O_RDWR | _NEW, 0o600, dir_fd=directory)
            except FileExistsError:
                continue
            hand_over(directory, descriptor)
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            return descriptor
        os.close(descriptor)
        raise OSError(errno.EINVAL, say("it is no plain file"))


def identity(path: str, name: str) -> tuple[int, int] | None:
    """Device and inode of what has that name in the directory; None where there is nothing, or where it is not for us.

    As long as somebody holds the file open, its inode is no other's.
    """
    try:
        directory = opened(path, create=False)
    except (FileNotFoundError, JournalError):
        return None
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return None
    finally:
        os.close(directory)
    return found.st_dev, found.st_ino


def is_named(descriptor: int, path: str, name: str) -> bool:
    """Whether an open file still has that name in the directory."""
    found = os.fstat(descriptor)
    return identity(path, name) == (found.st_dev, found.st_ino)


def hand_over(directory: int, descriptor: int) -> None:
    """Give what root has just made in a directory of the service to the service, which must go on with it.

    `descriptor` must be of a file that this process has made, never of one that it found.  Raises OSError.
    """
    owner = os.fstat(directory)
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def temporary(name: str) -> str:
    """Where a file is written before it takes its name.  There is one writer at a time, so one name is enough."""
    return f".{name}.new"


def replace(directory: int, name: str, data: bytes) -> None:
    """Replace a file as a whole; when this returns, it is on the disk.  Raises OSError, with the old one in place."""
    try:
        # Never into what is there: it could be another name of a file that matters.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary(name), dir_fd=directory)
        with os.fdopen(os.open(temporary(name), os.O_WRONLY | _NEW, 0o600, dir_fd=directory), "wb") as file:
            hand_over(directory, file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary(name), name, src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary(name), dir_fd=directory)
        raise


def _entered(path: str) -> tuple[int, bool]:
    """The directory, and whether root has given it to its owner, whoever that is.  Raises OSError."""
    try:
        return os.open(path, _OPEN), False
    except OSError as no:
        if no.errno not in (errno.ELOOP, errno.ENOTDIR) or not os.path.islink(path):
            raise
        return _given(path)


def _given(path: str) -> tuple[int, bool]:
    """The directory of a service with a dynamic user.  Raises OSError where a link could be anybody's.

    Each step is looked at by its descriptor, so that nothing can be exchanged in between.
    """
    above, name = os.path.split(os.path.abspath(path))
    parent = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        link = os.stat(name, dir_fd=parent, follow_symlinks=False)
        ours = _is_roots(os.fstat(parent)) and link.st_uid == 0 and os.readlink(name, dir_fd=parent) == _within(name)
        if not ours:
            raise OSError(errno.ELOOP, say("it is a symbolic link"))
        private = os.open(_PRIVATE, _OPEN, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        folder = os.fstat(private)
        if not _is_roots(folder):
            raise OSError(errno.EACCES, say("{path} is not root's alone", path=f"{above}/{_PRIVATE}"))
        # Nobody but root and whom systemd lets in can be there; in the service itself this folder is open, and empty
        # but for its own.
        alone = not folder.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        return os.open(name, _OPEN, dir_fd=private), alone and os.geteuid() == 0
    finally:
        os.close(private)


def _within(name: str) -> str:
    return f"{_PRIVATE}/{name}"


def _is_roots(found: os.stat_result) -> bool:
    return found.st_uid == 0 and not found.st_mode & _OTHERS_WRITE
