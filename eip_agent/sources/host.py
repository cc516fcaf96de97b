"""Which network managers and DHCP clients run beside us, so that what they do is left to them or explained."""

import os
import re
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
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

_NM_HELPER: Final = "/nm-dhcp-helper"
_SUSPECT: Final = re.compile("|".join(map(re.escape, sorted({*PROGRAMS, *FOLDERS}))).encode())
_LONGEST: Final = 1 << 16
"""Bytes of a command line."""

GONE: Final = -1
"""In place of a network namespace: the process has ended."""


def network_of(pid: int) -> int | None:
    """Identify the network namespace of a process; None when it may not be known, GONE when the process is no more."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except PermissionError:
        return None
    except OSError:
        return GONE


def read(network_of: Callable[[int], int | None] = network_of) -> HostFact:
    """Look through all processes that share our network, or may.  Never raises: unread is None."""
    managers = []
    try:
        here = network_of(os.getpid())
        links = [name for _, name in socket.if_nameindex()]
        if is_hidden("/proc/1"):
            return HostFact(services.read(links))
        for pid, command in commands():
            name = recognise(name_of(pid), command)
            network = GONE if name is None else network_of(pid)
            if name is not None and (network in {None, here} or here is None):
                certain = network is not None and here is not None
                link = link_of(command, links)
                managers.append(Manager(name, pid, link, certain=certain, version=version_of(command)))
    except OSError:
        return HostFact(None)
    return HostFact(tuple(sorted(managers, key=lambda manager: (manager.name, manager.pid))))


def commands(folder: str = "/proc") -> Iterator[tuple[int, list[str]]]:
    """Process id and arguments of every process that may be a manager.

    One file of each process is read, and no more of those whose arguments name no manager: psutil, which knows much
    else, takes ten times as long for it, and its import alone as long as half a pass.
    """
    for entry in os.listdir(folder):
        if entry.isdigit():
            try:
                with open(f"{folder}/{entry}/cmdline", "rb") as file:
                    line = file.read(_LONGEST)
            except OSError:
                continue
            if _SUSPECT.search(line):
                yield int(entry), line.rstrip(b"\0").decode(errors="replace").split("\0")


def name_of(pid: int) -> str:
    """What the kernel calls a process, in at most 15 letters; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def is_hidden(first: str) -> bool:
    """Whether processes of others are not shown, as in the sandbox of the daemon: then not even the `first` is."""
    return os.geteuid() != 0 and not os.path.exists(first)


def recognise(name: str, command: Sequence[str]) -> str | None:
    """Say which manager a process is; None when it is none.

    `name` is the kernel's, `command` its arguments; the first may be a title, as in `dhcpcd: eth1 [ip4]`.
    """
    if any(argument.endswith(_NM_HELPER) for argument in command):
        # A client that NetworkManager has started for itself.
        return None
    *folders, program = (command[0].partition(":")[0] if command else name).split("/")
    if program in PROGRAMS:
        return PROGRAMS[program]
    if INTERPRETERS.fullmatch(program) and len(command) > 1:
        *folders, program = command[1].split("/")
        if program in PROGRAMS:
            return PROGRAMS[program]
    for folder in folders:
        if folder in FOLDERS:
            return FOLDERS[folder]
    return PROGRAMS.get(name)


def version_of(command: Sequence[str]) -> int | None:
    """Give the one version of IP that a DHCP client is told to ask for: `dhclient -6`; None when it is told none."""
    told = {"-4", "-6"}.intersection(command)
    return int(told.pop()[1:]) if len(told) == 1 else None


def link_of(command: Sequence[str], links: Collection[str]) -> str | None:
    """Give the one link that a command line names; None when it names none or several."""
    words = {word.strip("[]") for argument in command for word in argument.split()}
    named = words.intersection(links)
    return named.pop() if len(named) == 1 else None
