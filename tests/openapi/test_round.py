"""Alibaba's own libraries against the simulated cloud, by the credentials of the instance's RAM role.

::

     guest: the source and its child ──eth0── router: 100.100.100.200 metadata, 100.100.100.201 OpenAPI
"""

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic

import pytest

from eip_agent import config
from eip_agent.core.facts import Unread
from eip_agent.core.openapi import ApiFact
from eip_agent.core.settings import Mode, Settings
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.metadata import Fault, FaultKind
from eip_agent.lab.topology import DEMO, Eip, public
from eip_agent.openapi.plan import AT_ONCE
from eip_agent.sources import metadata, openapi
from eip_agent.sources.openapi_document import decode
from tests.openapi.support import document, wide

pytestmark = pytest.mark.lab

ROLE = "ram/security-credentials/"


@pytest.fixture(scope="module")
def demo() -> Iterator[Cloud]:
    with Cloud(DEMO, peers=False) as cloud:
        yield cloud


@pytest.fixture
def cloud(demo: Cloud) -> Iterator[Cloud]:
    """The demo as it was built."""
    demo.openapi.requests.clear()
    demo.metadata.requests.clear()
    yield demo
    demo.metadata.faults.clear()
    demo.openapi.faults.clear()
    demo.metadata.hardened = False
    demo.account.role = "EipAgentRole"
    demo.account.validity = 3600
    demo.account.rotate()
    demo.become(DEMO)


def settings(cloud: Cloud) -> Settings:
    return config.load(str(cloud.settings(cloud.openapi_settings())), environ={})


def read(cloud: Cloud, *, deadline: float = 20, role: str | None = None) -> ApiFact:
    wanted = replace(settings(cloud), openapi_deadline=deadline, openapi_ram_role=role)
    with cloud.guest.entered():
        return openapi.read(wanted, metadata.read(wanted))


@pytest.mark.parametrize("hardened", [False, True])
@pytest.mark.parametrize("role", [None, "EipAgentRole"])
def test_the_ram_role_is_enough(cloud: Cloud, hardened: bool, role: str | None) -> None:  # noqa: FBT001 - a table
    cloud.metadata.hardened = hardened
    fact = read(cloud, role=role)

    assert {eip.address: eip.mode for eip in fact.eips} == {
        eip.address: Mode.NAT if eip.mode is Mode.SECONDARY_CIDR else eip.mode for eni in DEMO.enis for eip in eni.eips
    }
    assert fact.asked == {eni.eni_id for eni in DEMO.enis}
    assert (fact.denied, fact.unread) == ((), ())
    assert ("GET", f"/latest/meta-data/{ROLE}EipAgentRole") in cloud.metadata.requests


def test_without_a_role_it_says_that_there_are_no_credentials(cloud: Cloud) -> None:
    cloud.account.role = None

    assert [one.path for one in read(cloud).unread] == ["openapi/credentials"]
    assert cloud.openapi.requests == []


def test_a_role_of_another_name_is_told(cloud: Cloud) -> None:
    assert read(cloud, role="Other").unread == (Unread("openapi/credentials", "no credentials of RAM role `Other`"),)


def test_credentials_that_come_late_are_waited_for(cloud: Cloud) -> None:
    cloud.metadata.faults.append(Fault(f"meta-data/{ROLE}", FaultKind.STATUS, status=503, times=1))

    assert read(cloud).unread == ()


def test_credentials_that_have_expired_are_not_used(cloud: Cloud) -> None:
    cloud.account.validity = -60

    assert [one.path for one in read(cloud).unread] == ["openapi/credentials"]
    assert cloud.openapi.requests == []


def test_what_is_bound_elsewhere_a_moment_later_is_told_a_moment_later(cloud: Cloud) -> None:
    before = {eip.address: eip.instance_id for eip in read(cloud).eips}
    first, second = DEMO.enis[1], DEMO.enis[2]
    moved = replace(first, eips=first.eips[:1]), replace(second, eips=(Eip(public(12)),))
    cloud.become(DEMO.with_eni(moved[0]).with_eni(moved[1]))
    after = {eip.address: eip.instance_id for eip in read(cloud).eips}

    assert before[public(12)] == first.eni_id
    assert after[public(12)] == second.eni_id
    assert public(20) not in after


def test_fifteen_enis_are_asked_in_seconds_and_a_few_at_once() -> None:
    with Cloud(wide(15), peers=False) as cloud:
        began = monotonic()
        fact = read(cloud)
        took = monotonic() - began

        assert len(fact.eips) == len(fact.asked) == 15
        assert cloud.openapi.most_at_once <= AT_ONCE
        assert took < 10  # 0.7 where nothing else runs


def test_the_simulated_answers_are_those_of_the_tests_without_network(cloud: Cloud) -> None:
    with cloud.guest.entered():
        facts = metadata.read(settings(cloud))

    assert read(cloud) == decode(document(DEMO, everything=False), facts)
