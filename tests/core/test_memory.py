"""The journal's memory: killed after any change, a pass can still be taken back to the byte."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from eip_agent.core.changes import Change, Why, diff
from eip_agent.core.conclude import conclude, revert
from eip_agent.core.facts import Borrowed, KernelFact, Remembered
from eip_agent.core.items import GROUP_SETTING, UP, LinkSetting
from eip_agent.core.memory import foresee, joined, settle
from tests.builders import address_item, device, ip4, kernel, link, mac
from tests.strategies import World, worlds
from tests.world import after, enacted, lines, same

NOTHING = Remembered()
BRING_UP = Change(LinkSetting(device(1), UP, 0), LinkSetting(device(1), UP, 1), Why.DIFFERS)


def unused_links_only(world: World) -> World:
    """A link that holds somebody else's address is never taken down again, so let none be down to begin with."""
    used = {fact.link for fact in world.kernel.addresses}
    links = tuple(replace(fact, up=fact.up or fact.link.index in used) for fact in world.kernel.links)
    return replace(world, kernel=replace(world.kernel, links=links))


def test_what_a_pass_will_raise_is_remembered_with_what_it_was() -> None:
    remembered = foresee(NOTHING, [BRING_UP], kernel(link(1, up=False)))

    assert remembered.borrowed == (Borrowed(device(1), mac(1), UP, 0, 1),)


def test_what_a_pass_gives_back_is_remembered_until_it_is_done() -> None:
    before = Remembered((Borrowed(device(1), mac(1), UP, 0, 1),))
    foreseen = foresee(before, [BRING_UP.inverse()], kernel())

    assert foreseen == before
    assert settle(foreseen, kernel(link(1, up=False))) == NOTHING
    assert settle(foreseen, kernel()) == before


def test_a_value_borrowed_twice_goes_back_to_the_first() -> None:
    journal = Remembered((Borrowed(device(1), mac(1), "arp_announce", 0, 1),))
    raise_ = Change(LinkSetting(device(1), "arp_announce", 1), LinkSetting(device(1), "arp_announce", 2), Why.DIFFERS)

    assert foresee(journal, [raise_], kernel()).borrowed == (Borrowed(device(1), mac(1), "arp_announce", 0, 2),)


def test_a_value_that_somebody_changed_since_is_borrowed_anew() -> None:
    journal = Remembered((Borrowed(device(1), mac(1), "arp_announce", 0, 2),))
    raise_ = Change(LinkSetting(device(1), "arp_announce", 1), LinkSetting(device(1), "arp_announce", 2), Why.DIFFERS)

    assert foresee(journal, [raise_], kernel()).borrowed == (Borrowed(device(1), mac(1), "arp_announce", 1, 2),)


def test_a_link_that_vanished_has_nothing_to_give_back() -> None:
    assert foresee(NOTHING, [BRING_UP], kernel(link(0))) == NOTHING


def test_new_addresses_are_remembered_and_removed_ones_until_they_are_gone() -> None:
    item = address_item("192.168.1.10")
    plan = diff([], [item], lambda _: True)
    foreseen = foresee(NOTHING, plan, kernel())
    there = after(kernel(), plan, marks=False)

    assert foreseen.addresses == {(3, ip4("192.168.1.10"), 24)}
    assert settle(foreseen, there) == foreseen
    assert foresee(foreseen, [change.inverse() for change in plan], there) == foreseen
    assert settle(foreseen, kernel()) == NOTHING


def test_another_link_with_that_index_owes_nothing() -> None:
    journal = Remembered((Borrowed(device(1), mac(1), GROUP_SETTING, 0, 20000),))

    assert settle(journal, kernel(link(1, group=20000))) == journal
    assert settle(journal, kernel(link(1, group=20000, mac=mac(9)))) == NOTHING
    assert settle(journal, kernel(link(0))) == NOTHING


def killed(
    world: World, start: KernelFact, remembered: Remembered, at: float, *, marks: bool
) -> tuple[KernelFact, Remembered]:
    """A pass that was killed after a part of its plan: what the kernel and the journal hold."""
    plan = conclude(world.cloud, start, remembered, world.settings).plan
    foreseen = foresee(remembered, plan, start)
    held = start
    for change in plan[: round(at * len(plan))]:
        held = enacted(held, change, marks=marks)
    return held, foreseen


@given(worlds(), st.booleans(), st.floats(0, 1))
@settings(max_examples=60)
def test_a_pass_killed_anywhere_can_be_reverted(drawn: World, marks: bool, at: float) -> None:  # noqa: FBT001  drawn
    world = unused_links_only(drawn)
    held, journal = killed(world, world.kernel, NOTHING, at, marks=marks)

    assert lines(after(held, revert(held, journal))) == lines(world.kernel)


@given(worlds(), worlds(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=40)
def test_so_can_two_passes_that_were_killed(drawn: World, then: World, one: float, other: float) -> None:
    world = unused_links_only(drawn)
    held, journal = killed(world, world.kernel, NOTHING, one, marks=False)
    held, journal = killed(then, held, journal, other, marks=False)

    assert lines(after(held, revert(held, journal))) == lines(world.kernel)


@given(worlds(), st.floats(0, 1))
@settings(max_examples=40)
def test_a_pass_after_a_killed_one_converges(world: World, at: float) -> None:
    whole, _ = killed(world, world.kernel, NOTHING, 1, marks=False)
    held, journal = killed(world, world.kernel, NOTHING, at, marks=False)
    held, _ = killed(world, held, journal, 1, marks=False)

    assert same(held, whole)


def test_two_memories_are_one_and_the_later_knows_better() -> None:
    up, group = Borrowed(device(1), mac(1), UP, 0, 1), Borrowed(device(1), mac(1), GROUP_SETTING, 0, 20000)
    first, second = (3, ip4("192.168.1.10"), 24), (3, ip4("192.168.1.11"), 24)
    earlier = Remembered((up, group), frozenset((first,)))
    later = Remembered((replace(group, before=7),), frozenset((second,)))

    assert joined(earlier, later) == Remembered((up, replace(group, before=7)), frozenset((first, second)))
    assert joined(earlier, NOTHING) == earlier == joined(NOTHING, earlier)
