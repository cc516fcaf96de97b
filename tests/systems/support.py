"""What the tests with real systems share: the instance, its image, and what must be so when all is quiet again."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from eip_agent.core.facts import IPAddress
from eip_agent.install import DAEMON, NETWORKD, ONCE, PIECES, marked, shipped
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import DEMO, Eni, Topology
from tests.lab.support import Ear, broken, rules, seen_unbound, shown, tables
from tests.systems.machine import PROGRAM, Machine, eventually

INSTANCE: Final = replace(DEMO, enis=DEMO.enis[:4])
"""A primary ENI, one with two NAT EIPs, one EIP-visible, one multi-EIP-visible: IPv4 and IPv6."""
WANTS: Final = "/etc/systemd/system/multi-user.target.wants"


def enabled(unit: str, folder: str = "/lib/systemd/system") -> dict[str, str]:
    """What `systemctl enable` makes."""
    return {f"{WANTS}/{unit}": f"-> {folder}/{unit}"}


def installed(unit: str = "", *, drop_in: bool = True) -> dict[str, str]:
    """What `eip-agent install` makes, with one of its units enabled, or none."""
    pieces = {piece: data for piece, data in shipped([PROGRAM]).items() if piece in PIECES[:2] or drop_in}
    files = {piece.target: marked(data).decode() for piece, data in pieces.items() if not piece.asked_for}
    assert not drop_in or NETWORKD.target in files
    return files | (enabled(unit, "/etc/systemd/system") if unit else {})


def networkd(topology: Topology) -> dict[str, str]:
    """systemd-networkd with DHCP on every link, as netplan writes it."""
    files = enabled("systemd-networkd.service") | {
        "/etc/systemd/system/network-online.target.wants/systemd-networkd-wait-online.service": (
            "-> /lib/systemd/system/systemd-networkd-wait-online.service"
        )
    }
    for number, eni in enumerate(topology.enis):
        files |= network_file(number, eni)
    return files


def network_file(number: int, eni: Eni) -> dict[str, str]:
    """The file of one link; the primary one has its IPv6 address, as DHCPv6 would give it."""
    lines = [f"[Match]\nMACAddress={eni.mac}\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no"]
    if number == 0 and eni.ipv6s:
        lines.append(f"Address={eni.ipv6s[0]}/64\nGateway={eni.vswitch.gateway6}")
    lines.append(f"\n[DHCPv4]\nRouteMetric={100 * (number + 1)}\nUseMTU=yes\n")
    return {f"/etc/systemd/network/10-{eni.link}.network": "\n".join(lines)}


def settings(cloud: Cloud, more: str = "") -> dict[str, str]:
    """Settings that lead to the OpenAPI of this cloud, for the agent in the machine."""
    text = cloud.openapi_settings().replace(str(cloud.openapi.ca_file), "/etc/eip-agent/ca.pem")
    return {
        "/etc/eip-agent/config.toml": f"{more}\n{text}",
        "/etc/eip-agent/ca.pem": Path(cloud.openapi.ca_file).read_text(encoding="utf-8"),
    }


@dataclass(frozen=True, slots=True)
class Host:
    """A running instance with its systemd."""

    cloud: Cloud
    machine: Machine
    unbound: Mapping[IPAddress, IPAddress | None]

    def rest(self) -> dict[str, object]:
        """What the kernel holds for the agent, and the addresses, whoever keeps them."""
        links = json.loads(self.cloud.guest.run(["ip", "-j", "addr", "show"]).stdout)
        return {
            "rules": sorted(rules(self.cloud)) + sorted(rules(self.cloud, 6)),
            "nowhere": sorted(
                line
                for line in shown(self.cloud, "-4 route show table all")
                if "table 2000" in line and "dev" not in line
            ),
            "tables": {one.link: sorted(tables(self.cloud, one.link)) for one in self.cloud.topology.enis},
            "addresses": sorted(
                f"{link['ifname']} {address['local']}/{address['prefixlen']}"
                for link in links
                for address in link["addr_info"]
            ),
        }

    def right(self, rest: Mapping[str, object]) -> None:
        """Wait until everything is as it was, and let packets prove it.  Raises AssertionError."""
        last: dict[str, object] = {}
        with Ear(self.cloud) as ear:  # until nobody writes any more: what was disturbed may not have been so yet
            eventually("it is quiet", lambda: not ear.heard() and not ear.heard())

        def same() -> bool:
            last.clear()
            last.update(self.rest())
            return last == rest

        try:
            eventually("the daemon runs", lambda: self.machine.show(DAEMON, "ActiveState")["ActiveState"] == "active")
            eventually("everything is as it was", same)
        except AssertionError as late:
            lines = {key: difference(value, last.get(key)) for key, value in rest.items() if last.get(key) != value}
            raise AssertionError(f"{late}\n{lines}\n{self.told()}") from None
        self.packets()

    def packets(self) -> None:
        """Let packets prove that every address works, or soon does.  Raises AssertionError with what does not."""
        faults: list[str] = []

        def none() -> bool:
            faults[:] = broken(self.cloud, self.unbound, disturbed=True)
            return not faults

        try:
            eventually("packets are right", none)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{faults}\n{self.told()}") from None

    def told(self) -> str:
        """What the network managers and the agent say, and how it is, for whoever reads a failure."""
        logs = [
            self.machine.journal(f"--unit={unit}", "--lines=25")
            for unit in (DAEMON, "systemd-networkd", "NetworkManager")
        ]
        return "\n".join([*logs, *(self.cloud.guest.ip(what, version=4) for what in ("route show", "addr show"))])


def difference(before: object, now: object) -> list[str]:
    """What is missing and what is too much, for whoever reads a failure."""
    texts = [line.strip(" ,") for line in json.dumps(before, indent=1).splitlines()]
    others = [line.strip(" ,") for line in json.dumps(now, indent=1).splitlines()]
    return [f"- {text}" for text in texts if text not in others] + [f"+ {text}" for text in others if text not in texts]


@contextlib.contextmanager
def booted(
    layers: list[Path], files: Mapping[str, str], topology: Topology = INSTANCE
) -> Iterator[tuple[Cloud, Machine]]:
    """A cloud whose instance runs systemd."""
    with Cloud(topology) as cloud, Machine(cloud.guest, layers, {**settings(cloud), **files}) as machine:
        yield cloud, machine


def begun(cloud: Cloud, machine: Machine, unit: str) -> Host:
    """Start a unit of the agent, once the links are configured as at boot."""
    machine.systemctl("start", "network-online.target")
    unbound = home(cloud)
    cloud.reset_spoofs()
    machine.systemctl("start", unit)
    return Host(cloud, machine, unbound)


def home(cloud: Cloud) -> Mapping[IPAddress, IPAddress | None]:
    """Whom the far side sees where nothing is bound and only the primary ENI could be meant.

    By which link the subnet of a secondary ENI is reached is for its DHCP client to say, which comes and goes here.
    """
    others = {ip for one in cloud.topology.enis[1:] for ip in (one.vswitch.peer, one.vswitch.peer6)}
    return {dst: seen for dst, seen in seen_unbound(cloud).items() if dst not in others}


__all__ = (
    "DAEMON",
    "INSTANCE",
    "ONCE",
    "Host",
    "begun",
    "booted",
    "difference",
    "enabled",
    "installed",
    "networkd",
    "settings",
)
