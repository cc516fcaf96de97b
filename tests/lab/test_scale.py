"""The largest everyday instance: 15 ENIs with 50 addresses each, alone in their vSwitches and interleaved in one.

::

      guest                     router
     ┌──────────────────┐      ┌─────────┐      an Internet with 60 EIPs to reach it by,
     │ eth0  50 addresses ┼────┼         │      a peer in the shared vSwitch and one elsewhere
     │ ...              │      │         │
     │ eth14 50 addresses ┼────┼         │
     └──────────────────┘      └─────────┘
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from random import Random

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import Eip, Eni, Topology, VSwitch, eni, public, vswitch
from tests.lab.support import (
    ELSEWHERE,
    PROTOS,
    SERVICE,
    SERVICE_PORT,
    WEB,
    WEB6,
    Probe,
    agent,
    applied,
    faulty,
    outside,
    rules,
    shuffled,
)

pytestmark = pytest.mark.lab

ENIS, EACH, EIPS = 15, 50, 4
WIDE = VSwitch("vsw-wide", IPv4Network("172.16.16.0/20"), IPv6Network("2001:db8:100:10::/64"))


def with_eips(one: Eni, number: int) -> Eni:
    """The same with NAT EIPs on its main address and on some others, drawn at random."""
    private = [one.private[0], *Random(number).sample(one.private[1:], EIPS - 1)]  # noqa: S311
    first = EIPS * number + 1
    return replace(one, eips=tuple(Eip(public(first + n), private_address=at) for n, at in enumerate(private)))


ALONE = Topology(
    tuple(with_eips(eni(n, vswitch(n), range(10, 10 + EACH)), n) for n in range(ENIS)), extra_vswitches=(vswitch(99),)
)
INTERLEAVED = Topology(
    tuple(with_eips(eni(n, WIDE, hosts), n) for n, hosts in shuffled(range(ENIS), WIDE, EACH)),
    extra_vswitches=ELSEWHERE,
)


@dataclass(frozen=True, slots=True)
class Large:
    """A large instance after the first pass."""

    cloud: Cloud
    interleaved: bool


@pytest.fixture(scope="module", params=[ALONE, INTERLEAVED], ids=["alone", "interleaved"])
def large(request: pytest.FixtureRequest) -> Iterator[Large]:
    with applied(request.param, settings="") as instance:
        yield Large(instance.cloud, request.param is INTERLEAVED)


def probes(cloud: Cloud, proto: str) -> Iterator[Probe]:
    """Packets to and from every EIP and 60 other addresses, every ENI among them."""
    draw = Random(proto)  # noqa: S311
    kind = next(one for one in PROTOS if one == proto)
    elsewhere = cloud.topology.extra_vswitches[0]
    primary = cloud.topology.primary.vswitch
    for one in cloud.topology.enis:
        ways = outside(one)
        own = one.vswitch
        for eip in one.eips:
            yield Probe(cloud.internet, eip.address, kind, WEB)
            yield Probe(cloud.guest, WEB, kind, one.private_of(eip), seen=frozenset((eip.address,)))
        for v4 in draw.sample(one.private, EIPS):
            for peer in (elsewhere, own, primary):
                yield Probe(cloud.peers[peer.name], v4, kind)
                yield Probe(cloud.guest, peer.peer, kind, v4, seen=frozenset((v4,)))
            yield Probe(cloud.guest, SERVICE, kind, v4, port=SERVICE_PORT)
        for v6 in draw.sample(one.ipv6s, EIPS):
            yield Probe(cloud.internet, v6, kind)
            yield Probe(cloud.guest, WEB6, kind, v6, seen=frozenset((ways[v6],)))
            yield Probe(cloud.peers[own.name], v6, kind)
        yield Probe(cloud.guest, elsewhere.peer, kind, device=one.link, seen=frozenset(one.private[:1]))
        if elsewhere.peer6:
            yield Probe(cloud.guest, elsewhere.peer6, kind, device=one.link, seen=frozenset(one.ipv6s))


@pytest.mark.parametrize("proto", PROTOS)
def test_a_sample_of_every_eni_keeps_the_contract(large: Large, proto: str) -> None:
    assert faulty(list(probes(large.cloud, proto))) == []
    assert set(large.cloud.spoofs().values()) == {0}


def test_the_rules_are_few(large: Large) -> None:
    """DESIGN.md 10: four a table and a constant where subnets are not interleaved; else never two an address."""
    counts = [len(rules(large.cloud, version)) for version in (4, 6)]

    assert [count for count in counts if count > (2 * ENIS * EACH if large.interleaved else 4 * ENIS + 4)] == []
    assert any("goto" in line for line in rules(large.cloud)) == large.interleaved


def test_a_second_pass_finds_nothing_to_do(large: Large) -> None:
    assert agent(large.cloud, "apply").startswith("as desired: 15 ENIs")


def test_revert_takes_everything_back() -> None:
    with applied(INTERLEAVED, settings="") as instance:
        agent(instance.cloud, "revert")

        assert rules(instance.cloud) == rules(instance.cloud, 6) == []
        assert instance.cloud.guest.ip("addr show scope global up").count("inet ") == 1
