"""Whatever the OpenAPI, DHCP and metadata do, alone or against each other: what works goes on working.

::

      internet ──── streams, never cut ──── guest: as desired, a DHCP image
                                              │ eip-agent apply, again and again
      OpenAPI: every fault ───────────────────┤
      DHCP: silent, another opinion ──────────┤  nothing changes, and it says what and who
      metadata: faults while OpenAPI speaks ──┤
      settings against each of them ──────────┘
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pytest

from eip_agent.core.facts import IPAddress
from eip_agent.core.openapi import Bound
from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import Boot
from eip_agent.lab.metadata import Fault, FaultKind
from eip_agent.lab.openapi import ApiFault, Trouble
from eip_agent.lab.stream import Stream
from eip_agent.lab.topology import Eip, Elsewhere, Eni, Topology, eni, public, vswitch
from tests.lab.mortal import Ended, Mortal, at_rest, unchanged, unreached
from tests.lab.support import MULTI, declared, nat, needs_openapi

pytestmark = [
    pytest.mark.lab,
    needs_openapi,
]

OPENAPI_DEADLINE: Final = 2.0
SHORT: Final = "[metadata]\ntimeout = 0.5\ndeadline = 1.5\n"


def visible(index: int, host: int) -> Eni:
    return eni(index, vswitch(index), (10,), [Eip(public(host), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])


ONE: Final = Topology((nat(0, vswitch(0)), visible(1, 120), MULTI, nat(3, vswitch(3), (10, 11))))


def asking(cloud: Cloud, more: str = "", deadline: float = 10) -> str:
    """Settings with the OpenAPI."""
    openapi = cloud.openapi_settings()
    return f"{more}\n{SHORT}{openapi}timeout = 1\ndeadline = {deadline}\n"


def alone(more: str = "") -> str:
    """Settings without the OpenAPI."""
    return f"{more}\n{SHORT}[openapi]\nenabled = false\n"


@contextlib.contextmanager
def instance(boot: Boot, *, openapi: bool, changing: tuple[IPAddress, ...] = ()) -> Iterator[tuple[Cloud, Mortal]]:
    """After a good pass, with a stream for each mode."""
    with Cloud(ONE, boot=boot, peers=False) as cloud, contextlib.ExitStack() as stack:
        cloud.settings(asking(cloud) if openapi else alone())
        at_rest(cloud.guest)
        mortal = stack.enter_context(Mortal(cloud))
        assert mortal.run("apply").code == 0
        ends: list[IPAddress] = [eip.address for one in ONE.enis for eip in one.eips if openapi or one is not MULTI]
        stable = {*ends, ONE.enis[3].ipv6s[0]} - {*changing}
        streams = [stack.enter_context(Stream(cloud.internet, end)) for end in stable]
        yield cloud, mortal
        assert [stream.broken for stream in streams if not stream.intact] == []


@pytest.fixture(scope="module", params=["bare", "dhcp"])
def good(request: pytest.FixtureRequest) -> Iterator[tuple[Cloud, Mortal]]:
    with instance(request.param, openapi=True) as made:
        yield made


@pytest.fixture(scope="module")
def deaf() -> Iterator[tuple[Cloud, Mortal]]:
    """Without the OpenAPI, so that DHCP has the word."""
    with instance("bare", openapi=False) as made:
        yield made


def failed(mortal: Mortal) -> Ended:
    ended = mortal.run("apply")
    assert "Traceback" not in ended.err
    return ended


def healed(cloud: Cloud) -> None:
    """As it was, before the next test."""
    cloud.openapi.faults.clear()
    cloud.metadata.faults.clear()
    cloud.account.role, cloud.account.validity = "EipAgentRole", 6 * 3600.0
    cloud.account.rotate()
    cloud.openapi.topology = cloud.topology
    cloud.dhcp.topology = cloud.topology
    cloud.settings(asking(cloud))


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


# --- faults of the OpenAPI --------------------------------------------------------------------------------------------

ACTIONS: Final = ("ecs:DescribeNetworkInterfaces", "vpc:DescribeEipAddresses", "vpc:DescribeEipGatewayInfo")


def no_role(cloud: Cloud) -> None:
    cloud.account.role = None


def expired_role(cloud: Cloud) -> None:
    cloud.account.validity = -60.0
    cloud.account.rotate()


def trouble(kind: Trouble, action: str = "", times: int | None = None, **more: object) -> Callable[[Cloud], None]:
    def make(cloud: Cloud) -> None:
        cloud.openapi.faults.append(ApiFault(kind, action, times=times, **more))  # type: ignore[arg-type]

    return make


FAULTS: Final = {
    "throttle": trouble(Trouble.THROTTLE),
    "empty": trouble(Trouble.EMPTY),
    "slow": trouble(Trouble.SLOW, seconds=60),
    "hang": trouble(Trouble.HANG),
    "garbage": trouble(Trouble.GARBAGE),
    "a list": trouble(Trouble.BODY, value=[]),
    "truncated": trouble(Trouble.TRUNCATED),
    "500": trouble(Trouble.STATUS, status=500),
    "reset": trouble(Trouble.RESET),
    "no role": no_role,
    "expired role": expired_role,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("good", ["bare"], indirect=True)
def test_an_openapi_that_fails_changes_nothing(good: tuple[Cloud, Mortal], fault: str) -> None:
    cloud, mortal = good
    cloud.settings(asking(cloud, deadline=OPENAPI_DEADLINE))
    FAULTS[fault](cloud)
    try:
        with unchanged(cloud), within(OPENAPI_DEADLINE + 4):
            ended = failed(mortal)
    finally:
        healed(cloud)

    assert ended.code == 4, ended
    assert re.search(r"^not read openapi\S*: \S", ended.err, re.MULTILINE), ended
    assert "nothing is removed because of it" in ended.err


@pytest.mark.parametrize("good", ["bare"], indirect=True)
def test_an_openapi_that_is_not_there_changes_nothing(good: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = good
    cloud.openapi.stop()
    try:
        with unchanged(cloud), within(OPENAPI_DEADLINE + 4):
            ended = failed(mortal)
    finally:
        cloud.openapi.start()

    assert ended.code == 4
    assert "not read openapi" in ended.err
    assert failed(mortal).out.startswith("as desired"), "it is asked again, and believed again"


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("good", ["bare"], indirect=True)
def test_a_call_that_is_denied_is_named_and_changes_nothing(good: tuple[Cloud, Mortal], action: str) -> None:
    cloud, mortal = good
    trouble(Trouble.DENY, action.partition(":")[2])(cloud)
    try:
        with unchanged(cloud):
            ended = failed(mortal)
    finally:
        healed(cloud)

    assert f"OpenAPI {action}: the call is not allowed" in ended.err
    assert "policy" in ended.err


@pytest.mark.parametrize("good", ["bare"], indirect=True)
def test_one_answer_that_lists_no_eip_removes_none(good: tuple[Cloud, Mortal]) -> None:
    """It could mean that all were unbound.  Another one must say the same."""
    cloud, mortal = good
    trouble(Trouble.EMPTY, "DescribeEipAddresses", times=len(ONE.enis) + 1)(cloud)
    try:
        with unchanged(cloud):
            ended = failed(mortal)
    finally:
        healed(cloud)

    assert ended.code == 0, ended


# --- faults of metadata, while the OpenAPI speaks ---------------------------------------------------------------------

ENI: Final = f"meta-data/network/interfaces/macs/{ONE.enis[1].mac}"
METADATA_FAULTS: Final = (
    *(Fault("", kind, seconds=60) for kind in (FaultKind.RESET, FaultKind.HANG, FaultKind.TRUNCATED)),
    Fault("", FaultKind.STATUS, status=500),
    Fault(f"{ENI}/private-ipv4s", FaultKind.MISSING),
    Fault(f"{ENI}/vswitch-cidr-block", FaultKind.VALUE, value="0.0.0.0/0"),
    Fault("meta-data/mac", FaultKind.MISSING),
    Fault("meta-data/region-id", FaultKind.VALUE, value="nowhere"),
)


@pytest.mark.parametrize("fault", METADATA_FAULTS, ids=lambda fault: f"{fault.kind.value} {fault.path_prefix[-20:]}")
@pytest.mark.parametrize("good", ["bare"], indirect=True)
def test_metadata_that_fails_while_the_openapi_speaks_changes_nothing(good: tuple[Cloud, Mortal], fault: Fault) -> None:
    cloud, mortal = good
    cloud.metadata.faults[:] = [replace(fault)]
    cloud.metadata.forget_tokens()
    try:
        with unchanged(cloud), within(8):
            ended = failed(mortal)
    finally:
        healed(cloud)

    assert ended.code == 4, ended
    assert "not read " in ended.err


@pytest.mark.parametrize("good", ["bare"], indirect=True)
def test_an_eni_that_is_not_listed_for_a_while_keeps_all_it_has(good: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = good
    cloud.metadata.faults[:] = [Fault(ENI, FaultKind.MISSING)]
    try:
        with unchanged(cloud):
            ended = failed(mortal)
    finally:
        healed(cloud)

    assert "what is configured on it stays as it is" in ended.err


# --- DHCP -------------------------------------------------------------------------------------------------------------


def test_dhcp_that_is_silent_changes_nothing(deaf: tuple[Cloud, Mortal]) -> None:
    """Nobody else knows that the ENI is EIP-visible: what was offered last counts until another offer."""
    cloud, mortal = deaf
    cloud.dhcp.stop()
    try:
        with unchanged(cloud), within(4):
            ended = failed(mortal)
        told = mortal.run("explain")
    finally:
        cloud.dhcp.start()

    assert ended.out.startswith("as desired"), ended
    assert "there is none to use: nobody answers" in ended.err
    assert re.search(r"eth1 .* eip-visible \(probable\)\n  because  DHCP offer, as it was .* ago: ", told.out), told.out


def test_an_offer_that_changes_is_followed_and_told() -> None:
    """And back.  An offer in the vSwitch of an EIP-visible ENI says that it is no more."""
    with instance("bare", openapi=False, changing=(public(120),)) as (cloud, mortal):
        cloud.become(ONE.with_eni(nat(1, vswitch(1), first=120)))
        turned = failed(mortal)
        assert turned.code == 0, turned
        assert "its binding mode was eip-visible" in turned.err
        hidden = {str(eip.address) for eip in MULTI.eips}
        assert set(unreached(cloud)) <= hidden
        cloud.become(ONE)
        assert failed(mortal).code == 0
        assert set(unreached(cloud)) <= hidden


# --- one source against another ---------------------------------------------------------------------------------------


def declare(one: Eni) -> str:
    """The settings of one ENI's EIPs."""
    return declared(Topology((one,)))


def bound_elsewhere(one: Eni) -> Topology:
    """An EIP of an ENI at a load balancer instead."""
    gone = one.eips[0]
    return replace(
        ONE.with_eni(replace(one, eips=one.eips[1:])), elsewhere=(Elsewhere(gone.address, Bound.SLB, "lb-bp1lab"),)
    )


@pytest.mark.parametrize("good", ["bare"], indirect=True)
@pytest.mark.parametrize(
    ("wrong", "says", "both"),
    [
        (visible(3, 40), ONE, ("settings says: 203.0.113.40 is eip-visible", "OpenAPI says: 203.0.113.40 is nat")),
        (nat(1, vswitch(1), first=120), ONE, ("settings says: 203.0.113.120 is nat", "OpenAPI says: 203.0.113.120 is")),
        (visible(2, 42), ONE, ("settings says: 203.0.113.42 is eip-visible", "OpenAPI says: 203.0.113.42 is multi")),
        (
            MULTI,
            bound_elsewhere(MULTI),
            ("settings declare 203.0.113.42", "OpenAPI says that it is bound to SlbInstance lb-bp1lab"),
        ),
        (
            None,
            ONE.with_eni(visible(3, 40)),
            ("OpenAPI says: 203.0.113.40 is eip-visible", "DHCP offer says: 172.16.3.10/24"),
        ),
    ],
    ids=["visible/NAT", "NAT/visible", "visible/multi", "multi/elsewhere", "OpenAPI/offer"],
)
def test_who_contradicts_the_openapi_is_named_and_nothing_changes(
    good: tuple[Cloud, Mortal], wrong: Eni | None, says: Topology, both: tuple[str, str]
) -> None:
    cloud, mortal = good
    cloud.settings(asking(cloud, declare(wrong) if wrong else ""))
    cloud.openapi.topology = says
    try:
        with unchanged(cloud):
            contradicted(failed(mortal), both)
    finally:
        healed(cloud)


def contradicted(ended: Ended, both: tuple[str, str]) -> None:
    assert ended.code == 4, ended
    for side in both:
        assert side in ended.err, ended
    assert "what is configured stays as it is, and nothing is added" in ended.err


@pytest.mark.parametrize("good", ["bare"], indirect=True)
@pytest.mark.parametrize(
    ("wrong", "both"),
    [
        (visible(3, 40), ("settings says: 203.0.113.40 is eip-visible", "DHCP offer says: 172.16.3.10/24")),
        (nat(1, vswitch(1), first=120), ("settings says: 203.0.113.120 is nat", "DHCP offer says: 203.0.113.120/24")),
        (visible(1, 121), ("settings says: 203.0.113.121 is eip-visible", "DHCP offer says: 203.0.113.120/24")),
    ],
    ids=["visible/private", "NAT/EIP", "another EIP"],
)
def test_settings_that_an_offer_contradicts_are_named_and_nothing_changes(
    good: tuple[Cloud, Mortal], wrong: Eni, both: tuple[str, str]
) -> None:
    cloud, mortal = good
    cloud.settings(alone(declare(wrong)))
    try:
        with unchanged(cloud):
            contradicted(failed(mortal), both)
    finally:
        healed(cloud)


@pytest.mark.parametrize("good", ["dhcp"], indirect=True)
@pytest.mark.parametrize("openapi", [False, True], ids=["settings", "OpenAPI"])
def test_who_is_contradicted_by_a_lease_is_named_and_nothing_changes(
    good: tuple[Cloud, Mortal], *, openapi: bool
) -> None:
    """As long as nobody offers: an offer says whether the lease is old."""
    cloud, mortal = good
    wrong = nat(1, vswitch(1), first=120)
    cloud.settings(asking(cloud) if openapi else alone(declare(wrong)))
    cloud.openapi.topology = ONE.with_eni(wrong)
    cloud.dhcp.stop()
    try:
        with unchanged(cloud):
            ended = failed(mortal)
    finally:
        cloud.dhcp.start()
        healed(cloud)
    who = "OpenAPI" if openapi else "settings"
    contradicted(ended, (f"{who} says: 203.0.113.120 is nat", "kernel address dev eth1 says: 203.0.113.120/24"))
    assert failed(mortal).out.startswith("as desired")


def test_an_eni_in_doubt_gets_nothing_at_first_and_the_others_get_all() -> None:
    wrong = visible(3, 40)
    with Cloud(ONE, peers=False) as cloud:
        cloud.settings(asking(cloud, declare(wrong)))
        at_rest(cloud.guest)
        with Mortal(cloud) as mortal:
            contradicted(failed(mortal), ("settings says: 203.0.113.40 is eip-visible", "OpenAPI says: "))
            assert "172.16.3.10" not in (shown := cloud.guest.run(["ip", "address", "show", "eth3"]).stdout)
            assert "203.0.113.40" not in shown
            assert unreached(cloud, ONE.without("eth3")) == []
