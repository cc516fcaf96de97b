"""What EIP202 and EIP203 say to do is done, beside real network managers: then nothing of ours is swept any more.

::

    systemd ─ systemd-networkd or NetworkManager: DHCP on every link
            └ no daemon: one pass, the commands of the finding, and then nobody who repairs anything
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.lab.support import Ear
from tests.systems.machine import Machine, eventually
from tests.systems.support import INSTANCE, ONCE, Host, begun, booted, difference, installed, networkd
from tests.systems.test_neighbours import image

pytestmark = [pytest.mark.lab, pytest.mark.systems]

NETWORKD: Final = (
    "networkctl reconfigure eth1",
    "networkctl reconfigure eth2",
    "networkctl reconfigure eth3",
    "networkctl reconfigure eth0",
    "networkctl reload",
    "systemctl restart systemd-networkd",
)
NETWORK_MANAGER: Final = (
    "nmcli connection up eth1",
    "nmcli connection up eth2",
    "nmcli device reapply eth3",
    "nmcli connection up eth0",
    "nmcli connection reload",
    "systemctl restart NetworkManager",
)
SECONDARIES: Final = tuple(eni.link for eni in INSTANCE.enis[1:])


def found(machine: Machine, code: str) -> dict[str, Any]:
    """The finding that a manager sweeps links; empty where there is none."""
    findings = json.loads(machine.run("eip-agent", "explain", "--format", "json", check=False).stdout)["findings"]
    return next((one for one in findings if one["code"] == code), {})


def follow(machine: Machine, finding: Mapping[str, Any]) -> None:
    """Run its commands as root would copy them, one after the other."""
    for command in finding["commands"]:
        machine.run("sh", "-ec", command)


def settled(host: Host) -> Mapping[str, object]:
    """The rules, the routes to nowhere, and what is on the secondary links, once nobody writes any more."""
    with Ear(host.cloud) as ear:
        eventually("it is quiet", lambda: not ear.heard() and not ear.heard())
    whole = host.rest()
    tables, addresses = whole["tables"], whole["addresses"]
    assert isinstance(tables, dict)
    assert isinstance(addresses, list)
    return {
        "rules": whole["rules"],
        "nowhere": whole["nowhere"],
        "tables": {link: tables[link] for link in SECONDARIES},
        "addresses": [line for line in addresses if line.split()[0] in SECONDARIES],
    }


def kept(machine: Machine, folder: str) -> dict[str, str]:
    """The files that were written there for peace."""
    paths = machine.run("find", folder, "-name", "*eip-agent-eni-*").stdout.split()
    assert len(paths) == len(SECONDARIES)
    return {path: machine.run("cat", path).stdout for path in paths}


@pytest.mark.parametrize(
    ("code", "drop_in", "folder", "events"),
    [
        pytest.param("EIP202", False, "/etc/systemd/network", NETWORKD, id="networkd"),
        pytest.param("EIP202", True, "/etc/systemd/network", NETWORKD, id="networkd, with the drop-in"),
        pytest.param("EIP203", True, "/etc/NetworkManager/conf.d", NETWORK_MANAGER, id="NetworkManager"),
    ],
)
def test_nothing_is_swept_once_the_finding_is_followed(
    layers: list[Path], code: str, folder: str, events: tuple[str, ...], *, drop_in: bool
) -> None:
    files = {**(networkd if code == "EIP202" else image)(INSTANCE), **installed(drop_in=drop_in)}
    with booted(layers, files) as (cloud, machine):
        host = begun(cloud, machine, ONCE)
        if code == "EIP203":
            for eni in INSTANCE.enis:
                machine.run("nmcli", "connection", "up", eni.link)
            machine.agent("apply")
        whole = settled(host)
        told = found(machine, code)
        assert told["subject"] == "eth0, eth1, eth2, eth3"
        if code == "EIP202":
            assert ("ManageForeignRoutes=no" in told["saw"]) == drop_in
        machine.run("sh", "-c", events[0])
        assert settled(host) != whole, "before, it sweeps"

        follow(machine, told)
        whole = settled(host)
        assert found(machine, code)["subject"] == "eth0", "the others are left alone"
        assert machine.agent("apply").startswith("as desired"), "the commands are all there is to do"
        host.packets()
        for event in events:
            machine.run("sh", "-c", event, check=False)
            now = settled(host)
            assert now == whole, f"{event}: {[difference(whole[key], now[key]) for key in whole]}"
        host.packets()
        peace = kept(machine, folder)
        machine.agent("apply")

        rest = found(machine, code)
        assert rest["commands"] == ["eip-agent install"], "on the primary link only the daemon helps"
        follow(machine, rest)
        eventually("it is found no more", lambda: not found(machine, code))
    with booted(layers, {**files, **peace, **installed(ONCE)}) as (cloud, machine):
        host = begun(cloud, machine, ONCE)
        assert found(machine, code)["subject"] == "eth0"
        host.packets()
