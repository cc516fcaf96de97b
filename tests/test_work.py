"""A plan on its way into a real kernel: written ahead, carried out, followed up, taken back.

::

    a namespace of its own:   eth0 ═══ veth ═══ eth1
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import pytest

from eip_agent.core.changes import Change, Plan, Why
from eip_agent.core.facts import KernelFact, Link, Remembered
from eip_agent.core.items import Address
from eip_agent.core.report import Report
from eip_agent.errors import JournalError
from eip_agent.lab.namespace import Namespace
from eip_agent.netlink import Netlink
from eip_agent.sinks.journal import Journal
from eip_agent.work import MORE_ROUNDS, Work, finished

pytestmark = pytest.mark.lab

ADDRESSES: Final = [IPv4Address(f"172.16.1.{number}") for number in range(10, 20)]


@dataclass(frozen=True)
class Bench:
    """A pass about to write, and where it writes."""

    guest: Namespace
    journal: Journal
    work: Work
    link: Link

    def adding(self, *ips: IPv4Address) -> Plan:
        """The plan that adds these addresses."""
        return tuple(Change(None, Address(self.link, ip, 24), Why.MISSING) for ip in ips)

    def removing(self, *ips: IPv4Address) -> Plan:
        """The plan that removes them."""
        return tuple(change.inverse() for change in self.adding(*ips))

    @property
    def shown(self) -> set[str]:
        """The IPv4 addresses that the kernel has."""
        words = self.guest.ip("address show dev eth1", version=4).split()
        return {words[place + 1].partition("/")[0] for place, word in enumerate(words) if word == "inet"}

    @property
    def written(self) -> set[IPv4Address]:
        """Those that the journal has."""
        return {ip for _, ip, _ in self.journal.read().addresses if isinstance(ip, IPv4Address)}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Namespace("guest") as guest:
        guest.ip("link add eth0 type veth peer name eth1\nlink set eth1 up\n")
        index = int(guest.ip("link show eth1").partition(":")[0])
        journal = Journal(str(tmp_path / "run"))
        with guest.entered(), Netlink() as netlink:
            yield Bench(guest, journal, Work(netlink, journal, None, Remembered()), Link(index, "eth1"))


def test_what_is_written_stands_in_the_journal_before_it_stands_in_the_kernel(bench: Bench, tmp_path: Path) -> None:
    first, second, *_ = ADDRESSES
    bench.work.carry_out(bench.adding(first), bench.work.look())
    assert (bench.shown, bench.written) == ({str(first)}, {first})
    (tmp_path / "run" / "journal.json").unlink()
    (tmp_path / "run" / "journal.json").mkdir()

    with pytest.raises(JournalError):
        bench.work.carry_out(bench.adding(second), bench.work.look())
    assert bench.shown == {str(first)}, "without a note of it nothing is written"


def test_undoing_takes_back_what_this_pass_did_and_no_more(bench: Bench) -> None:
    theirs, mine, later, *_ = ADDRESSES
    bench.guest.ip(f"address add {theirs}/24 dev eth1 noprefixroute")
    bench.work.carry_out(bench.adding(theirs, mine), bench.work.look())
    bench.work.carry_out(bench.adding(later), bench.work.look())
    assert bench.shown == set(map(str, (theirs, mine, later)))
    bench.work.undo()

    assert bench.shown == {str(theirs)}
    assert len(bench.work.result.undone) == 2
    assert bench.work.result.stuck == ()


def test_the_kernel_is_read_again_only_after_writing(bench: Bench) -> None:
    before = bench.work.latest()
    bench.guest.ip(f"address add {ADDRESSES[0]}/24 dev eth1")
    assert bench.work.latest() is before
    bench.work.carry_out(bench.adding(ADDRESSES[1]), before)

    assert len(bench.work.latest().addresses) == len(before.addresses) + 2


def test_a_pass_goes_on_while_something_is_left_but_not_for_ever(bench: Bench) -> None:
    todo = list(ADDRESSES)

    def left(_kernel: KernelFact, _remembered: Remembered) -> Plan:
        return bench.adding(todo.pop(0))

    report = finished(Report(None), bench.work, left)

    assert len(report.plan) == MORE_ROUNDS
    assert len(bench.shown) == MORE_ROUNDS
    assert len(report.left) == 1, "it is told that this was not the end"


def test_an_address_is_not_removed_in_a_round_that_nobody_asked_the_cloud_for(bench: Bench) -> None:
    bench.work.carry_out(bench.adding(ADDRESSES[0]), bench.work.look())
    report = finished(Report(None), bench.work, lambda *_: bench.removing(ADDRESSES[0]))

    assert bench.shown == {str(ADDRESSES[0])}
    assert report.left == bench.removing(ADDRESSES[0])
