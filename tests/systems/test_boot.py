"""One pass at each boot, without a daemon, and what root does with the same files.

::

    systemd ─ systemd-networkd: DHCP on every link
            ├ eip-agent-apply.service: after the links are configured, before network-online.target
            └ late.service: after network-online.target; looks what is there
"""

from pathlib import Path

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.metadata import Fault, FaultKind
from tests.lab.support import rules
from tests.systems.machine import Machine, eventually
from tests.systems.support import DAEMON, INSTANCE, ONCE, WANTS, Host, booted, home, installed, networkd, settings

pytestmark = [pytest.mark.lab, pytest.mark.systems]

LATE = {
    "/etc/systemd/system/late.service": (
        "[Unit]\nWants=network-online.target\nAfter=network-online.target\n"
        "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        "ExecStart=/bin/sh -c 'ip rule >/run/late.rules; ip -4 -o addr >/run/late.addresses'\n"
    ),
    f"{WANTS}/late.service": "-> /etc/systemd/system/late.service",
}


@pytest.mark.parametrize("unit", [ONCE, DAEMON])
def test_services_after_network_online_find_their_addresses_and_root_shares_the_files(
    layers: list[Path], unit: str
) -> None:
    with booted(layers, {**networkd(INSTANCE), **installed(unit), **LATE}) as (cloud, machine):
        late = machine.run("cat", "/run/late.rules", "/run/late.addresses").stdout

        assert machine.systemctl("is-active", unit) == "active", machine.journal()
        assert "24011:\tfrom 172.16.1.0/24 iif lo lookup" in late
        assert [ip for ip in ("172.16.1.11/24", "203.0.113.20/24", "203.0.113.70/26") if ip not in late] == []
        held = rules(cloud)
        assert machine.agent("apply").startswith("as desired: 4 ENIs"), "root does not see what the service wrote"
        assert (machine.run("stat", "-c", "%U %a %n", "/run/eip-agent/lock", "/run/eip-agent/journal.json").stdout) == (
            "eip-agent 600 /run/eip-agent/lock\neip-agent 600 /run/eip-agent/journal.json\n"
        )
        machine.systemctl("stop", unit)
        assert rules(cloud) == held, "stopping leaves the network as it is"
        cloud.guest.ip("rule del pref 24020 oif eth1", version=4)
        assert "1 added" in machine.agent("apply")
        machine.systemctl("restart", unit)
        Host(cloud, machine, home(cloud)).packets()
        machine.systemctl("stop", unit)
        assert "verified" in machine.agent("revert")
        assert rules(cloud) == []
        assert machine.agent("revert") == "nothing here is eip-agent's\n"


def test_a_silent_cloud_does_not_hold_up_the_boot(layers: list[Path]) -> None:
    quick = {"/etc/systemd/system/eip-agent-apply.service.d/quick.conf": "[Service]\nRestartSec=1\n"}
    files = {**networkd(INSTANCE), **installed(ONCE), **LATE, **quick}
    with Cloud(INSTANCE) as cloud:
        cloud.metadata.faults = [Fault("", FaultKind.REFUSE)]
        with Machine(cloud.guest, layers, {**files, **settings(cloud)}) as machine:
            assert machine.systemctl("is-active", "late.service") == "active"
            assert rules(cloud) == []
            assert machine.systemctl("is-active", ONCE, check=False) in {"activating", "failed"}
            cloud.metadata.faults = []

            eventually("the pass is tried again", lambda: machine.show(ONCE, "ActiveState")["ActiveState"] == "active")
            Host(cloud, machine, home(cloud)).packets()


def test_install_and_uninstall_where_systemd_runs(layers: list[Path]) -> None:
    with booted(layers, networkd(INSTANCE)) as (cloud, machine):
        told = machine.agent("install", "--no-daemon")
        assert f"ran  systemctl enable --now {ONCE}\n" in told
        assert machine.show(ONCE, "ActiveState", "UnitFileState", "Result") == {
            "ActiveState": "active",
            "UnitFileState": "enabled",
            "Result": "success",
        }
        held = rules(cloud)
        assert held
        assert machine.agent("install", "--no-daemon").startswith("as desired\n")
        machine.write("/etc/systemd/system/eip-agent.service.d/own.conf", "[Service]\nNice=5\n")
        assert "- /etc/systemd/system/eip-agent-apply.service\n" in machine.agent("uninstall")

        assert machine.show(ONCE, "LoadState")["LoadState"] == "not-found"
        assert rules(cloud) == held, "the network stays as it is"
        left = machine.run("find", "/etc", "-name", "*eip-agent*", "-not", "-type", "d").stdout
        assert left == ""
        assert machine.run("ls", "/etc/systemd/system/eip-agent.service.d").stdout == "own.conf\n"


def test_the_sandbox_holds(layers: list[Path]) -> None:
    """What a pass gone wrong, or somebody who took it over, cannot do; tried out in the unit's own sandbox."""
    tries = {
        "/etc/eip-agent/config.toml": "echo >>/etc/eip-agent/config.toml",
        "/var/lib": "touch /var/lib/x",
        "/proc/sys": "echo 1 >/proc/sys/net/ipv4/ip_forward",
        "/root": "ls /root/secret",
        "/proc/1": "ls /proc/1",
        "another user's memory": "python3 -c 'import os, signal; os.kill(1, 0)'",
        "user namespaces": "unshare --user true",
        "mounts": "mount -t tmpfs tmpfs /tmp",
    }
    script = "".join(
        f'if ({command}) >/dev/null 2>&1; then echo "got: {what}"; fi\n' for what, command in tries.items()
    )
    script = f"#!/bin/sh\nid -u >/run/eip-agent/uid\ngrep ^CapEff /proc/self/status >/run/eip-agent/caps\n{script}"
    unit = "/etc/systemd/system/eip-agent-apply.service.d/try.conf"
    with booted(
        layers, {**installed(ONCE), unit: "[Service]\nExecStart=\nExecStart=/opt/try\n", "/opt/try": script}
    ) as (
        _,
        machine,
    ):
        assert "got:" not in machine.journal()
        assert 61184 <= int(machine.run("cat", "/run/eip-agent/uid").stdout) <= 65519
        assert machine.run("cat", "/run/eip-agent/caps").stdout.split() == ["CapEff:", f"{1 << 12 | 1 << 13:016x}"]
