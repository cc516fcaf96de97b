"""What the lab tests of the agent share: topologies, settings, and the contract of packets as one question.

::

                         every EIP, every IPv6                every private address, every EIP of the VPC
      internet  ───────────────────────────────►  guest  ◄───────────────────────────────  every peer
                ◄───────────────────────────────         ───────────────────────────────►
                 bound to an address, to a link,           the same, and 100.64.0.0/10
                 to nothing
"""

import contextlib
import json
import socket
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from random import Random
from typing import Any, Final, Literal, Self

import pytest

from eip_agent.core.facts import IPAddress
from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.demo import can_ask_openapi
from eip_agent.lab.echo import PORT
from eip_agent.lab.guest import Boot
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.probe import Proto, reach, seen_source
from eip_agent.lab.topology import SECONDARY_CIDR, Eip, Eni, Topology, VSwitch, eni, public, vswitch

needs_openapi = pytest.mark.skipif(not can_ask_openapi(), reason="the libraries of the OpenAPI are not installed")
"""For tests in which the agent asks the simulated OpenAPI."""

PROTOS: Final[tuple[Proto, ...]] = ("tcp", "udp", "icmp")
WEB, STRANGER, WEB6 = IPv4Address("198.51.100.7"), IPv4Address("203.0.113.200"), IPv6Address("2001:db8:ffff::7")
SERVICE, SERVICE_PORT = IPv4Address("100.100.2.136"), 7
VISIBLE: Final = frozenset({Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE})
ELSEWHERE: Final = (vswitch(9),)
"""A vSwitch without an ENI of the instance."""


# --- topologies -------------------------------------------------------------------------------------------------------


def nat(index: int, subnet: VSwitch, hosts: tuple[int, ...] = (10,), first: int = 0) -> Eni:
    """An ENI with a NAT EIP on each of its private addresses, from 203.0.113.`first` on (by default 10 x its index)."""
    one = eni(index, subnet, hosts)
    first = first or 10 * (index + 1)
    eips = (Eip(public(first + n), private_address=private) for n, private in enumerate(one.private))
    return replace(one, eips=tuple(eips))


def shuffled(indexes: range, subnet: VSwitch, each: int, seed: int = 1) -> list[tuple[int, tuple[int, ...]]]:
    """Random host numbers of one subnet for each index, all different."""
    drawn = Random(seed).sample(range(4, subnet.cidr.num_addresses - 110), each * len(indexes))  # noqa: S311
    return [(index, tuple(drawn[n :: len(indexes)])) for n, index in enumerate(indexes)]


ETH0 = nat(0, vswitch(0))
BINDED = eni(1, vswitch(1), (10,), [Eip(public(120), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])
MULTI = eni(
    2,
    vswitch(2),
    (10,),
    [
        Eip(public(42), Mode.MULTI_EIP_VISIBLE, gateway=public(33), prefix_length=27),
        Eip(public(43), Mode.MULTI_EIP_VISIBLE, gateway=public(33), prefix_length=27),
        Eip(public(70), Mode.MULTI_EIP_VISIBLE, gateway=public(65), prefix_length=26),
    ],
)
PUBLIC = eni(3, SECONDARY_CIDR, (44,), [Eip(IPv4Address("192.0.2.44"))])

TOPOLOGIES: Final[Mapping[str, Topology]] = {
    "nat": Topology((ETH0, nat(1, vswitch(1))), extra_vswitches=ELSEWHERE),
    "several EIPs on an ENI": Topology(
        (nat(0, vswitch(0), (10, 9, 77)), nat(1, vswitch(1), (30, 11, 200))), extra_vswitches=ELSEWHERE
    ),
    "EIP-visible": Topology((ETH0, BINDED), extra_vswitches=ELSEWHERE),
    "multi-EIP-visible": Topology((ETH0, MULTI), extra_vswitches=ELSEWHERE),
    "secondary-CIDR": Topology((ETH0, PUBLIC), extra_vswitches=ELSEWHERE),
    "three ENIs in one vSwitch": Topology(
        (ETH0, *(nat(n, vswitch(5), (10 + n, 20 + n, 30 + n)) for n in (1, 2, 3))), extra_vswitches=ELSEWHERE
    ),
    "ENIs in the vSwitch of the primary": Topology(
        tuple(nat(n, vswitch(0), (10 + n, 20 + n)) for n in (0, 1, 2)), extra_vswitches=ELSEWHERE
    ),
}


# --- settings ---------------------------------------------------------------------------------------------------------


def declared(topology: Topology) -> str:
    """The settings that declare every EIP of a topology."""
    return "\n".join(_declared(one, eip) for one in topology.enis for eip in one.eips)


def _declared(one: Eni, eip: Eip) -> str:
    mode = Mode.SECONDARY_CIDR if eip.address in one.private else eip.mode
    lines = ["[[eip]]", f'address = "{eip.address}"', f'mode = "{mode.value}"', f'eni = "{one.eni_id}"']
    if mode is Mode.NAT:
        lines.append(f'private_address = "{one.private_of(eip)}"')
    if mode in VISIBLE:
        lines += [f'gateway = "{eip.gateway}"', f"prefix_length = {eip.prefix_length}"]
    return "\n".join([*lines, ""])


def agent(cloud: Cloud, *arguments: str, code: int = 0) -> str:
    """Run the agent in the guest, expecting an exit code; what it prints."""
    done = cloud.agent(*arguments)
    assert done.returncode == code, f"{arguments} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True, slots=True)
class Instance:
    """A cloud in which the agent has made its first pass."""

    cloud: Cloud
    unbound: Mapping[IPAddress, IPAddress | None]
    """Whom the far side saw when nothing was bound, before the agent came."""

    def broken(self) -> list[str]:
        """What of the contract does not hold; empty when all does."""
        return broken(self.cloud, self.unbound)


@contextlib.contextmanager
def applied(
    topology: Topology, *, boot: Boot = "bare", strict: bool = False, settings: str | None = None
) -> Iterator[Instance]:
    """An instance after its first pass, with every EIP declared unless other `settings` are given."""
    with Cloud(topology, boot=boot, strict_rp_filter=strict) as cloud:
        unbound = seen_unbound(cloud)
        cloud.settings(declared(topology) if settings is None else settings)
        cloud.reset_spoofs()
        agent(cloud, "apply")
        yield Instance(cloud, unbound)


WAIT: Final = 3.0
"""Seconds for a packet that must be answered, on a busy machine too; only a fault costs it."""

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_GROUPS: Final = (1, 5, 7, 8, 9, 11, 19, 24, 25, 32)
"""RTNLGRP_* of linux/rtnetlink.h: links, and for both IP versions addresses, routes, rules and settings; nexthops.
Neighbours are left out: they come and go with every packet."""
_QUIET: Final = 0.2
"""Seconds without a message: what a link that came up has to say is said by then."""


# --- the contract -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Probe:
    """A packet that must be answered."""

    place: Namespace
    dst: IPAddress
    proto: Proto
    source: IPAddress | None = None
    device: str | None = None
    port: int = PORT
    seen: frozenset[IPAddress] = frozenset()
    """Of whom the far side must see one as the source; empty where that is not asked."""
    wait: float = WAIT

    def fault(self) -> str:
        """What is wrong; empty when nothing is."""
        if self.proto == "icmp":
            answered = reach(self.place, self.dst, "icmp", source=self.source, device=self.device, timeout=self.wait)
            return "" if answered else f"{self}: no answer"
        seen = seen_source(
            self.place, self.dst, self.proto, source=self.source, device=self.device, port=self.port, timeout=self.wait
        )
        if seen is None:
            return f"{self}: no answer"
        return f"{self}: came from {seen}" if self.seen and seen not in self.seen else ""

    def __str__(self) -> str:
        bound = "".join(f" {word} {value}" for word, value in (("from", self.source), ("dev", self.device)) if value)
        return f"{self.place.name} -> {self.dst} {self.proto}{bound}"


def broken(cloud: Cloud, unbound: Mapping[IPAddress, IPAddress | None], *, disturbed: bool = False) -> list[str]:
    """What of the contract of packets does not hold; empty when all does.

    Requests to every address; sockets bound to every address, to every link and to nothing.  Spoofed packets count
    since the counters were last reset.  `disturbed`: a DHCP client has put its address back behind ours, so that a
    socket that is bound to the link alone may have any other address of that ENI, which the contract allows too.
    """
    probes = [
        replace(probe, proto=proto)
        for probe in (*_requests(cloud), *_from_addresses(cloud), *_from_links(cloud, disturbed=disturbed))
        for proto in PROTOS
    ]
    faults = faulty(probes)
    now = seen_unbound(cloud)
    faults += [
        f"guest -> {dst}: came from {now[dst]}, before {was}"
        for dst, was in unbound.items()
        if now[dst] != was and (dst.version == 4 or _home(cloud, now[dst]) != _home(cloud, was))
    ]
    faults += [
        f"guest -> {SERVICE} from {one.binded.address}: {how}"
        for one in cloud.topology.enis
        if one.binded and (how := refusal(cloud.guest, SERVICE, one.binded.address)) != "refused"
    ]
    return faults + [f"{link}: {count} spoofed" for link, count in cloud.spoofs().items() if count]


def sampled(cloud: Cloud, chance: Random, number: int) -> list[str]:
    """What of the contract does not hold for so many of its packets, drawn by chance."""
    probes = [*_requests(cloud), *_from_addresses(cloud), *_from_links(cloud)]
    drawn = chance.sample(probes, min(number, len(probes)))
    faults = faulty([replace(probe, proto=chance.choice(PROTOS)) for probe in drawn])
    return faults + [f"{link}: {count} spoofed" for link, count in cloud.spoofs().items() if count]


def faulty(probes: list[Probe]) -> list[str]:
    """What is wrong with some of these packets."""
    with ThreadPoolExecutor(8) as pool:
        return [fault for fault in pool.map(Probe.fault, probes) if fault]


def seen_unbound(cloud: Cloud) -> Mapping[IPAddress, IPAddress | None]:
    """Whom the far side sees when nothing is bound; None where it is not reached."""
    peers = [peer for v in cloud.topology.vswitches for peer in (v.peer, v.peer6) if peer is not None]
    dsts: list[IPAddress] = [WEB, WEB6, *peers]
    seen = {dst: seen_source(cloud.guest, dst, timeout=WAIT) for dst in dsts}
    return seen | {SERVICE: seen_source(cloud.guest, SERVICE, port=SERVICE_PORT, timeout=WAIT)}


def _home(cloud: Cloud, ip: IPAddress | None) -> str:
    """The link of the ENI whose IPv6 address that is: which of its addresses it takes is the kernel's choice."""
    return next((one.link for one in cloud.topology.enis if ip in one.ipv6s), "")


def refusal(namespace: Namespace, dst: IPAddress, source: IPAddress) -> str:
    """How a connection ends that cannot be: `refused` at once, or else by a timeout."""
    with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as asking:
        asking.bind((str(source), 0))
        asking.settimeout(0.3)
        try:
            asking.connect((str(dst), SERVICE_PORT))
        except TimeoutError:
            return "timed out"
        except OSError:
            return "refused"
    return "answered"


def every(one: Eni) -> tuple[IPAddress, ...]:
    """All addresses that the cloud accepts on an ENI."""
    return (*one.owned, *one.ipv6s)


def outside(one: Eni) -> Mapping[IPAddress, IPAddress]:
    """As whom the sources of an ENI are seen on the Internet; who has no way there is missing."""
    ways: dict[IPAddress, IPAddress] = {v6: v6 for v6 in one.ipv6s}
    for eip in one.eips:
        ways[eip.address if eip.mode in VISIBLE else one.private_of(eip)] = eip.address
    return ways


def _requests(cloud: Cloud) -> Iterator[Probe]:
    """From the Internet to every EIP and IPv6 address, from every peer to every address that the VPC knows."""
    for one in cloud.topology.enis:
        for eip in one.eips:
            for asker in (WEB, STRANGER):
                yield Probe(cloud.internet, eip.address, "tcp", asker, seen=frozenset((asker,)))
        yield from (Probe(cloud.internet, v6, "tcp") for v6 in one.ipv6s)
        inside = one.ipv6s if one.binded else every(one)
        for vswitch_ in cloud.topology.vswitches:
            peer = cloud.peers[vswitch_.name]
            yield from (Probe(peer, address, "tcp") for address in inside if address.version == 4 or vswitch_.peer6)


def _from_addresses(cloud: Cloud) -> Iterator[Probe]:
    """From every address to the Internet if it has a way, to the peer of every vSwitch, and to the services."""
    for one in cloud.topology.enis:
        ways = outside(one)
        for source in every(one):
            for dst in _internet(cloud, source.version):
                if source in ways:
                    yield Probe(cloud.guest, dst, "tcp", source, seen=frozenset((ways[source],)))
            if source.version == 6 or not one.binded:
                for peer in _peers(cloud, source.version):
                    yield Probe(cloud.guest, peer, "tcp", source, seen=frozenset((source,)))
            if source.version == 4 and not one.binded:
                yield Probe(cloud.guest, SERVICE, "tcp", source, port=SERVICE_PORT, seen=frozenset((source,)))


def _from_links(cloud: Cloud, *, disturbed: bool = False) -> Iterator[Probe]:
    """The same from every link, as one of the addresses that belong to its ENI."""
    for one in cloud.topology.enis:
        own = frozenset(one.owned)
        first = frozenset((one.binded.address,) if one.binded else one.private)
        for version, sources in (4, first), (6, frozenset(one.ipv6s)):
            ways = outside(one)
            # Where only some addresses have an EIP, the link's choice of one of the others is no fault.
            for dst in _internet(cloud, version) if sources and sources <= ways.keys() else ():
                yield Probe(
                    cloud.guest, dst, "tcp", device=one.link, seen=frozenset(ways[source] for source in sources)
                )
            if sources and (version == 6 or not one.binded):
                for peer in _peers(cloud, version):
                    seen = own if version == 4 and disturbed else sources
                    yield Probe(cloud.guest, peer, "tcp", device=one.link, seen=seen)
        if not one.binded:
            yield Probe(cloud.guest, SERVICE, "tcp", device=one.link, port=SERVICE_PORT, seen=own)


def _internet(cloud: Cloud, version: int) -> list[IPAddress]:
    return [host for host in cloud.topology.internet if host.version == version]


def _peers(cloud: Cloud, version: int) -> list[IPAddress]:
    """The peers of all vSwitches, those in which the instance has no ENI included."""
    found = [(v.peer, v.peer6) for v in cloud.topology.vswitches if v.name in cloud.peers]
    return [peer for pair in found for peer in pair if peer is not None and peer.version == version]


# --- what the kernel holds --------------------------------------------------------------------------------------------


def dump(cloud: Cloud) -> Mapping[str, list[str]]:
    """All of the guest's configuration as `ip` and `/proc` tell it, but for what runs by itself, as lifetimes do."""
    guest = cloud.guest
    found = {}
    for what, command in {
        "links": "-d -j link show",
        "addresses": "-d -j addr show",
        "routes": "-d -j -4 route show table all",
        "routes6": "-d -j -6 route show table all",
        "rules": "-d -j -4 rule show",
        "rules6": "-d -j -6 rule show",
    }.items():
        lines = json.loads(guest.run(["ip", *command.split()]).stdout)
        found[what] = [json.dumps(_at_rest(line), sort_keys=True) for line in lines]
    with guest.entered():
        conf = sorted(Path("/proc/sys/net/ipv4/conf").glob("*/*"))
        found["conf"] = [f"{path.parent.name}/{path.name} {path.read_text().strip()}" for path in conf]
    return found


def _at_rest(value: Any) -> Any:
    """Without what changes by itself; a link gets its queue when it is first up, and keeps it."""
    if isinstance(value, dict):
        running = {"valid_life_time", "preferred_life_time", "expires", "age", "used", "stats64", "qdisc"}
        return {key: _at_rest(inner) for key, inner in value.items() if key not in running}
    return [_at_rest(inner) for inner in value] if isinstance(value, list) else value


def rules(cloud: Cloud, version: Literal[4, 6] = 4) -> list[str]:
    """The agent's rules, as `ip` spells them."""
    lines = cloud.guest.ip("rule show", version=version).splitlines()
    return [line for line in lines if 24000 <= int(line.partition(":")[0]) < 26000]


def tables(cloud: Cloud, link: str) -> list[str]:
    """The routes of the agent's tables by one link, both IP versions, as `ip` spells them."""
    lines = [line for version in ("-4", "-6") for line in shown(cloud, f"{version} route show table all")]
    return [line.strip() for line in lines if " table 2000" in line and f" dev {link} " in line]


class Ear:
    """Hears everything that changes in the guest's links, addresses, routes, rules and their settings."""

    def __init__(self, cloud: Cloud) -> None:
        self._socket = cloud.guest.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((0, 0))
        for group in _GROUPS:
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        self._socket.settimeout(_QUIET)

    def __enter__(self) -> Self:
        self.heard()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def heard(self) -> list[int]:
        """The types of all messages so far, until it has been quiet for a while."""
        kinds = []
        with contextlib.suppress(TimeoutError):
            while data := self._socket.recv(1 << 16):
                kinds.append(int.from_bytes(data[4:6], sys.byteorder))
        return kinds


def shown(cloud: Cloud, what: str) -> list[str]:
    """The lines of `ip -d WHAT` in the guest."""
    return cloud.guest.run(["ip", "-d", *what.split()]).stdout.splitlines()
