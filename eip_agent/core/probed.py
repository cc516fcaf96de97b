"""What came of trying things out, and whom the settings name for it."""

import enum
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from eip_agent.core.facts import IPAddress
from eip_agent.core.message import Message


class Reply(enum.Enum):
    """What came back."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """The other side is there, and does not want to."""
    SILENT = "silent"
    UNSENT = "not sent"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, as the settings name it."""

    host: str
    port: int
    scheme: str = "tcp"
    """`tcp`: only connect; `http`, `https`: ask for the path."""
    path: str = "/"

    @property
    def version(self) -> int | None:
        """That of IP, of an address; None of a name."""
        try:
            return ip_address(self.host).version
        except ValueError:
            return None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.scheme == "tcp" else f"{self.scheme}://{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class Said:
    """What came of it."""

    reply: Reply
    why: Message | str = ""
    """Why it was not sent, or what the system says."""
    seen: IPAddress | None = None
    """As whom the other side saw it."""


@dataclass(frozen=True, slots=True)
class Probed:
    """All that was tried with one address; None: not asked, for there is nothing to ask or it cannot be."""

    address: IPAddress
    link: str
    gateway: IPAddress | None = None
    arp: Said | None = None
    """Whether the gateway answers ARP, or neighbour discovery."""
    metadata: Said | None = None
    outside: Said | None = None
    seen: Said | None = None
    expected: IPAddress | None = None
    """As whom it should be seen; None: not known."""
    services: bool = True
    """Whether 100.64.0.0/10 is documented to be reached with it."""


@dataclass(frozen=True, slots=True)
class Probes:
    """What was tried, and with whom."""

    rows: tuple[Probed, ...]
    metadata: Target | None = None
    target: Target | None = None
    echo: Target | None = None
    left_out: int = 0
    """Addresses that were not tried, for there are too many."""


_TARGET: Final = (
    r"(?:(?P<scheme>https?)://)?(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-~]*)?"
)
"""Compiled when it is needed, for every pass imports this."""
_PORTS: Final = {"http": 80, "https": 443}


def target_of(text: str) -> Target | None:
    """Read `host:port`, `[address]:port` or an http or https URL; None for anything else."""
    found = re.fullmatch(_TARGET, text)
    if found is None:
        return None
    scheme = found["scheme"] or "tcp"
    port = int(found["port"]) if found["port"] else _PORTS.get(scheme, 0)
    if not 0 < port < 1 << 16 or (scheme == "tcp" and found["path"]):
        return None
    try:
        host = str(ip_address(found["six"])) if found["six"] else found["host"]
    except ValueError:
        return None
    return Target(host, port, scheme, found["path"] or "/")


def seen_in(body: str, version: int) -> IPAddress | None:
    """The first address of an IP version that an echo service names, in plain text, JSON or HTML."""
    for word in re.split(r"[^0-9A-Fa-f.:]+", body):
        try:
            address = ip_address(word.strip("."))
        except ValueError:
            continue
        if address.version == version:
            return address
    return None
