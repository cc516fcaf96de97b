"""What the answers ask of an instance."""

from dataclasses import replace

from eip_agent.core.faq.instance import gap, held, is_told, no_eips, ways, where
from eip_agent.core.message import say
from eip_agent.core.openapi import ApiFact, Denied
from eip_agent.core.settings import Mode, Settings
from tests.builders import declared, ip4
from tests.core.faq.support import WHOLE, explained, instance
from tests.core.findings.support import nat_eip, told

WHAT = say("it")


def test_eips_are_those_that_are_here_now() -> None:
    assert [(one.eip, one.private, one.link) for one in held(explained())] == [
        (ip4("203.0.113.10"), ip4("192.168.0.10"), "eth0"),
        (ip4("203.0.113.11"), ip4("192.168.1.10"), "eth1"),
    ]
    assert held(explained(told(nat_eip(status="Unassociating")))) == ()
    moved = told(nat_eip(instance_id="eni-9"))
    assert held(explained(moved, declared=(declared("203.0.113.11"),))) == ()
    static = instance(eipv4=ip4("203.0.113.250"))
    assert held(explained(told(static_ip=ip4("203.0.113.250")), of=static)) == ()


def test_the_way_of_an_eip_is_that_of_its_mode() -> None:
    def way(mode: Mode) -> str:
        scene = explained(None, declared=(declared("203.0.113.20", mode),))
        (one,) = held(scene)
        return where(one)

    assert "the cloud translates it -> 192.168.1.10 on eth1" in way(Mode.NAT)
    assert "an address of the link" in way(Mode.EIP_VISIBLE)
    assert "an address of the link" in way(Mode.MULTI_EIP_VISIBLE)
    assert "no EIP is bound" in next(ways(explained(told()))).says
    assert "no EIP of this instance is known" in next(ways(explained(None))).says


def test_a_gap_says_what_it_takes_as_things_are() -> None:
    action = "vpc:DescribeHaVips"
    off = replace(explained(None), settings=Settings(openapi=False))
    denied = explained(ApiFact(denied=(Denied(action, "no"),)))

    assert "`enabled = true`" in gap(off, action, WHAT).how
    assert "pip install" in gap(explained(None), action, WHAT).how
    assert f"allow `{action}`" in gap(denied, action, WHAT).how
    assert "says why there is none" in gap(explained(), action, WHAT).how


def test_who_is_not_told_of_is_named() -> None:
    half = replace(WHOLE, asked=frozenset(("eni-0",)))

    assert is_told(explained())
    assert list(no_eips(explained())) == []
    assert not is_told(explained(half))
    assert "bound to eth1, and how" in next(no_eips(explained(half))).what
