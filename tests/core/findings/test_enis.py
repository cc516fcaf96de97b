"""ENIs that cannot work as they should."""

from dataclasses import replace
from typing import Any

from eip_agent.core.findings.enis import emptied, lonely, unsettled, without_dhcp, without_gateway6
from eip_agent.core.known import Known, OfferSeen
from eip_agent.core.numbers import ADDRESS_PROTOCOL
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import ApiEniFact
from eip_agent.core.settings import Mode
from tests.builders import address, cloud, declared, device, eni, eni6, ip4, kernel, mac, net4
from tests.core.findings.support import codes, nat_eip, scene_of, told

LEASE = kernel(addresses=(address("203.0.113.20", leased=True),))
BINDED = nat_eip(20, mode=Mode.EIP_VISIBLE)


def test_an_eip_visible_eni_without_its_eip_is_told_by_whatever_remembers_it() -> None:
    offer = OfferFact(device(1).index, ip4("203.0.113.20"), 24)
    known = Known("i-1", mac(0), {}, 1.0, offers=(OfferSeen(mac(1), offer, 1.0),))

    assert codes(emptied(scene_of(told(), holds=LEASE))) == ["EIP440"]
    assert codes(emptied(scene_of(told(), api_before=told(BINDED)))) == ["EIP440"]
    assert codes(emptied(scene_of(told(), known=known))) == ["EIP440"]


def test_an_eni_that_has_an_eip_or_works_without_one_is_not() -> None:
    private = OfferFact(device(1).index, ip4("192.168.1.10"), 24)

    assert codes(emptied(scene_of(told(BINDED), holds=LEASE))) == []
    assert codes(emptied(scene_of(told(), holds=LEASE, offers=(private,)))) == []
    assert codes(emptied(scene_of(told(), api_before=told(nat_eip())))) == []
    assert codes(emptied(scene_of(None, holds=LEASE))) == codes(emptied(scene_of(told()))) == []


def test_an_eni_that_is_not_in_use_or_somebody_elses_is_told() -> None:
    def found(**of: Any) -> list[str]:
        one = ApiEniFact("eni-1", mac(1), primary=False)
        return codes(unsettled(scene_of(told(enis=(replace(one, **of),)))))

    assert found(status="Detaching") == ["EIP441"]
    assert found(service_managed=True) == ["EIP442"]
    assert found() == found(status="") == codes(unsettled(scene_of())) == []


def test_a_private_address_by_hand_is_told_in_multi_eip_visible_mode_only() -> None:
    multi = (declared("203.0.113.42", Mode.MULTI_EIP_VISIBLE),)

    def found(**how: Any) -> list[str]:
        held = kernel(addresses=(address("192.168.1.10", **how),))
        return codes(without_dhcp(scene_of(declared=multi, holds=held)))

    assert found() == ["EIP443"]
    assert found(leased=True) == found(protocol=ADDRESS_PROTOCOL) == codes(without_dhcp(scene_of(declared=multi))) == []
    assert codes(without_dhcp(scene_of(holds=kernel(addresses=(address("192.168.1.10"),))))) == []


def test_a_public_private_address_without_its_eip_is_told() -> None:
    own = ip4("198.51.100.44")
    odd = eni(1, primary=own, private_ipv4s=(own,), subnet=net4("198.51.100.0/24"), gateway=ip4("198.51.100.253"))
    instance = cloud(eni(0), odd)
    eip = nat_eip(address=own, private=str(own))

    assert codes(lonely(scene_of(told(), of=instance))) == ["EIP444"]
    assert codes(lonely(scene_of(told(eip), of=instance))) == []
    assert codes(lonely(scene_of(told(nat_eip(private=str(own))), of=instance))) == [], "NAT to a public address works"
    assert codes(lonely(scene_of(None, of=instance))) == codes(lonely(scene_of(told()))) == []


def test_ipv6_without_a_gateway_is_told() -> None:
    assert codes(without_gateway6(scene_of(of=cloud(eni(0), eni6(1, gateway6=None))))) == ["EIP430"]
    assert codes(without_gateway6(scene_of(of=cloud(eni(0), eni6(1))))) == codes(without_gateway6(scene_of())) == []
