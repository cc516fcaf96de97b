"""Managers are found among the units whose control groups have processes."""

from pathlib import Path

from eip_agent.core.host import Manager
from eip_agent.sources import services


def unit(root: Path, name: str, pids: str) -> None:
    folder = root / "system.slice" / name
    folder.mkdir(parents=True)
    (folder / "cgroup.procs").write_text(pids)


def test_units_that_run_are_found_and_others_are_not(tmp_path: Path) -> None:
    unit(tmp_path, "systemd-networkd.service", "91\n90\n")
    unit(tmp_path, "NetworkManager.service", "")
    unit(tmp_path, "NetworkManager-dispatcher.service", "92\n")
    unit(tmp_path, "system-ifup.slice/ifup@eth1.service", "93\n")
    unit(tmp_path, "system-dhcpcd.slice/dhcpcd@elsewhere.service", "94\n")
    unit(tmp_path, "keepalived.service/inner", "95\n")

    assert services.read(["lo", "eth1"], [str(tmp_path / "none"), str(tmp_path)]) == (
        Manager("dhcpcd", 94, certain=False),
        Manager("dhclient", 93, "eth1", certain=False),
        Manager("systemd-networkd", 90, certain=False),
    )


def test_without_control_groups_of_systemd_it_is_not_known(tmp_path: Path) -> None:
    assert services.read([], [str(tmp_path)]) is None
