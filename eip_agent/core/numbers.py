"""The numbers by which the agent knows its own, and the story of each.

Neighbours considered: vendor documents (tables 100, 101, 1001 ...; priorities 200, 300), Terway (tables 1000 + ifindex,
priorities 512, 600, 2048), amazon-ec2-net-utils (10000 + n for both), nm-cloud-setup and cloud-netconfig (30000 to
30999 for both), Tailscale (table 52, priorities 5210 to 5270), wg-quick (tables from 51820, priorities just below
32766), Cilium (tables 10 + n and 200x, priorities below 120), Istio (priorities 20000 to 20003), the kernel (0,
32766, 32767).
"""

from typing import Final

ROUTE_PROTOCOL: Final = 69
"""`rtm_protocol` of our routes.  Unassigned in iproute2's rt_protos; the kernel filters dumps by it, so that a pass
never reads the routes of anybody else's tables."""

ADDRESS_PROTOCOL: Final = 69
"""`IFA_PROTO` of our addresses, on kernels from 5.18; older ones ignore it, and the journal remembers instead."""

RULE_PROTOCOL: Final = 2
"""`kernel`: the only rule protocol that systemd-networkd leaves alone by default (measured with version 252: any other
is swept when another link is reconfigured).  Ours are told from the kernel's own three by their priority."""

DEVICE_GROUP: Final = 20000
"""`IFLA_GROUP` of every ENI's link.  A rule that lets `main` decide is suppressed for these devices, so that `main`
wins for bridges and tunnels, and never for a connected route of another ENI."""

MAIN: Final = 254
"""The kernel's `main` table."""

TABLES: Final = range(20_000_000, 20_000_000 + 16 * 2**20)
"""Table = start + 16 x ifindex + slot: stateless, stable while the device lives, no ENI renumbers another.
A million interfaces fit; far above everybody's, and still readable in `ip rule`."""

SLOTS: Final = 16
"""Tables of one link: slot 0 for the vSwitch's gateway, the others for the gateways of visible EIPs (at most ten)."""

PRIORITIES: Final = range(24000, 26000)
"""Our band: after everybody who routes single pods or a VPN on purpose, before nm-cloud-setup, `main` and wg-quick."""

PRIMARY_MAIN_FIRST: Final = 24000
PRIMARY_TABLE: Final = 24001
"""The primary ENI's rules stand first, since its traffic is the most."""
MAIN_FIRST: Final = 24010
TABLE: Final = 24011
GROUP: Final = 24012
"""`from PREFIX goto JUMPS`, only where there are many sources: keeps a lookup short."""
DEVICE: Final = 24020
"""`oif LINK lookup TABLE`: sockets bound to a device but to no address."""
SKIP: Final = 24021
"""`goto END`: what has no source of ours walks past the blocks in one step."""
JUMPS: Final = range(24100, 24500)
"""The second level of jumps: one priority for those that stand behind one of the first."""
BLOCKS: Final = range(24500, 25900, 2)
"""A block has two priorities: one for its main-first rules, the next for its table rules."""
END: Final = 25999
"""`nop`: where SKIP leads."""

DEFAULT_LENGTHS: Final = {4: 2, 6: 4}
"""Routes this short are defaults in disguise: OpenVPN's `redirect-gateway def1` splits 0/0 into two /1 (some clients
into four /2), for IPv6 into /3 and /4.  `suppress_prefixlength` says so to the kernel: a VPN that takes over the
default route of `main` must not take the replies of EIPs with it.  No real route is that short."""


def table_of(link: int, slot: int) -> int:
    """The table of one gateway of the link with that index."""
    return TABLES.start + SLOTS * link + slot


def link_of(table: int) -> int | None:
    """The index of the link that a table of ours belongs to; None for anybody else's table."""
    return (table - TABLES.start) // SLOTS if table in TABLES else None


def slot_of(table: int) -> int:
    """The slot of a table of ours."""
    return (table - TABLES.start) % SLOTS
