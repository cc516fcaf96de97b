"""What others have put into our tables, and what they have taken away."""

from dataclasses import replace
from typing import Any

from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.facts import Borrowed, EniFact, KernelFact, Remembered
from eip_agent.core.findings.changed import drift, intruders
from eip_agent.core.host import HostFact, Manager
from eip_agent.core.items import Address, Route, Rule
from eip_agent.core.known import Known, ModeSeen
from eip_agent.core.numbers import DEVICE_GROUP
from eip_agent.core.plain import encoded
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.surroundings import Hop, RouteSeen
from tests.builders import address, cloud, device, eni, ip4, kernel, link, mac, main_route, net4
from tests.core.findings.surrounded import HERE, surrounded
from tests.world import after

TABLE = 20_000_048
LENT = Remembered(
    tuple(Borrowed(device(number), mac(number), "group", 0, DEVICE_GROUP) for number in (0, 1)),
)
KNOWN = Known("i-1", mac(0), encoded(cloud()), 0.0, modes=tuple(ModeSeen(mac(number), Mode.NAT) for number in (0, 1)))


def test_a_route_of_somebody_else_in_our_table_is_told() -> None:
    theirs = RouteSeen(TABLE, net4("10.9.0.0/16"), hops=(Hop(device(1).index, ip4("192.168.1.7")),), protocol=3)
    (found,) = intruders(surrounded(theirs))

    assert (found.code, found.subject) == ("EIP142", "eth1")
    assert found.commands[0] == f"ip route del 10.9.0.0/16 via 192.168.1.7 dev eth1 table {TABLE}"
    assert not list(intruders(surrounded(replace(theirs, protocol=69))))
    assert not list(intruders(surrounded(replace(theirs, table=100))))
    assert not list(intruders(replace(surrounded(), surroundings=None)))


def configured() -> KernelFact:
    """The builders' instance after a pass."""
    bare = kernel(addresses=HERE)
    return after(bare, conclude(cloud(), bare, Remembered(), Settings()).plan)


def scene(holds: KernelFact, remembered: Remembered = LENT, **witnesses: Any) -> Scene:
    seen = Witnesses(**({"known": KNOWN} | witnesses))
    report = conclude(cloud(), holds, remembered, Settings(), seen)
    return Scene(report, holds, seen, Settings(), remembered)


def told(of: Scene) -> dict[str, str]:
    return {found.subject: str(found.saw) for found in drift(of)}


def test_rules_and_routes_that_are_gone_are_told_by_link() -> None:
    whole = configured()
    no_rule = replace(whole, rules=tuple(rule for rule in whole.rules if rule.table != TABLE))
    no_default = replace(whole, routes=tuple(r for r in whole.routes if r.table != TABLE or r.destination.prefixlen))
    no_main_first = replace(whole, rules=tuple(rule for rule in whole.rules if rule.table != 254))

    assert told(scene(whole)) == {}
    assert "rule 24011: from 192.168.1.0/24" in told(scene(no_rule))["eth1"]
    assert "route default via 192.168.1.253" in told(scene(no_default))["eth1"]
    assert list(told(scene(no_main_first))) == ["rules"]


def test_settings_of_links_that_were_changed_are_told_where_the_journal_knows_them() -> None:
    whole = configured()
    regrouped = replace(whole, links=tuple(replace(one, group=0) for one in whole.links))

    assert "link eth1 group 20000" in told(scene(regrouped))["eth1"]
    assert told(scene(regrouped, Remembered(LENT.borrowed[:1]))).keys() == {"eth0"}


def test_before_the_first_pass_and_without_memory_nothing_was_taken_away() -> None:
    bare = kernel(addresses=HERE)

    assert told(scene(bare, Remembered())) == {}
    assert told(scene(bare, known=None)) == {}
    assert told(scene(bare, silent=True)) == {}


def test_what_the_cloud_has_changed_was_not_taken_away() -> None:
    more: EniFact = eni(1, private_ipv4s=(ip4("192.168.1.10"), ip4("192.168.1.11")))
    before = replace(KNOWN, cloud=encoded(cloud(eni(0), more)))
    turned = replace(KNOWN, modes=(ModeSeen(mac(0), Mode.NAT), ModeSeen(mac(1), Mode.EIP_VISIBLE)))
    no_rule = replace(configured(), rules=())

    assert "eth1" not in told(scene(no_rule, known=before))
    assert "eth1" not in told(scene(no_rule, known=turned))
    assert "eth1" in told(scene(no_rule))


def test_what_somebody_added_was_not_taken_away() -> None:
    whole = configured()
    stray = replace(whole, addresses=(*whole.addresses, address("10.77.0.1", length=32)))
    mirrored = replace(whole, routes=(*whole.routes, main_route("10.9.0.0/16", 1, "192.168.1.7")))
    services = replace(whole, routes=(*whole.routes, main_route("100.64.0.0/10", 0, "192.168.0.253")))
    moved = replace(whole, links=(link(0, group=DEVICE_GROUP), link(1, group=DEVICE_GROUP, conf=(("arp_ignore", 0),))))

    for of in (stray, mirrored, services):
        assert any(isinstance(change.after, Rule | Route | Address) for change in scene(of).report.plan)
        assert told(scene(of)) == {}
    assert told(scene(moved)) == {}


def test_who_may_have_done_it_is_named() -> None:
    gone = scene(replace(configured(), rules=()))
    networkd = HostFact((Manager("systemd-networkd", 7),))

    assert "by whom is not known" in next(drift(gone)).means
    assert "probably systemd-networkd (pid 7)" in next(drift(replace(gone, host=networkd))).means
    assert "no network manager runs here" in next(drift(replace(gone, host=HostFact(())))).means
