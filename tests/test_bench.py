"""The benchmark runs.  What it measures is for people to read: no time is asserted anywhere."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parent.parent


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_small_row_is_measured() -> None:
    done = bench("--quick", "--turns", "1", "apply-1x1")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if line.startswith("1x1: apply, nothing to change, wall")]
    assert "Medians of 1 turns" in done.stdout


def test_an_unknown_row_is_told_with_those_there_are() -> None:
    done = bench("apply-2x2")

    assert done.returncode == 2
    assert "there is no such row; there are start, apply-1x1" in done.stderr
