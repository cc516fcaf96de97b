"""Several ENIs in one subnet."""

from dataclasses import replace
from typing import Any

from eip_agent.core.findings.vicinity import connected, flux
from eip_agent.core.scene import Scene
from eip_agent.core.surroundings import Hop, RouteSeen
from tests.builders import address, cloud, device, eni, ip4, link, net4
from tests.core.findings.support import codes
from tests.core.findings.surrounded import default, rule_for, surrounded

SUBNET = "192.168.0.0/24"
SHARED = cloud(
    eni(0),
    eni(
        1,
        primary=ip4("192.168.0.11"),
        private_ipv4s=(ip4("192.168.0.11"),),
        subnet=net4(SUBNET),
        gateway=ip4("192.168.0.253"),
    ),
)
ADDRESSES = (address("192.168.0.10", 0), address("192.168.0.11", 1))
LINKS = tuple(RouteSeen(254, net4(SUBNET), hops=(Hop(device(number).index),), protocol=2) for number in (0, 1))


def shared(*routes: RouteSeen, **overrides: Any) -> Scene:
    return surrounded(default(0), *(routes or LINKS), of=SHARED, addresses=ADDRESSES, **overrides)


def test_two_connected_routes_are_told_with_who_suffers() -> None:
    (found,) = connected(shared())

    assert (found.code, found.subject) == ("EIP132", "eth0, eth1")
    assert "192.168.0.11 sends by eth0" in found.saw


def test_where_every_address_goes_by_its_own_nic_nothing_is_told() -> None:
    own = (default(0), *LINKS, default(1, 100, "192.168.0.253"))

    assert not list(connected(surrounded(*own, of=SHARED, addresses=ADDRESSES, rules=(rule_for("192.168.0.11", 100),))))
    assert not list(connected(shared(LINKS[0])))
    assert not list(connected(surrounded(default(0), *LINKS)))
    assert not list(connected(replace(shared(), surroundings=None)))


def test_arp_for_others_is_told_by_the_larger_of_two_values() -> None:
    def of(ignore: int, announce: int, **overrides: Any) -> list[str]:
        conf = (("arp_ignore", ignore), ("arp_announce", announce))
        return codes(flux(shared(links=(link(0, conf=conf), link(1, conf=conf)), **overrides)))

    assert of(0, 0) == ["EIP133"]
    assert of(1, 0) == ["EIP133"]
    assert of(0, 2) == ["EIP133"]
    assert of(1, 2) == []
    assert of(0, 0, common={"arp_ignore": 2, "arp_announce": 2}) == []
    assert of(0, 2, seen={"arp_filter": 1}) == []
    assert of(0, 2, common={"arp_filter": 1}) == []


def test_arp_is_not_told_of_where_nobody_shares_or_nothing_is_known() -> None:
    assert not list(flux(surrounded()))
    assert not list(flux(replace(shared(), surroundings=None)))
    assert not list(flux(shared(links=(link(0, conf=()), link(1, conf=())))))
