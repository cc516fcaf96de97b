"""Signals are told to the loop, and to nobody else."""

import os
import selectors
import signal

from eip_agent.daemon.signals import signals


def test_a_signal_is_read_and_ends_nothing() -> None:
    before = signal.getsignal(signal.SIGHUP)
    heard: list[int] = []
    with selectors.DefaultSelector() as selector:
        with signals(selector, heard.append):
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                os.kill(os.getpid(), number)
            while len(heard) < 4:
                for key, events in selector.select(5):
                    key.data(events, 0.0)

        assert not selector.get_map()
    assert sorted(heard) == sorted([signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    assert signal.getsignal(signal.SIGHUP) == before
