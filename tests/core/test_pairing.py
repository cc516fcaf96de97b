"""Which link is which ENI: the MAC decides, and what shares it does not."""

from dataclasses import replace
from typing import Any

import pytest

from eip_agent.core.pairing import Port, candidates, newcomers, pair
from tests.builders import cloud, device, eni, link, mac


def test_the_primary_comes_first_whatever_its_link() -> None:
    ports = pair(cloud(eni(1), eni(0), primary_mac=mac(1)), [link(0), link(1)])

    assert [(port.eni.eni_id, port.link.link.name, port.primary) for port in ports] == [
        ("eni-1", "eth1", True),
        ("eni-0", "eth0", False),
    ]


@pytest.mark.parametrize(
    "riding", [{"kind": "vlan", "lower": 3}, {"kind": "macvlan"}, {"kind": "bridge"}, {"kind": "bond"}, {"lower": 3}]
)
def test_what_rides_on_an_eni_is_none(riding: dict[str, Any]) -> None:
    rider = link(1, link=replace(device(1), index=50, name="rider"), **riding)
    ports = pair(cloud(), [link(0), link(1), rider])

    assert [port.link for port in ports] == [link(0), link(1)]


def test_a_veth_stands_for_an_eni() -> None:
    ports = pair(cloud(), [link(0), link(1, kind="veth")])

    assert [port.link.kind for port in ports] == ["", "veth"]


def test_two_links_with_one_mac_are_left_alone() -> None:
    twin = link(1, link=replace(device(1), index=50, name="eth9"))

    assert [port.link for port in pair(cloud(), [link(0), link(1), twin])] == [link(0)]
    assert candidates([link(1), twin]) == {mac(1): [link(1), twin]}


def test_a_virtual_function_below_its_failover_device_leaves_that_one() -> None:
    lower = link(1, link=replace(device(1), index=50, name="eth9"), master=3)

    assert [port.link for port in pair(cloud(), [link(0), link(1), lower])] == [link(0), link(1)]


def test_a_link_in_a_bridge_is_left_alone() -> None:
    assert pair(cloud(), [link(0), link(1, master=9)]) == (Port(eni(0), link(0), primary=True),)


def test_an_eni_without_a_link_has_no_port() -> None:
    assert pair(cloud(), [link(0)]) == (Port(eni(0), link(0), primary=True),)


def test_a_newcomer_looks_like_an_eni_and_is_not_listed() -> None:
    new = link(2)
    found = newcomers(cloud(eni(0), eni(1)), [link(0), link(1), new])

    assert found == {(new.link.index, new.mac)}
    for other in ({"kind": "bridge"}, {"master": 3}, {"lower": 3}, {"mac": "02:42:ac:11:00:02"}):
        assert not newcomers(cloud(eni(0), eni(1)), [link(0), link(1), link(2, **other)])
