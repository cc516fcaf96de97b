"""What other programs on this host are told to do with its network, as far as that meets what the agent does.

Everything may be None: not read, or written in a way that is not understood here.
"""

from dataclasses import dataclass

from eip_agent.core.facts import IPAddress


@dataclass(frozen=True, slots=True)
class NetworkdLink:
    """What systemd-networkd says of one link: `/run/systemd/netif/links/<index>`."""

    link: int
    managed: bool
    """It configures the link, or will."""
    file: str | None = None
    """The `.network` file that says how."""
    leased: bool = False
    """It got a lease by DHCP for it."""


@dataclass(frozen=True, slots=True)
class NetworkManagerLink:
    """What NetworkManager says of one link: `/run/NetworkManager/devices/<index>`."""

    link: int
    managed: bool
    connection: str | None = None
    """The UUID of its profile."""


@dataclass(frozen=True, slots=True)
class CloudInit:
    """What cloud-init does about the network: `/etc/cloud/cloud.cfg` and `cloud.cfg.d`."""

    configures: bool = True
    """False: `network: {config: disabled}`."""
    all_links: bool = True
    """It configures secondary links too: `apply_full_imds_network_config` of the data source AliYun."""
    hotplug: bool = False
    """It does so again when a link is attached: `updates: {network: {when: [hotplug]}}`."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What was read of all of them."""

    networkd: tuple[NetworkdLink, ...] | None = None
    network_manager: tuple[NetworkManagerLink, ...] | None = None
    cloud_init: CloudInit | None = None
    """None also where there is none."""
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
