"""The daemon under systemd, on links that a real systemd-networkd configures by DHCP.

::

    systemd ─ systemd-networkd: DHCP on every link, as netplan writes it
            └ eip-agent.service: puts back what networkd and others take away

One machine for all tests of this file; each leaves it as it found it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from eip_agent.lab.metadata import Fault, FaultKind
from eip_agent.lab.topology import Eip, eni, public, vswitch
from tests.lab.support import rules, tables
from tests.systems.machine import eventually
from tests.systems.support import DAEMON, INSTANCE, Host, begun, booted, installed, networkd

pytestmark = [pytest.mark.lab, pytest.mark.systems]

EVENTS: Final = (
    "networkctl reload",
    "networkctl reconfigure eth1",
    "networkctl reconfigure eth2",
    "networkctl reconfigure eth0",
    "touch /etc/systemd/network/10-eth1.network && networkctl reload",
    "networkctl renew eth1",
    "networkctl down eth1 && networkctl up eth1",
    "systemctl restart systemd-networkd",
    "ip link set eth1 down && ip link set eth1 up",
    "ip link set eth2 down && ip link set eth2 up",
    # Those of the kernel back as the kernel has them: networkd, by itself, removes all others.
    "ip rule flush; for n in 0 1; do ip rule add pref $((32766 + n)) lookup $((254 - n)) protocol kernel; done",
    "ip route flush table 20000048; ip addr del 203.0.113.42/27 dev eth3",
    "systemctl restart eip-agent",
    "systemctl reload eip-agent",
    "systemctl kill --signal=KILL eip-agent",
)


@pytest.fixture(scope="module", params=[True, False], ids=["drop-in", "bare"])
def host(request: pytest.FixtureRequest, layers: list[Path]) -> Iterator[Host]:
    """An instance at rest, the daemon running; with the drop-in for networkd and without."""
    files = {**networkd(INSTANCE), **installed(drop_in=request.param)}
    with booted(layers, files) as (cloud, machine):
        made = begun(cloud, machine, DAEMON)
        made.packets()
        yield made


@pytest.mark.parametrize("event", EVENTS)
def test_everything_is_right_again_after(host: Host, rest: dict[str, object], event: str) -> None:
    host.machine.run("sh", "-c", event)

    host.right(rest)


def test_the_unit_is_ready_and_says_how_it_goes(host: Host, rest: dict[str, object]) -> None:
    host.right(rest)
    state = host.machine.show(DAEMON, "ActiveState", "SubState", "StatusText", "User", "WatchdogUSec")

    assert (state["ActiveState"], state["SubState"], state["User"]) == ("active", "running", "eip-agent")
    assert state["StatusText"]
    assert state["WatchdogUSec"] == "1min"


def test_what_was_taken_away_is_told_with_who_probably_did(host: Host, rest: dict[str, object]) -> None:
    host.machine.run("journalctl", "--rotate")
    host.machine.run("ip", "rule", "del", "pref", "24020", "oif", "eth1")
    host.right(rest)
    told = [entry for entry in host.machine.entries("--unit=eip-agent") if "oif eth1" in str(entry.get("MESSAGE"))]

    assert [entry for entry in told if any(name.startswith("EIP_AGENT_") for name in entry)]


def test_root_reads_reverts_and_applies_beside_it(host: Host, rest: dict[str, object]) -> None:
    status = host.machine.agent("status")
    assert "eth1" in status
    host.machine.agent("explain")
    host.machine.agent("apply")
    host.machine.systemctl("stop", DAEMON)
    assert host.rest() == rest, "stopping leaves the network as it is"
    assert host.machine.agent("apply").startswith("as desired")
    assert "verified" in host.machine.agent("revert")
    assert rules(host.cloud) == []
    host.machine.systemctl("start", DAEMON)

    host.right(rest)


def test_the_watchdog_ends_a_daemon_that_hangs_and_nothing_is_lost(host: Host, rest: dict[str, object]) -> None:
    quick = "/run/systemd/system/eip-agent.service.d/watchdog.conf"
    host.machine.write(quick, "[Service]\nWatchdogSec=1\n")
    host.machine.systemctl("daemon-reload")
    host.machine.systemctl("restart", DAEMON)
    before = host.machine.show(DAEMON, "NRestarts")
    host.machine.systemctl("kill", "--signal=STOP", DAEMON)
    eventually("the watchdog bites", lambda: host.machine.show(DAEMON, "NRestarts")["NRestarts"] != before["NRestarts"])
    assert host.rest() == rest, "a crash leaves the network as it is"
    eventually("it is back", lambda: host.machine.show(DAEMON, "ActiveState")["ActiveState"] == "active")
    assert re.search("watchdog", host.machine.journal("--unit=eip-agent", "--lines=30"), re.IGNORECASE)
    host.machine.run("rm", quick)
    host.machine.systemctl("daemon-reload")
    host.machine.systemctl("restart", DAEMON)

    host.right(rest)


def test_an_eni_comes_and_goes(host: Host, rest: dict[str, object]) -> None:
    """Nobody has told networkd about it, so that it is the agent's alone."""
    one = eni(7, vswitch(7), (10, 11), [Eip(public(150)), Eip(public(151), private_address=None)][:1])
    more = INSTANCE.with_eni(one)
    host.cloud.become(INSTANCE.with_eni(replace(one, listed=False)))
    eventually("it is seen", lambda: "eth7" in host.machine.run("networkctl", "list").stdout)
    host.cloud.become(more)
    eventually("it is configured", lambda: tables(host.cloud, "eth7"))
    eventually(
        "by all rules", lambda: any("172.16.7.0/24" in rule and "lookup 2" in rule for rule in rules(host.cloud))
    )
    host.packets()
    host.cloud.become(INSTANCE)

    host.right(rest)


def test_a_metadata_outage_and_networkd_together_take_nothing_away(host: Host, rest: dict[str, object]) -> None:
    host.cloud.metadata.faults = [Fault("", FaultKind.HANG)]
    try:
        host.machine.systemctl("reload", DAEMON)
        host.machine.run("networkctl", "reconfigure", "eth1")
        host.right(rest)
    finally:
        host.cloud.metadata.faults = []
    host.machine.systemctl("reload", DAEMON)

    host.right(rest)


def test_broken_settings_are_told_and_the_old_ones_stay(host: Host, rest: dict[str, object]) -> None:
    machine = host.machine
    machine.run("cp", "-p", "/etc/eip-agent/config.toml", "/run/config.toml")
    machine.write("/etc/eip-agent/config.toml", "[metadata\n")
    machine.systemctl("reload", DAEMON)
    eventually("it is told", lambda: "config.toml" in machine.journal("--unit=eip-agent", "--lines=5"))
    assert machine.show(DAEMON, "ActiveState")["ActiveState"] == "active"
    machine.run("cp", "-p", "/run/config.toml", "/etc/eip-agent/config.toml")
    machine.systemctl("reload", DAEMON)

    host.right(rest)
