"""Default routes of `main`."""

from dataclasses import replace

from eip_agent.core.findings.defaults import equal, gateways, unbound
from eip_agent.core.numbers import TABLES
from eip_agent.core.offers import OfferFact
from eip_agent.core.settings import Mode
from eip_agent.core.surroundings import Hop, RouteSeen
from tests.builders import cloud, declared, device, eni, ip4, link, net4
from tests.core.findings.surrounded import default, rule_for, surrounded

TUNNEL = 9


def found_nowhere() -> RouteSeen:
    return RouteSeen(254, net4("10.0.0.0/8"), hops=(Hop(2),))


def test_a_missing_default_route_is_told_with_the_right_one() -> None:
    (found,) = unbound(surrounded(found_nowhere()))

    assert "EIP105" in found.kind.caused_by, "a link that is down has no route"
    assert (found.code, found.commands) == ("EIP121", ("ip route add default via 192.168.0.253 dev eth0",))
    for unable in (
        surrounded(found_nowhere(), of=cloud(eni(0, gateway=None), eni(1))),
        surrounded(found_nowhere(), links=(link(0, up=False), link(1))),
    ):
        assert next(unbound(unable)).commands == ()
    assert not list(unbound(surrounded()))
    assert not list(unbound(replace(surrounded(), surroundings=None)))


def test_a_secondary_nic_that_comes_first_is_told() -> None:
    (found,) = unbound(surrounded(default(0, metric=100), default(1, metric=50)))

    assert (found.code, found.commands) == (
        "EIP122",
        ("ip route del default via 192.168.1.253 dev eth1 metric 50",),
    )
    assert not list(unbound(surrounded(default(0, metric=100), default(1, metric=200))))


def test_a_secondary_nic_that_is_left_alone_is_told_with_the_route_that_is_missing() -> None:
    (found,) = unbound(surrounded(default(1, metric=50)))

    assert (found.code, found.commands) == ("EIP125", ("ip route replace default via 192.168.0.253 dev eth0",))
    assert found.about == {"eth0", "eth1"}, "of both, so that the primary link, if down, is the cause"
    (unable,) = unbound(surrounded(default(1), of=cloud(eni(0, gateway=None), eni(1))))
    assert unable.commands == ()


def test_what_is_somebodys_wish_is_not_told() -> None:
    halves = [RouteSeen(254, net4(to), hops=(Hop(TUNNEL),)) for to in ("0.0.0.0/1", "128.0.0.0/1")]
    both = replace(default(0), hops=(*default(0).hops, *default(1).hops))
    policy = rule_for("0.0.0.0/0", 100, 300)

    assert not list(unbound(surrounded(default(0), *halves)))
    assert not list(unbound(surrounded(both)))
    assert not list(equal(surrounded(both)))
    assert not list(unbound(surrounded(default(0), default(1, 100), rules=(replace(policy, source=None),))))


def test_equal_metrics_are_told_once() -> None:
    of = surrounded(default(1), default(0), default(1, metric=5))
    (found,) = equal(of)

    assert (found.code, found.commands) == ("EIP123", ("ip route del default via 192.168.1.253 dev eth1",))
    assert not list(unbound(of)), "one finding for one trouble"
    assert not list(equal(surrounded(default(0), default(1, metric=5))))
    assert not list(equal(surrounded()))


def test_a_wrong_gateway_is_told_wherever_a_rule_leads() -> None:
    wrong = default(1, 100, "192.168.1.1", metric=7)
    (found,) = gateways(surrounded(default(0), wrong))

    assert found.code == "EIP124"
    assert found.commands == ("ip route replace default via 192.168.1.253 dev eth1 table 100 metric 7",)
    assert not list(gateways(surrounded(default(0), default(1, 100))))
    assert not list(gateways(surrounded(default(0), default(1, TABLES.start, "192.168.1.1")))), "EIP142's"
    assert not list(gateways(surrounded(default(0), RouteSeen(254, net4("10.0.0.0/8"), hops=wrong.hops))))
    assert not list(gateways(surrounded(default(0), default(1, 20_000_048, "192.168.1.1", protocol=69)))), "ours"


def test_the_gateway_of_an_eip_and_of_an_offer_are_right_too() -> None:
    eip = declared("203.0.113.42", Mode.EIP_VISIBLE)
    offer = OfferFact(device(1).index, ip4("203.0.113.42"), 24, ip4("203.0.113.1"))

    assert not list(gateways(surrounded(default(0), default(1, gateway="203.0.113.33"), declared=(eip,))))
    (found,) = gateways(surrounded(default(0), default(1), declared=(eip,)))
    assert found.code == "EIP124"
    assert found.kind.caused_by == {"EIP302"}
    assert found.commands == ("ip route replace default via 203.0.113.33 dev eth1 onlink",), "the kernel asks for it"
    of = surrounded(default(0), default(1, gateway="203.0.113.1"), declared=(eip,), offers=(offer,))
    assert not list(gateways(of))
