"""The tree that the simulated metadata service serves, made from a topology.

Paths and formats are those of the cloud's documentation ("Instance metadata", 2026): `private-ipv4s` is a JSON list
with quotes, `ipv6s` a bracketed list without, masks are dotted, an item that does not apply is absent.
"""

import enum
import json
from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Final

from eip_agent.lab.topology import Eni, Topology

INSTANCE_TYPE: Final = "ecs.g8i.large"

Tree = dict[str, "str | Tree"]
"""Directories and leaves; a leaf has no newline at its end, and lines are parted by one."""


class Binded(enum.Enum):
    """What is listed for an ENI in EIP-visible mode.  The documentation does not say; every one is an assumption."""

    PRIVATE = "private"
    """The private address, which is dead, with the vSwitch's mask and gateway: the default."""
    EIP = "eip"
    """The EIP in the place of the private address, with its own mask and gateway."""
    MISSING = "missing"
    """Neither `primary-ip-address` nor `private-ipv4s`."""


def metadata_tree(topology: Topology, binded: Binded = Binded.PRIVATE) -> Tree:
    """Everything below `meta-data/`.

    ENIs that are not `listed` are left out; `eipv4` needs a static public address, or an EIP on the primary ENI.
    """
    primary = topology.primary
    tree: Tree = {
        "dns-conf": {"nameservers": "100.100.2.136\n100.100.2.138"},
        "hostname": "lab",
        "image-id": "m-bp1lab00000000000000",
        "instance": {"instance-name": "lab", "instance-type": INSTANCE_TYPE},
        "instance-id": topology.instance_id,
        "mac": primary.mac,
        "network": {
            "interfaces": {"macs": {eni.mac: _eni_tree(topology, eni, binded) for eni in topology.enis if eni.listed}}
        },
        "network-type": "vpc",
        "ntp-conf": {"ntp-servers": "ntp1.example.com\nntp2.example.com"},
        "owner-account-id": "1234567890123456",
        "private-ipv4": str(primary.private[0]),
        "region-id": topology.region,
        "serial-number": "00000000-0000-4000-8000-000000000000",
        "sub-private-ipv4-list": ",".join(map(str, primary.private[1:])),
        "vpc-cidr-block": str(topology.vpc),
        "vpc-id": "vpc-bp1lab",
        "vswitch-cidr-block": str(primary.vswitch.cidr),
        "vswitch-id": primary.vswitch.name,
        "zone-id": f"{topology.region}-j",
    }
    direct = [eip for eip in primary.eips if primary.private_of(eip) == primary.private[0]]
    public = topology.static_ip or (direct[0].address if direct else None)
    if public:
        tree["eipv4"] = tree["public-ipv4"] = str(public)
    return tree


def whole_document(tree: Tree) -> str:
    """What `meta-data/all` answers: one JSON object, lines of a leaf parted by CR LF (seen by cloud-init's authors)."""
    return json.dumps(_with_crlf(tree), indent=2)


def _eni_tree(topology: Topology, eni: Eni, binded: Binded) -> Tree:
    vswitch = eni.vswitch
    tree: Tree = {
        "gateway": str(vswitch.gateway),
        "netmask": str(vswitch.cidr.netmask),
        "network-interface-id": eni.eni_id,
        "primary-ip-address": str(eni.private[0]),
        "private-ipv4s": _quoted(eni.private),
        "vpc-cidr-block": str(topology.vpc),
        "vpc-id": "vpc-bp1lab",
        "vswitch-cidr-block": str(vswitch.cidr),
        "vswitch-id": vswitch.name,
    }
    if eni.binded and binded is Binded.EIP:
        mask = IPv4Address((0xFFFFFFFF << 32 - eni.binded.prefix_length) & 0xFFFFFFFF)
        tree |= {
            "gateway": str(eni.binded.gateway or vswitch.gateway),
            "netmask": str(mask),
            "primary-ip-address": str(eni.binded.address),
            "private-ipv4s": _quoted([eni.binded.address]),
        }
    if eni.binded and binded is Binded.MISSING:
        del tree["primary-ip-address"], tree["private-ipv4s"]
    if eni.ipv6s and vswitch.cidr6:
        tree |= {
            "ipv6-gateway": str(vswitch.gateway6),
            "ipv6s": f"[{','.join(map(str, eni.ipv6s))}]",
            "vpc-ipv6-cidr-blocks": f"[{topology.vpc6}]",
            "vswitch-ipv6-cidr-block": str(vswitch.cidr6),
        }
    return tree


def _quoted(addresses: Iterable[IPv4Address]) -> str:
    return json.dumps([str(address) for address in addresses], separators=(",", ":"))


def _with_crlf(tree: Tree) -> Tree:
    """Copy it; what a fault has put there instead of text stays as it is."""
    copy: Tree = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            copy[name] = _with_crlf(value)
        else:
            copy[name] = value.replace("\n", "\r\n") if isinstance(value, str) else value
    return copy
