"""Killed anywhere, then run again: as desired; then reverted: as before, to the byte.

::

    apply      journal │ links │ tables │ rules │ addresses │ look │ journal     each │ and each message between two
                 ▲▲▲      ▲▲▲    ▲▲▲▲▲    ▲▲▲▲▲    ▲▲▲▲▲▲▲              ▲▲▲       is a place to die
    then       apply ─► as desired ─► revert ─► before      or at once      revert ─► before
"""

import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest

from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import Boot
from eip_agent.lab.topology import DEMO, Eip, Topology, eni, public, vswitch
from tests.lab.mortal import Ended, Mortal, at_rest, difference, leftovers, state, unreached
from tests.lab.support import declared

pytestmark = pytest.mark.lab

SMALL = Topology(
    enis=(
        eni(0, vswitch(0), (10,), [Eip(public(10))]),
        eni(
            1,
            vswitch(1),
            (10, 11),
            [Eip(public(42), Mode.MULTI_EIP_VISIBLE, gateway=public(33), prefix_length=27)],
        ),
    )
)
"""Every kind of item: settings of links, tables of two gateways, rules, addresses, of both families."""


class Life:
    """A cloud with an agent that may die, and what the guest looked like before it came."""

    def __init__(self, cloud: Cloud, mortal: Mortal) -> None:
        self.cloud, self.mortal = cloud, mortal
        self.before = at_rest(cloud.guest)

    def changed(self) -> list[str]:
        """What is not as before."""
        return difference(self.before, state(self.cloud.guest))

    def killed(self, *argv: str, at: int, pending: int = 0) -> None:
        """Run until it dies there, with nothing known of any earlier pass."""
        self.forget()
        assert self.mortal.run(*argv, fatal=at, pending=pending).code == -signal.SIGKILL, f"nothing happened at {at}"

    def forget(self) -> None:
        """Take away what an earlier pass has left for good, so that all make the same calls."""
        shutil.rmtree(self.cloud.directory / "state", ignore_errors=True)
        (self.cloud.directory / "run" / "lock").unlink(missing_ok=True)

    def converges(self) -> None:
        """Another `apply` finishes the work, and a third finds none."""
        again = self.run("apply")
        assert "not verified" not in again.out
        assert self.run("apply").out.startswith("as desired")
        assert unreached(self.cloud) == []

    def reverts(self) -> None:
        """`revert` leads back to before, and leaves no memory of anything."""
        self.run("revert")
        assert self.changed() == []
        assert leftovers(self.cloud) <= {"lock", "confirm"}, "the socket of a killed pass is for nobody"

    def run(self, *argv: str) -> Ended:
        """Run to the end, which must be a good one."""
        ended = self.mortal.run(*argv)
        assert (ended.code, ended.err) == (0, ""), ended.out
        return ended


@contextmanager
def living(topology: Topology, boot: Boot = "bare") -> Iterator[Life]:
    with Cloud(topology, boot=boot, peers=False) as cloud, Mortal(cloud) as mortal:
        cloud.settings(declared(topology))
        yield Life(cloud, mortal)


def calls_of(life: Life, *argv: str, pending: int = 0) -> int:
    life.forget()
    return life.mortal.run(*argv, pending=pending).calls


def test_a_first_apply_is_killed_everywhere() -> None:
    with living(SMALL) as life:
        calls = calls_of(life, "apply")
        life.reverts()
        assert calls > 50
        for at in range(1, calls + 1):
            life.killed("apply", at=at)
            if at % 3 == 0:
                life.converges()
            life.reverts()


@pytest.mark.parametrize("boot", ["bare", "dhcp"])
def test_a_first_apply_of_every_mode_is_killed_here_and_there(boot: Boot) -> None:
    with living(DEMO, boot) as life:
        calls = calls_of(life, "apply")
        life.reverts()
        for at in range(3 if boot == "bare" else 5, calls + 1, 13):
            life.killed("apply", at=at)
            if at % 2:
                life.converges()
            life.reverts()


def test_a_revert_is_killed_here_and_there() -> None:
    with living(SMALL) as life:
        life.run("apply")
        calls = calls_of(life, "revert")
        assert calls > 30
        for at in range(1, calls + 1, 5):
            life.run("apply")
            life.killed("revert", at=at)
            if at % 2:
                life.converges()
            life.reverts()


def test_an_undo_is_killed_here_and_there() -> None:
    with living(SMALL) as life:
        written = calls_of(life, "apply")
        life.reverts()
        confirm = ("apply", "--confirm", "5")
        calls = calls_of(life, *confirm, pending=signal.SIGTERM)
        assert life.changed() == []
        assert calls > written + 30
        for at in range(written - 4, calls + 1, 5):
            life.killed(*confirm, at=at, pending=signal.SIGTERM)
            if at % 2:
                life.converges()
            life.reverts()


def changed(topology: Topology) -> Topology:
    """One address more and one less on eth1, one EIP less and another one."""
    eth0, eth1 = topology.enis
    return replace(
        topology,
        enis=(
            eth0,
            replace(
                eth1,
                private=(eth1.private[0], IPv4Address("172.16.1.77")),
                ipv6s=(eth1.ipv6s[0], IPv6Address("2001:db8:100:1::1077")),
                eips=(Eip(public(43), Mode.MULTI_EIP_VISIBLE, gateway=public(33), prefix_length=27),),
            ),
        ),
    )


def become(life: Life, topology: Topology) -> None:
    life.cloud.become(topology)
    life.cloud.settings(declared(topology))


def test_an_apply_that_exchanges_addresses_is_killed_here_and_there() -> None:
    with living(SMALL) as life:
        life.run("apply")
        become(life, changed(SMALL))
        calls = calls_of(life, "apply")
        assert calls > 15
        for at in range(1, calls + 1, 5):
            become(life, SMALL)
            life.run("apply")
            become(life, changed(SMALL))
            life.killed("apply", at=at)
            if at % 2:
                life.converges()
            life.reverts()


def test_an_apply_after_a_detach_is_killed_here_and_there() -> None:
    with living(DEMO) as life:
        gone = DEMO.without("eth3")
        life.before = [line for line in life.before if "eth3" not in line]
        life.run("apply")
        become(life, gone)
        calls = calls_of(life, "apply")
        assert calls > 5
        for at in range(1, calls + 1, 7):
            become(life, DEMO)
            life.run("apply")
            become(life, gone)
            life.killed("apply", at=at)
            if at % 2:
                life.converges()
            life.reverts()


def test_the_real_process_is_killed_at_any_time() -> None:
    chance = Random(3)  # noqa: S311 to be repeated, not to be secret
    with living(SMALL) as life:
        whole = time.monotonic()
        assert life.cloud.agent("apply").returncode == 0
        whole = time.monotonic() - whole
        for number in range(4):
            process = life.cloud.guest.start(
                life.cloud.agent_command("revert" if number % 4 == 3 else "apply"),
                env=life.cloud.agent_environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            select.select([], [], [], whole * chance.uniform(0.2, 1))
            process.kill()
            process.wait()
            if number % 2:
                life.converges()
            life.reverts()


def test_a_pass_killed_while_it_waits_for_a_yes_is_undone() -> None:
    """By its watcher, which holds the lock until it has done so; whoever comes waits for it."""
    with living(SMALL) as life:
        assert life.changed() == []
        process = life.cloud.guest.start(
            life.cloud.agent_command("apply", "--confirm", "60"), env=life.cloud.agent_environment
        )
        assert process.stderr is not None
        assert process.stderr.readline().startswith("keep it?")
        assert life.changed() != []
        process.kill()
        process.communicate(timeout=20)
        assert life.mortal.run("confirm").err.startswith("eip-agent: no pass waits for a confirmation\n")
        assert life.changed() == []
        assert leftovers(life.cloud) <= {"lock", "confirm"}
        life.converges()
        life.reverts()
