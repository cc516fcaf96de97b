"""What was tried out and did not work: situations and near misses."""

from dataclasses import replace
from typing import Any

from eip_agent.core.finding import Finding
from eip_agent.core.finding import told as told_findings
from eip_agent.core.findings.outlets import ipv4
from eip_agent.core.findings.probes import tried
from eip_agent.core.probed import Probed, Probes, Reply, Said, Target
from tests.builders import ip4, ip6
from tests.core.findings.support import codes, nat_eip, scene_of, told
from tests.core.vpcs import behind, with_vpc

YES, NO = Said(Reply.ANSWERED), Said(Reply.SILENT)
REFUSED, UNSENT = Said(Reply.REFUSED, "the connection was refused"), Said(Reply.UNSENT, "no route")
OWN, OTHER, EIP, WRONG = ip4("192.168.1.10"), ip4("192.168.1.11"), ip4("203.0.113.11"), ip4("203.0.113.99")
GATEWAY = ip4("192.168.1.253")


def row(address: Any = OWN, **overrides: Any) -> Probed:
    return replace(Probed(address, "eth1", GATEWAY, YES, YES, YES, Said(Reply.ANSWERED, seen=EIP), EIP), **overrides)


def found(*rows: Probed) -> list[Finding]:
    scene = scene_of()
    metadata, target = Target("100.100.100.200", 80, "http"), Target("www.example.com", 443)
    probes = Probes(rows, metadata, target, Target("echo.example.com", 80, "http"))
    return list(tried(replace(scene, report=replace(scene.report, probes=probes))))


def test_what_was_not_tried_or_works_is_not_found() -> None:
    assert not list(tried(scene_of()))
    assert not found(row(), row(OTHER, expected=None, outside=NO))
    assert not found(row(arp=UNSENT, metadata=UNSENT, outside=UNSENT, seen=UNSENT))
    assert not found(Probed(OWN, "eth1"))


def test_a_silent_gateway_is_told_once_for_all_its_addresses() -> None:
    one, *others = found(row(arp=NO), row(OTHER, arp=NO))

    assert not others
    assert codes([one]) == ["EIP501"]
    assert one.about == {"eth1", str(OWN), str(OTHER)}
    assert "ARP" in one.saw
    six = found(row(ip6("2001:db8::1"), gateway=ip6("2001:db8::2"), arp=NO, expected=None))
    assert "ND" in six[0].saw


def test_an_address_that_does_not_reach_the_metadata_service() -> None:
    assert codes(found(row(metadata=NO))) == ["EIP502"]
    assert codes(found(row(metadata=REFUSED))) == ["EIP502"]
    assert not found(row(metadata=NO, services=False))


def test_an_address_with_an_eip_that_does_not_reach_what_others_reach() -> None:
    assert codes(found(row(outside=REFUSED), row(OTHER))) == ["EIP503"]
    assert "refused" in found(row(outside=REFUSED), row(OTHER))[0].saw


def test_a_private_vswitch_is_the_cause_of_one_address_and_not_of_all() -> None:
    (cause,) = ipv4(scene_of(with_vpc(told(nat_eip()), behind())))
    (one,), (all_of_them,) = found(row(outside=NO), row(OTHER)), found(row(outside=NO))

    assert codes(told_findings((cause, one))) == ["EIP451"]
    assert codes(told_findings((cause, all_of_them))) == ["EIP451", "EIP504"]


def test_an_ipv6_address_may_be_without_the_internet() -> None:
    six = ip6("2001:db8::1")

    assert not found(row(six, gateway=ip6("2001:db8::2"), outside=NO, seen=NO, expected=six), row())


def test_a_target_that_nobody_reaches_is_one_finding() -> None:
    one, *others = found(row(outside=NO), row(OTHER, outside=NO))

    assert not others
    assert one.code == "EIP504"
    assert not found(row(outside=NO, expected=None))


def test_whom_the_internet_sees() -> None:
    assert codes(found(row(seen=Said(Reply.ANSWERED, seen=WRONG)))) == ["EIP505"]
    assert not found(row(seen=Said(Reply.ANSWERED, seen=WRONG), expected=None))
    assert not found(row(seen=REFUSED))
