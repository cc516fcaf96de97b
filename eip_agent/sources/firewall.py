"""Whether there is a local firewall: nftables by netlink, and tables of iptables-legacy.

Needs CAP_NET_ADMIN.  No `nft` is run, and its text is not parsed.
Numbers: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h.
"""

import contextlib
import os
import struct
from typing import TYPE_CHECKING, Final

from eip_agent.core.surroundings import Ruleset
from eip_agent.errors import KernelReadError
from eip_agent.netlink import Netlink, attributes
from eip_agent.sources.keyfile import text_of
from eip_agent.sources.nested import number

if TYPE_CHECKING:
    from eip_agent.core.firewall import Chain

_NETLINK_NETFILTER: Final = 12
_GETTABLE: Final = 10 << 8 | 1
"""NFNL_SUBSYS_NFTABLES, and NFT_MSG_GETTABLE."""
_HEADER: Final = struct.pack("=BBH", 0, 0, 0)
"""struct nfgenmsg: all families."""
_DORMANT: Final = 1
_TABLE_NAME, _TABLE_FLAGS = 1, 2

LEGACY: Final = ("/proc/self/net/ip_tables_names", "/proc/self/net/ip6_tables_names")
_LONGEST: Final = 4096


def read(legacy: tuple[str, ...] = LEGACY) -> Ruleset | None:
    """All rules of this network namespace; None where they cannot be read.  Never raises."""
    chains: tuple[Chain, ...] = ()
    try:
        if is_loaded():
            with contextlib.closing(Netlink(_NETLINK_NETFILTER)) as netlink:
                chains = _chains(netlink)
    except (OSError, KernelReadError, LookupError, struct.error):
        return None
    return Ruleset(chains, tuple(name for path in legacy for name in _lines(path)))


def is_loaded(modules: str = "/proc/modules", builtin: str = "") -> bool:
    """Whether the kernel has nftables at work; asking would load the module, and who explains changes nothing.

    A kernel without modules, or of which it is not known what is built in, is asked.
    """
    loaded = text_of(modules)
    if loaded is None or "\nnf_tables " in f"\n{loaded}":
        return True
    known = text_of(builtin or f"/lib/modules/{os.uname().release}/modules.builtin")
    return known is None or "/nf_tables.ko" in known


def _lines(path: str) -> list[str]:
    """Nothing where the file is not there: then that module is not loaded."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read(_LONGEST).split()
    except (OSError, ValueError):
        return []


def _chains(netlink: Netlink) -> "tuple[Chain, ...]":
    """Those of all tables that are not dormant."""
    tables = {}
    for _, payload in netlink.dump(_GETTABLE, _HEADER):
        attrs = attributes(payload, len(_HEADER))
        tables[payload[0], attrs[_TABLE_NAME]] = bool(number(attrs, _TABLE_FLAGS) & _DORMANT)
    if not tables:
        return ()
    from eip_agent.sources.firewall_chain import read_chains  # noqa: PLC0415  most hosts have no rules to be decoded

    return read_chains(netlink, frozenset(table for table, dormant in tables.items() if not dormant))
