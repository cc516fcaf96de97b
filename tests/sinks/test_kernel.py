"""Changes as netlink messages: byte for byte what `ip` would have sent, and understood by the kernel.

::

    a namespace of its own:   eth1  ═══ veth ═══  wire      no address, no route, no rule but the kernel's
"""

import errno
import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg  # noqa: TID251  the other user of these messages

from eip_agent.core.changes import Change, Why, diff
from eip_agent.core.conclude import revert
from eip_agent.core.facts import Link, Mac, Remembered
from eip_agent.core.items import GROUP_SETTING, UP, Address, Item, LinkSetting, Route, Rule
from eip_agent.core.memory import foresee
from eip_agent.core.numbers import MAIN, table_of
from eip_agent.core.ownership import ours
from eip_agent.lab.namespace import Namespace
from eip_agent.netlink import Answer, Netlink, attributes
from eip_agent.sinks.apply import apply, undo
from eip_agent.sinks.kernel import NetlinkKernel, is_so_already, message_of
from eip_agent.sources.kernel import read
from tests.builders import address_item, device, ip4, ip6, net4, net6, route_item, rule_item

NEW, OLD = Why.MISSING, Why.STALE


def added(item: Item) -> Change:
    return Change(None, item, NEW)


def decoded(change: Change, header: str) -> tuple[int, int, tuple[Any, ...], dict[int, bytes]]:
    kind, flags, body = message_of(change)
    fixed = struct.Struct(header)
    return kind, flags, fixed.unpack_from(body), dict(attributes(body, fixed.size))


def test_an_address_is_added_exclusively_without_a_prefix_route() -> None:
    kind, flags, fixed, attrs = decoded(added(address_item("192.168.1.10")), "=BBBBi")

    assert (kind, flags) == (20, 0x600)
    assert fixed == (socket.AF_INET, 24, 0, 0, 3)
    assert attrs == {1: bytes([192, 168, 1, 10]), 2: bytes([192, 168, 1, 10]), 8: b"\0\2\0\0", 11: b"E"}


def test_an_ipv6_address_is_not_probed_for() -> None:
    _, _, fixed, attrs = decoded(added(address_item("2001:db8::10", length=64)), "=BBBBi")

    assert fixed[:2] == (socket.AF_INET6, 64)
    assert attrs[8] == struct.pack("=I", 0x202)


def test_a_route_is_added_exclusively_and_replaced_in_place() -> None:
    kind, flags, fixed, attrs = decoded(added(route_item()), "=BBBBBBBBI")

    assert (kind, flags) == (24, 0x600)
    assert fixed == (socket.AF_INET, 0, 0, 0, 0, 69, 0, 1, 4)
    assert attrs == {15: struct.pack("=I", 20000048), 4: struct.pack("=I", 3), 5: bytes([192, 168, 1, 253])}
    assert message_of(Change(route_item(gateway="192.168.1.1"), route_item(), Why.DIFFERS))[:2] == (24, 0x500)
    assert message_of(Change(route_item(), None, OLD))[:2] == (25, 0)


def test_a_subnet_has_the_scope_of_its_link() -> None:
    _, _, fixed, attrs = decoded(added(route_item("192.168.1.0/24", None)), "=BBBBBBBBI")

    assert fixed == (socket.AF_INET, 24, 0, 0, 0, 69, 253, 1, 0)
    assert attrs[1] == bytes([192, 168, 1, 0])


def test_an_ipv6_gateway_is_never_onlink() -> None:
    six = Route(table_of(3, 0), net6("::/0"), device(1), ip6("fe80::1"))

    assert decoded(added(six), "=BBBBBBBBI")[2] == (socket.AF_INET6, 0, 0, 0, 0, 69, 0, 1, 0)


def test_what_is_unreachable_has_no_device() -> None:
    _, _, fixed, attrs = decoded(added(Route(table_of(3, 1), net4("100.64.0.0/10"), None)), "=BBBBBBBBI")

    assert fixed[7] == 7
    assert 4 not in attrs


def test_a_main_first_rule_is_suppressed_for_defaults_and_for_enis() -> None:
    kind, flags, fixed, attrs = decoded(added(rule_item(priority=24010, table=MAIN)), "=BBBBBBBBI")

    assert (kind, flags) == (32, 0x600)
    assert (fixed[0], fixed[2], fixed[7]) == (socket.AF_INET, 24, 1)
    assert (attrs[13], attrs[14]) == (struct.pack("=I", 20000), struct.pack("=I", 2))
    assert (attrs[6], attrs[21][:1], attrs[15]) == (struct.pack("=I", 24010), b"\2", struct.pack("=I", 254))


def test_a_jump_and_its_landing_place() -> None:
    _, _, jump, attrs = decoded(added(rule_item(priority=24005, table=None, goto=24100)), "=BBBBBBBBI")
    kind, _, nop, _ = decoded(Change(Rule(4, 25999), None, OLD), "=BBBBBBBBI")

    assert (jump[7], attrs[4]) == (2, struct.pack("=I", 24100))
    assert (kind, nop[7]) == (33, 3)


def test_a_link_is_brought_up_and_nothing_else_about_it_is_touched() -> None:
    kind, _, fixed, attrs = decoded(added(LinkSetting(device(1), UP, 1)), "=BxHiII")

    assert (kind, fixed, attrs) == (19, (0, 0, 3, 1, 1), {})
    assert decoded(added(LinkSetting(device(1), UP, 0)), "=BxHiII")[2] == (0, 0, 3, 0, 1)


def test_a_sysctl_of_a_link_goes_by_netlink() -> None:
    """Also where pyroute2's own message of that kind was used before in this process."""
    theirs = ifinfmsg()
    theirs["attrs"] = [("IFLA_GROUP", 1)]
    theirs.encode()
    _, _, _, attrs = decoded(added(LinkSetting(device(1), "arp_ignore", 1)), "=BxHiII")
    conf = attributes(attributes(attributes(attrs[26], 0)[socket.AF_INET], 0)[1], 0)

    assert dict(conf) == {19: struct.pack("=I", 1)}


@pytest.mark.parametrize(
    ("change", "code", "so_already"),
    [
        (added(address_item("192.168.1.10")), errno.EEXIST, True),
        (added(rule_item()), errno.EEXIST, True),
        (added(route_item()), errno.EEXIST, False),
        (added(rule_item()), errno.EPERM, False),
        (added(address_item("192.168.1.10")), 0, False),
        (Change(address_item("192.168.1.10"), None, OLD), errno.EADDRNOTAVAIL, True),
        (Change(rule_item(), None, OLD), errno.ENOENT, True),
        (Change(route_item(), None, OLD), errno.ESRCH, True),
        (Change(route_item(), None, OLD), errno.ENODEV, True),
        (Change(route_item(), None, OLD), errno.EPERM, False),
        (Change(route_item(), route_item(gateway="192.168.1.1"), NEW), errno.ENODEV, False),
    ],
    ids=str,
)
def test_some_refusals_say_that_it_is_so_already(change: Change, code: int, so_already: bool) -> None:  # noqa: FBT001
    assert is_so_already(change, Answer(code)) == so_already


# --- with a real kernel -----------------------------------------------------------------------------------------------


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace("guest") as made:
        made.ip("link add eth1 address 00:16:3e:00:00:01 type veth peer name wire\n")
        made.ip("link set eth1 up\nlink set eth1 down\n")  # or its queue would be the difference
        yield made


def eth1(namespace: Namespace) -> Link:
    return Link(int(json.loads(namespace.run(["ip", "-j", "link", "show", "eth1"]).stdout)[0]["ifindex"]), "eth1")


def everything(link: Link) -> list[Item]:
    """One item of every kind."""
    one, other = table_of(link.index, 0), table_of(link.index, 1)
    return [
        LinkSetting(link, GROUP_SETTING, 20000),
        LinkSetting(link, UP, 1),
        LinkSetting(link, "arp_ignore", 1),
        LinkSetting(link, "arp_announce", 2),
        LinkSetting(link, "promote_secondaries", 1),
        Address(link, ip4("192.168.1.10"), 24),
        Address(link, ip6("2001:db8:0:1::10"), 64),
        Route(one, net4("192.168.1.0/24"), link),
        Route(one, net4("0.0.0.0/0"), link, ip4("192.168.1.253")),
        Route(other, net4("100.64.0.0/10"), None),
        Route(other, net4("0.0.0.0/0"), link, ip4("203.0.113.1")),
        Route(one, net6("fe80::/64"), link),
        Route(one, net6("2001:db8:0:1::/64"), link),
        Route(one, net6("::/0"), link, ip6("2001:db8:0:1::fff0")),
        Rule(4, 24010, net4("192.168.1.0/24"), table=MAIN),
        Rule(6, 24010, net6("2001:db8:0:1::/64"), table=MAIN),
        Rule(4, 24011, net4("192.168.1.0/24"), table=one),
        Rule(6, 24011, net6("2001:db8:0:1::/64"), table=one),
        Rule(4, 24020, device="eth1", table=one),
        Rule(4, 24101, net4("203.0.113.7/32"), table=other),
        Rule(4, 24005, net4("203.0.113.0/27"), goto=24100),
        Rule(4, 24021, goto=25999),
        Rule(4, 25999),
    ]


def listed(namespace: Namespace) -> str:
    shown = [
        "-d link show eth1",
        "address show eth1",
        "route show table all",
        "-6 route show table all",
        "rule",
        "-6 rule",
    ]
    return "\n".join(namespace.run(["ip", *one.split()]).stdout for one in shown)


@pytest.mark.lab
def test_every_item_is_written_read_back_and_taken_back(namespace: Namespace) -> None:
    link = eth1(namespace)
    mac = Mac("00:16:3e:00:00:01")
    before = listed(namespace)
    with namespace.entered(), Netlink() as netlink:
        writer = NetlinkKernel(netlink)
        wanted = everything(link)
        start = read(netlink, [mac])
        present = [LinkSetting(link, item.name, 0) for item in wanted if isinstance(item, LinkSetting)]
        plan = diff(present, wanted, lambda _: True)
        journal = foresee(Remembered(), plan, start)
        result = apply(plan, writer)
        held = read(netlink, [mac])

        assert (result.refused, len(result.applied)) == ((), len(wanted))
        assert ours(held, journal) == set(wanted)

        again = [change for change in plan if isinstance(change.item, Address | Rule)]
        assert apply(again, writer).applied == ()
        assert apply(revert(read(netlink, [mac]), journal), writer).refused == ()
    assert listed(namespace) == before


@pytest.mark.lab
def test_a_route_is_replaced_without_a_gap(namespace: Namespace) -> None:
    link = eth1(namespace)
    table = table_of(link.index, 0)
    old, new = (Route(table, net4("0.0.0.0/0"), link, ip4(f"192.168.1.{host}")) for host in (253, 1))
    namespace.ip("link set eth1 up")
    with namespace.entered(), Netlink() as netlink:
        writer = NetlinkKernel(netlink)
        apply([added(old)], writer)

        assert apply([added(new)], writer).refused[0].errno == errno.EEXIST
        assert apply([Change(old, new, Why.DIFFERS)], writer).refused == ()
        assert [fact.gateway for fact in read(netlink, ()).routes] == [ip4("192.168.1.1")]


@pytest.mark.lab
def test_what_the_kernel_refuses_comes_in_its_own_words(namespace: Namespace) -> None:
    link = eth1(namespace)
    orphan = Route(table_of(link.index, 0), net4("0.0.0.0/0"), link, ip4("192.168.1.253"))  # the link is down
    address = added(Address(link, ip4("192.168.1.10"), 24))
    with namespace.entered(), Netlink() as netlink:
        writer = NetlinkKernel(netlink)
        result = apply([address, added(orphan)], writer)

        assert result.undone == (address.inverse(),)
        assert result.refused[0].says
        assert undo([address], writer) == ((), ())
        assert read(netlink, ()).routes == ()
