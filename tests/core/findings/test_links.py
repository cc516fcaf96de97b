"""Links and ENIs that do not fit together."""

from eip_agent.core.claims import Case
from eip_agent.core.conclude import NOBODY_ELSE
from eip_agent.core.facts import CloudFact, LinkFact, Remembered
from eip_agent.core.finding import Finding
from eip_agent.core.findings.links import groups, taken, unpaired, without_ipv6
from eip_agent.core.judge import judge
from eip_agent.core.pairing import Port
from eip_agent.core.report import Report, Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Settings
from tests.builders import cloud, eni, eni6, ip4, kernel, link, mac, net4, port


def scene(of: CloudFact | None = None, *links: LinkFact) -> Scene:
    return Scene(Report(of or cloud()), kernel(*links), NOBODY_ELSE, Settings(), Remembered())


def of(*ports: Port, settings: Settings | None = None) -> Scene:
    stories = tuple(Story(one.eni, one.link, one.primary, judge(Case(one))) for one in ports)
    return Scene(Report(cloud(), stories), kernel(), NOBODY_ELSE, settings or Settings(), Remembered())


def codes(findings: list[Finding]) -> list[str]:
    assert all(one.subject and one.saw and one.means and one.do for one in findings)
    return [one.code for one in findings]


def test_each_reason_for_an_eni_without_a_link_is_another_finding() -> None:
    assert codes(list(unpaired(scene(None, link(0), link(1))))) == []
    (gone,) = unpaired(scene(None, link(0)))
    assert (gone.code, gone.subject) == ("EIP101", "eni-1")
    (twins,) = unpaired(scene(None, link(0), link(1), link(9, mac=mac(1))))
    assert (twins.code, twins.saw) == ("EIP102", "several links have its MAC address: eth1, eth9")
    (slave,) = unpaired(scene(None, link(0), link(1, master=9)))
    assert (slave.code, slave.saw) == ("EIP103", "its link eth1 belongs to a bridge, bond or failover device")


def test_an_excluded_eni_without_a_link_is_nobodys_business() -> None:
    quiet = Settings(exclude_enis=frozenset({"eni-1"}))

    assert not list(unpaired(Scene(Report(cloud()), kernel(link(0)), NOBODY_ELSE, quiet, Remembered())))


def test_hardware_that_the_metadata_service_does_not_list_is_told_and_other_hardware_is_not() -> None:
    (found,) = unpaired(scene(cloud(eni(0)), link(0), link(1), link(2, mac="52:54:00:00:00:01")))

    assert (found.code, found.subject) == ("EIP104", "eth1")


def test_a_group_of_somebody_else_is_told() -> None:
    (found,) = groups(of(port(1, link=link(1, group=7))))

    assert "device group 7" in found.saw
    assert found.commands[0] == "ip link set eth1 group default"
    assert not list(groups(of(port(1), port(1, link=link(1, group=20000)))))


def test_ipv6_that_is_switched_off_is_told_where_the_cloud_gave_it() -> None:
    off = link(1, ipv6=False)
    (found,) = without_ipv6(of(port(1, eni=eni6(1), link=off)))

    assert "disable_ipv6=0" in found.commands[0]
    assert not list(without_ipv6(of(port(1, eni=eni6(1), link=off), settings=Settings(leave_ipv6=True))))
    assert not list(without_ipv6(of(port(1, link=off), port(1, eni=eni6(1)))))


def test_an_address_that_a_container_has_is_told() -> None:
    has = kernel(taken=frozenset((ip4("192.168.1.10"),)))
    (found,) = taken(Scene(Report(cloud()), has, NOBODY_ELSE, Settings(), Remembered()))

    assert "192.168.1.10" in found.subject
    assert not list(taken(scene()))
    quiet = Settings(exclude_addresses=(net4("192.168.1.0/24"),))
    assert not list(taken(Scene(Report(cloud()), has, NOBODY_ELSE, quiet, Remembered())))
