"""Every source has its say; live ones that contradict each other are told, and nothing is guessed."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from eip_agent.core.claims import Case
from eip_agent.core.facts import AddressFact, RouteFact, Unread
from eip_agent.core.judge import judge
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import Bound, EipFact
from eip_agent.core.settings import DeclaredEip, Mode
from eip_agent.core.verdict import Certainty, Verdict, VisibleEip
from tests.builders import address, declared, device, eni, ip4, main_route, net4, port

EIP = "203.0.113.42"


def told(ip: str = EIP, mode: Mode | None = Mode.NAT, **overrides: Any) -> EipFact:
    return replace(EipFact(ip4(ip), f"eip-{ip}", Bound.ENI, "eni-1", mode), **overrides)


def offer(ip: str, length: int = 24, router: str | None = None) -> OfferFact:
    return OfferFact(device(1).index, ip4(ip), length, ip4(router) if router else None)


PRIVATE_OFFER = offer("192.168.1.10", 24, "192.168.1.253")
EIP_OFFER = offer(EIP, 27, "203.0.113.33")
LEASE = address(EIP, length=27, leased=True)
LEASED_DEFAULT = main_route("0.0.0.0/0", 1, "203.0.113.33", metric=200)
ON_ENI = VisibleEip(ip4(EIP), 27, ip4("203.0.113.33"))


def seen(**overrides: Any) -> Case:
    return Case(port(1), **overrides)


def test_metadata_alone_is_nat_and_only_probable() -> None:
    verdict = judge(seen())

    assert (verdict.mode, verdict.certainty) == (Mode.NAT, Certainty.PROBABLE)
    assert [evidence.source for evidence in verdict.because] == ["metadata private-ipv4s"]


def test_a_public_primary_address_is_a_secondary_cidr() -> None:
    public = eni(1, primary=ip4("203.0.113.9"), private_ipv4s=(ip4("203.0.113.9"),), subnet=net4("203.0.113.0/24"))

    verdict = judge(Case(port(1, eni=public)))

    assert verdict.mode is Mode.SECONDARY_CIDR


def test_nothing_read_is_undecided_and_says_so() -> None:
    verdict = judge(Case(port(1, eni=eni(1, private_ipv4s=None))))

    assert not verdict.decided
    assert verdict.contradiction
    assert verdict.remedy


@pytest.mark.parametrize(
    ("case", "mode", "visible"),
    [
        (seen(declared=[declared(EIP, Mode.NAT)]), Mode.NAT, ()),
        (seen(declared=[declared(EIP, Mode.MULTI_EIP_VISIBLE)]), Mode.MULTI_EIP_VISIBLE, (ON_ENI,)),
        (seen(declared=[declared(EIP, Mode.EIP_VISIBLE)], offer=EIP_OFFER), Mode.EIP_VISIBLE, (ON_ENI,)),
        (seen(told=[told()]), Mode.NAT, ()),
        (seen(told=[]), Mode.NAT, ()),
        (seen(told=[told(status="Unassociating")]), Mode.NAT, ()),
        (seen(told=[told("192.168.1.10", private_address=ip4("192.168.1.10"))]), Mode.SECONDARY_CIDR, ()),
        (seen(told=[told(mode=Mode.EIP_VISIBLE)], offer=EIP_OFFER), Mode.EIP_VISIBLE, (ON_ENI,)),
        (seen(offer=EIP_OFFER), Mode.EIP_VISIBLE, (ON_ENI,)),
        (seen(addresses=[LEASE], routes=[LEASED_DEFAULT]), Mode.EIP_VISIBLE, (ON_ENI,)),
    ],
)
def test_a_source_that_knows_makes_it_certain(case: Case, mode: Mode, visible: tuple[VisibleEip, ...]) -> None:
    verdict = judge(case)

    assert (mode, Certainty.CERTAIN, visible) == (verdict.mode, verdict.certainty, verdict.visible)
    assert verdict.because


def test_the_openapi_tells_the_gateway_of_each_eip() -> None:
    one = told(EIP, Mode.MULTI_EIP_VISIBLE, gateway=ip4("203.0.113.33"), prefix_length=27)
    two = told("203.0.113.70", Mode.MULTI_EIP_VISIBLE, gateway=ip4("203.0.113.65"), prefix_length=26)

    verdict = judge(seen(told=[one, two]))

    assert verdict.visible == (ON_ENI, VisibleEip(ip4("203.0.113.70"), 26, ip4("203.0.113.65")))


def test_settings_and_openapi_each_add_the_eips_they_know() -> None:
    more = told("203.0.113.70", Mode.MULTI_EIP_VISIBLE, gateway=ip4("203.0.113.65"), prefix_length=26)
    same = told(EIP, Mode.MULTI_EIP_VISIBLE, gateway=ip4("203.0.113.33"), prefix_length=27)

    verdict = judge(seen(declared=[declared(EIP, Mode.MULTI_EIP_VISIBLE)], told=[same, more]))

    assert [eip.address for eip in verdict.visible] == [ip4(EIP), ip4("203.0.113.70")]


@pytest.mark.parametrize(
    ("case", "both"),
    [
        (seen(declared=[declared(EIP, Mode.NAT)], offer=EIP_OFFER), ("settings", "DHCP offer")),
        (seen(declared=[declared(EIP, Mode.EIP_VISIBLE)], offer=PRIVATE_OFFER), ("settings", "DHCP offer")),
        (seen(declared=[declared(EIP, Mode.NAT)], addresses=[LEASE]), ("settings", "kernel address")),
        (seen(declared=[declared(EIP, Mode.NAT)], told=[told(mode=Mode.EIP_VISIBLE)]), ("settings", "OpenAPI")),
        (seen(declared=[declared(EIP, Mode.MULTI_EIP_VISIBLE)], told=[]), ("settings", "OpenAPI")),
        (seen(told=[told()], offer=EIP_OFFER), ("OpenAPI", "DHCP offer")),
        (seen(told=[told(mode=Mode.EIP_VISIBLE)], offer=PRIVATE_OFFER), ("OpenAPI", "DHCP offer")),
        (seen(told=[told()], addresses=[LEASE]), ("OpenAPI", "kernel address")),
        (
            seen(declared=[declared("203.0.113.9", Mode.EIP_VISIBLE)], offer=EIP_OFFER),
            ("settings says: 203.0.113.9", f"DHCP offer says: {EIP}"),
        ),
    ],
)
def test_live_sources_that_contradict_each_other_are_both_named(case: Case, both: tuple[str, str]) -> None:
    verdict = judge(case)

    assert not verdict.decided
    for side in both:
        assert side in verdict.contradiction
    assert verdict.remedy


def test_a_lease_older_than_the_change_of_mode_does_not_speak_against_a_live_offer() -> None:
    to_nat = judge(seen(addresses=[LEASE], routes=[LEASED_DEFAULT], told=[told()], offer=PRIVATE_OFFER))
    to_visible = judge(seen(addresses=[address("192.168.1.10", leased=True)], offer=EIP_OFFER))

    assert to_nat.mode is Mode.NAT
    assert to_visible.mode is Mode.EIP_VISIBLE


def test_what_the_openapi_said_before_is_only_probable_and_tells_its_age() -> None:
    before = [told(mode=Mode.MULTI_EIP_VISIBLE, gateway=ip4("203.0.113.33"), prefix_length=27)]

    verdict = judge(seen(told_before=before, told_age="2 hours"))

    assert (verdict.mode, verdict.certainty, verdict.visible) == (Mode.MULTI_EIP_VISIBLE, Certainty.PROBABLE, (ON_ENI,))
    assert "2 hours ago" in verdict.because[0].source


def test_a_memory_is_never_believed_against_a_live_source() -> None:
    before = [told(mode=Mode.MULTI_EIP_VISIBLE, gateway=ip4("203.0.113.33"), prefix_length=27)]

    verdict = judge(seen(told_before=before, told_age="2 hours", offer=EIP_OFFER))

    assert verdict.mode is Mode.EIP_VISIBLE


def test_a_declared_eip_that_is_bound_elsewhere_is_told() -> None:
    elsewhere = told(bound=Bound.SLB, instance_id="lb-1")

    verdict = judge(seen(declared=[declared(EIP, Mode.MULTI_EIP_VISIBLE)], elsewhere=[elsewhere]))

    assert not verdict.decided
    assert "SlbInstance lb-1" in verdict.contradiction


@pytest.mark.parametrize(
    "case",
    [
        seen(told=[told(mode=Mode.MULTI_EIP_VISIBLE)]),
        seen(told=[told(mode=Mode.EIP_VISIBLE)]),
        seen(offer=offer(EIP, 27)),
        seen(addresses=[LEASE]),
        seen(declared=[declared(EIP, Mode.EIP_VISIBLE, gateway=None)]),
    ],
)
def test_an_eip_without_a_known_gateway_is_not_configured(case: Case) -> None:
    verdict = judge(case)

    assert not verdict.decided
    assert f"gateway of {EIP}" in verdict.contradiction


def test_a_mode_this_version_does_not_know_decides_nothing() -> None:
    verdict = judge(seen(told=[told(mode=None)]))

    assert (verdict.mode, verdict.certainty) == (Mode.NAT, Certainty.PROBABLE)


def test_a_nat_eip_for_an_address_the_eni_lacks_is_told() -> None:
    verdict = judge(seen(declared=[declared(EIP, private_address=ip4("192.168.1.99"))]))

    assert not verdict.decided
    assert "192.168.1.99" in verdict.contradiction


def test_an_unknown_vswitch_proves_nothing() -> None:
    unknown = port(1, eni=eni(1, subnet=None))

    verdict = judge(Case(unknown, addresses=[LEASE], offer=EIP_OFFER))

    assert verdict.mode is Mode.NAT
    assert IPv4Address(EIP) not in {eip.address for eip in verdict.visible}


LEASED = address("203.0.113.10", length=27, leased=True)
BY_DHCP = "put by a DHCP client, outside the vSwitch 192.168.1.0/24"
ROUTER = main_route("0.0.0.0/0", gateway="203.0.113.1", protocol=16)
VISIBLE = VisibleEip(ip4("203.0.113.10"), 27, ip4("203.0.113.1"))


def judged(
    addresses: Sequence[AddressFact] = (),
    routes: Sequence[RouteFact] = (),
    declared: Sequence[DeclaredEip] = (),
    **overrides: Any,
) -> Verdict:
    return judge(Case(port(1, eni=eni(1, **overrides)), addresses, routes, declared))


@pytest.mark.parametrize("missing", ["private_ipv4s", "primary"])
def test_without_its_addresses_nothing_is_said_of_an_eni(missing: str) -> None:
    unknown: dict[str, Any] = {missing: None}
    verdict = judged(**unknown, unread=(Unread("macs/x", "timed out"),))

    assert verdict.mode is Mode.UNDECIDED
    assert not verdict.decided
    assert "timed out" in verdict.because[0].says


def test_a_public_lease_with_its_router_is_proof() -> None:
    verdict = judged([LEASED], [ROUTER])

    assert (verdict.mode, verdict.certainty, verdict.visible) == (Mode.EIP_VISIBLE, Certainty.CERTAIN, (VISIBLE,))


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
    assert judged([LEASED], [ROUTER], subnet=None).mode is Mode.NAT


def test_a_lease_without_its_router_leaves_it_open() -> None:
    assert judged([LEASED]).contradiction == "no source tells the gateway of 203.0.113.10"


def test_two_leases_leave_it_open() -> None:
    verdict = judged([LEASED, address("203.0.113.11", leased=True)], [ROUTER])

    assert "2 EIPs are said to replace the private address" in verdict.contradiction


def test_what_is_declared_is_certain() -> None:
    verdict = judged(declared=[declared("203.0.113.5")])

    assert (verdict.mode, verdict.certainty) == (Mode.NAT, Certainty.CERTAIN)


def test_a_declared_visible_eip_brings_its_mask_and_gateway() -> None:
    one = declared("203.0.113.10", Mode.EIP_VISIBLE)

    assert judged(declared=[one]).visible == (VISIBLE,)


def test_a_lease_fills_in_what_a_declaration_leaves_out() -> None:
    one = declared("203.0.113.10", Mode.EIP_VISIBLE, gateway=None, prefix_length=None)

    assert judged([LEASED], [ROUTER], [one]).visible == (VISIBLE,)
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
        ([declared("203.0.113.5")], [LEASED], BY_DHCP),
        (
            [declared("203.0.113.5", Mode.MULTI_EIP_VISIBLE)],
            [LEASED],
            BY_DHCP,
        ),
        (
            [declared("203.0.113.5", Mode.EIP_VISIBLE)],
            [LEASED],
            "; but kernel address dev eth1 says: 203.0.113.10/27",
        ),
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

    assert "the primary ENI only has NAT mode" in judge(Case(port(0), declared=[wrong])).contradiction
    assert judge(Case(port(0), declared=[declared("203.0.113.10", number=0)])).mode is Mode.NAT


@pytest.mark.parametrize("told_before", [None, []])
def test_silence_takes_no_eip_away(told_before: list[EipFact] | None) -> None:
    """Nobody says that it was unbound, so a guess must not undo what somebody once knew."""
    verdict = judge(seen(held=[ip4(EIP)], told_before=told_before, addresses=[address("192.168.1.10")]))

    assert not verdict.decided
    assert EIP in verdict.contradiction


def test_a_word_that_it_went_does() -> None:
    assert judge(seen(held=[ip4(EIP)], told=[])).mode is Mode.NAT
    assert judge(seen(held=[ip4(EIP)], declared=[declared("203.0.113.99")])).mode is Mode.NAT
    assert judge(seen(held=[ip4(EIP)], offer=PRIVATE_OFFER)).mode is Mode.NAT


@pytest.mark.parametrize(
    "stray",
    [
        offer("192.168.122.7"),
        offer("172.16.0.10"),
        offer("169.254.3.4"),
        offer("100.100.100.200"),
        offer("203.0.113.8", 1, "203.0.113.1"),
        offer("203.0.113.8", 24, "203.0.113.8"),
    ],
    ids=lambda one: f"{one.address}/{one.prefix_length}",
)
def test_an_offer_that_no_eip_looks_like_proves_nothing(stray: OfferFact) -> None:
    assert judge(seen(offer=stray)).mode is Mode.NAT
