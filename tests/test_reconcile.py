"""A whole pass on a real kernel: look, write, look again, and back.

::

    a namespace of its own:   lo  100.100.100.200 (metadata)     eth0, eth1 ═══ veth ═══ nobody
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from eip_agent.core.facts import KernelFact
from eip_agent.core.message import verbatim
from eip_agent.core.report import Outcome, Report
from eip_agent.core.settings import Settings
from eip_agent.errors import ApplyError, JournalError, KernelReadError
from eip_agent.lab.metadata import Fault, FaultKind, MetadataService
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.topology import Topology, eni, vswitch
from eip_agent.reconcile import Agent
from eip_agent.work import Work

pytestmark = pytest.mark.lab

SECOND: Final = eni(1, vswitch(1), (10, 11, 12))
TOPOLOGY: Final = Topology((eni(0, vswitch(0), (10,)), SECOND))
PRIVATE: Final = f"meta-data/network/interfaces/macs/{SECOND.mac}/private-ipv4s"


@pytest.fixture
def guest() -> Iterator[Namespace]:
    with Namespace("guest") as made, Namespace("wire") as wire:
        made.ip("address add 100.100.100.200/32 dev lo\n")
        for number, one in enumerate(TOPOLOGY.enis):
            peer = f"type veth peer name wire{number} netns /proc/self/fd/{wire.fd}"
            made.ip(f"link add eth{number} address {one.mac} {peer}\n", fds=[wire.fd])
            wire.ip(f"link set wire{number} up\n")
            made.ip(f"link set eth{number} addrgenmode none\nlink set eth{number} up\n")
        made.ip("link set eth1 down\n")
        yield made


@pytest.fixture
def service(guest: Namespace) -> Iterator[MetadataService]:
    with MetadataService(TOPOLOGY, guest) as running:
        yield running


@pytest.fixture
def agent(guest: Namespace, service: MetadataService, tmp_path: Path) -> Iterator[Agent]:
    assert service.url
    with guest.entered():
        yield Agent(
            Settings(
                metadata_timeout=0.5,
                metadata_deadline=1.0,
                run_directory=str(tmp_path / "run"),
                state_directory=str(tmp_path / "state"),
                dhcp_offers=False,
                openapi=False,
            )
        )


def listed(guest: Namespace) -> list[str]:
    """All that can be configured, without what comes and goes by itself (carrier, duplicate detection)."""

    def shown(*command: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(guest.run(["ip", "-json", *command]).stdout)
        return found

    links = [f"{one['ifname']} {'UP' in one['flags']} {one['group']} {one['mtu']}" for one in shown("-d", "link")]
    addresses = [
        f"{link['ifname']} {one['local']}/{one['prefixlen']} {one.get('noprefixroute')}"
        for link in shown("address")
        for one in link["addr_info"]
    ]
    routes = [
        f"{one['dst']} {one.get('gateway')} {one.get('dev')} {one.get('table')} {one.get('protocol')}"
        for version in ("-4", "-6")
        for one in shown(version, "route", "show", "table", "all")
        if one["dst"] != "ff00::/8"
    ]
    rules = [f"{version} {one}" for version in ("-4", "-6") for one in shown(version, "rule")]
    return [*links, *addresses, *sorted(routes), *rules]


def test_looking_writes_nothing(agent: Agent, guest: Namespace, tmp_path: Path) -> None:
    before = listed(guest)
    report = agent.look()

    assert report.outcome is Outcome.PENDING
    assert listed(guest) == before
    assert not (tmp_path / "run").exists()


def test_a_pass_is_verified_and_the_next_one_writes_nothing(agent: Agent, guest: Namespace) -> None:
    planned = agent.look().plan
    report = agent.reconcile()
    after = listed(guest)

    assert (report.outcome, report.left) == (Outcome.AS_DESIRED, ())
    assert report.result is not None
    assert report.result.applied == planned

    assert agent.reconcile().result is None
    assert agent.look().outcome is Outcome.AS_DESIRED
    assert listed(guest) == after


def test_taking_back_restores_what_was(agent: Agent, guest: Namespace, tmp_path: Path) -> None:
    before = listed(guest)
    agent.reconcile()
    assert listed(guest) != before

    assert agent.planned_revert().plan
    report = agent.take_back()

    assert (report.outcome, report.left) == (Outcome.AS_DESIRED, ())
    assert listed(guest) == before
    assert not (tmp_path / "run" / "journal.json").exists()
    assert agent.take_back().plan == ()


def test_what_is_not_confirmed_is_undone(agent: Agent, guest: Namespace) -> None:
    before = listed(guest)
    asked: list[Report] = []

    def no(report: Report, _: object) -> bool:
        asked.append(report)
        return False

    report = agent.reconcile(no)

    assert asked[0].left == ()
    assert report.outcome is Outcome.REFUSED
    assert listed(guest) == before


def test_what_is_not_confirmed_is_undone_unseen_where_the_kernel_cannot_be_read(
    agent: Agent, guest: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who changes things all the time must not keep a change in place that nobody confirmed."""
    before = listed(guest)
    look, fails = Work.look, [KernelReadError(verbatim("kept changing"))]

    def no(*_: object) -> bool:
        monkeypatch.setattr(Work, "look", failing)
        return False

    def failing(one: Work) -> KernelFact:
        if fails:
            raise fails.pop()
        return look(one)

    report = agent.reconcile(no)

    assert fails == []
    assert report.outcome is Outcome.REFUSED
    assert listed(guest) == before


def test_a_question_that_fails_is_a_no(agent: Agent, guest: Namespace) -> None:
    before = listed(guest)

    def broken(*_: object) -> bool:
        raise ApplyError(verbatim("nobody can be asked"))

    report = agent.reconcile(broken)

    assert [unread.path for unread in report.unread] == ["confirmation"]
    assert listed(guest) == before


def test_a_yes_keeps_it(agent: Agent) -> None:
    assert agent.reconcile(lambda *_: True).outcome is Outcome.AS_DESIRED
    assert agent.look().plan == ()


def test_a_silent_service_changes_nothing_and_is_said(agent: Agent, service: MetadataService, guest: Namespace) -> None:
    agent.reconcile()
    after = listed(guest)
    service.stop()
    report = agent.reconcile()

    assert (report.plan, report.outcome) == ((), Outcome.FACTS_MISSING)
    assert listed(guest) == after
    assert agent.take_back().outcome is Outcome.AS_DESIRED


def test_an_address_the_cloud_takes_away_goes_by_one_pass(agent: Agent, service: MetadataService) -> None:
    agent.reconcile()
    service.topology = replace(TOPOLOGY, enis=(TOPOLOGY.enis[0], replace(SECOND, private=SECOND.private[:2])))
    report = agent.reconcile()

    assert report.outcome is Outcome.AS_DESIRED
    assert [str(change) for change in report.plan] == [f"- address {SECOND.private[2]}/24 dev eth1 noprefixroute"]


def test_answers_that_contradict_each_other_take_nothing_away(agent: Agent, service: MetadataService) -> None:
    agent.reconcile()

    first, second, third = SECOND.private
    service.faults = [Fault(PRIVATE, FaultKind.VALUE, times=1, value=f'["{first}","{second}"]')]
    service.topology = replace(TOPOLOGY, enis=(TOPOLOGY.enis[0], replace(SECOND, private=(first, third))))
    report = agent.reconcile()

    assert (report.plan, report.outcome) == ((), Outcome.FACTS_MISSING)
    assert "each leaves out other addresses" in report.unread[-1].reason


def test_a_damaged_journal_is_said_by_looking_and_stops_writing(agent: Agent, guest: Namespace, tmp_path: Path) -> None:
    agent.reconcile()
    after = listed(guest)
    (tmp_path / "run" / "journal.json").write_text("{")

    assert "journal" in [unread.path for unread in agent.look().unread]
    with pytest.raises(JournalError):
        agent.reconcile()
    with pytest.raises(JournalError):
        agent.take_back()
    assert listed(guest) == after
