"""The file that holds the last known good: owner-only, versioned, replaced whole, checked on reading."""

import contextlib
import json
import os
from typing import Final

from eip_agent.core.known import Known
from eip_agent.core.message import said, say
from eip_agent.core.plain import decoded, encoded
from eip_agent.errors import JournalError
from eip_agent.sinks.directory import opened, replace
from eip_agent.sinks.journal import bytes_of

_NAME: Final = "last-known-good.json"
_DAMAGED: Final = "last-known-good.damaged"
_LIMIT: Final = 8 << 20
"""Bytes; a file that is larger is none of ours."""
_VERSION: Final = 1


class KnownStore:
    """The last known good in a state directory."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self.path = f"{directory}/{_NAME}"

    def read(self) -> tuple[Known | None, str]:
        """What was kept, or None; and what is wrong with the file, or nothing.  Never raises: it is a help, no more."""
        try:
            directory = opened(self._directory, create=False)
        except (FileNotFoundError, JournalError) as no:
            return None, "" if isinstance(no, FileNotFoundError) else said(no)
        try:
            document = json.loads(bytes_of(directory, _NAME, _LIMIT))
            if not isinstance(document, dict) or document.get("version") != _VERSION:
                return None, say("{path}: written by another version of eip-agent, not used", path=self.path)
            return decoded(Known, document.get("known")), ""
        except FileNotFoundError:
            return None, ""
        except (OSError, ValueError, TypeError, RecursionError) as bad:
            return None, say("{path}: damaged, not used: {bad}", path=self.path, bad=bad)
        finally:
            os.close(directory)

    def put_aside(self) -> None:
        """Keep a damaged file for whoever wants to know what happened, out of the way of the next one."""
        with contextlib.suppress(OSError, JournalError):
            directory = opened(self._directory, create=False)
            try:
                os.replace(_NAME, _DAMAGED, src_dir_fd=directory, dst_dir_fd=directory)
            finally:
                os.close(directory)

    def write(self, known: Known) -> None:
        """Replace the file; when this returns, it is on the disk.  Raises JournalError, with the old one in place."""
        document = {"version": _VERSION, "known": encoded(known)}
        directory = opened(self._directory, create=True)
        try:
            replace(directory, _NAME, json.dumps(document).encode())
        except OSError as no:
            message = say("{path}: cannot be written: {strerror}", path=self.path, strerror=no.strerror)
            raise JournalError(message, say("free space or correct the permissions")) from no
        finally:
            os.close(directory)
