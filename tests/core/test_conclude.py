"""Whole passes on a kernel in memory: what is planned, what is left alone, and what is never worse than before."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from eip_agent.core.changes import Plan
from eip_agent.core.conclude import conclude, needs_second_witness, revert
from eip_agent.core.facts import IPAddress, KernelFact, Remembered, RuleFact, Unread
from eip_agent.core.items import GROUP_SETTING, Address, LinkSetting, Route, Rule
from eip_agent.core.memory import foresee, settle
from eip_agent.core.numbers import MAIN, link_of, table_of
from eip_agent.core.ownership import is_our_rule, ours
from eip_agent.core.report import Outcome, Report
from eip_agent.core.settings import Mode, Settings
from tests import builders
from tests.builders import address, cloud, declared, eni, eni6, ip4, ip6, kernel, link, mac, main_route, net4
from tests.strategies import World, partial_clouds, worlds
from tests.world import after, enacted, foreign, same, table_for, walk, without_link

NOTHING = Remembered()


def passed(world: World, remembered: Remembered = NOTHING) -> tuple[Report, KernelFact, Remembered]:
    """One pass: the report, and what the kernel and the journal hold afterwards."""
    report = conclude(world.cloud, world.kernel, remembered, world.settings)
    foreseen = foresee(remembered, report.plan, world.kernel)
    held = after(world.kernel, report.plan)
    return report, held, settle(foreseen, held)


def exits_of(report: Report) -> dict[IPAddress, int]:
    """The table of each address that has an exit; a delegated prefix stands for its first address."""
    return {
        source.network_address: exit_.table
        for story in report.stories
        for exit_ in story.exits
        for source in exit_.sources
    }


def our_rules(held: KernelFact) -> list[RuleFact]:
    return [rule for rule in held.rules if is_our_rule(rule)]


def routed_families(report: Report) -> set[int]:
    """The IP versions for which somebody else than the primary ENI has sources."""
    return {exit_.family for story in report.stories for exit_ in story.exits if not exit_.primary}


def cut_links(plan: Plan) -> Iterator[int | None]:
    """The links whose addresses and routes a plan takes away."""
    for change in plan:
        match change.item:
            case Address(link=its) if change.after is None:
                yield its.index
            case Route(table=table) if change.after is None:
                yield link_of(table)


# --- by example -------------------------------------------------------------------------------------------------------


def test_a_nat_eni_gets_addresses_a_table_and_rules() -> None:
    second = eni(1, private_ipv4s=(ip4("192.168.1.10"), ip4("192.168.1.11")))
    report = conclude(cloud(eni(0), second), kernel(link(0), link(1, up=False)), NOTHING, Settings(leave_primary=True))

    assert list(map(str, report.plan)) == [
        "~ link eth0 group 20000",
        "~ link eth1 group 20000",
        "~ link eth1 promote_secondaries 1",
        "~ link eth1 up",
        "+ route 192.168.1.0/24 dev eth1 scope link table 20000048",
        "+ route default via 192.168.1.253 dev eth1 onlink table 20000048",
        "+ rule 24010: from 192.168.1.0/24 iif lo lookup main suppress_prefixlength 2 suppress_ifgroup 20000",
        "+ rule 24011: from 192.168.1.0/24 iif lo lookup 20000048",
        "+ rule 24020: from all oif eth1 lookup 20000048",
        "+ address 192.168.1.10/24 dev eth1 noprefixroute",
        "+ address 192.168.1.11/24 dev eth1 noprefixroute",
    ]


def test_one_eni_alone_needs_no_rules() -> None:
    report = conclude(cloud(eni(0)), kernel(link(0)), NOTHING, Settings())

    assert [change.item for change in report.plan] == [builders.address_item("192.168.0.10", 0)]


def test_an_eip_visible_eni_gets_the_eip_and_not_its_dead_private_address() -> None:
    wanted = Settings(eips=(declared("203.0.113.10", Mode.EIP_VISIBLE),))
    report = conclude(cloud(), kernel(), NOTHING, wanted)
    written = [change.item for change in report.plan]

    assert builders.address_item("203.0.113.10", length=27) in written
    assert builders.address_item("192.168.1.10") not in written
    assert Route(table_of(3, 1), net4("100.64.0.0/10"), None) in written


def test_a_multi_eip_visible_eni_has_a_table_a_gateway() -> None:
    eips = [declared(ip, Mode.MULTI_EIP_VISIBLE) for ip in ("203.0.113.10", "203.0.113.11", "198.51.100.70")]
    report, held, _ = passed(World(cloud(), kernel(), Settings(eips=tuple(eips))))

    assert exits_of(report)[ip4("203.0.113.10")] == exits_of(report)[ip4("203.0.113.11")] == table_of(3, 1)
    assert exits_of(report)[ip4("198.51.100.70")] == table_of(3, 2)
    assert table_for(held.rules, ip4("192.168.1.10")) == table_of(3, 0)


def test_ipv6_gets_the_same() -> None:
    _, held, _ = passed(World(cloud(eni6(0), eni6(1)), kernel(), Settings()))

    assert table_for(held.rules, ip6("2001:db8:0:1::10")) == table_of(3, 0)
    assert table_for(held.rules, ip6("2001:db8:0:0::10")) == table_of(2, 0)


def test_enis_in_one_subnet_answer_arp_only_for_themselves() -> None:
    shared = eni(1, subnet=net4("192.168.0.0/24"), primary=ip4("192.168.0.20"), private_ipv4s=(ip4("192.168.0.20"),))
    report = conclude(cloud(eni(0), shared), kernel(), NOTHING, Settings())
    found = {
        (item.link.name, item.name): item.value
        for item in (c.after for c in report.plan)
        if isinstance(item, LinkSetting)
    }

    assert found["eth1", "arp_ignore"] == found["eth0", "arp_ignore"] == 1
    assert found["eth1", "arp_announce"] == 2


def test_a_foreign_address_on_an_enis_link_leaves_by_it() -> None:
    world = World(cloud(), kernel(addresses=(address("192.168.1.99"),)), Settings())
    _, held, _ = passed(world)

    assert table_for(held.rules, ip4("192.168.1.99")) == table_of(3, 0)


def test_an_address_of_another_eni_on_a_wrong_link_stays_its_owners() -> None:
    world = World(cloud(), kernel(addresses=(address("192.168.0.10", 1),)), Settings())
    report, held, _ = passed(world)

    assert exits_of(report)[ip4("192.168.0.10")] == table_of(2, 0)
    assert table_for(held.rules, ip4("192.168.0.10")) == table_of(2, 0)


def test_a_link_in_somebody_elses_group_keeps_it() -> None:
    report = conclude(cloud(), kernel(link(0), link(1, group=7)), NOTHING, Settings())

    assert not [
        change
        for change in report.plan
        if isinstance(change.item, LinkSetting) and change.item.link.name == "eth1" and change.item.name == "group"
    ]


def test_an_undecided_eni_is_a_missing_fact() -> None:
    two = (declared("203.0.113.10"), declared("203.0.113.11", Mode.EIP_VISIBLE))
    report = conclude(cloud(), kernel(), NOTHING, Settings(eips=two))

    assert report.outcome is Outcome.FACTS_MISSING


def test_an_eip_declared_for_an_eni_that_is_not_there_is_a_missing_fact() -> None:
    report = conclude(cloud(), kernel(), NOTHING, Settings(eips=(declared("203.0.113.10", number=7),)))

    assert [unread.path for unread in report.unread] == ["config.toml: eip 203.0.113.10"]
    assert "is not an ENI of this instance" in report.unread[0].reason


def test_an_eip_declared_for_an_eni_without_a_link_is_another_one() -> None:
    report = conclude(cloud(), kernel(link(0)), NOTHING, Settings(eips=(declared("203.0.113.10"),)))

    assert "has no link here" in report.unread[0].reason


def test_without_the_primary_mac_nothing_is_planned() -> None:
    unknown = cloud(primary_mac=None, unread=(Unread("mac", "timed out"),))
    report = conclude(unknown, kernel(), NOTHING, Settings())

    assert report.plan == ()
    assert report.outcome is Outcome.FACTS_MISSING


def test_a_missing_primary_mac_is_named_even_where_nobody_did() -> None:
    report = conclude(cloud(primary_mac=None), kernel(), NOTHING, Settings())

    assert [unread.path for unread in report.unread] == ["mac"]


def test_a_link_that_is_gone_leaves_only_rules_and_they_go() -> None:
    _, held, remembered = passed(World(cloud(), kernel(), Settings()))
    report, left, _ = passed(World(cloud(eni(0)), without_link(held, 3), Settings()), remembered)

    assert not [rule for rule in left.rules if "eth1" in (rule.device or "") or rule.table == table_of(3, 0)]
    assert not set(cut_links(report.plan)) & {3}


def test_removing_an_address_needs_a_second_witness() -> None:
    _, held, remembered = passed(World(cloud(), kernel(), Settings()))
    fewer = cloud(eni(0), eni(1, private_ipv4s=(ip4("192.168.1.11"),), primary=ip4("192.168.1.11")))
    plan = conclude(fewer, held, remembered, Settings()).plan

    assert needs_second_witness(plan)
    assert not needs_second_witness(tuple(change for change in plan if not isinstance(change.item, Address)))


def test_an_address_that_moves_to_another_eni_moves() -> None:
    one = cloud(eni(0), eni(1, private_ipv4s=(ip4("192.168.1.10"), ip4("192.168.1.99"))), eni(2))
    other = cloud(eni(0), eni(1), eni(2, private_ipv4s=(ip4("192.168.2.10"), ip4("192.168.1.99"))))
    links = kernel(link(0), link(1), link(2))
    _, held, remembered = passed(World(one, links, Settings()))
    _, middle, remembered = passed(World(other, held, Settings()), remembered)
    final = conclude(other, middle, remembered, Settings())

    assert table_for(middle.rules, ip4("192.168.1.99")) == table_of(4, 0)
    assert {change.item.link.name for change in final.plan if isinstance(change.item, Address | LinkSetting)} <= {
        "eth2"
    }
    assert not [change for change in final.plan if isinstance(change.item, Route | Rule)]


def test_an_administrators_route_is_mirrored_and_a_main_default_is_not() -> None:
    routes = (
        main_route("0.0.0.0/0", gateway="192.168.1.253"),
        main_route("10.9.0.0/16", gateway="192.168.1.1"),
        main_route("192.168.1.0/24", protocol=2),
    )
    _, held, _ = passed(World(cloud(), kernel(routes=routes), Settings()))
    mirrored = [(str(fact.destination), str(fact.gateway)) for fact in held.routes if fact.table == table_of(3, 0)]

    assert sorted(mirrored) == [
        ("0.0.0.0/0", "192.168.1.253"),
        ("10.9.0.0/16", "192.168.1.1"),
        ("192.168.1.0/24", "None"),
    ]


# --- laws -------------------------------------------------------------------------------------------------------------


@given(worlds())
@settings(max_examples=40)
def test_every_source_looks_main_up_and_then_the_table_of_its_exit(world: World) -> None:
    report, held, _ = passed(world)
    families = routed_families(report)

    for ip, table in exits_of(report).items():
        if ip.version in families:
            assert walk(our_rules(held), ip) == [MAIN, table], ip


def test_an_address_that_goes_takes_no_rule_with_it() -> None:
    one = cloud(eni(0), eni(1, private_ipv4s=(ip4("192.168.1.10"), ip4("192.168.1.11"))))
    _, held, remembered = passed(World(one, kernel(), Settings()))
    plan = conclude(cloud(), held, remembered, Settings()).plan

    assert [str(change) for change in plan] == [
        "- address 192.168.1.11/24 dev eth1 noprefixroute",
        "~ link eth1 promote_secondaries 0",
    ]


def test_a_link_that_is_to_be_left_alone_is_not_taken_down_either() -> None:
    _, held, remembered = passed(World(cloud(), kernel(link(0), link(1, up=False)), Settings()))

    assert conclude(cloud(), held, remembered, Settings(leave_links=True)).plan == ()


@given(worlds())
@settings(max_examples=40)
def test_no_other_local_address_meets_our_rules(world: World) -> None:
    report, held, _ = passed(world)
    own = [net for story in report.stories for exit_ in story.exits for net in exit_.sources]

    for fact in held.addresses:
        if not any(fact.ip in net for net in own):
            assert walk(our_rules(held), fact.ip) == [], fact


@given(worlds(), worlds())
@settings(max_examples=30)
def test_foreign_items_are_in_no_plan(first: World, then: World) -> None:
    _, held, remembered = passed(first)
    mixed = replace(
        held, addresses=tuple({(f.link, f.ip): f for f in (*held.addresses, *then.kernel.addresses[1:3])}.values())
    )
    report, left, remembered = passed(World(then.cloud, mixed, then.settings), remembered)

    assert foreign(left, remembered) == foreign(mixed, remembered)
    assert {
        change.before for change in report.plan if change.before and not isinstance(change.before, LinkSetting)
    } <= ours(mixed, remembered)


@given(worlds(), worlds())
@settings(max_examples=30)
def test_a_second_pass_has_nothing_to_do(first: World, then: World) -> None:
    _, held, remembered = passed(first)
    again = conclude(first.cloud, held, remembered, first.settings)

    assert again.plan == ()

    world = World(then.cloud, held, then.settings)
    _, held, remembered = passed(world, remembered)
    moved = conclude(world.cloud, held, remembered, world.settings)
    _, held, remembered = passed(replace(world, kernel=held), remembered)

    # An address that went from one ENI to another is cut from the one in this pass and given to the other in the next.
    # On a link that is to stay down it has no way out, which changes the rules around it once more.  So does a rule for
    # an EIP that was never put on its link, of an ENI that the metadata does not list any more.
    if not then.settings.leave_links and not first.settings.leave_addresses:
        assert all(isinstance(change.item, Address | LinkSetting) for change in moved.plan), moved.plan
    if first.settings.leave_addresses:
        _, held, remembered = passed(replace(world, kernel=held), remembered)
    assert conclude(world.cloud, held, remembered, world.settings).plan == ()


def test_an_address_on_a_wrong_link_goes_to_its_owner_while_that_links_eni_is_undecided() -> None:
    """Somebody put it on eth2; the cloud gives it to eth1, and eth2 just lost the one who told of its EIP."""
    eip = declared("203.0.113.18", Mode.MULTI_EIP_VISIBLE, 2)
    stray = address("192.168.1.29", 2)
    enis = (eni(0), eni(1), eni(2))
    first = World(cloud(*enis), kernel(link(0), link(1), link(2), addresses=(stray,)), Settings(eips=(eip,)))
    _, held, remembered = passed(first)
    owner = eni(1, private_ipv4s=(ip4("192.168.1.10"), stray.ip))
    report = conclude(cloud(eni(0), owner, eni(2)), held, remembered, Settings())

    exits = {story.link.link.name: story.exits for story in report.stories}
    assert not report.stories[2].verdict.decided
    assert not any(stray.ip in source for exit_ in exits["eth2"] for source in exit_.sources)
    assert any(stray.ip in source for exit_ in exits["eth1"] for source in exit_.sources)


@given(worlds(), worlds())
@settings(max_examples=30)
def test_at_no_moment_of_a_pass_does_a_healthy_address_leave_by_a_wrong_link(first: World, then: World) -> None:
    before, held, remembered = passed(first)
    world = World(then.cloud, held, then.settings)
    report = conclude(world.cloud, held, remembered, world.settings)
    wanted, had = exits_of(report), exits_of(before)
    families = routed_families(before) & routed_families(report)
    local = {fact.ip for fact in held.addresses}
    healthy = {
        ip: table for ip, table in wanted.items() if had.get(ip) == table and ip.version in families and ip in local
    }
    for change in report.plan:
        held = enacted(held, change)
        for ip, table in healthy.items():
            assert table_for(our_rules(held), ip) == table, f"{ip} after {change}"
            default = net4("0.0.0.0/0") if ip.version == 4 else ip_network("::/0")
            assert any(r.table == table and r.destination == default for r in held.routes), f"{ip} after {change}"


@given(worlds(), st.data())
@settings(max_examples=40)
def test_what_was_not_read_is_not_cut(world: World, data: st.DataObject) -> None:
    _, held, remembered = passed(world)
    partial = data.draw(partial_clouds(world.cloud))
    report = conclude(partial, held, remembered, world.settings)
    whole = {fact.mac for fact in partial.enis if not fact.unread}
    known = {fact.link.index for fact in held.links if fact.mac in whole}
    if whole == {fact.mac for fact in world.cloud.enis}:
        return
    silent4 = {
        fact.mac for fact in partial.enis if None in (fact.private_ipv4s, fact.subnet, fact.gateway, fact.ipv4_prefixes)
    }

    unlisted = {fact.mac for fact in world.cloud.enis} - {fact.mac for fact in partial.enis}
    excluded = world.settings.exclude_macs
    for change in report.plan:
        if change.after is not None:
            continue
        match change.item:
            case Address(link=its, ip=ip):
                index, version = its.index, ip.version
            case Route(table=table, destination=destination):
                index, version = link_of(table) or 0, destination.version
            case _:
                continue
        owner = next(fact.mac for fact in held.links if fact.link.index == index)
        if owner in excluded or index in known:
            continue
        assert owner not in unlisted, change
        assert not (version == 4 and owner in silent4), change


def healthy_of(report: Report, held: KernelFact) -> dict[IPAddress, int]:
    """The addresses of secondary ENIs that are on their own links, with their tables."""
    own = {(fact.link, fact.ip) for fact in held.addresses}
    return {
        ip: exit_.table
        for story in report.stories
        for exit_ in story.exits
        if not exit_.primary
        for ip in (source.network_address for source in exit_.sources)
        if (exit_.link.index, ip) in own
    }


@given(worlds(), st.data())
@settings(max_examples=40)
def test_what_worked_keeps_working_while_facts_are_missing(world: World, data: st.DataObject) -> None:
    before, held, remembered = passed(world)
    partial = data.draw(partial_clouds(world.cloud))
    report = conclude(partial, held, remembered, world.settings)
    healthy = healthy_of(before, held)
    for change in report.plan:
        held = enacted(held, change)
        for ip, table in healthy.items():
            assert walk(our_rules(held), ip)[-1:] == [table], f"{ip} after {change}"
    for ip, table in healthy.items():
        assert walk(our_rules(held), ip) == [MAIN, table], ip


@given(worlds())
@settings(max_examples=40)
def test_metadata_that_lists_nothing_takes_nothing_away(world: World) -> None:
    before, held, remembered = passed(world)
    for silent in (
        replace(world.cloud, enis=()),
        replace(world.cloud, enis=(), primary_mac=None),
        replace(world.cloud, primary_mac=None),
    ):
        plan = conclude(silent, held, remembered, world.settings).plan
        left = after(held, plan)

        # A rule may give way to narrower ones for the addresses that are there.
        assert [change for change in plan if change.after is None and not isinstance(change.item, Rule)] == []
        for ip, table in healthy_of(before, held).items():
            assert walk(our_rules(left), ip) == [MAIN, table], ip


@given(worlds(), worlds())
@settings(max_examples=30)
def test_settings_that_leave_things_alone_are_obeyed(first: World, then: World) -> None:
    _, held, remembered = passed(first)
    plan = conclude(then.cloud, held, remembered, then.settings).plan
    raised = [change for change in plan if isinstance(change.item, LinkSetting) and str(change.item).endswith(" up")]
    added = [change.after for change in plan if isinstance(change.after, Address)]

    assert not (then.settings.leave_addresses and [change for change in plan if isinstance(change.item, Address)])
    assert not (then.settings.leave_links and raised)
    assert not (then.settings.leave_ipv6 and [item for item in added if item.ip.version == 6])
    assert not [item for item in added if any(item.ip in net for net in then.settings.exclude_addresses)]


@given(worlds())
@settings(max_examples=40)
def test_excluding_an_eni_takes_its_items_back(world: World) -> None:
    _, held, remembered = passed(world)
    excluded = replace(world.settings, exclude_macs=frozenset({mac(1)}))
    _, left, remembered = passed(World(world.cloud, held, excluded), remembered)
    if mac(1) not in {fact.mac for fact in world.cloud.enis}:
        return

    index = builders.device(1).index
    for item in ours(left, remembered):
        assert not (isinstance(item, Address) and item.link.index == index), item
        assert not (isinstance(item, LinkSetting) and item.link.index == index and item.name != GROUP_SETTING), item
        assert not (isinstance(item, Route | Rule) and item.table and link_of(item.table) == index), item


@given(worlds())
@settings(max_examples=40)
def test_an_eni_that_becomes_undecided_keeps_its_exits(world: World) -> None:
    before, held, remembered = passed(world)
    doubt = tuple(
        declared(ip, mode, eni=None, mac=mac(1))
        for ip, mode in (("203.0.113.9", Mode.NAT), ("203.0.113.8", Mode.EIP_VISIBLE))
    )
    report, left, _ = passed(World(world.cloud, held, replace(world.settings, eips=doubt)), remembered)
    story = next((story for story in before.stories if story.eni.mac == mac(1)), None)
    if story is None or story.excluded:
        return

    assert report.outcome is Outcome.FACTS_MISSING
    assert builders.device(1).index not in set(cut_links(report.plan))
    for ip, table in healthy_of(before, left).items():
        if link_of(table) == builders.device(1).index:
            assert walk(our_rules(left), ip) == [MAIN, table], ip


def with_used_links_up(held: KernelFact) -> KernelFact:
    """A link that holds somebody else's address is never taken down again, so let none be down to begin with."""
    used = {fact.link for fact in held.addresses}
    return replace(held, links=tuple(replace(fact, up=fact.up or fact.link.index in used) for fact in held.links))


@given(worlds())
@settings(max_examples=40)
def test_reverting_restores_the_kernel_of_before(world: World) -> None:
    start = replace(world, kernel=with_used_links_up(world.kernel))
    _, held, remembered = passed(start)

    assert same(after(held, revert(held, remembered)), start.kernel)


@given(worlds(), worlds())
@settings(max_examples=30)
def test_reverting_after_two_passes_does_too(first: World, then: World) -> None:
    start = with_used_links_up(first.kernel)
    _, held, remembered = passed(replace(first, kernel=start))
    _, held, remembered = passed(World(then.cloud, held, then.settings), remembered)

    assert same(after(held, revert(held, remembered)), start)
