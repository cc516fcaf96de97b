"""Managers are found among real processes, which the tests start under their names."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from eip_agent.core.host import HostFact, Manager
from eip_agent.sources import host


@contextlib.contextmanager
def running(folder: Path, name: str, *arguments: str, before: tuple[str, ...] = ()) -> Iterator[int]:
    """Run a shell under another name until the end of the block; gives its process id."""
    program = folder / name
    if not program.exists():
        program.symlink_to(shutil.which("sh") or "/bin/sh")
    script = "echo ready; read line; exit 0"
    command = [*before, str(program), "-c", script, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process.pid
        process.communicate("\n", timeout=10)


def seen(pid: int, fact: HostFact | None = None) -> list[Manager]:
    managers = (fact or host.read()).managers
    assert managers is not None
    return [manager for manager in managers if manager.pid == pid]


@pytest.mark.parametrize(
    "name",
    ["NetworkManager", "systemd-networkd", "dhclient", "dhcpcd", "udhcpc", "nm-cloud-setup", "keepalived"],
)
def test_a_manager_that_runs_is_found(tmp_path: Path, name: str) -> None:
    with running(tmp_path, name) as pid:
        found = seen(pid)

    assert found == [Manager(name, pid)]


def test_a_client_started_for_one_link_manages_that_link(tmp_path: Path) -> None:
    with running(tmp_path, "dhclient", "-4", "lo") as pid:
        found = seen(pid)

    assert found == [Manager("dhclient", pid, "lo", version=4)]


def test_a_manager_that_ended_is_not_found(tmp_path: Path) -> None:
    with running(tmp_path, "dhclient") as pid:
        pass

    assert seen(pid) == []


def test_others_are_not_found(tmp_path: Path) -> None:
    with running(tmp_path, "dhclient-exporter", "dhclient", "lo") as pid:
        assert seen(pid) == []


def test_a_manager_in_an_unreadable_namespace_may_be_ours(tmp_path: Path) -> None:
    with running(tmp_path, "terwayd") as pid:
        fact = host.read(lambda asked: None if asked == pid else host.network_of(asked))

        assert seen(pid, fact) == [Manager("terway", pid, certain=False)]


def test_when_even_our_own_namespace_is_unreadable_all_may_be_ours(tmp_path: Path) -> None:
    with running(tmp_path, "keepalived") as pid:
        fact = host.read(lambda asked: None if asked == os.getpid() else host.network_of(asked))

        assert seen(pid, fact) == [Manager("keepalived", pid, certain=False)]


@pytest.mark.lab
def test_a_manager_of_another_network_is_not_ours(tmp_path: Path) -> None:
    alone = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--net")
    with running(tmp_path, "dhclient", before=alone) as pid:
        assert host.network_of(pid) != host.network_of(os.getpid())
        assert seen(pid) == []


def test_what_cannot_be_looked_through_is_unread() -> None:
    def broken(pid: int) -> int | None:
        raise OSError(pid)

    assert host.read(broken) == HostFact(None)


def test_a_process_that_is_gone_is_in_no_namespace() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait(timeout=10)

    assert host.network_of(process.pid) == host.GONE


@pytest.mark.parametrize(
    ("name", "command", "expected"),
    [
        ("systemd-network", ["/lib/systemd/systemd-networkd"], "systemd-networkd"),
        ("dhcpcd", ["dhcpcd: eth1 [ip4]"], "dhcpcd"),
        ("busybox", ["/bin/busybox", "udhcpc", "-i", "eth1"], "udhcpc"),
        ("cloud-init", ["/usr/bin/python3", "/usr/bin/cloud-init", "init"], "cloud-init"),
        ("sh", ["/bin/sh", "/etc/eni_utils/eni-setup"], "multi-nic-util"),
        ("bash", ["/bin/bash", "/usr/local/multi-nic-util/eni.sh"], "multi-nic-util"),
        ("dhclient", [], "dhclient"),
        ("grep", ["grep", "dhclient"], None),
        ("vi", ["vi", "/etc/eni_utils/eni-setup"], None),
        ("dhclient", ["/sbin/dhclient", "-d", "-sf", "/usr/libexec/nm-dhcp-helper", "eth1"], None),
        ("sh", ["sh"], None),
        ("", [], None),
    ],
)
def test_a_manager_is_known_by_its_program_and_not_by_its_arguments(
    name: str, command: list[str], expected: str | None
) -> None:
    assert host.recognise(name, command) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["dhclient", "-pf", "/run/dhclient.eth1.pid", "eth1"], "eth1"),
        (["udhcpc", "-i", "eth1"], "eth1"),
        (["dhcpcd: eth1 [ip4]"], "eth1"),
        (["dhclient", "eth0", "eth1"], None),
        (["dhclient", "eth10"], None),
        (["dhclient"], None),
        ([], None),
    ],
)
def test_a_client_manages_the_one_link_it_names(command: list[str], expected: str | None) -> None:
    assert host.link_of(command, ["lo", "eth0", "eth1"]) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [(["dhclient", "-6", "eth1"], 6), (["dhclient", "-4", "-v"], 4), (["dhclient"], None), (["x", "-4", "-6"], None)],
)
def test_a_client_may_be_for_one_version_of_ip(command: list[str], expected: int | None) -> None:
    assert host.version_of(command) == expected


def test_a_link_is_managed_by_its_client_and_by_those_of_no_link() -> None:
    one, other, any_link = Manager("dhclient", 1, "eth1"), Manager("dhclient", 2, "eth2"), Manager("NetworkManager", 3)

    assert HostFact((one, other, any_link)).on("eth1") == (one, any_link)
    assert HostFact(None).on("eth1") == ()
