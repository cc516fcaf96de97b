"""What the contract of packets says beyond the modes: where it does not hold, what is silent, and what is left alone.

::

      guest                                 router
     ┌───────────────────────────┐         ┌─────────────────────────────┐
     │ eth0 172.16.0.10  ────────┼─ veth ──┼ asks by ARP, counts spoofs  │
     │ eth1 172.16.0.11 (or .1.10)┼─ veth ──┼                             │
     │ an ear on netlink         │         └─────────────────────────────┘
     └───────────────────────────┘
"""

import re
from collections.abc import Mapping

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import Boot
from eip_agent.lab.probe import reach
from eip_agent.lab.topology import DEMO, Topology, vswitch
from tests.lab.support import (
    ELSEWHERE,
    ETH0,
    TOPOLOGIES,
    WEB,
    Ear,
    Probe,
    agent,
    declared,
    dump,
    faulty,
    nat,
    rules,
    shown,
    tables,
)

pytestmark = pytest.mark.lab

PAIR = Topology((ETH0, nat(1, vswitch(1), (10, 11)), nat(2, vswitch(2))), extra_vswitches=ELSEWHERE)
ETH1, ETH2 = PAIR.enis[1:]


# --- controls ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("boot", ["bare", "dhcp"])
def test_without_the_agent_no_eip_of_a_secondary_eni_answers(boot: Boot) -> None:
    with Cloud(DEMO, boot=boot) as cloud:
        eips = [eip.address for one in DEMO.enis[1:] for eip in one.eips]
        probes = [Probe(cloud.internet, address, "udp", wait=0.2) for address in eips]

        assert reach(cloud.internet, DEMO.primary.eips[0].address, source=WEB)
        assert len(faulty(probes)) == len(eips)
        assert (cloud.spoofs()["eth0"] > 0) == (boot == "dhcp"), "an image with DHCP answers by the wrong link"


def test_arp_is_answered_by_the_owner_only() -> None:
    shared = TOPOLOGIES["ENIs in the vSwitch of the primary"]
    primary, second, _ = shared.enis
    with Cloud(shared, boot="dhcp") as cloud:
        cloud.settings(declared(shared))
        assert cloud.arp("eth1", primary.private[0]), "a kernel left to its defaults answers for other links"
        agent(cloud, "apply")
        cloud.reset_spoofs()

        assert [cloud.arp("eth1", address) for address in second.private] == [True, True]
        assert not cloud.arp("eth1", primary.private[0])
        assert not cloud.arp("eth0", second.private[1])
        assert set(cloud.spoofs().values()) == {0}
        agent(cloud, "revert")
        assert cloud.arp("eth1", primary.private[0])


# --- nothing to do ----------------------------------------------------------------------------------------------------


def written(cloud: Cloud) -> Mapping[str, tuple[int, int]]:
    """The files of the run directory as they would differ if anything had been written, but for the lock."""
    files = {path.name: path.stat() for path in (cloud.directory / "run").iterdir() if path.name != "lock"}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in files.items()}


@pytest.mark.parametrize("boot", ["bare", "dhcp"])
def test_a_second_pass_writes_nothing(boot: Boot) -> None:
    with Cloud(DEMO, boot=boot) as cloud, Ear(cloud) as ear:
        cloud.settings(declared(DEMO))
        agent(cloud, "apply")
        assert len(ear.heard()) > 50, "the ear is deaf"
        journal = written(cloud)

        assert agent(cloud, "apply").startswith("as desired")
        assert agent(cloud, "explain")
        assert agent(cloud, "apply", "--dry-run")
        assert ear.heard() == []
        assert written(cloud) == journal


def test_explain_and_a_dry_run_write_nothing() -> None:
    with Cloud(DEMO) as cloud, Ear(cloud) as ear:
        cloud.settings(declared(DEMO))
        before = dump(cloud)
        agent(cloud, "explain", code=3)
        agent(cloud, "apply", "--dry-run", code=3)

        assert ear.heard() == []
        assert dump(cloud) == before


# --- exclusions -------------------------------------------------------------------------------------------------------


def about(cloud: Cloud, link: str) -> list[str]:
    """All that the guest has of a link."""
    rules_ = [line for version in (4, 6) for line in rules(cloud, version) if f"oif {link} " in line]
    # A link gets its queue when it is first up, and keeps it; what is left of a lease ticks.
    lines = (line.replace("qdisc noop ", "qdisc noqueue ") for line in shown(cloud, f"addr show dev {link}"))
    addresses = [re.sub(r"\d+sec", "a while", line) for line in lines]
    return [*addresses, *tables(cloud, link), *rules_]


def answering(cloud: Cloud) -> list[str]:
    """The EIPs that answer on the Internet."""
    eips = [eip.address for one in cloud.topology.enis for eip in one.eips]
    return [str(address) for address in eips if reach(cloud.internet, address, "udp", timeout=0.2)]


@pytest.mark.parametrize("key", ["enis", "macs"])
def test_an_excluded_eni_is_not_touched(key: str) -> None:
    excluded = f'[exclude]\n{key} = ["{ETH1.eni_id if key == "enis" else ETH1.mac}"]\n'
    with Cloud(PAIR) as cloud:
        before = about(cloud, "eth1")
        cloud.settings(excluded + declared(PAIR))
        agent(cloud, "apply")

        assert about(cloud, "eth1") == before
        assert answering(cloud) == ["203.0.113.10", "203.0.113.30"]
        assert set(cloud.spoofs().values()) == {0}


def test_an_eni_that_becomes_excluded_is_given_back() -> None:
    with Cloud(PAIR) as cloud:
        before = about(cloud, "eth1")
        cloud.settings(declared(PAIR))
        agent(cloud, "apply")
        other = tables(cloud, "eth2")
        cloud.settings(f'[exclude]\nenis = ["{ETH1.eni_id}"]\n' + declared(PAIR))
        agent(cloud, "apply")

        assert about(cloud, "eth1") == before
        assert tables(cloud, "eth2") == other
        assert answering(cloud) == ["203.0.113.10", "203.0.113.30"]


def test_an_excluded_eni_does_not_take_the_packets_of_others() -> None:
    """Its connected route stands in `main`; what keeps it from winning is the group, which its link gets as well."""
    with Cloud(PAIR, boot="dhcp") as cloud:
        cloud.settings(f'[exclude]\nenis = ["{ETH1.eni_id}"]\n' + declared(PAIR))
        agent(cloud, "apply")

        assert reach(cloud.guest, ETH1.vswitch.peer, source=ETH2.private[0])
        assert reach(cloud.guest, ETH1.vswitch.peer, source=ETH0.private[0])
        assert set(cloud.spoofs().values()) == {0}


def test_an_excluded_address_is_neither_added_nor_routed() -> None:
    one, other = ETH1.private
    with Cloud(PAIR) as cloud:
        cloud.settings(f'[exclude]\naddresses = ["{other}", "2001:db8:100:2::/64"]\n' + declared(PAIR))
        agent(cloud, "apply")

        addresses = "\n".join(shown(cloud, "addr show"))
        assert f"{one}/24" in addresses
        assert f"{other}/24" not in addresses
        assert "2001:db8:100:2:" not in addresses
        assert answering(cloud) == ["203.0.113.10", "203.0.113.20", "203.0.113.30"]
        assert [line for line in rules(cloud, 6) if "2001:db8:100:2:" in line] == []


# --- what to leave alone ----------------------------------------------------------------------------------------------


def left(what: str) -> str:
    return f"[leave]\n{what} = true\n" + declared(PAIR)


def test_the_primary_is_left_alone_but_for_its_group() -> None:
    """Without the group its connected route would take the packets of the others."""
    with Cloud(PAIR) as cloud:
        before = about(cloud, "eth0")
        cloud.settings(left("primary"))
        agent(cloud, "apply")

        assert [line.replace("group 20000", "group default") for line in about(cloud, "eth0")] == before
        assert answering(cloud) == ["203.0.113.10", "203.0.113.20", "203.0.113.21", "203.0.113.30"]
        assert set(cloud.spoofs().values()) == {0}


def test_secondary_enis_reach_the_vswitch_of_a_primary_that_is_left_alone() -> None:
    with Cloud(PAIR) as cloud:
        cloud.settings(left("primary"))
        agent(cloud, "apply")

        assert reach(cloud.guest, ETH0.vswitch.peer, source=ETH1.private[0])
        assert set(cloud.spoofs().values()) == {0}


def test_addresses_are_left_alone_and_those_that_are_there_are_routed() -> None:
    with Cloud(PAIR) as cloud:
        cloud.guest.ip(f"link set eth1 up\naddr add {ETH1.private[1]}/24 dev eth1")
        before = shown(cloud, "-4 addr show dev eth1")
        cloud.settings(left("addresses"))
        agent(cloud, "apply")
        cloud.reset_spoofs()

        assert [line for line in shown(cloud, "-4 addr show dev eth1") if "inet" in line] == [
            line for line in before if "inet" in line
        ]
        assert answering(cloud) == ["203.0.113.10", "203.0.113.21"]
        assert set(cloud.spoofs().values()) == {0}


def test_a_link_that_is_down_is_left_down_and_the_others_work() -> None:
    with Cloud(PAIR) as cloud:
        cloud.guest.ip("link set eth2 up")
        cloud.settings(left("links"))
        agent(cloud, "apply")

        assert "state DOWN" in shown(cloud, "link show eth1")[0]
        assert answering(cloud) == ["203.0.113.10", "203.0.113.30"]


def test_ipv6_is_left_alone() -> None:
    with Cloud(PAIR, boot="dhcp") as cloud:
        before = dump(cloud)
        cloud.settings(left("ipv6"))
        agent(cloud, "apply")

        after = dump(cloud)
        assert after["rules6"] == before["rules6"]
        assert after["routes6"] == before["routes6"]
        assert [line for line in after["addresses"] if "inet6" in line and "eth2" in line]
        assert answering(cloud) == ["203.0.113.10", "203.0.113.20", "203.0.113.21", "203.0.113.30"]
        assert set(cloud.spoofs().values()) == {0}
