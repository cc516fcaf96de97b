"""Whether this process may configure the network.  Source: capabilities(7), proc(5)."""

from typing import Final

from eip_agent.core.message import say
from eip_agent.errors import PrivilegeError

_CAP_NET_ADMIN: Final = 12


def has_net_admin(status: str = "/proc/self/status") -> bool:
    """Whether CAP_NET_ADMIN is in the effective set."""
    with open(status, encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_NET_ADMIN & 1)
    return False


def require_net_admin(doing: str) -> None:
    """Raise PrivilegeError, naming what was asked for, when it could only fail half way."""
    if not has_net_admin():
        message = say(
            "`eip-agent {command}` changes the network configuration, which needs root (CAP_NET_ADMIN)", command=doing
        )
        raise PrivilegeError(message, say("run it with sudo; `eip-agent explain` needs no privilege"))
