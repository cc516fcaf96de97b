"""Marks and the reverse path filter, and what containers answer."""

from dataclasses import replace
from typing import Any

from eip_agent.core.facts import Link, LinkFact, Mac
from eip_agent.core.findings.forwarding import blind, containers
from eip_agent.core.numbers import table_of
from eip_agent.core.scene import Scene
from eip_agent.core.surroundings import RuleSeen
from tests.builders import address, device, link
from tests.core.findings.surrounded import HERE, default, rule_for, surrounded

STRICT = {"rp_filter": 1}
MARK = RuleSeen(4, 700, table=77, mark=7, protocol=3)
TABLE = table_of(device(1).index, 0)
OURS = (
    rule_for("192.168.1.0/24", TABLE, 24011, protocol=2),
    rule_for("192.168.0.0/24", table_of(2, 0), 24001, protocol=2),
)
BRIDGE = LinkFact(Link(90, "docker0"), Mac("02:42:00:00:00:01"), up=True, kind="bridge")
PORT = LinkFact(Link(91, "veth0"), Mac("02:42:00:00:00:02"), up=True, kind="veth", master=90)
HOST = (*HERE, address("172.17.0.1", 0, 16, link=90))


def by_mark(*rules: RuleSeen, **overrides: Any) -> Scene:
    return surrounded(default(0), default(1, 77), rules=(MARK, *rules), **overrides)


def test_a_strict_filter_that_does_not_see_the_mark_is_told() -> None:
    (found,) = blind(by_mark(common=STRICT))

    assert (found.code, found.commands) == ("EIP134", ("sysctl -w net.ipv4.conf.eth1.rp_filter=2",))
    assert "fwmark 0x7 lookup 77" in found.saw


def test_a_filter_that_is_loose_or_sees_the_mark_or_needs_none_is_not() -> None:
    assert not list(blind(by_mark()))
    assert not list(blind(by_mark(common={"rp_filter": 2})))
    assert not list(blind(by_mark(common=STRICT | {"src_valid_mark": 1})))
    assert not list(blind(by_mark(common=STRICT, seen={"src_valid_mark": 1})))
    assert not list(blind(by_mark(rule_for("192.168.1.0/24", 77), common=STRICT)))
    assert not list(blind(surrounded(default(0), common=STRICT)))


def host(*rules: RuleSeen, common: dict[str, int] | None = None, links: tuple[LinkFact, ...] = (BRIDGE, PORT)) -> Scene:
    return surrounded(
        default(0),
        default(1, TABLE),
        rules=(*OURS, *rules),
        links=(link(0), link(1), *links),
        addresses=HOST,
        common={"forwarding": 1} | (common or {}),
    )


def test_containers_are_told_with_a_recipe_that_leads_to_the_table() -> None:
    (found,) = containers(host())

    assert (found.code, found.subject) == ("EIP135", "eth1")
    assert found.commands[-1] == f"ip rule add priority 23999 fwmark 0x450003 lookup {TABLE}"
    assert not any("rp_filter" in command for command in found.commands)
    assert "leaves by the default route" in found.means


def test_a_strict_filter_needs_one_command_more_and_one_only_where_there_are_marks() -> None:
    marks = RuleSeen(4, 23999, table=TABLE, mark=0x450003)
    (without,) = containers(host(common=STRICT))
    (with_marks,) = containers(host(marks, common=STRICT))

    assert without.commands[-1] == "sysctl -w net.ipv4.conf.eth1.rp_filter=2"
    assert with_marks.commands == without.commands[-1:]
    assert not list(containers(host(marks)))


def test_without_forwarding_or_containers_nothing_is_told() -> None:
    assert not list(containers(host(common={"forwarding": 0})))
    assert not list(containers(host(links=(BRIDGE,))))
    assert not list(containers(host(links=(replace(BRIDGE, kind="bond"), PORT))))
    assert not list(containers(replace(host(), surroundings=None)))
