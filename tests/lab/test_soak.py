"""Hours in less than a minute: thousands of things happen by chance, and whenever it is quiet, all packets are right.

::

      console: ENIs come and go, EIPs change        router: the metadata service fails
                          │                                       │
      guest: rules, routes, addresses, links are taken away ──► eip-agent run
                          │
      at rest: packets by the contract, no more memory, files and rules than before
"""

import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

import pytest

from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.metadata import Fault, FaultKind
from eip_agent.lab.topology import SECONDARY_CIDR, Eip, Eni, Topology, eni, public, vswitch
from tests.lab.daemon import Daemon
from tests.lab.support import dump, nat, sampled

pytestmark = pytest.mark.lab

ROUNDS: Final = int(os.environ.get("SOAK_ROUNDS", "25"))  # noqa: TID251 not a setting of the agent
"""Each some three hundred events and a rest."""
SEED: Final = int(os.environ.get("SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)  # noqa: TID251
PROBES: Final = 40
"""Packets at each rest."""
GROWTH: Final = 3 * 1024
"""KiB that the memory may differ by: what the largest pass needs, and not what thousands leave behind."""
SETTINGS: Final = "[metadata]\ntimeout = 0.2\ndeadline = 0.5\n[daemon]\npoll = 2\nopenapi_poll = 2\n"

FIRST: Final = Topology((nat(0, vswitch(0)), nat(1, vswitch(1), (10, 11)), nat(2, vswitch(2), (10, 11, 12))))
VISIBLE: Final = eni(1, vswitch(1), (10,), [Eip(public(120), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])
COMING: Final[tuple[Eni, ...]] = (
    nat(5, vswitch(5), (10, 11), first=90),
    eni(6, vswitch(6), (10,), [Eip(public(160), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)]),
    replace(eni(7, SECONDARY_CIDR, (44,)), eips=()),
    nat(8, vswitch(1), (77,), first=180),
)
OTHERS: Final = (
    nat(1, vswitch(1), (10, 11, 12)),
    nat(1, vswitch(1), (10,)),
    VISIBLE,
    FIRST.enis[1],
)
"""What eth1 may become."""
KINDS: Final = [kind for kind in FaultKind if kind not in {FaultKind.HUGE, FaultKind.SLOW}]


class Chance:
    """What happens by chance, said in lines for `ip -force -batch`; a line that fails had nothing to harm."""

    def __init__(self, cloud: Cloud, chance: random.Random) -> None:
        self._cloud, self._chance = cloud, chance

    def lines(self) -> Iterator[str]:
        """Some of them."""
        harms: Mapping[Callable[[], str], int] = {
            self._rule: 10,
            self._rules: 2,
            self._route: 6,
            self._table: 2,
            self._address: 6,
            self._addresses: 1,
            self._stranger: 4,
            self._flap: 1,
            self._group: 1,
            self._container: 1,
            self._foreign: 4,
        }
        for harm in self._chance.choices(list(harms), list(harms.values()), k=30):
            yield harm()

    def _link(self) -> str:
        return self._chance.choice(self._cloud.topology.enis[1:]).link

    def _version(self) -> str:
        return self._chance.choice(("-4", "-6"))

    def _rule(self) -> str:
        return f"rule del priority {self._chance.choice((24000, 24001, 24010, 24011, 24020))}"

    def _rules(self) -> str:
        return f"rule flush proto kernel priority {self._chance.choice((24010, 24011, 24020))}"

    def _table(self) -> str:
        return f"route flush table {20_000_000 + 16 * self._chance.randrange(2, 12)}"

    def _route(self) -> str:
        return f"route del default table {20_000_000 + 16 * self._chance.randrange(2, 12) + self._chance.randrange(2)}"

    def _address(self) -> str:
        one = self._chance.choice(self._cloud.topology.enis[1:])
        return f"addr del {self._chance.choice(one.owned)}/24 dev {one.link}"

    def _addresses(self) -> str:
        return f"addr flush dev {self._link()} scope global"

    def _stranger(self) -> str:
        """As keepalived does."""
        verb = self._chance.choice(("add", "del"))
        return f"addr {verb} 172.16.200.{self._chance.randrange(1, 4)}/32 dev {self._link()}"

    def _flap(self) -> str:
        link = self._link()
        return f"link set {link} down\nlink set {link} up"

    def _group(self) -> str:
        return f"link set {self._link()} group 0"

    def _container(self) -> str:
        number = self._chance.randrange(3)
        return f"link add pod{number} type veth peer name podx{number}\nlink set pod{number} up\nlink del pod{number}"

    def _foreign(self) -> str:
        verb, number = self._chance.choice(("add", "del")), self._chance.randrange(9)
        return f"rule {verb} from 10.0.0.{number} lookup 1234 priority 1000\nroute {verb} 10.{number}.0.0/16 dev lo"


def tidied(cloud: Cloud) -> None:
    """What strangers have left is theirs to take away."""
    lines = [f"addr del 172.16.200.{n}/32 dev {one.link}" for one in cloud.topology.enis for n in (1, 2, 3)]
    lines += [f"rule del from 10.0.0.{n} lookup 1234 priority 1000" for n in range(9) for _ in range(50)]
    lines += [f"route del 10.{n}.0.0/16 dev lo" for n in range(9)]
    harm(cloud, "\n".join(lines))


def harm(cloud: Cloud, batch: str) -> None:
    """Carry out what can be."""
    cloud.guest.run(["ip", "-force", "-batch", "-"], input=batch, check=False)


def topology_by(chance: random.Random, topology: Topology) -> Topology:
    """What the console does next."""
    match chance.randrange(3):
        case 0:
            return topology.with_eni(chance.choice(OTHERS))
        case 1:
            new = chance.choice(COMING)
            return topology.with_eni(replace(new, listed=chance.random() < 0.7))
    going = [one.link for one in topology.enis[3:]]
    return topology.without(chance.choice(going)) if going else topology


def listed(topology: Topology) -> Topology:
    """The metadata service catches up."""
    return replace(topology, enis=tuple(replace(one, listed=True) for one in topology.enis))


def held_by(cloud: Cloud) -> list[str]:
    """The rules and routes that the kernel holds, in whatever order it lists them."""
    found = dump(cloud)
    return sorted(line for what in ("rules", "rules6", "routes", "routes6") for line in found[what])


def test_whatever_happens_packets_are_right_when_it_is_quiet() -> None:
    sys.stdout.write(f"SOAK_SEED={SEED} SOAK_ROUNDS={ROUNDS}\n")
    chance = random.Random(SEED)  # noqa: S311 no secret
    with Cloud(FIRST) as cloud:
        cloud.settings(SETTINGS)
        with Daemon(cloud) as daemon:
            assert daemon.settled(), daemon.log
            first, memory, files = held_by(cloud), [daemon.memory()], daemon.descriptors()
            count = 0
            for number in range(ROUNDS):
                events = Chance(cloud, chance)
                for _ in range(chance.randrange(6, 12)):
                    batch = "\n".join(events.lines())
                    harm(cloud, batch)
                    count += batch.count("\n") + 1
                    if chance.random() < 0.3:
                        cloud.become(topology_by(chance, cloud.topology))
                    if chance.random() < 0.3:
                        cloud.metadata.faults[:] = [Fault("", chance.choice(KINDS), seconds=1)]
                cloud.metadata.faults.clear()
                tidied(cloud)
                cloud.become(FIRST if number == ROUNDS - 1 else listed(cloud.topology))
                assert daemon.settled(), f"seed {SEED}, round {number}\n{daemon.log[-4000:]}"
                cloud.reset_spoofs()
                assert sampled(cloud, chance, PROBES) == [], f"seed {SEED}, round {number}\n{daemon.log[-4000:]}"
                assert daemon.descriptors() == files
                memory.append(daemon.memory())
            status = daemon.status()

            sys.stdout.write(f"{count} events, {status.passes} passes, {status.repairs} repairs, {memory[::5]} KiB\n")
            assert count > 200 * ROUNDS
            assert status.repairs > 10 * ROUNDS
            assert held_by(cloud) == first, f"seed {SEED}"
            assert memory[-1] - memory[len(memory) // 2] < GROWTH, memory
            assert "Traceback" not in daemon.log
            assert daemon.end() == 0
