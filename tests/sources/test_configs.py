"""What other programs are told to do, from files below a root of the test's own."""

import socket
from pathlib import Path

import pytest

from eip_agent.core.neighbours import ManagedLink, Neighbours
from eip_agent.sources import configs
from tests.builders import ip4, ip6

NOTHING = Neighbours(
    spares_rules=False,
    spares_routes=False,
    hotplug=False,
    nm_cloud_setup=False,
    multi_nic_util=False,
    terway=(),
    repairs=False,
)


def write(root: Path, path: str, text: str = "") -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def read(root: Path) -> Neighbours:
    return configs.read([2, 3], str(root / "run" / "eip-agent"), str(root))


def test_nothing_is_told_where_there_is_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == NOTHING


def test_what_systemd_networkd_says_of_links(tmp_path: Path) -> None:
    folder = "run/systemd/netif"
    write(tmp_path, f"{folder}/links/2", "# private\nADMIN_STATE=configured\nNETWORK_FILE=/run/x.network\n")
    write(tmp_path, f"{folder}/links/3", "ADMIN_STATE=unmanaged\n")
    write(tmp_path, f"{folder}/links/9", "ADMIN_STATE=configured\n")
    write(tmp_path, f"{folder}/leases/2", "ADDRESS=172.16.0.10\n")

    assert read(tmp_path).networkd == (
        ManagedLink(2, managed=True, asks=True),
        ManagedLink(3, managed=False),
    )
    write(tmp_path, f"{folder}/links/2", "nonsense\n")
    write(tmp_path, f"{folder}/links/3", "OPER_STATE=routable\n")
    assert read(tmp_path).networkd == ()


def test_what_network_manager_says_of_links(tmp_path: Path) -> None:
    write(tmp_path, "run/NetworkManager/devices/2", "[device]\nmanaged=true\nconnection-uuid=u\n")
    write(tmp_path, "run/NetworkManager/devices/3", "[device]\nmanaged=false\nperm-hw-addr-fake=00:16:3E:00:00:01\n")

    assert read(tmp_path).network_manager == (
        ManagedLink(2, managed=True, asks=True),
        ManagedLink(3, managed=False, by_mac=False),
    )
    write(tmp_path, "run/NetworkManager/devices/2", "[device]\nnm-owned=true\n")
    write(tmp_path, "run/NetworkManager/devices/3", "[device\n")
    assert read(tmp_path).network_manager == ()


def test_what_systemd_networkd_is_told_of_others(tmp_path: Path) -> None:
    write(tmp_path, "etc/systemd/networkd.conf", "[Network]\nManageForeignRoutes=no\n")
    found = read(tmp_path)

    assert (found.spares_rules, found.spares_routes) == (False, True)


HOTPLUG = "updates:\n  network:\n    when: ['boot', 'hotplug']\n"
BOOT = "updates: {network: {when: [boot]}}\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, False),
        ({"10.cfg": HOTPLUG}, True),
        ({"10.txt": HOTPLUG}, False),
        ({"10.cfg": BOOT}, False),
        ({"10.cfg": HOTPLUG, "20.cfg": "updates:\n  network:\n    when: [boot]\n"}, False),
        ({"10.cfg": HOTPLUG, "20.cfg": "updates:\n  other: 1\n"}, True),
        ({"10.cfg": HOTPLUG, "90.cfg": "network: {config: disabled}\n"}, False),
        ({"10.cfg": HOTPLUG, "90.cfg": "network:\n  config: disabled\n"}, False),
        ({"10.cfg": HOTPLUG, "90.cfg": "datasource:\n  AliYun: {apply_full_imds_network_config: false}\n"}, False),
        ({"10.cfg": HOTPLUG, "90.cfg": "datasource:\n  AliYun: {apply_full_imds_network_config: true}\n"}, True),
        ({"10.cfg": HOTPLUG, "90.cfg": "not a mapping\n"}, None),
    ],
)
def test_what_cloud_init_is_told(tmp_path: Path, files: dict[str, str], *, expected: bool | None) -> None:
    write(tmp_path, "etc/cloud/cloud.cfg", "datasource_list: [AliYun]\n")
    for name, text in files.items():
        write(tmp_path, f"etc/cloud/cloud.cfg.d/{name}", text)

    assert read(tmp_path).hotplug is expected
    write(tmp_path, "etc/cloud/cloud-init.disabled")
    assert read(tmp_path).hotplug is False


def test_nm_cloud_setup_counts_where_it_is_started_and_switched_on(tmp_path: Path) -> None:
    unit = "nm-cloud-setup.service"
    write(tmp_path, f"usr/lib/systemd/system/{unit}", "[Service]\n#Environment=NM_CLOUD_SETUP_ALIYUN=yes\n")
    write(tmp_path, "etc/systemd/system/timers.target.wants/nm-cloud-setup.timer")
    assert read(tmp_path).nm_cloud_setup is False

    write(tmp_path, f"etc/systemd/system/{unit}.d/10.conf", "[Service]\nEnvironment=NM_CLOUD_SETUP_ALIYUN=yes\n")
    assert read(tmp_path).nm_cloud_setup is True
    write(tmp_path, f"etc/systemd/system/{unit}.d/20.conf", "[Service]\nEnvironment=NM_CLOUD_SETUP_ALIYUN=no\n")
    assert read(tmp_path).nm_cloud_setup is False


def test_multi_nic_util_is_known_by_its_service_and_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "etc/systemd/system/multi-user.target.wants/eni.service")
    assert read(tmp_path).multi_nic_util is False

    write(tmp_path, "etc/eni_utils/eni-cleanup")
    assert read(tmp_path).multi_nic_util is True


def test_terway_is_known_by_its_network_plug_in(tmp_path: Path) -> None:
    write(tmp_path, "etc/cni/net.d/10-terway.conflist")
    write(tmp_path, "etc/cni/net.d/99-loopback.conf")

    assert read(tmp_path).terway == ("10-terway.conflist",)


KEEPALIVED = """\
vrrp_instance one {
    virtual_ipaddress {
        172.16.1.77/24 dev eth1 label eth1:1
        # 172.16.1.78
        172.16.1.79
    }
    virtual_ipaddress_excluded {
        2001:db8::77
    }
}
"""


def test_virtual_addresses_are_known_unless_other_files_are_included(tmp_path: Path) -> None:
    path = "etc/keepalived/keepalived.conf"
    write(tmp_path, path, KEEPALIVED)
    assert read(tmp_path).keepalived == (ip4("172.16.1.77"), ip4("172.16.1.79"), ip6("2001:db8::77"))

    write(tmp_path, path, KEEPALIVED + "include conf.d/*.conf\n")
    assert read(tmp_path).keepalived is None


def test_the_daemon_is_there_where_it_listens(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "eip-agent"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(folder / "control"))
        assert read(tmp_path).repairs is False, "nobody listens yet"
        door.listen(1)
        assert read(tmp_path).repairs is True
    assert read(tmp_path).repairs is False, "it has left its socket behind"
    assert configs.read([], "/" + "x" * 200, str(tmp_path)).repairs is None
