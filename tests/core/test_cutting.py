"""A cut takes away what it names, and nothing along with it."""

from dataclasses import replace

from eip_agent.core.changes import Change, Why
from eip_agent.core.cutting import guarded, only_of_gone_links, removed_addresses
from eip_agent.core.items import PROMOTE_SECONDARIES, LinkSetting
from tests.builders import CONF, address, address_item, device, kernel, link, route_item

CUT = Change(address_item("192.168.1.10"), None, Why.STALE)
RAISED = LinkSetting(device(1), PROMOTE_SECONDARIES, 1)
OURS = address("192.168.1.10")
THEIRS = address("192.168.1.99")


def test_somebody_elses_address_stays_when_ours_goes() -> None:
    plan = guarded((CUT,), kernel(addresses=(OURS, THEIRS)))

    assert [str(change) for change in plan] == [
        "~ link eth1 promote_secondaries 1",
        "- address 192.168.1.10/24 dev eth1 noprefixroute",
        "~ link eth1 promote_secondaries 0",
    ]


def test_no_guard_where_there_is_nothing_to_guard_or_it_stands_already() -> None:
    on = replace(link(1), conf=tuple((name, 1 if name == PROMOTE_SECONDARIES else value) for name, value in CONF))
    raising = Change(replace(RAISED, value=0), RAISED, Why.MISSING)

    assert guarded((CUT,), kernel(addresses=(OURS,))) == (CUT,)
    assert guarded((CUT,), kernel(link(0), on, addresses=(OURS, THEIRS))) == (CUT,)
    assert guarded((raising, CUT), kernel(addresses=(OURS, THEIRS))) == (raising, CUT)
    assert guarded((), kernel(addresses=(OURS, THEIRS))) == ()


def test_only_cuts_of_addresses_need_a_second_witness() -> None:
    built = Change(None, address_item("192.168.1.11"), Why.MISSING)
    route = Change(route_item(), None, Why.STALE)

    assert removed_addresses((built, route, CUT)) == {CUT.before}


def test_silence_cuts_what_went_with_its_link_only() -> None:
    may_cut = only_of_gone_links(kernel(link(0)))

    assert may_cut(route_item())
    assert not may_cut(route_item(number=0))
    assert not may_cut(address_item("192.168.0.10", 0))
