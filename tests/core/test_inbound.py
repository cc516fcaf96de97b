"""The way in: from the other side to who listens, or to where it ends."""

from dataclasses import replace

import pytest

from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.ends import Ends
from eip_agent.core.facts import Remembered
from eip_agent.core.ground import Ground
from eip_agent.core.inbound import arrive
from eip_agent.core.openapi import ApiFact
from eip_agent.core.outside import State
from eip_agent.core.path import Leg
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.vpc import Ipv6AddressFact, VpcFact
from eip_agent.core.walk import Flow, LookupFact
from tests.builders import address, cloud, declared, eni, eni6, ip4, ip6, kernel, link, settings
from tests.core.following import BEFORE, EIP, ETH0, OWN, PEER, WEB, Instance, said, why
from tests.core.vpcs import SIX, six, with_vpc


def test_a_request_to_an_eip_is_translated_and_delivered() -> None:
    instance = Instance()
    leg = arrive(instance.ground(named=EIP), OWN, EIP, dport=443)

    assert leg.state is State.PASSES
    assert said(leg) == [
        ("peer", "198.51.100.7", "passes"),
        ("cloud", "203.0.113.11", "passes"),
        ("eni", "eni-1", "passes"),
        ("link", "eth1", "passes"),
        ("routing", "local 192.168.1.10", "passes"),
        ("program", "192.168.1.10", "passes"),
    ]
    assert instance.asked == [Flow(OWN, WEB, incoming="eth1", ip_protocol=6, destination_port=443)]


def test_a_private_address_is_reached_from_the_internet_as_its_eip() -> None:
    assert ("cloud", "203.0.113.11", "passes") in said(arrive(Instance().ground(), OWN, None))


def test_without_an_eip_nobody_knows_who_reaches_it() -> None:
    leg = arrive(Instance(wanted=Settings()).ground(), OWN, None)

    assert ("cloud", "192.168.1.10", "unknown") in said(leg)
    assert leg.state is State.UNKNOWN


def test_inside_the_vpc_it_comes_as_it_is() -> None:
    assert ("cloud", "192.168.1.10", "passes") in said(arrive(Instance().ground(far=PEER), OWN, None))


def test_a_strict_filter_drops_what_would_be_answered_by_another_link() -> None:
    dropped = arrive(Instance(BEFORE, strict=True).ground(), OWN, EIP)
    loose = arrive(Instance(BEFORE).ground(), OWN, EIP)
    applied = arrive(Instance(strict=True).ground(), OWN, EIP)

    assert said(dropped)[-1] == ("routing", "local 192.168.1.10", "stops")
    assert "the way back is by eth0, and `rp_filter` of eth1 is strict" in why(dropped)
    assert "`rp_filter` of eth1 is not strict" in str(loose.stops[-2].says)
    assert "so that any `rp_filter` lets it pass" in str(applied.stops[-2].says)


def test_without_a_way_back_a_strict_filter_drops_as_well() -> None:
    instance = Instance(BEFORE, (), strict=True)

    assert "there is no way back" in why(arrive(instance.ground(), OWN, EIP))


def test_what_the_kernel_drops_for_no_reason_known_here() -> None:
    leg = arrive(Instance(answer=lambda _: LookupFact(22)).ground(), OWN, EIP)

    assert why(leg) == "dropped: the kernel does not take it in"
    assert leg.state is State.STOPS


def test_what_is_not_here_is_told() -> None:
    leg = arrive(Instance(overrides={"addresses": (address("192.168.0.10", 0),)}).ground(), OWN, EIP)

    assert said(leg)[-1] == ("program", "192.168.1.10", "stops")
    assert "`eip-agent apply` adds it" in why(leg)


def test_what_is_taken_for_another_host_is_sent_on() -> None:
    leg = arrive(Instance(answer=lambda _: LookupFact(0, "unicast", 254, link=ETH0)).ground(), OWN, EIP)

    assert "it is sent on by eth0" in why(leg)


def test_a_link_that_is_down_hears_nothing() -> None:
    instance = Instance(overrides={"links": (link(0), link(1, up=False))})
    leg = arrive(instance.ground(), OWN, EIP)

    assert said(leg)[-1] == ("link", "eth1", "stops")
    assert not instance.asked


def test_an_eip_visible_eni_is_not_reached_from_inside() -> None:
    eip = ip4("203.0.113.20")
    instance = Instance(wanted=settings(eips=(declared(str(eip), Mode.EIP_VISIBLE),)))
    instance.overrides = {"addresses": (*instance.held.addresses, address(str(eip)))}

    assert said(arrive(instance.ground(far=PEER, near=eip), eip, None))[-1] == ("cloud", str(eip), "stops")
    outside = arrive(instance.ground(near=eip), eip, None)
    assert ("cloud", str(eip), "passes") in said(outside)


def test_an_address_that_nobody_has_given_is_doubtful() -> None:
    stray = ip4("192.168.1.99")
    instance = Instance()
    instance.overrides = {"addresses": (*instance.held.addresses, address(stray))}
    on_link = arrive(instance.ground(far=PEER, near=stray), stray, None)
    elsewhere = replace(address(stray), link=77)
    instance.overrides = {"addresses": (elsewhere,)}
    off_link = arrive(instance.ground(far=PEER, near=stray), stray, None)

    assert ("eni", "eni-1", "unknown") in said(on_link)
    assert said(off_link)[-1] == ("program", "192.168.1.99", "unknown")


# --- IPv6 from the Internet -------------------------------------------------------------------------------------------

FAR6 = ip6("2001:db8:ffff::7")
WITH6 = VpcFact("vpc-1", gateways6=("ipv6gw-1",))


def by_ipv6(vpc: VpcFact, *ipv6s: Ipv6AddressFact, incoming: bool) -> Leg:
    """What comes from the Internet for the IPv6 address of eth1: a request, or an answer."""
    held = kernel(link(0), link(1), addresses=(address(SIX),))
    witnesses = Witnesses(with_vpc(ApiFact(), vpc, *ipv6s))
    report = conclude(cloud(eni(0), eni6(1)), held, Remembered(), Settings(), witnesses)
    scene = Scene(report, held, witnesses, Settings(), Remembered())
    ground = Ground(scene, Ends(FAR6, SIX, incoming=incoming), lambda _: LookupFact(0, "local"))
    return arrive(ground, SIX, None if incoming else SIX)


@pytest.mark.parametrize(
    ("vpc", "fact", "asked", "answered"),
    [
        (WITH6, six(public=True), State.PASSES, State.PASSES),
        (WITH6, six(public=True, egress_only=True), State.STOPS, State.PASSES),
        (WITH6, six(public=False), State.STOPS, State.STOPS),
        (VpcFact("vpc-1", gateways6=()), six(public=False), State.STOPS, State.STOPS),
    ],
)
def test_an_egress_only_rule_lets_in_who_was_asked(
    vpc: VpcFact, fact: Ipv6AddressFact, asked: State, answered: State
) -> None:
    assert by_ipv6(vpc, fact, incoming=True).state is asked
    assert by_ipv6(vpc, fact, incoming=False).state is answered


def test_why_the_internet_does_not_reach_an_ipv6_address_is_said() -> None:
    assert "has no Internet bandwidth" in why(by_ipv6(WITH6, six(public=False), incoming=True))
    assert "EIP-visible" not in why(by_ipv6(WITH6, six(public=False), incoming=True))
    assert "egress-only rule" in why(by_ipv6(WITH6, six(public=True, egress_only=True), incoming=True))
