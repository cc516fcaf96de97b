"""Last known good: kept when whole, for this instance only, and not written again for nothing."""

from dataclasses import replace

import pytest

from eip_agent.core.facts import Unread
from eip_agent.core.known import REFRESH, Known, ModeSeen, api_of, cloud_of, is_of_this_instance, renewed
from eip_agent.core.openapi import ApiFact
from eip_agent.core.plain import encoded
from eip_agent.core.settings import Mode
from tests.builders import cloud, eni, link, mac

NOW = 1_000_000.0
API = ApiFact(asked=frozenset(("eni-1",)))
MODES = (ModeSeen(mac(1), Mode.NAT),)


def known(**overrides: object) -> Known:
    return replace(Known("i-1", mac(0), encoded(cloud()), NOW, encoded(API), NOW, MODES), **overrides)  # type: ignore[arg-type]


def test_the_first_whole_answer_is_kept() -> None:
    assert known() == renewed(None, cloud(), API, MODES, NOW)


def test_the_same_again_is_not_written_until_its_age_would_mislead() -> None:
    assert renewed(known(), cloud(), API, MODES, NOW + REFRESH - 1) is None
    assert renewed(known(), cloud(), API, MODES, NOW + REFRESH) is not None


def test_a_partial_answer_never_takes_the_place_of_a_whole_one() -> None:
    partial = cloud(eni(0), eni(1, gateway=None, unread=(Unread("gateway", "500"),)))

    assert renewed(known(), partial, API, MODES, NOW + 2 * REFRESH) is None
    assert renewed(known(), None, API, MODES, NOW + 2 * REFRESH) is None


@pytest.mark.parametrize("silent", [None, ApiFact(unread=(Unread("OpenAPI", "timeout"),)), ApiFact()])
def test_a_silent_openapi_leaves_what_it_said_before_with_its_age(silent: ApiFact | None) -> None:
    found = renewed(known(), cloud(), silent, MODES, NOW + REFRESH)

    assert found is not None
    assert (api_of(found), found.api_at, found.saved_at) == (API, NOW, NOW + REFRESH)


def test_another_instance_starts_anew() -> None:
    found = renewed(known(), cloud(instance_id="i-2"), None, MODES, NOW + 1)

    assert found is not None
    assert found.api is None


def test_it_is_told_by_instance_id_or_else_by_the_primary_mac() -> None:
    assert is_of_this_instance(known(), cloud(), [])
    assert not is_of_this_instance(known(), cloud(instance_id="i-2"), [link(0)])
    assert is_of_this_instance(known(), None, [link(0)])
    assert not is_of_this_instance(known(), None, [link(7)])


def test_facts_come_back_and_damaged_ones_do_not() -> None:
    assert cloud_of(known()) == cloud()
    assert cloud_of(known(cloud={"enis": 5})) is None
    assert api_of(known(api="nonsense")) is None
    assert api_of(known(api=None)) is None
    assert cloud_of(None) is None
