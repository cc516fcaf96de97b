"""Two instances with keepalived and the daemon: a HAVIP moves between them, and its routing with it.

::

      one                        router                       other
     ┌────────────────────┐     ┌────────────────────┐       ┌─────────────────────┐
     │ keepalived, 150  ◄─┼─────┼─── VRRP, unicast ──┼───────┼─► keepalived, 100   │
     │ eth0  172.16.0.10  ┼─────┼                    ┼───────┼ eth10  172.16.0.20  │
     │ eth1  172.16.1.10  ┼─────┼  203.0.113.77  ──► ┼───────┼ eth11  172.16.1.20  │
     │     ( 172.16.1.77 )│     │  172.16.1.77       │       │      ( 172.16.1.77 )│
     │ eth2  172.16.1.70  ┼─────┼                    ┼───────┼ eth12  172.16.1.75  │
     │       172.16.1.80  │     │                    │       │        172.16.1.79  │
     └────────────────────┘     └────────────────────┘       └─────────────────────┘

The HAVIP lies between addresses of another ENI in the same vSwitch, so that without a rule of its own its packets would
leave by that one, and be dropped.  The cloud takes it only from the ENI that announced it last.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.topology import Eni, Havip, Topology, public, vswitch
from tests.lab.support import ELSEWHERE, PROTOS, WEB, Probe, faulty, nat
from tests.systems.machine import Machine, eventually
from tests.systems.support import DAEMON, enabled, installed, networkd, settings

pytestmark = [pytest.mark.lab, pytest.mark.systems]

HAVIP: Final = Havip(IPv4Address("172.16.1.77"), ("eth1", "eth11"), public(77))
PAIR: Final = Topology(
    (nat(0, vswitch(0)), nat(1, vswitch(1)), nat(2, vswitch(1), (70, 80))),
    partner=(nat(10, vswitch(0), (20,)), nat(11, vswitch(1), (20,)), nat(12, vswitch(1), (75, 79))),
    floating=(HAVIP,),
    extra_vswitches=ELSEWHERE,
)
KEEPALIVED: Final = """\
vrrp_instance havip {{
    interface {link}
    state BACKUP
    version 3
    virtual_router_id 7
    priority {priority}
    advert_int 0.2
    unicast_src_ip {own}
    unicast_peer {{
        {peer}
    }}
    virtual_ipaddress {{
        {havip}/32 dev {link}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One of the two instances."""

    machine: Machine
    network: Namespace
    link: str
    """Of the ENI that the HAVIP is bound to."""

    def routes_it(self) -> bool:
        """Whether what comes from the HAVIP is led to the table of its link, and not to another's."""
        lines = self.network.ip("rule show", version=4).splitlines()
        rules = [line.split() for line in lines if " lookup 2000" in line]
        ways = [words[-1] for words in rules if "/" in words[2] and HAVIP.address in IPv4Network(words[2])]
        return bool(ways) and ways[:1] == [words[-1] for words in rules if self.link in words]

    def has_it(self) -> bool:
        """Whether the address is on the link."""
        return f"{HAVIP.address}/32" in self.network.ip(f"addr show dev {self.link}", version=4)

    def told(self) -> str:
        """For whoever reads a failure."""
        logs = [self.machine.journal(f"--unit={unit}", "--lines=15") for unit in ("keepalived", DAEMON)]
        return "\n".join([*logs, self.network.ip("rule show", version=4)])


@dataclass(frozen=True, slots=True)
class Pair:
    """Both, in their cloud."""

    cloud: Cloud
    one: Node
    other: Node

    def with_the(self, master: Node) -> None:
        """Wait until the HAVIP is that instance's, to cloud, agent and packets.  Raises AssertionError."""
        faults: list[str] = []
        try:
            eventually("the cloud has moved it", lambda: self.cloud.topology.floating[0].holder == master.link)
            eventually("the agent routes it by its link", master.routes_it)
            self.cloud.reset_spoofs()

            def answered() -> bool:
                faults[:] = faulty(list(probes(self.cloud, master.network)))
                return not faults

            eventually("packets find it, and come from it", answered)
            assert set(self.cloud.spoofs().values()) == {0}
        except AssertionError as late:
            raise AssertionError(f"{late}\n{faults}\n{self.one.told()}\n{self.other.told()}") from None

    def without_the(self, former: Node) -> None:
        """Wait until nothing of it is left on an instance.  Raises AssertionError."""
        eventually("its address is gone", lambda: not former.has_it())
        eventually("so is its rule", lambda: not former.routes_it())


def probes(cloud: Cloud, network: Namespace) -> Iterator[Probe]:
    """From the Internet to its EIP, from every vSwitch to it; from it to the Internet and to every vSwitch."""
    for proto in PROTOS:
        yield Probe(cloud.internet, public(77), proto, WEB, seen=frozenset((WEB,)), wait=1)
        yield Probe(network, WEB, proto, HAVIP.address, seen=frozenset((public(77),)), wait=1)
        for one in cloud.topology.vswitches:
            yield Probe(cloud.peers[one.name], HAVIP.address, proto, wait=1)
            yield Probe(network, one.peer, proto, HAVIP.address, seen=frozenset((HAVIP.address,)), wait=1)


def image(cloud: Cloud, enis: tuple[Eni, ...], others: tuple[Eni, ...], priority: int) -> dict[str, str]:
    """systemd-networkd with DHCP on every link, the daemon, and keepalived with the HAVIP on the second."""
    text = KEEPALIVED.format(
        link=enis[1].link, priority=priority, own=enis[1].private[0], peer=others[1].private[0], havip=HAVIP.address
    )
    return {
        **settings(cloud),
        **networkd(Topology(enis)),
        **installed(DAEMON),
        **enabled("keepalived.service"),
        "/etc/keepalived/keepalived.conf": text,
        "/etc/hosts": f"127.0.0.1 localhost {os.uname().nodename}\n",  # which keepalived would ask DNS for
    }


@pytest.fixture(scope="module")
def pair(layers: list[Path]) -> Iterator[Pair]:
    """Two instances, the first one the master."""
    with contextlib.ExitStack() as stack:
        cloud = stack.enter_context(Cloud(PAIR))
        assert cloud.partner is not None
        nodes = [
            Node(stack.enter_context(Machine(network, layers, image(cloud, enis, others, priority))), network, link)
            for network, enis, others, priority, link in (
                (cloud.guest, PAIR.enis, PAIR.partner, 150, "eth1"),
                (cloud.partner, PAIR.partner, PAIR.enis, 100, "eth11"),
            )
        ]
        made = Pair(cloud, *nodes)
        made.with_the(made.one)
        yield made


def test_the_backup_takes_it_over_and_the_master_takes_it_back(pair: Pair) -> None:
    pair.one.machine.systemctl("stop", "keepalived")
    pair.with_the(pair.other)
    pair.without_the(pair.one)
    pair.one.machine.systemctl("start", "keepalived")
    pair.with_the(pair.one)

    pair.without_the(pair.other)


def test_the_eni_of_the_master_is_detached_and_attached_again(pair: Pair) -> None:
    pair.cloud.become(pair.cloud.topology.without("eth1"))
    pair.with_the(pair.other)
    assert not pair.one.routes_it()
    pair.cloud.become(pair.cloud.topology.with_eni(PAIR.eni("eth1")))
    pair.one.machine.systemctl("restart", "keepalived")
    pair.with_the(pair.one)

    pair.without_the(pair.other)


def test_a_master_that_is_killed_leaves_the_address_behind_and_does_no_harm(pair: Pair) -> None:
    """Nobody takes it away there; the cloud does not take it from there any more."""
    drop_in = "/run/systemd/system/keepalived.service.d/dead.conf"
    pair.one.machine.write(drop_in, "[Service]\nRestart=no\n")
    pair.one.machine.systemctl("daemon-reload")
    pair.one.machine.systemctl("kill", "--signal=KILL", "keepalived")
    pair.with_the(pair.other)
    assert pair.one.has_it()
    pair.one.machine.systemctl("reset-failed", "keepalived")
    pair.one.machine.systemctl("start", "keepalived")
    pair.with_the(pair.one)

    pair.without_the(pair.other)


def test_a_daemon_that_was_away_finds_it_moved(pair: Pair) -> None:
    pair.one.machine.systemctl("stop", DAEMON)
    pair.one.machine.systemctl("stop", "keepalived")
    pair.with_the(pair.other)
    assert pair.one.routes_it(), "nobody has taken it back yet"
    pair.one.machine.systemctl("start", DAEMON)
    pair.without_the(pair.one)
    pair.one.machine.systemctl("start", "keepalived")
    pair.with_the(pair.one)

    pair.without_the(pair.other)
