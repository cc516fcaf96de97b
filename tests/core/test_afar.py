"""EIPs that no ENI with a link here has: what they are bound to, and whether anything of it arrives."""

from dataclasses import replace

import pytest

from eip_agent.core import afar
from eip_agent.core.chain import Chain, State, Step, ground
from eip_agent.core.openapi import ApiFact, Bound, DnatFact, HavipFact
from tests.builders import address, ip4, kernel, link
from tests.core.findings.support import nat_eip, scene_of, told

VIP = "192.168.1.200"
HAVIP = HavipFact("havip-1", ip4(VIP), "InUse", "i-1", ("i-1", "i-2"), (ip4("203.0.113.50"),))


def chains(api: ApiFact, *held: str) -> list[Chain]:
    holds = kernel(link(0), link(1), addresses=tuple(address(one) for one in held))
    return list(afar.chains(ground(scene_of(api, holds=holds))))


def notes(chain: Chain) -> str:
    return "; ".join(chain.notes)


def test_an_eni_here_is_not_afar() -> None:
    assert chains(told(nat_eip())) == []
    assert list(afar.chains(ground(scene_of()))) == []


@pytest.mark.parametrize(
    ("bound", "what"),
    [
        (Bound.SLB, "load balancer lb-1"),
        (Bound.NAT_GATEWAY, "NAT gateway lb-1"),
        (Bound.ENI, "ENI lb-1"),
        (Bound.OTHER, "resource lb-1"),
    ],
)
def test_what_it_is_bound_to_is_named(bound: Bound, what: str) -> None:
    (chain,) = chains(told(replace(nat_eip(), bound=bound, instance_id="lb-1")))

    assert (chain.inward[-1].what, chain.outward) == (what, ())
    assert "not bound to an ENI that has a link here" in notes(chain)


def test_one_that_is_bound_to_nothing_says_so() -> None:
    (chain,) = chains(told(replace(nat_eip(), bound=Bound.NOTHING, instance_id="", status="Available")))

    assert "bound to nothing" in notes(chain)
    assert chain.link is None


def test_a_havip_that_is_bound_to_an_eni_of_ours_is_ours() -> None:
    (chain,) = chains(told(havips=(replace(HAVIP, master="eni-1", instances=("eni-1", "eni-9")),)), VIP)
    assert "this instance holds the HAVIP now" in notes(chain)
    assert chains(told(havips=(replace(HAVIP, master="eni-8", instances=("eni-8", "eni-9")),))) == []


def test_a_havip_that_is_held_here_arrives() -> None:
    (chain,) = chains(told(havips=(HAVIP,)), VIP)

    assert chain.eip == ip4("203.0.113.50")
    assert [hop.what for hop in chain.inward if hop.step is Step.HOLDER] == [f"HAVIP havip-1, {VIP}"]
    assert chain.inward[-1].state is State.THERE
    assert any(hop.step is Step.RULE for hop in chain.outward)
    assert "this instance holds the HAVIP now" in notes(chain)


@pytest.mark.parametrize(("master", "said"), [("i-2", "instance i-2 holds"), ("", "no instance holds")])
def test_a_havip_that_is_held_elsewhere_does_not(master: str, said: str) -> None:
    (chain,) = chains(told(havips=(replace(HAVIP, master=master),)))

    assert (chain.inward[-1].state, chain.inward[-1].why) == (State.MISSING, "it is on no link here")
    assert said in notes(chain)
    assert not chain.whole


def test_a_havip_of_others_is_none_of_ours() -> None:
    assert chains(told(havips=(replace(HAVIP, master="i-2", instances=("i-2",)),))) == []


def test_a_havip_without_an_eip_is_for_the_vpc() -> None:
    (chain,) = chains(told(havips=(replace(HAVIP, eips=()),)), VIP)

    assert (chain.eip, chain.inward[0].what) == (None, "client in the VPC")


def test_a_dnat_entry_names_both_ports() -> None:
    entry = DnatFact(ip4("203.0.113.60"), "80", ip4("192.168.1.10"), "8080", "tcp", "ngw-1")
    (chain,) = chains(told(dnat=(entry,)))

    assert "NAT gateway ngw-1: tcp port 80 to 192.168.1.10 port 8080" in [hop.what for hop in chain.inward]
    assert chain.address == ip4("192.168.1.10")


@pytest.mark.parametrize(("where", "here"), [("192.168.1.10", True), ("192.168.1.99", False), ("nonsense", False)])
def test_an_eip_of_an_address_arrives_where_that_is_here(where: str, here: bool) -> None:  # noqa: FBT001
    eip = replace(nat_eip(), bound=Bound.IP_ADDRESS, instance_id=where, private_address=None)
    (chain,) = chains(told(eip))

    assert (chain.link == "eth1") is here
    assert here or chain.inward[-1].state is State.MISSING
