"""The journal: what was written that the kernel cannot mark as ours.  One small file, replaced whole and fsynced."""

import contextlib
import errno
import json
import os
import stat
from ipaddress import ip_address
from typing import Any, Final

from eip_agent.core.facts import Borrowed, Link, Mac, Remembered
from eip_agent.core.memory import joined
from eip_agent.core.message import say
from eip_agent.errors import JournalError
from eip_agent.sinks.directory import identity, opened, replace, temporary

_NAME: Final = "journal.json"
"""There is one writer at a time, and a killed one leaves one file at the most."""
_LIMIT: Final = 4 << 20
"""Bytes: ten times what stands in it with as many links and addresses as an instance can have."""
_BOOT: Final = "/proc/sys/kernel/random/boot_id"


class Journal:
    """The journal in a run directory."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._path = f"{directory}/{_NAME}"
        self._last = Remembered()
        """What was last read or written."""
        self._read_before: tuple[bytes, Remembered] | None = None
        """Who makes many passes reads it in each, and takes it apart when it has changed."""

    def read(self) -> Remembered:
        """What was remembered; nothing when there is no journal, or only one of an earlier boot.

        Raises JournalError when there is one that cannot be read or does not belong to this network namespace.
        """
        self._last = self._read()
        return self._last

    def recall(self) -> Remembered:
        """The same, and what was last known where the journal is gone.  To be called with the lock held.

        Somebody is emptying the directory just now, or has removed the journal alone: it is written anew where that can
        be.  Of what was known before `eip-agent revert` removed it nothing is so any more, and the pass drops it.
        """
        before, there = self._last, self.read()
        if there == Remembered() != before and identity(self._directory, _NAME) is None:
            self._last = there = before
            with contextlib.suppress(JournalError):  # whoever has something to write ahead is told
                self.write(before)
        return there

    def restore(self) -> None:
        """Write what was last known, for somebody has emptied the directory.  To be called with the lock held.

        Who wrote there since knows better.  What is not so any more the next pass drops.  Raises JournalError.
        """
        before = self._last
        there = self.read()
        # Known from now on, so that it is not forgotten where the disk is full and this is tried again.
        self._last = both = joined(before, there)
        if both != there:
            self.write(both)

    def _read(self) -> Remembered:
        try:
            directory = opened(self._directory, create=False)
        except FileNotFoundError:
            return Remembered()
        try:
            data = bytes_of(directory, _NAME, _LIMIT)
        except FileNotFoundError:
            return Remembered()
        except OSError as no:
            message = say("{path}: cannot be read: {strerror}", path=self._path, strerror=no.strerror)
            raise JournalError(message, say("it must be a plain file, and no symbolic link")) from no
        finally:
            os.close(directory)
        if self._read_before is None or self._read_before[0] != data:
            self._read_before = data, self._decoded(data)
        return self._read_before[1]

    def tidy(self) -> None:
        """Remove what a killed writer left.  To be called with the lock held; does nothing where it cannot."""
        with contextlib.suppress(OSError, JournalError):
            directory = opened(self._directory, create=False)
            try:
                os.unlink(temporary(_NAME), dir_fd=directory)
            finally:
                os.close(directory)

    def write(self, remembered: Remembered) -> None:
        """Replace the journal; when this returns, it is on the disk.  Raises JournalError, with the old one in place.

        A reader sees the old one or the new one.
        """
        directory = opened(self._directory, create=True)
        try:
            if remembered == Remembered():
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(_NAME, dir_fd=directory)
            else:
                replace(directory, _NAME, _encoded(remembered))
            os.fsync(directory)
        except OSError as no:
            message = say("{path}: cannot be written: {strerror}", path=self._path, strerror=no.strerror)
            raise JournalError(message, say("nothing was changed; free space or correct the permissions")) from no
        finally:
            os.close(directory)
        self._last = remembered

    def _decoded(self, data: bytes) -> Remembered:
        try:
            document = json.loads(data)
            if document["version"] != 1:
                message = say(
                    "{path}: written by another version of eip-agent ({document})",
                    path=self._path,
                    document=repr(document["version"]),
                )
                raise JournalError(message, say("use that version, or `eip-agent revert` with it first"))
            if document["boot"] != _boot():
                return Remembered()
            if document["namespace"] != _namespace():
                message = say("{path}: it belongs to another network namespace", path=self._path)
                raise JournalError(message, say("give each namespace its own `run_directory`"))
            return Remembered(
                tuple(_loan(loan) for loan in document["borrowed"]),
                frozenset((int(link), ip_address(ip), int(length)) for link, ip, length in document["addresses"]),
            )
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as bad:
            message = say("{path}: damaged: {name}: {bad}", path=self._path, name=type(bad).__name__, bad=bad)
            raise JournalError(
                message,
                say(
                    "remove {path}: rules, routes and addresses are known by their marks all the same, only "
                    "settings of links (group, up) could no longer be given back",
                    path=self._path,
                ),
            ) from bad


def bytes_of(directory: int, name: str, limit: int) -> bytes:
    """All that stands in a plain file of ours.  Raises OSError, also where it is something else or larger."""
    # Not blocking, or a pipe of that name would hold us for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=directory)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, say("it is no plain file"))
        if found.st_size > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return b"".join(iter(lambda: os.read(descriptor, limit), b""))
    finally:
        os.close(descriptor)


def _encoded(remembered: Remembered) -> bytes:
    document = {
        "version": 1,
        "boot": _boot(),
        "namespace": _namespace(),
        "borrowed": [
            [loan.link.index, loan.link.name, loan.mac, loan.name, loan.before, loan.written]
            for loan in remembered.borrowed
        ],
        "addresses": sorted([link, str(ip), length] for link, ip, length in remembered.addresses),
    }
    return json.dumps(document, indent=1).encode()


def _loan(values: list[Any]) -> Borrowed:
    index, link, mac, name, before, written = values
    for number in (before, written):
        if not 0 <= int(number) < 2**32:
            message = say("{name} {number} is no setting of a link", name=name, number=number)
            raise ValueError(message)
    return Borrowed(Link(int(index), str(link)), Mac(str(mac)), str(name), int(before), int(written))


def _boot() -> str:
    with open(_BOOT, encoding="ascii") as file:
        return file.read().strip()


def _namespace() -> int:
    return os.stat("/proc/self/ns/net").st_ino
