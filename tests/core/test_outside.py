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
from tests.builders import address, cloud, declared, eni, eni6, ip4, kernel, link, net4

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
