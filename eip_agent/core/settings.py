"""What the operator asked for, as plain values.  `eip_agent.config` reads and checks it; everybody else gets this."""

import enum
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from eip_agent.core.facts import IPNetwork, Mac


class Mode(enum.Enum):
    """How an EIP is bound to an ENI; the value is what operators read and write."""

    NAT = "nat"
    EIP_VISIBLE = "eip-visible"
    MULTI_EIP_VISIBLE = "multi-eip-visible"
    SECONDARY_CIDR = "secondary-cidr"
    UNDECIDED = "undecided"
    """Sources contradict each other or are missing; never accepted in settings."""


@dataclass(frozen=True, slots=True)
class DeclaredEip:
    """One `[[eip]]` of the settings."""

    address: IPv4Address
    mode: Mode
    place: str
    """Where it was declared, for messages: `/etc/eip-agent/config.toml: eip[2]`."""
    eni: str | None = None
    mac: Mac | None = None
    """Exactly one of `eni` and `mac` is given."""
    private_address: IPv4Address | None = None
    """NAT: which private address the EIP maps to; None means the ENI's primary one."""
    gateway: IPv4Address | None = None
    """Visible modes: the EIP's own gateway."""
    prefix_length: int | None = None
    """Visible modes: the EIP's own mask, 8 to 32."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their defaults; times in seconds."""

    metadata_url: str = "http://100.100.100.200"
    metadata_timeout: float = 2.0
    """For one connection or one answer."""
    metadata_deadline: float = 10.0
    """For all requests of one pass together, retries included."""
    eips: tuple[DeclaredEip, ...] = ()
    exclude_enis: frozenset[str] = frozenset()
    """ENIs to leave alone, apart from the device group of their links, which the routing of the others needs."""
    exclude_macs: frozenset[Mac] = frozenset()
    exclude_addresses: tuple[IPNetwork, ...] = ()
    """Addresses the agent neither adds nor routes; a single address is a /32 or /128."""
    leave_primary: bool = False
    """Write no addresses, rules or table for the primary ENI; its link gets the device group all the same."""
    leave_addresses: bool = False
    """Never add or remove an address; route those that are there."""
    leave_links: bool = False
    """Never bring a link up."""
    leave_ipv6: bool = False
    """Write nothing for IPv6."""
    openapi: bool | None = None
    """Whether to ask the OpenAPI.  None: where its libraries are installed, and credentials or a RAM role are there."""
    openapi_timeout: float = 5.0
    """For one call."""
    openapi_deadline: float = 20.0
    """For one query round."""
    openapi_endpoints: tuple[tuple[str, str], ...] = ()
    """`("vpc", host)` and `("ecs", host)`, each `host` or `host:port`, asked instead of the in-VPC and public ones."""
    openapi_ca_file: str | None = None
    """Certificates to trust instead of the system's, for a private or simulated endpoint."""
    openapi_ram_role: str | None = None
    """Name of the instance's RAM role; None: the one the metadata service names."""
    dhcp_offers: bool = True
    """Whether to ask the cloud by DHCP what it offers, on links whose mode is not certain."""
    state_directory: str = "/var/lib/eip-agent"
    """Last known good; survives a boot."""
    run_directory: str = "/run/eip-agent"
    """Lock and journal; gone after a boot, as the kernel state they describe."""
    poll: float = 60.0
    """How often the daemon asks the metadata service, and looks at everything."""
    openapi_poll: float = 300.0
    """How often it asks all the others too, the OpenAPI and for DHCP offers, where nothing new was said meanwhile."""
    probe_target: str | None = None
    """`host:port` or URL that `explain --probe` reaches for; None: nothing outside the cloud."""
    probe_echo: str | None = None
    """URL of a service that says whom it sees."""
    accepted: frozenset[str] = frozenset()
    """Findings that are known and wanted: codes, `EIP252`, or with the subject that is meant, `EIP253:eth1`."""
    metrics_listen: str | None = None
    """Loopback `address:port` where the daemon tells its metrics."""
    metrics_textfile: str | None = None
    """File that it writes them to, for the textfile collector of node_exporter."""
    lock_timeout: float = 10.0
    """How long a pass waits for another one before it says who holds the lock."""
    asked_about: tuple[IPv4Address, ...] = ()
    """EIPs that `explain` was asked about, so that the OpenAPI is asked where they are; never written anywhere."""
    origins: tuple[str, ...] = field(default=(), compare=False)
    """Where they came from: the path of a file, names of variables and flags."""
