"""A partial answer is completed by the one before, and never mixed within an ENI."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.facts import Unread
from eip_agent.core.recalled import recalled
from tests.builders import cloud, eni, ip4, mac

UNREAD = (Unread("macs/x/gateway", "500"),)
LAST = cloud(eni(0), eni(1), eni(2))


def test_an_eni_of_which_not_all_was_read_is_as_it_was() -> None:
    half = eni(1, gateway=None, private_ipv4s=(ip4("192.168.1.77"),), unread=UNREAD)

    assert recalled(cloud(eni(0), half, eni(2)), LAST).enis == (eni(0), eni(1, unread=UNREAD), eni(2))


def test_what_was_read_is_so() -> None:
    other = eni(1, private_ipv4s=(ip4("192.168.1.77"),))

    assert recalled(cloud(eni(0), other), LAST) == cloud(eni(0), other)


def test_an_eni_that_nobody_knew_stays_unknown() -> None:
    new = eni(5, gateway=None, unread=UNREAD)

    assert recalled(cloud(eni(0), new), LAST).enis == (eni(0), new)


def test_the_primary_eni_is_the_same_all_the_time() -> None:
    live = replace(LAST, primary_mac=None, unread=UNREAD)

    assert recalled(live, LAST) == replace(LAST, unread=UNREAD)
    assert recalled(replace(live, enis=live.enis[1:]), LAST).primary_mac is None, "it is not listed"
    assert recalled(replace(live, primary_mac=mac(1)), LAST).primary_mac == mac(1)


def test_another_instance_has_nothing_in_common() -> None:
    live = replace(LAST, primary_mac=None, instance_id="i-other")

    assert recalled(live, LAST) == live


@given(st.sets(st.sampled_from([0, 1, 2, 3])), st.sets(st.sampled_from([0, 1, 2, 3])))
def test_what_was_not_read_is_still_told(listed: set[int], broken: set[int]) -> None:
    live = cloud(
        *(
            eni(n, unread=UNREAD if n in broken else (), gateway=None if n in broken else ip4("192.0.2.1"))
            for n in listed
        )
    )
    found = recalled(live, LAST)

    assert [(one.mac, one.unread) for one in found.enis] == [(one.mac, one.unread) for one in live.enis]
    assert recalled(found, LAST) == found
