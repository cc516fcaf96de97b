"""What the words of a command line mean here."""

import pytest

from eip_agent.core.ends import Ends, Protocol, Unclear, ends_of
from eip_agent.core.scene import Scene
from tests.builders import declared, eni, eni6, ip4, ip6, settings
from tests.core.test_outside import seen

WEB, OWN = ip4("198.51.100.7"), ip4("192.168.1.10")


def scene() -> Scene:
    missing = eni(9)
    return seen(eni(0), eni6(1), eni(2), missing, wanted=settings(eips=(declared("203.0.113.11"),))).scene


@pytest.mark.parametrize(
    ("source", "destination", "meant"),
    [
        ("192.168.1.10", "198.51.100.7", Ends(WEB, OWN)),
        ("203.0.113.11", "198.51.100.7", Ends(WEB, OWN, named=ip4("203.0.113.11"))),
        ("eth1", "198.51.100.7", Ends(WEB, None, link="eth1")),
        ("eni-1", "198.51.100.7", Ends(WEB, None, link="eth1")),
        ("00:16:3E:00:00:01", "198.51.100.7", Ends(WEB, None, link="eth1")),
        ("198.51.100.7", "192.168.1.10", Ends(WEB, OWN, incoming=True)),
        ("198.51.100.7", "203.0.113.11", Ends(WEB, OWN, incoming=True, named=ip4("203.0.113.11"))),
        ("192.168.2.10", "198.51.100.7", Ends(WEB, ip4("192.168.2.10"))),
        ("2001:db8:9::1", "2001:db8:0:1::10", Ends(ip6("2001:db8:9::1"), ip6("2001:db8:0:1::10"), incoming=True)),
    ],
    ids=str,
)
def test_who_is_meant(source: str, destination: str, meant: Ends) -> None:
    assert ends_of(scene(), source, destination) == meant


@pytest.mark.parametrize(
    ("source", "destination", "says"),
    [
        ("192.168.1.10", "example.com", "no IP address"),
        ("192.168.1.10", "224.0.0.1", "nobody's own address"),
        ("192.168.1.10", "255.255.255.255", "nobody's own address"),
        ("192.168.1.10", "2001:db8::1", "same IP version"),
        ("eth9", "198.51.100.7", "no link or ENI"),
        ("eni-9", "198.51.100.7", "no link in this network namespace"),
        ("198.51.100.7", "198.51.100.8", "neither"),
        ("", "198.51.100.7", "no link or ENI"),
    ],
)
def test_what_makes_no_sense_is_said_once_with_a_hint(source: str, destination: str, says: str) -> None:
    found = ends_of(scene(), source, destination)

    assert isinstance(found, Unclear)
    assert says in found.says
    assert found.hint


def test_a_hint_is_no_endless_list() -> None:
    found = ends_of(scene(), "eth9", "198.51.100.7")

    assert isinstance(found, Unclear)
    assert "eth1" in found.hint
    assert "192.168.1.10" in found.hint


def test_a_protocol_has_a_number_in_each_version() -> None:
    assert [Protocol.ICMP.number(version) for version in (4, 6)] == [1, 58]
    assert [Protocol.UDP.number(version) for version in (4, 6)] == [17, 17]
