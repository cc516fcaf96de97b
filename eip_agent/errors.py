"""What can go wrong, as a small tree; every class knows its exit code.

::

    AgentError                     hint: one sentence to act on
    +- SettingsError               what the operator wrote                      exit 2
    +- UsageError                  what was asked is not there, or senseless    exit 2
    +- SourceError                 a fact could not be read                     exit 4
    |  +- MetadataError            ... from the metadata service: names the path
    |  +- KernelReadError          ... from netlink or /proc
    |  +- JournalError             ... from the agent's own record
    +- ApplyError                  a pass could not be carried out              exit 1
    |  +- PrivilegeError           CAP_NET_ADMIN is missing
    |  +- BusyError                another eip-agent holds the lock
    +- LabError                    the simulated cloud cannot be built here     exit 1

Doubt is not an error: undecided modes and unread facts travel as values.
Exit codes, whose meaning never changes: 0 as desired, 1 refused or not verified, 2 usage or settings,
3 changes pending, 4 facts missing.
"""

from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from eip_agent.core.message import Message  # --help must not pay for it
    from eip_agent.core.silence import Silence

EXIT_OK: Final = 0
EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_PENDING: Final = 3
EXIT_FACTS: Final = 4


class AgentError(Exception):
    """Anything the command line turns into one sentence, at most one hint and an exit code."""

    exit_code: ClassVar[int] = EXIT_REFUSED

    def __init__(self, message: "Message", hint: "Message | None" = None) -> None:
        super().__init__(message)
        self.hint: str = hint or ""
        """One sentence that says what to do; empty when there is nothing better to say."""


class SettingsError(AgentError):
    """What the operator wrote is wrong: a settings file, a variable or a flag."""

    exit_code = EXIT_USAGE


class UsageError(AgentError):
    """What was asked on the command line is not there, or makes no sense."""

    exit_code = EXIT_USAGE


class SourceError(AgentError):
    """A fact could not be read, from a place the message names."""

    exit_code = EXIT_FACTS


class MetadataError(SourceError):
    """The metadata service is unreachable, refuses, or answers other than documented."""

    def __init__(self, message: "Message", hint: "Message | None" = None, silence: "Silence | None" = None) -> None:
        super().__init__(message, hint)
        self.silence = silence
        """Which of these it is; None: something odd."""


class KernelReadError(SourceError):
    """A netlink dump or a file in /proc could not be read."""


class JournalError(SourceError):
    """The agent's own record of what it wrote cannot be read or written."""


class ApplyError(AgentError):
    """A pass could not be carried out; nothing is left half done."""


class PrivilegeError(ApplyError):
    """CAP_NET_ADMIN is missing."""


class BusyError(ApplyError):
    """Another eip-agent holds the lock."""


class LabError(AgentError):
    """The simulated cloud cannot be built on this machine, or would have touched the machine's own network.

    Only who tries the program out, or works on it, meets it: it speaks English.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        from eip_agent.core.message import verbatim  # noqa: PLC0415  as above

        super().__init__(verbatim(message), verbatim(hint) if hint else None)
