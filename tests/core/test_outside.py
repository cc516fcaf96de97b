"""What the cloud does with a packet of an ENI, as far as it is documented."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.facts import EniFact, Remembered
from eip_agent.core.openapi import ApiFact
from eip_agent.core.outside import Area, Outside, State, owned
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.vpc import TO_IPV4_GATEWAY, Ipv6AddressFact, VpcFact, VpcRoute
from tests.builders import address, cloud, declared, eni, eni6, ip4, kernel, link, net4
from tests.core.vpcs import SIX, TO_GATEWAY, TO_NAT, behind, six, with_vpc

WEB = ip4("198.51.100.7")
EIP = ip4("203.0.113.11")
PEER, SERVICE, FAR = ip4("192.168.1.250"), ip4("100.100.100.200"), ip4("10.1.2.3")


def seen(*enis: EniFact, wanted: Settings | None = None, witnesses: Witnesses | None = None) -> Outside:
    wanted, witnesses = wanted or Settings(), witnesses or Witnesses()
    facts = cloud(*(enis or (eni(0), eni6(1), eni(2))))
    held = kernel(link(0), link(1), link(2), addresses=(address("192.168.0.10", 0), address("192.168.1.10")))
    report = conclude(facts, held, Remembered(), wanted, witnesses)
    return Outside(Scene(report, held, witnesses, wanted, Remembered()))


def story(outside: Outside, number: int = 1) -> Story:
    found = outside.story_by(link(number).link.index)
    assert found is not None
    return found


VISIBLE = Settings(eips=(declared("203.0.113.20", Mode.EIP_VISIBLE),))
MULTI = Settings(eips=(declared("203.0.113.42", Mode.MULTI_EIP_VISIBLE),))
NAT = Settings(eips=(declared("203.0.113.11"),))


@pytest.mark.parametrize(
    ("destination", "area"),
    [
        ("192.168.1.10", Area.HERE),
        ("203.0.113.11", Area.OWN_EIP),
        ("100.100.100.200", Area.SERVICES),
        ("192.168.2.77", Area.INSIDE),
        ("10.1.2.3", Area.PRIVATE),
        ("198.51.100.7", Area.INTERNET),
        ("2001:db8:0:1::77", Area.INSIDE),
        ("fd00::1", Area.PRIVATE),
        ("2001:db8:ffff::7", Area.INTERNET),
    ],
)
def test_where_a_destination_is(destination: str, area: Area) -> None:
    assert seen(wanted=NAT).area(ip_address(destination)) is area


def test_the_vpc_is_known_by_its_block_too() -> None:
    assert seen(eni(0, vpc=net4("10.0.0.0/8")), eni(1)).area(FAR) is Area.INSIDE


def test_an_eni_sends_with_its_own_sources_only() -> None:
    outside = seen(wanted=NAT)

    assert outside.lets_pass(story(outside), ip4("192.168.1.10")).state is State.PASSES
    assert outside.lets_pass(story(outside), ip4("192.168.0.10")).state is State.STOPS
    assert outside.lets_pass(story(outside), ip4("192.168.1.99")).state is State.UNKNOWN
    delegated = seen(eni(0), eni(1, ipv4_prefixes=(net4("192.168.1.64/28"),)))
    assert delegated.lets_pass(story(delegated), ip4("192.168.1.70")).state is State.PASSES


def test_in_eip_visible_mode_the_private_address_is_dead_and_the_private_network_gone() -> None:
    outside = seen(wanted=VISIBLE)
    one, eip = story(outside), ip4("203.0.113.20")

    assert owned(one) >= {eip}
    assert outside.lets_pass(one, eip).state is State.PASSES
    assert outside.lets_pass(one, ip4("192.168.1.10")).state is State.STOPS
    assert outside.carries(one, eip, WEB).seen == eip
    assert "100.64.0.0/10" in outside.carries(one, eip, SERVICE).says
    for inside in (PEER, SERVICE, FAR):
        assert outside.carries(one, eip, inside).state is State.STOPS
    six = ip_address("2001:db8:0:1::10")
    assert outside.carries(one, six, ip_address("2001:db8:0:1::77")).state is State.PASSES


def test_what_is_undecided_is_unknown() -> None:
    outside = seen(wanted=NAT)
    one = story(outside)
    doubtful = replace(one, verdict=replace(one.verdict, mode=Mode.UNDECIDED))

    assert outside.lets_pass(doubtful, ip4("192.168.1.10")).state is State.UNKNOWN


def test_the_gateway_translates_what_has_an_eip() -> None:
    outside = seen(wanted=NAT)
    found = outside.carries(story(outside), ip4("192.168.1.10"), WEB)

    assert (found.state, found.seen) == (State.PASSES, EIP)
    assert outside.private_of(EIP) == ip4("192.168.1.10")
    assert outside.carries(story(outside), ip4("192.168.1.10"), PEER).seen == ip4("192.168.1.10")
    assert outside.carries(story(outside), ip4("192.168.1.10"), SERVICE).state is State.PASSES
    assert outside.carries(story(outside), ip4("192.168.1.10"), FAR).state is State.UNKNOWN
    assert outside.carries(story(outside), ip4("192.168.1.10"), EIP).state is State.UNKNOWN


def test_an_eip_nobody_tells_is_unknown_and_one_that_is_not_there_is_said() -> None:
    silent = seen()
    asked = seen(witnesses=Witnesses(ApiFact(asked=frozenset(("eni-1",)))))

    one, other = (outside.carries(story(outside), ip4("192.168.1.10"), WEB) for outside in (silent, asked))

    assert {one.state, other.state} == {State.UNKNOWN}
    assert "nobody here knows" in one.says
    assert "no EIP is bound" in other.says


def test_a_visible_eip_is_seen_as_it_is() -> None:
    outside = seen(wanted=MULTI)
    eip = ip4("203.0.113.42")

    assert outside.carries(story(outside), eip, WEB).seen == eip
    assert outside.carries(story(outside), eip, PEER).state is State.UNKNOWN


def test_a_secondary_cidr_address_is_its_own_eip() -> None:
    own = ip4("203.0.113.200")
    public = eni(1, primary=own, private_ipv4s=(own,), subnet=net4("203.0.113.192/26"))
    outside = seen(eni(0), public)

    assert outside.carries(story(outside), own, WEB).seen == own


# --- what the VPC keeps from the Internet -----------------------------------------------------------------------------

OWN, FAR6 = ip4("192.168.1.10"), ip_address("2001:db8:ffff::7")
PART = VpcRoute(net4("198.51.100.0/24"), TO_IPV4_GATEWAY, "ipv4gw-1")


def within(vpc: VpcFact | None, *ipv6s: Ipv6AddressFact, wanted: Settings = NAT) -> Outside:
    """The OpenAPI has told of the VPC, and of nothing else."""
    return seen(eni(0), eni6(1), wanted=wanted, witnesses=Witnesses(with_vpc(ApiFact(), vpc, *ipv6s)))


@pytest.mark.parametrize(
    ("vpc", "state"),
    [
        (None, State.PASSES),
        (VpcFact("vpc-1", gateways4=()), State.PASSES),
        (behind(), State.STOPS),
        (behind(TO_NAT), State.UNKNOWN),
        (behind(TO_GATEWAY), State.PASSES),
        (behind(TO_NAT, PART), State.PASSES),
        (behind(enabled=False), State.PASSES),
        (replace(behind(), tables=()), State.UNKNOWN),
    ],
)
def test_a_route_table_decides_beside_an_activated_ipv4_gateway(vpc: VpcFact | None, state: State) -> None:
    outside = within(vpc)
    found = outside.carries(story(outside), OWN, WEB)

    assert found.state is state
    assert found.seen == EIP, "who comes in is translated all the same"
    assert outside.carries(story(outside), OWN, PEER).state is State.PASSES


def test_the_rest_of_the_internet_is_that_of_the_default_route() -> None:
    outside = within(behind(TO_NAT, PART))

    assert outside.to_internet(story(outside), OWN).state is State.UNKNOWN
    assert "NatGateway ngw-1" in outside.to_internet(story(outside), OWN).says


def test_an_eip_that_shows_beside_an_ipv4_gateway_is_unknown() -> None:
    eip = ip4("203.0.113.20")
    for vpc, state in ((behind(TO_GATEWAY), State.UNKNOWN), (VpcFact("vpc-1", gateways4=()), State.PASSES)):
        outside = within(vpc, wanted=VISIBLE)
        assert outside.carries(story(outside), eip, WEB).state is state


WITH6, WITHOUT6 = VpcFact("vpc-1", gateways6=("ipv6gw-1",)), VpcFact("vpc-1", gateways6=())


@pytest.mark.parametrize(
    ("vpc", "fact", "out", "into"),
    [
        (WITH6, six(public=True), State.PASSES, State.PASSES),
        (WITH6, six(public=True, egress_only=True), State.PASSES, State.STOPS),
        (WITH6, six(public=False), State.STOPS, State.STOPS),
        (WITH6, six(), State.PASSES, State.PASSES),
        (WITHOUT6, six(public=False), State.STOPS, State.STOPS),
    ],
)
def test_ipv6_is_as_the_ipv6_gateway_gives_it(vpc: VpcFact, fact: Ipv6AddressFact, out: State, into: State) -> None:
    outside = within(vpc, fact)

    assert outside.carries(story(outside), SIX, FAR6).state is out
    assert outside.lets_in(story(outside), SIX).state is into
    assert outside.carries(story(outside), SIX, ip_address("2001:db8:0:1::77")).state is State.PASSES


def test_what_nobody_told_of_ipv6_is_said_with_its_condition() -> None:
    unknown, known = within(WITH6, six()), within(WITH6, six(public=True))

    assert "if the IPv6 gateway gives it" in unknown.carries(story(unknown), SIX, FAR6).says
    assert "if the IPv6 gateway gives it" not in known.carries(story(known), SIX, FAR6).says
