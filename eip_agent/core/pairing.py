"""Which link is which ENI: by MAC address, never by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eip_agent.core.facts import CloudFact, EniFact, LinkFact, Mac

KINDS = frozenset({"", "veth"})
"""Links that can be an ENI: hardware (no kind), or a veth pair that stands for one.  A VLAN, macvlan, bridge or bond
shares the MAC of what it rides on, and is none."""

VENDOR = "00:16:3e:"
"""How the MAC addresses of ENIs begin."""


@dataclass(frozen=True, slots=True)
class Port:
    """An ENI together with its link."""

    eni: EniFact
    link: LinkFact
    primary: bool

    def __hash__(self) -> int:
        # A port is a key; all that is known of its ENI would be hashed each time.
        return self.link.link.index


def pair(cloud: CloudFact, links: Sequence[LinkFact]) -> tuple[Port, ...]:
    """The ENIs that have one usable link in this namespace, the primary first."""
    found = candidates(links)
    ports: list[Port] = []
    for eni in cloud.enis:
        free = [link for link in found.get(eni.mac, []) if link.master is None]
        if len(free) == 1:
            ports.append(Port(eni, free[0], eni.mac == cloud.primary_mac))
    ports.sort(key=lambda port: (not port.primary, port.link.link.index))
    return tuple(ports)


def candidates(links: Sequence[LinkFact]) -> Mapping[Mac, list[LinkFact]]:
    """The links that can be ENIs, by MAC address; what another device has taken in is among them."""
    found: dict[Mac, list[LinkFact]] = {}
    for link in links:
        if link.kind in KINDS and link.lower is None:
            found.setdefault(link.mac, []).append(link)
    return found


def newcomers(cloud: CloudFact, links: Sequence[LinkFact]) -> frozenset[tuple[int, Mac]]:
    """The links, by index and MAC address, that look like an ENI of which the metadata service does not know (yet).

    All ENIs seen so far have that vendor's prefix; so few others do that a container's link is not asked for.
    """
    listed = {eni.mac for eni in cloud.enis}
    return frozenset(
        (link.link.index, mac)
        for mac, found in candidates(links).items()
        for link in found
        if mac not in listed and mac.startswith(VENDOR) and link.master is None
    )
