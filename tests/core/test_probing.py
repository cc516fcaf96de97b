"""What is tried out: with addresses of an ENI's own, by its own link, and nothing else."""

from dataclasses import replace
from typing import Any

from eip_agent.core.facts import AddressFact
from eip_agent.core.probed import Reply, Said, Target
from eip_agent.core.probing import MOST, Aim, Ask, may_be_sent, plan, results
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.walk import LookupFact
from tests.builders import address, cloud, declared, eni, eni6, ip4, ip6, kernel, link, net4
from tests.core.findings.support import scene_of

FIRST, OWN, SECOND = ip4("192.168.0.10"), ip4("192.168.1.10"), ip4("192.168.1.11")
SIX = ip6("2001:db8:0:1::10")
HELD = (address(FIRST, 0), address(OWN), address(SECOND), address(SIX))
GATEWAY, GATEWAY6 = ip4("192.168.1.253"), ip6("2001:db8:0:1:ffff:ffff:ffff:fff0")


def scene(*held: AddressFact, wanted: Settings | None = None, up: bool = True, **overrides: Any) -> Scene:
    enis = cloud(eni(0), eni6(1, private_ipv4s=(OWN, SECOND), **overrides))
    wanted = wanted or Settings()
    facts = kernel(link(0), link(1, up=up), addresses=held or HELD)
    return replace(scene_of(of=enis, holds=facts, declared=wanted.eips), settings=wanted)


def asked(found: Scene) -> list[tuple[str, str, str]]:
    return [(ask.aim.value, str(ask.source), str(ask.gateway or ask.target)) for ask in plan(found)]


def test_each_gateway_once_and_the_metadata_from_every_ipv4_address() -> None:
    assert asked(scene()) == [
        ("gateway", str(FIRST), "192.168.0.253"),
        ("metadata", str(FIRST), "http://100.100.100.200:80/"),
        ("gateway", str(OWN), str(GATEWAY)),
        ("metadata", str(OWN), "http://100.100.100.200:80/"),
        ("metadata", str(SECOND), "http://100.100.100.200:80/"),
        ("gateway", str(SIX), str(GATEWAY6)),
    ]


def test_outside_only_where_the_settings_name_somebody_of_that_ip_version() -> None:
    wanted = Settings(probe_target="198.51.100.7:443", probe_echo="http://echo.example.com/")
    found = [(aim, source) for aim, source, _ in asked(scene(address(OWN), address(SIX), wanted=wanted))]

    assert ("outside", str(OWN)) in found
    assert ("outside", str(SIX)) not in found
    assert ("seen", str(OWN)) in found
    assert ("seen", str(SIX)) in found


def test_in_eip_visible_mode_the_services_are_not_asked_and_the_dead_address_is_not_used() -> None:
    eip = ip4("203.0.113.20")
    wanted = Settings(eips=(declared(str(eip), Mode.EIP_VISIBLE),))
    found = asked(scene(address(OWN), address(str(eip), length=27), wanted=wanted))

    assert found == [("gateway", str(eip), "203.0.113.1")]


def test_what_the_cloud_would_not_accept_is_not_used() -> None:
    """Addresses of others on the link, on links that are down, on the wrong link, and what the settings exclude."""
    assert not asked(scene(address("192.168.1.99")))
    assert not asked(scene(address(OWN), up=False))
    assert not asked(scene(address(OWN, 0)))
    assert not asked(scene(address(OWN), wanted=Settings(exclude_addresses=(net4("192.168.1.0/24"),))))
    excluded = scene(address(OWN))
    stories = tuple(replace(story, excluded=True) for story in excluded.report.stories)
    assert not asked(replace(excluded, report=replace(excluded.report, stories=stories)))


def test_there_is_an_end() -> None:
    many = tuple(ip4("192.168.1.0") + n for n in range(1, 251))
    more = tuple(ip4("192.168.0.0") + n for n in range(1, 251))
    enis = cloud(eni(0, private_ipv4s=more), eni(1, private_ipv4s=many))
    held = (*(address(ip, 0) for ip in more), *(address(ip) for ip in many))
    found = scene_of(of=enis, holds=kernel(link(0), link(1), addresses=held))

    assert len(plan(found)) == MOST + 2
    assert results(found, {}).left_out == 500 - MOST


def test_nothing_is_sent_by_the_link_of_another_eni() -> None:
    ask = Ask(Aim.METADATA, OWN, link(1), target=Target("100.100.100.200", 80))
    enis = {link(n).link.index: link(n).link.name for n in (0, 1)}

    assert may_be_sent(ask, LookupFact(kind="unicast", link=link(1).link.index), enis) is None
    assert may_be_sent(ask, LookupFact(kind="unicast", link=99), enis) is None
    assert may_be_sent(ask, LookupFact(kind="local", link=link(0).link.index), enis) is None
    for fact in (LookupFact(kind="unicast", link=link(0).link.index), LookupFact(101)):
        refused = may_be_sent(ask, fact, enis)
        assert refused is not None
        assert refused.reply is Reply.UNSENT


def test_results_stand_by_address_with_what_is_expected() -> None:
    found = scene(wanted=Settings(eips=(declared("203.0.113.11"),)))
    asks = plan(found)
    probes = results(found, {ask: Said(Reply.ANSWERED, seen=ask.source) for ask in asks})
    rows = {row.address: row for row in probes.rows}

    assert probes.metadata == Target("100.100.100.200", 80, "http")
    assert (rows[OWN].gateway, rows[OWN].expected, rows[OWN].services) == (GATEWAY, ip4("203.0.113.11"), True)
    assert rows[SECOND].arp == rows[OWN].arp
    assert rows[SECOND].expected is None
    assert (rows[SIX].gateway, rows[SIX].metadata, rows[SIX].expected) == (GATEWAY6, None, SIX)
    assert rows[OWN].outside is None
