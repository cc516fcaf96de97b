"""The benchmark runs.  What it measures is for people to read: no time is asserted anywhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import Topology, eni, vswitch
from tests.lab.support import needs_openapi

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parent.parent


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_a_small_row_is_measured() -> None:
    done = bench("--quick", "--turns", "1", "apply-1x1")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if line.startswith("1x1: apply, nothing to change, wall")]
    assert "Medians of 1 turns" in done.stdout


@needs_openapi
def test_what_asking_costs_is_measured() -> None:
    done = bench("--turns", "1", "sources-4x10")

    assert (done.returncode, done.stderr) == (0, "")
    told = [line.partition("  ")[0] for line in done.stdout.splitlines()]
    assert "4x10: DHCP offers to 3 links, wall" in told
    assert "4x10: OpenAPI, 6 calls, wall" in told
    assert "4x10: OpenAPI, the child's peak memory" in told


def test_a_pass_without_changes_imports_nothing_large() -> None:
    """Each of these costs as much as a bare Python takes to start, and most of them several times that."""
    large = {"pydantic", "pydantic_settings", "pyroute2", "psutil", "http", "asyncio", "logging", "ssl", "shutil"}
    script = "import sys; from eip_agent.cli import main; code = main(sys.argv[1:]); print(code, *sys.modules)"
    with Cloud(Topology((eni(0, vswitch(0)), eni(1, vswitch(1)))), peers=False) as cloud:
        assert cloud.agent("apply").returncode == 0
        environment = cloud.agent_environment
        for verb in ("apply", "explain"):
            done = cloud.guest.run([sys.executable, "-c", script, verb], env=environment)
            code, *modules = done.stdout.splitlines()[-1].split()

            assert code == "0"
            assert not large & {module.partition(".")[0] for module in modules}


def test_an_unknown_row_is_told_with_those_there_are() -> None:
    done = bench("apply-2x2")

    assert done.returncode == 2
    assert "there is no such row; there are start, apply-1x1" in done.stderr
