"""Other programs that configure links: processes that look like them, and their settings on the guest's disk.

::

      eth0  172.16.0.10               primary
      eth1  172.16.1.10, 172.16.1.11  secondary, nat
      eth2  203.0.113.120             secondary, eip-visible
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import Eip, Topology, eni, public, vswitch
from tests.lab.findings.support import codes, gone, heal, see, see_all, see_only
from tests.lab.support import ETH0, agent, declared, nat

pytestmark = pytest.mark.lab

VISIBLE = eni(2, vswitch(2), (10,), [Eip(public(120), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])
THREE = Topology((ETH0, nat(1, vswitch(1), (10, 11)), VISIBLE))
SETTINGS = declared(THREE) + "[dhcp]\noffers = false\n"
EXCLUDED = SETTINGS + '[exclude]\nenis = ["{}", "{}"]\n'
ALIYUN = "[Service]\nEnvironment=NM_CLOUD_SETUP_ALIYUN=yes\n"
NETWORKD = "# This is private data. Do not parse.\nADMIN_STATE={}\nNETWORK_FILE=/run/systemd/network/10-eth1.network\n"
DEVICE = "[device]\nmanaged={}\nconnection-uuid=b5a42ab3-4c8d-4b7a-a1f2-4f6f0a8e3c11\n"
HOTPLUG = "# cloud-init\nusers:\n  - default\ndisable_root: true\nupdates:\n  network:\n    when: [boot, hotplug]\n"
LOGGING = (
    "_log:\n - &base |\n   [loggers]\n   keys=root\nlog_cfgs:\n - [ *base, x ]\noutput: {all: '| tee -a /x.log'}\n"
)
"""What every Debian image has: more of YAML than is understood, and not about the network."""
KEEPALIVED = """\
vrrp_instance one {
    interface eth1
    virtual_router_id 7
    virtual_ipaddress {
        172.16.1.11/24 dev eth1   # listed for the ENI, too
        172.16.1.77/24 dev eth1
    }
}
"""


@contextlib.contextmanager
def running(cloud: Cloud, name: str, *arguments: str) -> Iterator[int]:
    """A shell in the guest that looks like another program; gives its process id."""
    program = cloud.directory / name
    program.unlink(missing_ok=True)
    program.symlink_to(shutil.which("sh") or "/bin/sh")
    process = cloud.guest.start(
        [str(program), "-c", "echo ready; read line; exit 0", *arguments], stdin=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(THREE, boot="dhcp", peers=False) as made:
        made.settings(SETTINGS)
        agent(made, "apply")
        assert codes(made) == []
        yield made
        assert codes(made) == []


@contextlib.contextmanager
def written(cloud: Cloud, path: str, text: str) -> Iterator[Path]:
    """A file on the guest's disk."""
    file = cloud.disk / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def index(cloud: Cloud, link: str) -> int:
    (found,) = json.loads(cloud.guest.run(["ip", "-j", "link", "show", link]).stdout)
    return int(found["ifindex"])


def test_network_managers_that_sweep_are_a_note_until_our_daemon_runs(cloud: Cloud) -> None:
    eth1, eth2 = index(cloud, "eth1"), index(cloud, "eth2")
    with (
        written(cloud, f"run/systemd/netif/links/{eth1}", NETWORKD.format("configured")),
        written(cloud, f"run/systemd/netif/links/{eth2}", NETWORKD.format("unmanaged")),
        written(cloud, f"run/NetworkManager/devices/{eth1}", DEVICE.format("false")),
        written(cloud, f"run/NetworkManager/devices/{eth2}", DEVICE.format("true")),
        written(cloud, "etc/cloud/cloud.cfg", HOTPLUG),
        written(cloud, "etc/cloud/cloud.cfg.d/05_logging.cfg", LOGGING),
    ):
        found = see_only(cloud, "EIP211")
        with running(cloud, "systemd-networkd"), running(cloud, "NetworkManager"):
            seen = see_all(cloud, "EIP202", "EIP203")
            assert [one["subject"] for one in seen.values()] == ["eth1", "eth2"]
            daemon = cloud.guest.start(cloud.agent_command("run"), env=cloud.agent_environment)
            assert any(codes(cloud) == [] for _ in range(20)), "as soon as it answers"
            daemon.kill()
            daemon.wait()
        heal(cloud, found)
        assert codes(cloud) == []


@pytest.mark.skipif(not shutil.which("dhclient"), reason="Debian package isc-dhcp-client is not installed")
def test_two_real_dhcp_clients_on_a_link(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    def client(number: int, *more: str) -> int:
        options = f"-d -sf /bin/true -lf {tmp_path}/{number} -cf {tmp_path}/empty --no-pid eth1"
        return cloud.guest.start(["dhclient", *more, *options.split()]).pid

    client(1, "-4"), client(2, "-6")
    assert codes(cloud) == [], "one for each version of IP"
    third = client(3)
    found = see(cloud, "EIP204", hide=pids(cloud))
    assert found["commands"] == [f"kill {third}"]
    heal(cloud, found)
    gone(cloud, "EIP204")


def pids(cloud: Cloud) -> list[tuple[str, str]]:
    """What differs from run to run."""
    numbers = sorted(process.pid for process in cloud.guest._processes if process.poll() is None)
    return [(str(number), f"PID{place}") for place, number in enumerate(numbers)]


def test_other_programs_that_do_the_same_work(cloud: Cloud) -> None:
    wants = "etc/systemd/system/multi-user.target.wants"
    with (
        written(cloud, "etc/systemd/system/nm-cloud-setup.service.d/on.conf", ALIYUN),
        written(cloud, f"{wants}/eni.service", "[Service]\n"),
        written(cloud, "etc/keepalived/keepalived.conf", KEEPALIVED),
        running(cloud, "NetworkManager"),
    ):
        assert codes(cloud) == [], "not started; somebody else's service of that name; does not run"
        with (
            written(cloud, f"{wants}/nm-cloud-setup.timer", "[Timer]\n"),
            written(cloud, "etc/eni_utils/eni-setup", ""),
            written(cloud, "etc/cni/net.d/10-terway.conflist", "{}"),
            running(cloud, "keepalived"),
        ):
            see_all(cloud, "EIP212", "EIP221", "EIP222", "EIP231")
            cloud.settings(EXCLUDED.format(VISIBLE.eni_id, THREE.enis[1].eni_id))
            see_all(cloud, "EIP213")
            assert codes(cloud) == ["EIP221", "EIP213"]
            cloud.settings(SETTINGS)
