"""What other programs on this host are told to do with its network, as far as that meets what the agent does.

Everything may be None: not read, or written in a way that is not understood here.
"""

from dataclasses import dataclass

from eip_agent.core.facts import IPAddress


@dataclass(frozen=True, slots=True)
class ManagedLink:
    """What systemd-networkd or NetworkManager says of one link."""

    link: int
    managed: bool
    """It configures the link, or will."""
    asks: bool = False
    """It asks for addresses by DHCP: systemd-networkd has a lease, NetworkManager a profile."""
    by_mac: bool = True
    """Its settings can name the link by MAC address: NetworkManager matches none but a permanent one."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What was read of all of them."""

    networkd: tuple[ManagedLink, ...] | None = None
    spares_rules: bool | None = None
    """Whether systemd-networkd leaves rules that are not its own alone."""
    spares_routes: bool | None = None
    """The same of routes."""
    network_manager: tuple[ManagedLink, ...] | None = None
    hotplug: bool | None = None
    """Whether cloud-init configures all links anew when one is attached."""
    nm_cloud_setup: bool | None = None
    """Whether it is switched on for Alibaba Cloud, and runs at boot or by a timer."""
    multi_nic_util: bool | None = None
    """Whether its service is started at boot."""
    terway: tuple[str, ...] | None = None
    """Its files below `/etc/cni/net.d`."""
    keepalived: tuple[IPAddress, ...] | None = None
    """The virtual addresses it is configured with."""
    repairs: bool | None = None
    """Whether a daemon of ours runs, and puts back at once what others take away."""
