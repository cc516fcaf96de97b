"""Which network managers systemd runs as services, read from the control groups.

For the daemon, whose sandbox hides the processes of others (`ProtectProc=invisible`): the control groups stay readable,
and carry the names of the units.  Less than a look at the processes: nothing that a shell or a container started.
Source: "CGROUPS" in systemd.exec(5) and the layout of `system.slice`, the same for cgroup v1 and v2.
"""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Final

from eip_agent.core.host import Manager

ROOTS: Final = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")
"""Of cgroup v2; of v2 beside v1; of the hierarchy of v1 in which systemd keeps its units."""
UNITS: Final = {
    "NetworkManager": "NetworkManager",
    "systemd-networkd": "systemd-networkd",
    "dhclient": "dhclient",
    "dhcpcd": "dhcpcd",
    "keepalived": "keepalived",
    "cloud-init": "cloud-init",
    "cloud-init-local": "cloud-init",
    "cloud-config": "cloud-init",
    "cloud-final": "cloud-init",
    "nm-cloud-setup": "nm-cloud-setup",
    "eni": "multi-nic-util",
    "networking": "dhclient",
    "ifup": "dhclient",
}
"""Name of a unit, and the program by which operators know it; what ifupdown leaves running are DHCP clients."""

_UNIT: Final = re.compile(r"(?P<name>[^@]+)(?:@(?P<instance>.*))?\.service")


def read(links: Sequence[str], roots: Sequence[str] = ROOTS) -> tuple[Manager, ...] | None:
    """The managers with a running process, by name; None where no control group of systemd can be read.

    In which network namespace they live is not known.  `links` are the names of ours.  Never raises.
    """
    for root in roots:
        try:
            with os.scandir(f"{root}/system.slice") as found:
                folders = sorted(entry.path for entry in found)
        except OSError:
            continue
        return tuple(manager for folder in folders for manager in _managers(folder, links))
    return None


def _managers(folder: str, links: Sequence[str]) -> Iterator[Manager]:
    """The manager of one unit, if it is one; a template's units stand in a slice of their own."""
    name = os.path.basename(folder)
    if name.startswith("system-") and name.endswith(".slice"):
        try:
            inside = sorted(os.listdir(folder))
        except OSError:
            return
        for inner in inside:
            yield from _managers(f"{folder}/{inner}", links)
        return
    unit = _UNIT.fullmatch(name)
    program = UNITS.get(unit["name"]) if unit else None
    if unit is None or program is None:
        return
    pid = _first_pid(f"{folder}/cgroup.procs")
    if pid:
        instance = unit["instance"]
        yield Manager(program, pid, instance if instance in links else None, certain=False)


def _first_pid(path: str) -> int:
    """The lowest process id of a control group; 0 where none runs."""
    try:
        with open(path, encoding="ascii") as file:
            return min((int(line) for line in file.read(1 << 16).split()), default=0)
    except (OSError, ValueError):
        return 0
