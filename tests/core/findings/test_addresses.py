"""Addresses that are missing, that should not be there, or that have a wrong mask."""

from dataclasses import replace

from eip_agent.core.findings.addresses import masks, missing, odd
from eip_agent.core.openapi import HavipFact
from eip_agent.core.settings import Mode, Settings
from tests.builders import address, cloud, declared, eni, eni6, ip4, link, net4
from tests.core.findings.support import codes, nat_eip, told
from tests.core.findings.surrounded import HERE, surrounded

BINDED = declared("203.0.113.42", Mode.EIP_VISIBLE)
MULTI = declared("203.0.113.42", Mode.MULTI_EIP_VISIBLE)


def test_an_address_that_is_on_no_link_is_told_with_its_eip() -> None:
    (found,) = missing(surrounded(addresses=HERE[:1], api=told(nat_eip(11))))

    assert (found.code, found.subject, found.commands) == ("EIP113", "eth1 192.168.1.10", ("eip-agent apply",))
    assert "192.168.1.10 (EIP 203.0.113.11)" in found.saw
    assert not list(missing(surrounded()))


def test_what_no_pass_would_add_is_told_with_how_to_add_it() -> None:
    bare = surrounded(addresses=HERE[:1])
    (found,) = missing(replace(bare, report=replace(bare.report, plan=())))

    assert found.commands == ("ip addr add 192.168.1.10/24 dev eth1 noprefixroute",)


def test_a_visible_eip_that_is_missing_is_told_and_the_dead_address_is_not() -> None:
    assert [one.subject for one in missing(surrounded(addresses=HERE[:1], declared=(BINDED,)))] == ["eth1 203.0.113.42"]
    assert [one.subject for one in missing(surrounded(declared=(MULTI,)))] == ["eth1 203.0.113.42"]


def test_what_is_left_alone_or_a_containers_is_not_missing() -> None:
    away = surrounded(addresses=HERE[:1], taken=frozenset((ip4("192.168.1.10"),)))
    excluded = replace(surrounded(addresses=HERE[:1]), settings=Settings(exclude_addresses=(net4("192.168.1.10/32"),)))
    six = surrounded(of=cloud(eni(0), eni6(1)))
    without = replace(six, settings=Settings(leave_ipv6=True))
    off = surrounded(of=cloud(eni(0), eni6(1)), links=(link(0), link(1, ipv6=False)))

    assert not list(missing(away))
    assert not list(missing(excluded))
    assert [one.subject for one in missing(six)] == ["eth1 2001:db8:0:1::10"]
    assert not list(missing(without))
    assert not list(missing(off))


def test_an_address_that_nobody_lists_is_told_unless_it_is_known() -> None:
    here = (*HERE, address("192.168.1.77"))
    havip = HavipFact("havip-1", ip4("192.168.1.77"), "InUse", "i-1")

    assert codes(odd(surrounded(addresses=here))) == ["EIP114"]
    assert not list(odd(surrounded(addresses=here, api=told(havips=(havip,)))))
    assert not list(odd(surrounded(addresses=(*HERE, address("192.168.1.77", leased=True)))))
    assert not list(odd(surrounded(addresses=here, silent=True)))
    assert not list(odd(surrounded(addresses=(*HERE, address("10.9.9.9")))))


def test_a_dead_address_is_told_with_what_has_replaced_it() -> None:
    (found,) = odd(surrounded(declared=(BINDED,)))

    assert (found.code, found.commands) == ("EIP115", ("ip addr del 192.168.1.10/24 dev eth1",))
    assert "203.0.113.42" in found.saw
    assert "EIP302" in found.kind.caused_by, "a DHCP client that holds it is told of by itself"


def test_a_nat_eip_on_a_link_is_told_and_a_visible_one_is_not() -> None:
    (found,) = odd(surrounded(addresses=(*HERE, address("203.0.113.11", length=32)), api=told(nat_eip(11))))

    assert (found.code, found.commands) == ("EIP116", ("ip addr del 203.0.113.11/32 dev eth1",))
    assert not list(odd(surrounded(addresses=(*HERE, address("203.0.113.42", length=27)), declared=(MULTI,))))


def test_an_address_on_another_enis_link_is_told() -> None:
    (found,) = odd(surrounded(addresses=(HERE[0], address("192.168.1.10", 0))))

    assert (found.code, found.subject) == ("EIP119", "eth0 192.168.1.10")


def test_a_mask_is_measured_by_the_subnet_or_the_eip() -> None:
    def of(ip: str, length: int) -> list[str]:
        return codes(masks(surrounded(addresses=(address(ip, length=length),), declared=(MULTI,))))

    assert of("192.168.1.10", 16) == ["EIP117"]
    assert of("192.168.1.10", 32) == ["EIP118"]
    assert of("192.168.1.10", 24) == []
    assert of("203.0.113.42", 24) == ["EIP117"]
    assert of("203.0.113.42", 27) == []
    assert of("10.9.9.9", 8) == [], "nobody knows its subnet"


def test_what_dhcp_has_given_is_right() -> None:
    leased = (address("203.0.113.42", length=24, leased=True),)
    six = (address("2001:db8:0:1::10", length=128),)

    assert not list(masks(surrounded(addresses=leased, declared=(BINDED,))))
    assert not list(masks(surrounded(addresses=six, of=cloud(eni(0), eni6(1)))))
