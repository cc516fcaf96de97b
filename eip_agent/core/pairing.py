"""Which link is which ENI: by MAC address, never by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eip_agent.core.facts import CloudFact, EniFact, LinkFact, Mac
from eip_agent.core.remark import Remark

KINDS = frozenset({"", "veth"})
"""Links that can be an ENI: hardware (no kind), or a veth pair that stands for one.  A VLAN, macvlan, bridge or bond
shares the MAC of what it rides on, and is none."""


@dataclass(frozen=True, slots=True)
class Port:
    """An ENI together with its link."""

    eni: EniFact
    link: LinkFact
    primary: bool


def pair(cloud: CloudFact, links: Sequence[LinkFact]) -> tuple[tuple[Port, ...], tuple[Remark, ...]]:
    """The ENIs that have a usable link in this namespace, the primary first, and a remark for each that has none."""
    candidates: dict[Mac, list[LinkFact]] = {}
    for link in links:
        if link.kind in KINDS and link.lower is None:
            candidates.setdefault(link.mac, []).append(link)
    ports: list[Port] = []
    remarks: list[Remark] = []
    for eni in cloud.enis:
        found = candidates.get(eni.mac, [])
        free = [link for link in found if link.master is None]
        if len(free) == 1:
            ports.append(Port(eni, free[0], eni.mac == cloud.primary_mac))
        else:
            remarks.append(_unpaired(eni, found, free))
    ports.sort(key=lambda port: (not port.primary, port.link.link.index))
    return tuple(ports), (*remarks, *_unlisted(cloud, candidates))


def _unpaired(eni: EniFact, found: Sequence[LinkFact], free: Sequence[LinkFact]) -> Remark:
    subject = f"{eni.eni_id or 'ENI'} {eni.mac}"
    if len(free) > 1:
        names = ", ".join(link.link.name for link in free)
        return Remark(
            subject,
            f"several links have its MAC address: {names}",
            "which of them the cloud delivers to is not known, so it is left alone",
            "give all but one of them another MAC address, or enslave the virtual function",
        )
    if found:
        return Remark(
            subject,
            f"its link {found[0].link.name} belongs to a bridge, bond or failover device",
            "its traffic is another program's business, so it is left alone",
            "exclude the ENI in the settings to silence this",
        )
    return Remark(
        subject,
        "no link in this network namespace has its MAC address",
        "it is being attached or detached, or was moved into another namespace; it is left alone",
        "check `ip link`; exclude the ENI in the settings if another program uses it",
    )


def _unlisted(cloud: CloudFact, candidates: Mapping[Mac, Sequence[LinkFact]]) -> list[Remark]:
    """Hardware that looks like an ENI and that the metadata service does not know (yet)."""
    known = {eni.mac for eni in cloud.enis}
    return [
        Remark(
            f"{links[0].link.name} {mac}",
            "the metadata service does not list it",
            "it was attached a moment ago or is about to be detached; what is configured on it stays as it is",
            "run `eip-agent apply` again in a few seconds",
        )
        for mac, links in sorted(candidates.items())
        if mac not in known and mac.startswith("00:16:3e:")
    ]
