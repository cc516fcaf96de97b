"""What explaining wants to know of links besides what every pass reads: carriers, and more of their IPv4 settings.

Numbers: linux/if_link.h, linux/if.h, linux/ip.h.
"""

import socket
import struct
from collections.abc import Mapping
from typing import Final

from eip_agent.core.surroundings import LinkSeen
from eip_agent.netlink import Netlink, attribute, attributes

_RTM_GETLINK: Final = 18
_IFLA_AF_SPEC, _IFLA_EXT_MASK = 26, 29
_IFLA_INET_CONF: Final = 1
_SKIP_STATISTICS: Final = 1 << 3
_LOWER_UP: Final = 1 << 16
_IFINFO = struct.Struct("=BxHiII")
_U32 = struct.Struct("=I")

CONF: Final[Mapping[str, int]] = {"forwarding": 1, "arp_filter": 13, "src_valid_mark": 24}
"""IPV4_DEVCONF_*: places, counted from 1."""
COMMON: Final = ("rp_filter", "arp_announce", "arp_ignore", "arp_filter", "src_valid_mark", "forwarding")
"""What is read of `/proc/sys/net/ipv4/conf/all/`: netlink tells some of it only."""


def read_links(netlink: Netlink) -> tuple[LinkSeen, ...]:
    """All links of the namespace.  Raises KernelReadError."""
    found = []
    body = _IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + attribute(_IFLA_EXT_MASK, _U32.pack(_SKIP_STATISTICS))
    for _, payload in netlink.dump(_RTM_GETLINK, body):
        _, _, index, flags, _ = _IFINFO.unpack_from(payload)
        spec = attributes(payload, _IFINFO.size).get(_IFLA_AF_SPEC, b"")
        values = attributes(attributes(spec, 0).get(socket.AF_INET, b""), 0).get(_IFLA_INET_CONF, b"")
        conf = tuple(
            (name, _U32.unpack_from(values, 4 * (place - 1))[0])
            for name, place in CONF.items()
            if len(values) >= 4 * place
        )
        found.append(LinkSeen(index, bool(flags & _LOWER_UP), conf))
    return tuple(found)


def read_common(folder: str = "/proc/sys/net/ipv4/conf/all") -> tuple[tuple[str, int], ...] | None:
    """The settings that count for all links; None where one cannot be read."""
    found = []
    for name in COMMON:
        try:
            with open(f"{folder}/{name}", encoding="ascii") as file:
                found.append((name, int(file.read(32))))
        except (OSError, ValueError):
            return None
    return tuple(found)
