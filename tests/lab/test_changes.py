"""What changes while packets flow: ENIs, addresses, gateways, the layout of the rules; others do not notice.

::

      guest                     router                     internet
     ┌──────────────────┐      ┌───────┐                  ┌────────────────────┐
     │ eth1 ◄───────────┼──────┼───────┼──────────────────┼ a stream of numbers│
     │ eth2 ◄───────────┼──────┼───────┼──────────────────┼ another            │
     │ eth5 comes, eth3 goes ──┼       │                  └────────────────────┘
     └──────────────────┘      └───────┘
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

import pytest

from eip_agent.core.facts import IPAddress
from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.probe import reach
from eip_agent.lab.stream import Stream
from eip_agent.lab.topology import DEMO, Eip, Eni, Topology, VSwitch, eni, public, vswitch
from tests.lab.support import (
    ELSEWHERE,
    ETH0,
    MULTI,
    Instance,
    agent,
    applied,
    declared,
    every,
    nat,
    rules,
    shown,
    shuffled,
    tables,
)

pytestmark = pytest.mark.lab

LONGEST = 1.0
"""Seconds without a number that a busy machine may cause; a lost segment comes again after 0.2 at the earliest, and is
counted."""
NEW = nat(5, vswitch(5), (10, 11), first=90)


def eventually(holds: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.01)  # the streams need the interpreter
    return True


@contextlib.contextmanager
def undisturbed(cloud: Cloud, *addresses: IPAddress) -> Iterator[None]:
    """Streams from the Internet to these addresses run through the block and lose nothing."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Stream(cloud.internet, address)) for address in addresses]
        assert eventually(lambda: all(stream.echoed > 20 for stream in streams))
        yield
        before = [stream.echoed for stream in streams]
        assert eventually(lambda: all(stream.echoed > 20 + was for stream, was in zip(streams, before, strict=True)))
        assert [stream.broken for stream in streams if not stream.intact] == []
        assert [stream.lost() for stream in streams] == [0] * len(streams)
        assert max(stream.stalls() for stream in streams) < LONGEST


def become(instance: Instance, topology: Topology) -> None:
    """What the cloud's console does, and the next pass."""
    instance.cloud.become(topology)
    instance.cloud.settings(declared(topology))
    agent(instance.cloud, "apply")


def of_others(cloud: Cloud, links: list[str]) -> list[str]:
    """The tables of some links, and the rules that lead there."""
    numbers = [f" {20_000_000 + 16 * index(cloud, link)} " for link in links]
    lines = [f"{line} " for version in (4, 6) for line in rules(cloud, version)]
    return [
        *(line for link in links for line in tables(cloud, link)),
        *(line for line in lines if any(number in line for number in numbers)),
    ]


def index(cloud: Cloud, link: str) -> int:
    return int(shown(cloud, f"link show {link}")[0].partition(":")[0])


def test_an_eni_is_attached_and_another_detached_and_the_others_notice_nothing() -> None:
    others = ["eth0", "eth1", "eth2", "eth4"]
    with applied(DEMO) as instance:
        cloud = instance.cloud
        before = of_others(cloud, others)
        with undisturbed(cloud, public(11), public(12), public(20), DEMO.enis[1].ipv6s[0]):
            become(instance, DEMO.with_eni(NEW))
            assert of_others(cloud, others) == before
            assert [eip.address for eip in NEW.eips if not reach(cloud.internet, eip.address)] == []
            become(instance, DEMO.with_eni(NEW).without("eth3"))
            assert of_others(cloud, others) == before

        assert "eth3" not in "\n".join(line for version in (4, 6) for line in rules(cloud, version))
        assert "detached" not in "\n".join(line for version in (4, 6) for line in rules(cloud, version))
        assert set(cloud.spoofs().values()) == {0}
        become(instance, DEMO)
        assert of_others(cloud, others) == before
        assert instance.broken() == []


def test_an_eni_that_the_metadata_service_does_not_list_yet_waits() -> None:
    with applied(DEMO) as instance:
        cloud = instance.cloud
        before = [rules(cloud), rules(cloud, 6)]
        become(instance, DEMO.with_eni(replace(NEW, listed=False, eips=())))
        assert [rules(cloud), rules(cloud, 6)] == before
        become(instance, DEMO.with_eni(NEW))

        assert instance.broken() == []


def test_an_eni_that_is_attached_again_by_another_index_works() -> None:
    with applied(DEMO) as instance:
        cloud = instance.cloud
        was = index(cloud, "eth1")
        cloud.become(DEMO.without("eth1"))
        become(instance, DEMO)

        assert index(cloud, "eth1") != was
        assert instance.broken() == []


def test_an_address_is_assigned_and_unassigned() -> None:
    base = Topology((ETH0, nat(1, vswitch(1))), extra_vswitches=ELSEWHERE)
    more = base.with_eni(nat(1, vswitch(1), (10, 11)))
    with applied(base) as instance:
        cloud = instance.cloud
        before = shown(cloud, "-br addr")
        with undisturbed(cloud, public(20), base.enis[1].ipv6s[0]):
            become(instance, more)
            assert instance.broken() == []
            become(instance, base)
        assert shown(cloud, "-br addr") == before
        assert instance.broken() == []


def test_a_gateway_is_added_to_and_taken_from_a_multi_eip_visible_eni() -> None:
    one, two, three = MULTI.eips
    fourth = Eip(public(130), Mode.MULTI_EIP_VISIBLE, gateway=public(129), prefix_length=28)
    base = Topology((ETH0, replace(MULTI, eips=(one, three))), extra_vswitches=ELSEWHERE)
    with applied(base) as instance:
        cloud = instance.cloud
        with undisturbed(cloud, one.address, three.address):
            before = tables(cloud, "eth2")
            # In front of the others, so that a slot by order would move theirs.
            become(instance, base.with_eni(replace(MULTI, eips=(fourth, two, one, three))))
            assert [line for line in before if line not in tables(cloud, "eth2")] == []
            assert instance.broken() == []
            become(instance, base)
            assert tables(cloud, "eth2") == before
        assert instance.broken() == []


def test_an_eip_goes_and_its_neighbours_in_the_same_subnet_stay() -> None:
    """The kernel would remove them with the first address of their subnet."""
    base = Topology((ETH0, MULTI), extra_vswitches=ELSEWHERE)
    _, two, three = MULTI.eips
    with applied(base) as instance:
        with undisturbed(instance.cloud, two.address, three.address):
            become(instance, base.with_eni(replace(MULTI, eips=(two, three))))
        assert instance.broken() == []


def test_a_binding_changes_its_mode() -> None:
    base = Topology((ETH0, nat(1, vswitch(1))), extra_vswitches=ELSEWHERE)
    visible = eni(1, vswitch(1), (10,), [Eip(public(20), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])
    with applied(base) as instance:
        with undisturbed(instance.cloud, public(10)):
            become(instance, base.with_eni(visible))
            assert instance.broken() == []
            become(instance, base)
        assert instance.broken() == []


CROWD = VSwitch("vsw-crowd", IPv4Network("172.16.32.0/23"), IPv6Network("2001:db8:100:20::/64"))


def crowd(each: int) -> Topology:
    """Three ENIs with interleaved addresses of one vSwitch, and EIPs on the main ones."""
    drawn = shuffled(range(1, 4), CROWD, 20)
    enis: list[Eni] = [eni(n, CROWD, hosts[:each], [Eip(public(10 * n + 10))]) for n, hosts in drawn]
    return Topology((ETH0, *enis), extra_vswitches=ELSEWHERE)


def test_a_new_layout_of_the_rules_disturbs_no_stream() -> None:
    few, many = crowd(5), crowd(20)
    eips = [one.eips[0].address for one in few.enis]
    with applied(few) as instance:
        cloud = instance.cloud
        flat = [rules(cloud), rules(cloud, 6)]
        with undisturbed(cloud, *eips, *(every(one)[-1] for one in few.enis)):
            assert "goto" not in str(flat)
            become(instance, many)
            assert "goto" in str(rules(cloud))
            assert "goto" in str(rules(cloud, 6))
            become(instance, few)
            assert [rules(cloud), rules(cloud, 6)] == flat
        assert set(cloud.spoofs().values()) == {0}
        become(instance, many)
        assert instance.broken() == []


def test_revert_and_apply_leave_a_stream_of_the_primary_alone() -> None:
    with applied(DEMO) as instance, undisturbed(instance.cloud, public(10), DEMO.primary.ipv6s[0]):
        agent(instance.cloud, "revert")
        agent(instance.cloud, "apply")
        assert instance.broken() == []
