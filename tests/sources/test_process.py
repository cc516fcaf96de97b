"""What a process takes of the machine."""

import os
import subprocess

from eip_agent.sources.process import usage


def test_this_process_takes_something() -> None:
    found = usage(os.getpid())

    assert found is not None
    assert found.memory > 1_000_000
    assert found.processor > 0
    assert found.descriptors >= 3


def test_a_process_that_is_gone_takes_nothing() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()

    assert usage(ended.pid) is None
