"""How EIPs are bound, judged from what settings, kernel and metadata say, and left open where they disagree."""

from collections.abc import Sequence
from typing import Any

import pytest

from eip_agent.core.facts import AddressFact, RouteFact, Unread
from eip_agent.core.settings import DeclaredEip, Mode
from eip_agent.core.verdict import Certainty, Verdict, VisibleEip, gateway_by, judge
from tests.builders import address, declared, eni, ip4, main_route, net4, port

LEASE = address("203.0.113.10", length=27, leased=True)
ROUTER = main_route("0.0.0.0/0", gateway="203.0.113.1", protocol=16)
EIP = VisibleEip(ip4("203.0.113.10"), 27, ip4("203.0.113.1"))


def judged(
    addresses: Sequence[AddressFact] = (),
    routes: Sequence[RouteFact] = (),
    declared: Sequence[DeclaredEip] = (),
    **overrides: Any,
) -> Verdict:
    return judge(port(1, eni=eni(1, **overrides)), addresses, routes, declared)


def test_private_addresses_alone_are_probably_nat() -> None:
    verdict = judged()

    assert (verdict.mode, verdict.certainty, verdict.visible) == (Mode.NAT, Certainty.PROBABLE, ())
    assert verdict.because[0].says == "192.168.1.10"


def test_a_public_primary_address_is_a_secondary_cidr() -> None:
    public = ip4("192.0.2.7")
    verdict = judged(primary=public, private_ipv4s=(public,), subnet=net4("192.0.2.0/24"))

    assert (verdict.mode, verdict.certainty) == (Mode.SECONDARY_CIDR, Certainty.PROBABLE)


@pytest.mark.parametrize("missing", ["private_ipv4s", "primary"])
def test_without_its_addresses_nothing_is_said_of_an_eni(missing: str) -> None:
    unknown: dict[str, Any] = {missing: None}
    verdict = judged(**unknown, unread=(Unread("macs/x", "timed out"),))

    assert verdict.mode is Mode.UNDECIDED
    assert not verdict.decided
    assert "timed out" in verdict.because[0].says


def test_a_public_lease_with_its_router_is_proof() -> None:
    verdict = judged([LEASE], [ROUTER])

    assert (verdict.mode, verdict.certainty, verdict.visible) == (Mode.EIP_VISIBLE, Certainty.CERTAIN, (EIP,))


@pytest.mark.parametrize(
    "other",
    [
        address("203.0.113.10", length=27),
        address("192.168.1.20", leased=True),
        address("10.1.1.1", leased=True),
        address("203.0.113.10", leased=True, universal=False),
        address("2001:db8::1", leased=True),
    ],
    ids=str,
)
def test_no_other_address_is(other: AddressFact) -> None:
    assert judged([other], [ROUTER]).mode is Mode.NAT


def test_a_lease_proves_nothing_where_the_vswitch_is_unknown() -> None:
    assert judged([LEASE], [ROUTER], subnet=None).mode is Mode.NAT


def test_a_lease_without_its_router_leaves_it_open() -> None:
    assert judged([LEASE]).contradiction == "no default route tells its gateway"


def test_two_leases_leave_it_open() -> None:
    verdict = judged([LEASE, address("203.0.113.11", leased=True)], [ROUTER])

    assert verdict.contradiction == "several public addresses were leased"


def test_the_best_default_route_tells_the_router() -> None:
    routes = [
        main_route("0.0.0.0/0", gateway="203.0.113.2", metric=300),
        main_route("0.0.0.0/0", gateway="203.0.113.1", metric=200),
        main_route("10.0.0.0/8", gateway="203.0.113.3"),
        main_route("0.0.0.0/0"),
        main_route("::/0", gateway="fe80::1"),
    ]

    assert gateway_by(routes) == ip4("203.0.113.1")
    assert gateway_by(routes[2:]) is None


def test_what_is_declared_is_certain() -> None:
    verdict = judged(declared=[declared("203.0.113.5")])

    assert (verdict.mode, verdict.certainty) == (Mode.NAT, Certainty.CERTAIN)


def test_a_declared_visible_eip_brings_its_mask_and_gateway() -> None:
    one = declared("203.0.113.10", Mode.EIP_VISIBLE)

    assert judged(declared=[one]).visible == (EIP,)


def test_a_lease_fills_in_what_a_declaration_leaves_out() -> None:
    one = declared("203.0.113.10", Mode.EIP_VISIBLE, gateway=None, prefix_length=None)

    assert judged([LEASE], [ROUTER], [one]).visible == (EIP,)
    assert "no source tells the gateway" in judged(declared=[one]).contradiction


def test_several_eips_of_one_eni_are_all_visible() -> None:
    eips = [declared(ip, Mode.MULTI_EIP_VISIBLE) for ip in ("203.0.113.10", "198.51.100.70")]
    verdict = judged(declared=eips)

    assert [eip.address for eip in verdict.visible] == [ip4("203.0.113.10"), ip4("198.51.100.70")]


@pytest.mark.parametrize(
    ("eips", "leases", "contradiction"),
    [
        (
            [declared("203.0.113.5"), declared("203.0.113.6", Mode.EIP_VISIBLE)],
            [],
            "an ENI has one binding mode, the settings declare several",
        ),
        ([declared("203.0.113.5")], [LEASE], "only EIP-visible mode does"),
        ([declared("203.0.113.5", Mode.MULTI_EIP_VISIBLE)], [LEASE], "only EIP-visible mode does"),
        ([declared("203.0.113.5", Mode.EIP_VISIBLE)], [LEASE], "yet the DHCP client got 203.0.113.10"),
        ([declared("203.0.113.5", private_address=ip4("192.168.1.99"))], [], "is not an address of this ENI"),
        ([declared("203.0.113.5", Mode.SECONDARY_CIDR)], [], "is not an address of this ENI"),
        (
            [
                declared(f"203.0.113.{n}", Mode.MULTI_EIP_VISIBLE, gateway=ip4(f"203.0.113.{100 + n}"))
                for n in range(1, 17)
            ],
            [],
            "more than 15 EIP gateways",
        ),
    ],
    ids=str,
)
def test_a_contradiction_is_named_and_nothing_is_guessed(
    eips: list[DeclaredEip], leases: list[AddressFact], contradiction: str
) -> None:
    verdict = judged(leases, [ROUTER], eips)

    assert (verdict.mode, verdict.certainty, verdict.visible) == (Mode.UNDECIDED, Certainty.UNDECIDED, ())
    assert contradiction in verdict.contradiction
    assert verdict.remedy
    assert verdict.because


def test_a_declaration_cannot_stand_in_for_unread_addresses() -> None:
    assert not judged(declared=[declared("203.0.113.5")], private_ipv4s=None).decided


def test_the_primary_eni_has_no_visible_mode() -> None:
    wrong = declared("203.0.113.10", Mode.EIP_VISIBLE, number=0)

    assert "for the primary ENI" in judge(port(0), [], [], [wrong]).contradiction
    assert judge(port(0), [], [], [declared("203.0.113.10", number=0)]).mode is Mode.NAT
