"""Carrying out a plan: all of it, or nothing of it, and never what was somebody else's."""

import errno
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from eip_agent.core.changes import Change, Why, diff
from eip_agent.core.conclude import conclude
from eip_agent.core.facts import KernelFact, Remembered
from eip_agent.core.items import GROUP_SETTING, LinkSetting
from eip_agent.core.message import say, verbatim
from eip_agent.core.report import Refusal, Result
from eip_agent.errors import KernelReadError
from eip_agent.netlink import Answer
from eip_agent.sinks.apply import apply, undo
from tests.builders import address_item, device, kernel, route_item, rule_item
from tests.strategies import World, worlds
from tests.world import FakeKernel, address_fact, after, same

PLAN = diff([], [route_item(), rule_item(), address_item("192.168.1.10")], lambda _: True)


def test_a_plan_is_carried_out_in_its_order() -> None:
    fake = FakeKernel(kernel())

    assert apply(PLAN, fake) == Result(PLAN)
    assert same(fake.facts, after(kernel(), PLAN))


def test_a_refusal_undoes_what_was_done_newest_first() -> None:
    fake = FakeKernel(kernel(), lambda number, _: number == 2)
    result = apply(PLAN, fake)

    assert result == Result(
        PLAN[:2],
        (Refusal(PLAN[2], errno.EPERM, "refused on purpose"),),
        (PLAN[1].inverse(), PLAN[0].inverse()),
    )
    assert same(fake.facts, kernel())


def test_what_was_so_already_is_not_undone() -> None:
    there = kernel(addresses=(address_fact(address_item("192.168.1.10")),))
    plan = [*diff([], [address_item("192.168.1.10"), address_item("192.168.1.11")], lambda _: True)]
    fake = FakeKernel(there, lambda number, _: number == 1)
    result = apply(plan, fake)

    assert (result.applied, result.undone) == ((), ())
    assert same(fake.facts, there)


def test_what_was_gone_already_is_not_put_back() -> None:
    fake = FakeKernel(kernel(), lambda number, _: number == 1)
    result = apply([Change(rule_item(), None, Why.STALE), Change(route_item(), None, Why.STALE)], fake)

    assert len(result.refused) == 1
    assert same(fake.facts, kernel())


def test_a_phase_is_finished_before_its_refusal_counts() -> None:
    plan = diff([], [rule_item("192.168.1.0/25"), rule_item("192.168.1.128/25")], lambda _: True)
    fake = FakeKernel(kernel(), lambda number, _: number == 0)
    result = apply(plan, fake)

    assert (result.applied, result.undone) == (plan[1:], (plan[1].inverse(),))
    assert same(fake.facts, kernel())


def test_what_cannot_be_undone_is_said() -> None:
    fake = FakeKernel(kernel(), lambda number, change: number == 2 or change.before == rule_item())
    result = apply(PLAN, fake)

    assert [refusal.change for refusal in result.stuck] == [PLAN[1].inverse()]
    assert result.undone == (PLAN[0].inverse(),)


def test_another_gateway_in_our_way_is_a_refusal() -> None:
    held = after(kernel(), diff([], [route_item(gateway="192.168.1.1")], lambda _: True))
    fake = FakeKernel(held)

    assert apply(PLAN, fake).refused[0].errno == errno.EEXIST
    assert same(fake.facts, held)


class Deaf(FakeKernel):
    """Does what it is told, and is not heard once."""

    def enact(self, changes: Sequence[Change]) -> list[Answer | None]:
        first = not self.asked
        answers = super().enact(changes)
        if first:
            raise KernelReadError(verbatim("netlink: No buffer space available"), say("try again"))
        return answers


def test_an_answer_that_got_lost_is_undone_whether_it_was_done_or_not() -> None:
    fake = Deaf(kernel())
    result = apply(PLAN, fake)

    assert [refusal.errno for refusal in result.refused] == [errno.EIO]
    assert same(fake.facts, kernel())


def test_what_went_with_its_device_is_not_stuck() -> None:
    group = Change(LinkSetting(device(7), GROUP_SETTING, 0), LinkSetting(device(7), GROUP_SETTING, 20000), Why.DIFFERS)

    assert undo([group], FakeKernel(kernel())) == ((), ())


def test_a_kernel_in_memory_prints_itself() -> None:
    fake = FakeKernel(kernel())
    apply(PLAN[:1], fake)

    assert "route 0.0.0.0/0 via 192.168.1.253 dev 3 table 20000048 proto 69 metric 0" in str(fake)


@given(worlds(), st.integers(0, 60))
@settings(max_examples=60)
def test_whatever_is_refused_the_kernel_is_as_it_was(world: World, number: int) -> None:
    plan = conclude(world.cloud, world.kernel, Remembered(), world.settings).plan
    fake = FakeKernel(world.kernel, lambda asked, _: asked == number)
    result = apply(plan, fake)

    assert bool(result.refused) == (number < len(plan))
    assert same(fake.facts, world.kernel if result.refused else after(world.kernel, plan))


@given(worlds(), worlds())
@settings(max_examples=30)
def test_undoing_a_whole_pass_restores_the_kernel(first: World, then: World) -> None:
    held: KernelFact = after(first.kernel, conclude(first.cloud, first.kernel, Remembered(), first.settings).plan)
    plan = conclude(then.cloud, held, Remembered(), then.settings).plan
    fake = FakeKernel(held)
    result = apply(plan, fake)
    undone, stuck = undo(result.applied, fake)

    assert (len(undone), stuck) == (len(result.applied), ())
    assert same(fake.facts, held)
