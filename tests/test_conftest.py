"""The wall holds, and lets through what it should; workers do not meet."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import WallError, is_loopback

ROOT: Final = Path(__file__).parent.parent


def test_the_kernel_cannot_be_spoken_to() -> None:
    with pytest.raises(WallError, match="AF_NETLINK"):
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


@pytest.mark.parametrize("method", ["connect", "connect_ex", "bind"])
def test_other_machines_cannot_be_reached(method: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(WallError, match=r"192\.0\.2\.1"):
        getattr(sock, method)(("192.0.2.1", 9))


def test_nothing_is_sent_to_other_machines() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(WallError):
        sock.sendto(b"", ("192.0.2.1", 9))


def test_a_server_on_loopback_can_be_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


def test_unix_sockets_are_no_network() -> None:
    one, two = socket.socketpair()
    with one, two:
        one.sendall(b"x")

        assert two.recv(1) == b"x"


@given(st.integers(0, 2**32 - 1))
def test_laws_live_behind_the_wall_too(number: int) -> None:
    host = socket.inet_ntoa(number.to_bytes(4, "big"))

    assert is_loopback((host, 1)) == (number >> 24 == 127)


# --- workers of pytest-xdist ------------------------------------------------------------------------------------------

NAMES: Final = ("net", "mnt")
WORK: Final = f"""
import os, socket
from pathlib import Path

import pytest

from eip_agent.errors import LabError
from eip_agent.lab.namespace import Namespace


@pytest.mark.lab
def test_work(worker_id):
    with socket.create_server(("127.0.0.1", 7)) as server:  # the same for all
        socket.create_connection(server.getsockname(), timeout=5).close()
    with pytest.raises(LabError, match="will not touch the network of this machine"):
        Namespace("mine", fd=os.open("/proc/self/ns/net", os.O_RDONLY))
    told = [os.readlink(f"/proc/self/ns/{{name}}") for name in {NAMES}]
    Path(__file__).with_name(worker_id).write_text(" ".join(told))


def test_rest():
    pass
"""


def work(
    folder: Path, *options: str, before: Sequence[str] = (), ci: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run two tests by each of some workers, which have the hooks of this folder."""
    (folder / "conftest.py").write_text("from tests.conftest import pytest_configure, pytest_runtest_setup\n")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    lab\n")
    (folder / "test_work.py").write_text(WORK)
    command = [*before, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", "--basetemp=own", *options]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "CI": str(ci).lower()}  # noqa: TID251 handed on
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.lab
def test_each_worker_has_a_network_and_mounts_of_its_own(tmp_path: Path) -> None:
    done = work(tmp_path, "-n", "2", "--dist", "each")

    assert done.returncode == 0, done.stdout
    own = [os.readlink(f"/proc/self/ns/{name}") for name in NAMES]
    told = [own, *((tmp_path / worker).read_text().split() for worker in ("gw0", "gw1"))]
    assert [len(set(kind)) for kind in zip(*told, strict=True)] == [3, 3]


def test_where_no_namespace_can_be_made_the_lab_is_skipped_and_in_ci_a_failure(tmp_path: Path) -> None:
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if subprocess.run([*powerless, "unshare", "--user", "--map-root-user", "true"], check=False).returncode == 0:
        pytest.skip("this kernel gives everybody a user namespace")
    reason = "network namespaces cannot be made: not root, and the kernel allows no user namespaces"

    skipped = work(tmp_path, "-n", "1", before=powerless)
    failed = work(tmp_path, "-n", "1", before=powerless, ci=True)

    assert skipped.returncode == 0, skipped.stdout
    assert "1 passed, 1 skipped" in skipped.stdout
    assert reason in skipped.stdout
    assert failed.returncode == 1, failed.stdout
    assert "1 passed, 1 error" in failed.stdout
    assert f"Failed: {reason}, and CI must run the lab" in failed.stdout
