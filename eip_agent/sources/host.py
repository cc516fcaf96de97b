"""Which network managers and DHCP clients run beside us, so that what they do is left to them or explained."""

import os
import re
import socket
from collections.abc import Callable, Collection, Sequence
from pathlib import Path, PurePath
from typing import Final

from eip_agent.core.host import HostFact, Manager
from eip_agent.sources import services

PROGRAMS: Final = {
    "NetworkManager": "NetworkManager",
    "systemd-networkd": "systemd-networkd",
    "dhclient": "dhclient",
    "dhcpcd": "dhcpcd",
    "udhcpc": "udhcpc",
    "udhcpc6": "udhcpc",
    "cloud-init": "cloud-init",
    "nm-cloud-setup": "nm-cloud-setup",
    "multi-nic-util": "multi-nic-util",
    "terway": "terway",
    "terwayd": "terway",
    "terway-cli": "terway",
    "keepalived": "keepalived",
}
"""File name of a program, and the name by which operators know it."""

FOLDERS: Final = {"eni_utils": "multi-nic-util", "multi-nic-util": "multi-nic-util"}
"""A folder above a script, and whose it is: the `eni.service` of multi-nic-util runs shell scripts of any name."""

INTERPRETERS: Final = re.compile(r"python[0-9.]*|(ba|da|k|z)?sh|busybox")

GONE: Final = -1
"""In place of a network namespace: the process has ended."""


def network_of(pid: int) -> int | None:
    """Identify the network namespace of a process; None when it may not be known, GONE when the process is no more."""
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except PermissionError:
        return None
    except OSError:
        return GONE


def read(network_of: Callable[[int], int | None] = network_of) -> HostFact:
    """Look through all processes that share our network, or may.  Never raises: unread is None."""
    import psutil  # noqa: PLC0415 its import costs more than three times the start of a bare Python

    managers = []
    try:
        here = network_of(os.getpid())
        links = [name for _, name in socket.if_nameindex()]
        if is_hidden("/proc/1"):
            return HostFact(services.read(links))
        for process in psutil.process_iter(["name", "cmdline"]):
            command = process.info["cmdline"] or ()
            name = recognise(process.info["name"] or "", command)
            network = GONE if name is None else network_of(process.pid)
            if name is not None and (network in {None, here} or here is None):
                certain = network is not None and here is not None
                managers.append(Manager(name, process.pid, link_of(command, links), certain=certain))
    except (OSError, psutil.Error):
        return HostFact(None)
    return HostFact(tuple(sorted(managers, key=lambda manager: (manager.name, manager.pid))))


def is_hidden(first: str) -> bool:
    """Whether processes of others are not shown, as in the sandbox of the daemon: then not even the `first` is."""
    return os.geteuid() != 0 and not os.path.exists(first)


def recognise(name: str, command: Sequence[str]) -> str | None:
    """Say which manager a process is; None when it is none.

    `name` is the kernel's, `command` its arguments; the first may be a title, as in `dhcpcd: eth1 [ip4]`.
    """
    program = PurePath(command[0].partition(":")[0]) if command else PurePath(name)
    if program.name in PROGRAMS:
        return PROGRAMS[program.name]
    if INTERPRETERS.fullmatch(program.name) and len(command) > 1:
        program = PurePath(command[1])
        if program.name in PROGRAMS:
            return PROGRAMS[program.name]
    for folder in program.parent.parts:
        if folder in FOLDERS:
            return FOLDERS[folder]
    return PROGRAMS.get(name)


def link_of(command: Sequence[str], links: Collection[str]) -> str | None:
    """Give the one link that a command line names; None when it names none or several."""
    words = {word.strip("[]") for argument in command for word in argument.split()}
    named = words.intersection(links)
    return named.pop() if len(named) == 1 else None
