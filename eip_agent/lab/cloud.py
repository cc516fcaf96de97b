"""The simulated cloud: one ECS instance, its VPC and the Internet, made of network namespaces.

::

     guest                     router                                       internet
    ┌──────────────────┐      ┌──────────────────────────────────┐         ┌────────────────┐
    │ eth0 172.16.0.10 ┼─veth─┼ eth0 172.16.0.253   lo  services │         │ 198.51.100.7   │
    │ eth1 172.16.1.10 ┼─veth─┼ eth1 172.16.1.253  100.100.100.200         │ 203.0.113.200  │
    │ eth2 (an EIP)    ┼─veth─┼ eth2 203.0.113.1   100.100.2.136 │         │ 2001:db8:ffff::7
    │ ...              │      │ ...                    internet ─┼──veth───┼ eth0           │
    └──────────────────┘      │ vsw0           vsw1         ...  │         └────────────────┘
      00:16:3e:...            └──┼──────────────┼────────────────┘
                                veth           veth        every device of the router: ee:ff:ff:ff:ff:ff
                              ┌──┼─────────┐ ┌──┼─────────┐
                              │ eth0       │ │ eth0       │  a peer in every vSwitch
                              │172.16.0.250│ │172.16.1.250│
                              └────────────┘ └────────────┘

A second instance, where the topology has a partner, is one more guest on links of its own to the same router.
The router forwards by host routes (`wiring`), and drops and translates by nftables (`ruleset`); where the public
documentation is silent, those two state what is assumed.  It runs the metadata service, DHCP and the OpenAPI.  Nothing
of it touches the network of the machine, and all of it ends with the process.
"""

import contextlib
import re
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Self

import eip_agent
from eip_agent.lab import guest as image
from eip_agent.lab import wiring
from eip_agent.lab.account import Account
from eip_agent.lab.announcements import Announcements
from eip_agent.lab.certificate import can_certify
from eip_agent.lab.dhcp import DhcpServer
from eip_agent.lab.echo import EchoServer
from eip_agent.lab.metadata import MetadataService
from eip_agent.lab.namespace import Namespace, tool
from eip_agent.lab.openapi import OpenApiService
from eip_agent.lab.probe import answers_arp
from eip_agent.lab.ruleset import INTERNET, Element, change, counter, elements, gateways, skeleton
from eip_agent.lab.topology import Eni, Topology, VSwitch

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from eip_agent.core.facts import Mac
    from eip_agent.lab.spawner import Spawner

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ECHO: Final = 7
"""The port of the echo service at `wiring.SERVICE_ADDRESS`, RFC 862."""


class Cloud:
    """A running cloud; a context manager.

    `boot` says how the image configures its links, `strict_rp_filter` whether it filters by reverse path,
    `dad` whether it looks for duplicate IPv6 addresses as distributions do, at a second for each new address.
    `peers=False` leaves the other instances of the vSwitches out, for large topologies.
    """

    spawner: ClassVar["Spawner | None"] = None
    """How `agent` starts the agent; None: as a process of its own."""

    def __init__(
        self,
        topology: Topology,
        *,
        boot: image.Boot = "bare",
        strict_rp_filter: bool = False,
        dad: bool = False,
        peers: bool = True,
    ) -> None:
        """Make the namespaces; `with` builds what is in them.  Raises LabError where there can be none."""
        for name in ("ip", "nft"):
            tool(name)
        self.topology = topology
        self.peers: dict[str, Namespace] = {}
        """By vSwitch name."""
        self._boot: image.Boot = boot
        self._strict_rp_filter = strict_rp_filter
        self._dad = dad
        self._with_peers = peers
        self._plugged: dict[str, Mac] = {}
        self._peer_devices: dict[str, str] = {}
        self._items: frozenset[wiring.Item] = frozenset()
        self._internet_items: frozenset[wiring.Item] = frozenset()
        self._passing: frozenset[Element] = frozenset()
        self._settings: Path | None = None
        self._changing = threading.RLock()
        with contextlib.ExitStack() as stack:
            self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="eip-agent-lab-")))
            """Private to this cloud, removed at its end: the agent's run directory and settings."""
            self.disk = self.directory / "disk"
            """What of the guest's disk is its own, not the machine's: `etc/...` and `run/...` of network programs."""
            self.guest = stack.enter_context(Namespace("guest"))
            self.partner = stack.enter_context(Namespace("partner")) if topology.partner else None
            """The second instance, where the topology began with one."""
            self.router = stack.enter_context(Namespace("router"))
            self.internet = stack.enter_context(Namespace("internet"))
            self.account = Account()
            """Who may ask the OpenAPI; the metadata service gives the credentials of its RAM role out."""
            self.metadata = MetadataService(topology, self.router, self.account)
            self.openapi = OpenApiService(topology, self.router, self.account, self.directory)
            """Refuses connections where `cryptography` is not installed."""
            self.dhcp = DhcpServer(topology, self.router, {})
            self._peer_stacks: dict[str, contextlib.ExitStack] = {}
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take everything away.  Does nothing the second time."""
        for stack in self._peer_stacks.values():
            stack.close()
        self._peer_stacks.clear()
        self.peers.clear()
        self._stack.close()

    def become(self, topology: Topology) -> None:
        """Converge to another topology while packets flow; what is the same in both is not touched.

        A new ENI appears in the guest as a link that is down, a detached one vanishes.  The guest's own configuration
        is the guest's business, as in the cloud.
        """
        with self._changing:
            self._converge(topology)
            self.metadata.topology = self.openapi.topology = topology
            self.dhcp.update(topology, {link: link for link in self._plugged})

    def spoofs(self) -> dict[str, int]:
        """How many packets and ARP messages each ENI sent with a source that is not its own; all were dropped."""
        text = self.router.run(["nft", "list", "counters"]).stdout
        counted = re.findall(r"counter (\S+) {\s*packets (\d+)", text)
        return {link: sum(int(n) for name, n in counted if name == counter(link)) for link in self._plugged}

    def reset_spoofs(self) -> None:
        """Count from nought."""
        self.router.run(["nft", "reset", "counters"])

    def arp(self, link: str, target: IPv4Address | str) -> bool:
        """Whether the guest answers an ARP request for `target` on `link`; asked by the gateway of that link.

        An answer for an address that is not the ENI's counts as spoofed, for that is what it is.
        """
        sender = gateways(self.topology.eni(link))[0]
        return answers_arp(self.router, link, sender, IPv4Address(target))

    def settings(self, text: str) -> Path:
        """Write settings that `agent` uses from now on."""
        self._settings = self.directory / "config.toml"
        self._settings.touch(mode=0o600)
        self._settings.write_text(text, encoding="utf-8")
        return self._settings

    def openapi_settings(self) -> str:
        """Settings, as TOML, that lead the agent to this cloud's OpenAPI."""
        host = self.openapi.endpoint
        return f'[openapi]\nca_file = "{self.openapi.ca_file}"\nendpoints = {{ ecs = "{host}", vpc = "{host}" }}\n'

    def agent_command(self, *arguments: str) -> list[str]:
        """The command line of the agent, for `guest.start`; it wants `agent_environment`."""
        return self.on_disk(sys.executable, "-m", "eip_agent", *self._with_settings(arguments))

    def on_disk(self, *command: str) -> list[str]:
        """A command line, for `guest.run` and `guest.start`, that sees the guest's own /sys, /etc and /run."""
        return image.on_disk(self.disk, command)

    @property
    def agent_environment(self) -> dict[str, str]:
        """What the agent sees: nothing of the caller's, so no proxies and no settings.

        It asks the OpenAPI only where its settings lead it to this cloud's.
        """
        environment = {
            "PATH": _PATH,
            "PYTHONPATH": str(Path(eip_agent.__file__).parent.parent),
            "EIP_AGENT_RUN_DIRECTORY": str(self.directory / "run"),
            "EIP_AGENT_STATE_DIRECTORY": str(self.directory / "state"),
        }
        if self._settings is None or "[openapi]" not in self._settings.read_text(encoding="utf-8"):
            environment["EIP_AGENT_OPENAPI__ENABLED"] = "false"
        return environment

    def agent(self, *arguments: str, timeout: float = 60) -> "CompletedProcess[str]":
        """Run the real agent in the guest and wait for it, whatever its exit code."""
        if self.spawner is not None:
            done = self.spawner.run(self, self._with_settings(arguments), timeout)
            if done is not None:
                return done
        command = self.agent_command(*arguments)
        return self.guest.run(command, env=self.agent_environment, check=False, timeout=timeout)

    def _with_settings(self, arguments: Sequence[str]) -> list[str]:
        return [*arguments, *(["--config", str(self._settings)] if self._settings else [])]

    def _build(self) -> None:
        (self.directory / "run").mkdir(mode=0o700)
        image.lay_out(self.disk)
        guests = [self.guest, *([self.partner] if self.partner else [])]
        for guest in guests:
            image.prepare(guest, strict_rp_filter=self._strict_rp_filter, dad=self._dad)
        self.internet.sysctl(wiring.INHERITED)
        self.router.sysctl(wiring.INHERITED | wiring.ROUTING)
        self.router.run(["nft", "-f", "-"], input=skeleton())
        self._connect(self.internet, INTERNET, wiring.INTERNET_MAC)
        self._converge(self.topology)
        for namespace in (self.internet, *guests):
            self._stack.enter_context(EchoServer(namespace))
        self._stack.enter_context(EchoServer(self.router, _ECHO, [wiring.SERVICE_ADDRESS]))
        self._stack.enter_context(self.metadata)
        if can_certify():
            self._stack.enter_context(self.openapi)
        self._stack.enter_context(self.dhcp)
        self.dhcp.update(self.topology, {link: link for link in self._plugged})
        for guest, enis in zip(guests, (self.topology.enis, self.topology.partner), strict=False):
            image.boot(guest, enis, self._boot)
        if self.topology.floating:
            self._stack.enter_context(Announcements(self.router, self._announced))

    def _converge(self, topology: Topology) -> None:
        """Links, then addresses and routes, then in one step what passes; guest and services are left alone."""
        wanted = {eni.link: eni.mac for eni in topology.attached}
        gone = [link for link, mac in self._plugged.items() if wanted.get(link) != mac]
        self.router.ip("\n".join(f"link del {link}" for link in gone))
        held = {item for item in self._items if item.device not in gone}
        new = [eni for eni in topology.attached if eni.link in gone or eni.link not in self._plugged]
        self._plug((eni for eni in new if eni in topology.enis), self.guest)
        if self.partner:
            self._plug((eni for eni in new if eni in topology.partner), self.partner)
        self._plugged = wanted
        vswitches = topology.vswitches if self._with_peers else ()
        for name in set(self._peer_stacks) - {vswitch.name for vswitch in vswitches}:
            device = self._remove_peer(name)
            held = {item for item in held if item.device != device}
        for vswitch in vswitches:
            if vswitch.name not in self.peers:
                self._add_peer(vswitch)
        items, internet_items = wiring.router(topology, self._peer_devices), wiring.internet(topology, "eth0")
        self.router.ip(wiring.batch(held, items))
        self.internet.ip(wiring.batch(self._internet_items, internet_items))
        passing = elements(topology, self._peer_devices)
        for transaction in change(self._passing, passing):
            self.router.run(["nft", "-f", "-"], input=transaction)
        self._items, self._internet_items, self._passing, self.topology = items, internet_items, passing, topology

    def _announced(self, link: str, address: IPv4Address) -> None:
        """Let a HAVIP go where it was announced."""
        with self._changing:
            topology = self.topology.announced(address, link)
            if topology != self.topology:
                self.become(topology)

    def _plug(self, enis: Iterable[Eni], guest: Namespace) -> None:
        lines = [
            f"link add {eni.link} address {wiring.ROUTER_MAC} type veth "
            f"peer name {eni.link} address {eni.mac} netns /proc/self/fd/{guest.fd}\nlink set {eni.link} up\n"
            + wiring.AT_ONCE.format(eni.link)
            for eni in enis
        ]
        self.router.ip("\n".join(lines), fds=[guest.fd])

    def _connect(self, namespace: Namespace, device: str, mac: str) -> None:
        """A wire from the router's `device` to `eth0` of a namespace, up at both ends."""
        self.router.ip(
            f"link add {device} address {wiring.ROUTER_MAC} type veth "
            f"peer name eth0 address {mac} netns /proc/self/fd/{namespace.fd}\nlink set {device} up\n"
            + wiring.AT_ONCE.format(device),
            fds=[namespace.fd],
        )
        namespace.ip("link set eth0 up")

    def _add_peer(self, vswitch: VSwitch) -> None:
        """Another instance, alone in its namespace, configured as its DHCP client would."""
        taken = set(self._peer_devices.values())
        device = next(name for n in range(len(taken) + 1) if (name := f"vsw{n}") not in taken)
        with contextlib.ExitStack() as stack:
            peer = stack.enter_context(Namespace(f"peer {vswitch.name}"))
            peer.sysctl(wiring.INHERITED)
            self._connect(peer, device, wiring.PEER_MAC)
            lines = [
                f"addr add {vswitch.peer}/{vswitch.cidr.prefixlen} brd + dev eth0",
                f"route add default via {vswitch.gateway}",
            ]
            if vswitch.cidr6:
                lines.append(f"addr add {vswitch.peer6}/{vswitch.cidr6.prefixlen} dev eth0")
                lines.append(f"route add default via {vswitch.gateway6}")
            peer.ip("\n".join(lines))
            stack.enter_context(EchoServer(peer))
            self._peer_stacks[vswitch.name] = stack.pop_all()
        self.peers[vswitch.name], self._peer_devices[vswitch.name] = peer, device

    def _remove_peer(self, name: str) -> str:
        """Take a peer away and tell which device of the router went with it."""
        device = self._peer_devices.pop(name)
        self.router.ip(f"link del {device}")
        self._peer_stacks.pop(name).close()
        del self.peers[name]
        return device
