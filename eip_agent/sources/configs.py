"""What other programs are told to do with the network of this host, from their own files.

Each of these files says something of this host only where its program runs in our network namespace, which
`sources.host` knows and the finders look at.
Sources: networkd.conf(5), systemd.network(5); /run/NetworkManager/devices is `nm_config_device_state_*` of
NetworkManager; the documentation of cloud-init on merging and on network events; keepalived.conf(5).
"""

import os
import re
import socket
from collections.abc import Collection
from ipaddress import ip_address
from typing import Final

from eip_agent.core.facts import IPAddress
from eip_agent.core.neighbours import ManagedLink, Neighbours
from eip_agent.sources import networkd
from eip_agent.sources.keyfile import Outline, UnclearError, Value, names_in, outline, sections, text_of

_UNITS: Final = ("etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_NM_CLOUD_SETUP: Final = ("nm-cloud-setup.service", "nm-cloud-setup.timer")
_MULTI_NIC_UTIL: Final = ("eni.service",)
_KEEPALIVED: Final = "etc/keepalived/keepalived.conf"
_ADDRESS: Final = re.compile(r"[0-9a-fA-F:.]+(?=(/\d+)?(\s|$))")
_FALSE: Final = ("false", "False", "FALSE", "no", "No", "off", "Off")
_TRUE: Final = frozenset(("1", "yes", "true", "on"))
_PATIENCE: Final = 0.2
"""Seconds for a connection on this host."""


def read(links: Collection[int], run_directory: str, root: str = "/") -> Neighbours:
    """Read all.  `links` are the indexes of those that matter.  Never raises."""
    spares_rules, spares_routes = networkd.spared(root)
    return Neighbours(
        networkd=_networkd(links, root),
        spares_rules=spares_rules,
        spares_routes=spares_routes,
        network_manager=_network_manager(links, root),
        hotplug=_hotplug(root),
        nm_cloud_setup=_is_started(root, _NM_CLOUD_SETUP) and _for_aliyun(root),
        multi_nic_util=_is_started(root, _MULTI_NIC_UTIL) and _is_eni_utils(root),
        terway=tuple(name for name in names_in(f"{root}/etc/cni/net.d") if "terway" in name),
        keepalived=_keepalived(root),
        repairs=_answers(f"{run_directory}/control"),
    )


def _networkd(links: Collection[int], root: str) -> tuple[ManagedLink, ...] | None:
    folder = f"{root}/run/systemd/netif"
    if not os.path.isdir(f"{folder}/links"):
        return None
    found = []
    leased = set(names_in(f"{folder}/leases"))
    for link in sorted(links):
        # Variables of a shell: the same as a settings file without sections.
        said = _settings(f"{folder}/links/{link}", before="[Link]\n").get("Link", {})
        state = said.get("ADMIN_STATE")
        if state:
            managed = state not in ("unmanaged", "linger", "unknown", "failed")
            found.append(ManagedLink(link, managed, asks=str(link) in leased))
    return tuple(found)


def _network_manager(links: Collection[int], root: str) -> tuple[ManagedLink, ...] | None:
    folder = f"{root}/run/NetworkManager/devices"
    if not os.path.isdir(folder):
        return None
    found = []
    for link in sorted(links):
        said = _settings(f"{folder}/{link}").get("device", {})
        if "managed" in said:
            managed = said["managed"] in _TRUE
            asks, by_mac = managed and "connection-uuid" in said, "perm-hw-addr-fake" not in said
            found.append(ManagedLink(link, managed, asks, by_mac))
    return tuple(found)


def _settings(path: str, before: str = "") -> dict[str, dict[str, str]]:
    """Of a file with sections; empty where it is not there or not understood."""
    try:
        found = sections(before + (text_of(path) or ""))
    except UnclearError:
        return {}
    return {section: dict(keys) for section, keys in found.items()}


# --- cloud-init -------------------------------------------------------------------------------------------------------


def _hotplug(root: str) -> bool | None:
    """Whether cloud-init configures all links anew when one is attached; None where it is told so in a strange way.

    That takes `hotplug` among `updates: {network: {when: ...}}`, no `network: {config: disabled}`, and no
    `apply_full_imds_network_config: false` for the data source AliYun.
    """
    folder = f"{root}/etc/cloud"
    if not os.path.exists(f"{folder}/cloud.cfg") or os.path.exists(f"{folder}/cloud-init.disabled"):
        return False
    merged: Outline = {}
    try:
        for name in ("cloud.cfg", *(f"cloud.cfg.d/{one}" for one in names_in(f"{folder}/cloud.cfg.d"))):
            if name.endswith(".cfg"):
                text = text_of(f"{folder}/{name}")
                if text is None:
                    return None
                merged = _merged(merged, outline(text))
    except UnclearError:
        return None
    when = _at(merged, "updates", "network", "when")
    full = _at(merged, "datasource", "AliYun", "apply_full_imds_network_config")
    if _at(merged, "network", "config") == "disabled" or full in _FALSE:
        return False
    return isinstance(when, list) and "hotplug" in when


def _merged(one: Outline, other: Outline) -> Outline:
    """Both, the other one counting where they differ."""
    both = dict(one)
    for key, value in other.items():
        former = both.get(key)
        both[key] = _merged(former, value) if isinstance(former, dict) and isinstance(value, dict) else value
    return both


def _at(tree: Value, *path: str) -> Value:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


# --- services ---------------------------------------------------------------------------------------------------------


def _is_started(root: str, units: Collection[str]) -> bool:
    """Whether one of these units is enabled: some target wants it."""
    folders = [f"{root}/{base}" for base in _UNITS[:2]]
    wants = [f"{folder}/{name}" for folder in folders for name in names_in(folder) if name.endswith(".wants")]
    return any(os.path.lexists(f"{want}/{unit}") for want in wants for unit in units)


def _for_aliyun(root: str) -> bool:
    """Whether the unit of nm-cloud-setup, or a drop-in of it, switches Alibaba Cloud on."""
    unit = "nm-cloud-setup.service"
    paths = [f"{root}/{base}/{unit}" for base in reversed(_UNITS)]
    for base in reversed(_UNITS):
        drop_ins = f"{root}/{base}/{unit}.d"
        paths += [f"{drop_ins}/{name}" for name in names_in(drop_ins) if name.endswith(".conf")]
    said = [line.strip() for path in paths for line in (text_of(path) or "").splitlines()]
    values = [line for line in said if line.startswith("Environment=") and "NM_CLOUD_SETUP_ALIYUN=" in line]
    return bool(values) and re.search(r"NM_CLOUD_SETUP_ALIYUN=(1|yes|true|on)\b", values[-1]) is not None


def _is_eni_utils(root: str) -> bool:
    """`eni.service` is a short name; the folder of multi-nic-util says whose it is."""
    return bool(names_in(f"{root}/etc/eni_utils"))


def _keepalived(root: str) -> tuple[IPAddress, ...] | None:
    """The virtual addresses; None where other files are included, which are not read."""
    text = text_of(f"{root}/{_KEEPALIVED}")
    if text is None:
        return None
    lines = [re.sub(r"[#!].*", "", line).strip() for line in text.splitlines()]
    if any(line.startswith(("include", "@", "$")) for line in lines):
        return None
    bare = "\n".join(lines)
    found = []
    for block in re.findall(r"\bvirtual_ipaddress(?:_excluded)?\s*\{([^}]*)\}", bare):
        for line in block.splitlines():
            match = _ADDRESS.match(line.strip())
            if match:
                try:
                    found.append(ip_address(match[0]))
                except ValueError:
                    return None
    return tuple(found)


def _answers(path: str) -> bool | None:
    """Whether somebody listens at a Unix socket; None where we may not know."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(_PATIENCE)
        try:
            line.connect(path)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return False
        except OSError:
            return None
    return True
