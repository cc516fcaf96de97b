"""The way out: from a socket to the other side, or to where it ends."""

from dataclasses import replace

from eip_agent.core.facts import LinkFact, Mac
from eip_agent.core.numbers import table_of
from eip_agent.core.outbound import leave
from eip_agent.core.outside import State
from eip_agent.core.surroundings import Hop, RouteSeen, RuleSeen
from eip_agent.core.walk import Flow, LookupFact
from tests.builders import device, ip4, link, net4
from tests.core.following import (
    BEFORE,
    EIP,
    ETH0,
    ETH1,
    FIRST,
    LOCAL_RULE,
    OWN,
    PEER,
    ROUTES,
    TUN,
    WEB,
    Instance,
    said,
    why,
)


def test_a_packet_of_a_nat_address_is_seen_as_its_eip() -> None:
    leg, seen = leave(Instance().ground(), OWN, dport=443)

    assert seen == EIP
    assert leg.agrees
    assert leg.state is State.PASSES
    assert said(leg) == [
        ("program", "192.168.1.10", "passes"),
        ("routing", "default via 192.168.1.253 dev eth1 table 100", "passes"),
        ("link", "eth1", "passes"),
        ("eni", "eni-1", "passes"),
        ("gateway", "192.168.1.253", "passes"),
        ("cloud", "203.0.113.11", "passes"),
        ("peer", "198.51.100.7", "passes"),
    ]


def test_what_leaves_by_another_eni_ends_there() -> None:
    leg, seen = leave(Instance(BEFORE).ground(), OWN)

    assert seen is None
    assert said(leg)[-1] == ("eni", "eni-0", "stops")
    assert "belongs to eni-1 (eth1)" in why(leg)


def test_an_address_that_is_nowhere_here_sends_nothing_and_apply_may_help() -> None:
    leg, _ = leave(Instance().ground(near=ip4("192.168.1.11")), ip4("192.168.1.11"))
    planned = Instance(overrides={"addresses": ()})
    absent, _ = leave(planned.ground(), OWN)

    assert said(leg) == [("program", "192.168.1.11", "stops")]
    assert "apply" not in why(leg)
    assert "`eip-agent apply` adds it" in why(absent)
    assert not planned.asked


def test_all_of_the_packet_is_asked_about() -> None:
    instance = Instance()
    leave(instance.ground(user=7), OWN, sport=53, dport=9)

    assert instance.asked == [Flow(WEB, OWN, ip_protocol=6, source_port=53, destination_port=9, user=7)]


def test_a_socket_that_is_bound_to_a_link_gets_its_source() -> None:
    oif = RuleSeen(4, 24020, table=100, outgoing="eth1")
    leg, seen = leave(Instance((LOCAL_RULE, oif)).ground(near=None, link="eth1"), None)

    assert said(leg)[0] == ("program", "192.168.1.10", "passes")
    assert seen == EIP


def test_no_route_is_told_with_the_kernels_reason() -> None:
    refusing = RuleSeen(4, 9, action="prohibit")
    leg, _ = leave(Instance((LOCAL_RULE, refusing)).ground(), OWN)
    none, _ = leave(Instance((LOCAL_RULE,)).ground(), OWN)

    assert leg.state is State.STOPS
    assert "by the rule priority 9 from all prohibit" in why(leg)
    assert why(none) == "the kernel refuses: no route"


def test_a_bound_socket_without_a_route_is_taken_to_be_on_the_link() -> None:
    assumed = LookupFact(0, "unicast", link=ETH1, source=OWN)
    instance = Instance((LOCAL_RULE,), answer=lambda _: assumed)
    leg, _ = leave(instance.ground(near=None, link="eth1"), None)

    assert ("routing", "eth1", "unknown") in said(leg)
    assert leg.agrees


def test_the_kernel_wins() -> None:
    other = LookupFact(0, "unicast", 254, net4("0.0.0.0/0"), 0, ETH0, ip4("192.168.0.253"))
    leg, _ = leave(Instance(answer=lambda _: other).ground(), OWN)

    assert not leg.agrees
    assert ("routing", "default via 192.168.0.253 dev eth0 table 254", "passes") in said(leg)
    assert said(leg)[-1] == ("eni", "eni-0", "stops")


def test_to_this_host_itself_nothing_leaves() -> None:
    leg, _ = leave(Instance().ground(far=OWN, near=FIRST), FIRST)

    assert [place for place, _, _ in said(leg)] == ["program", "routing", "peer"]
    assert why(leg) == "delivered here"


def test_inside_the_vpc_nobody_translates() -> None:
    leg, seen = leave(Instance().ground(far=PEER), OWN)

    assert seen == OWN
    assert ("cloud", "192.168.1.10", "passes") in said(leg)


def test_a_tunnel_takes_it_where_nobody_here_knows() -> None:
    tunnel = RouteSeen(254, net4("198.51.100.0/24"), hops=(Hop(TUN),))
    tun = LinkFact(replace(device(1), index=TUN, name="tun0"), Mac(""), up=True, kind="tun")
    instance = Instance(BEFORE, (*ROUTES, tunnel))
    instance.overrides = {"links": (*instance.held.links, tun)}
    leg, seen = leave(instance.ground(), OWN)

    assert seen is None
    assert ("link", "tun0", "unknown") in said(leg)
    assert leg.state is State.UNKNOWN


def test_a_gateway_that_is_not_its_own_is_told() -> None:
    other = replace(ROUTES[2], hops=(Hop(ETH1, ip4("192.168.1.1")),))
    leg, _ = leave(Instance(routes=(*ROUTES[:2], other)).ground(), OWN)
    inside, _ = leave(Instance(routes=(*ROUTES[:2], other)).ground(far=PEER), OWN)

    assert ("gateway", "192.168.1.1", "unknown") in said(leg)
    assert ("gateway", "192.168.1.1", "passes") in said(inside)


def test_a_stranger_on_the_link_is_looked_for_in_vain() -> None:
    """As in EIP-visible mode before the first pass: the mask of the EIP makes strangers neighbours."""
    on_link = RouteSeen(100, net4("198.51.100.0/24"), hops=(Hop(ETH1),))
    leg, _ = leave(Instance(routes=(*ROUTES, on_link)).ground(), OWN)
    near, _ = leave(Instance().ground(far=ip4("192.168.1.77")), OWN)

    assert ("gateway", "eth1", "unknown") in said(leg)
    assert leg.state is State.UNKNOWN
    assert near.state is State.PASSES


def test_of_several_ways_it_says_which() -> None:
    both = replace(ROUTES[2], hops=(Hop(ETH1, ip4("192.168.1.253")), Hop(ETH0, ip4("192.168.0.253"))))
    leg, _ = leave(Instance(routes=(*ROUTES[:2], both)).ground(), OWN)

    assert "one of 2 ways, here by eth1" in str(leg.stops[1].says)


def test_the_table_of_the_example_is_not_ours() -> None:
    """So that nothing here depends on how our own tables are numbered."""
    assert table_of(link(1).link.index, 0) != 100
