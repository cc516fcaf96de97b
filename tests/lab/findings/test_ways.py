"""Packets that leave by another NIC than their ENI's, and what makes them.

::

      guest                               router                     internet
     ┌─────────────────────────┐         ┌───────────────────┐      ┌──────────────┐
     │ eth0 172.16.0.10  ◄─ main┼─ veth ──┼ drops and counts  ┼──────┼ 198.51.100.7 │
     │ eth1 172.16.1.10        ┼─ veth ──┼ what is not the   │      └──────────────┘
     │ (or an EIP)             │         │ ENI's own         │
     └─────────────────────────┘         └───────────────────┘
"""

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.probe import reach, seen_source
from eip_agent.lab.topology import Topology, public, vswitch
from tests.lab.findings.support import codes, gone, heal, see, see_only
from tests.lab.support import BINDED, ETH0, SERVICE, SERVICE_PORT, WAIT, WEB6, agent, declared, nat

pytestmark = pytest.mark.lab

IPV4 = Topology((nat(0, vswitch(0, dual_stack=False)), nat(1, vswitch(1, dual_stack=False))))
EIP = str(public(20))
SILENT = "[dhcp]\noffers = false\n"
"""Nobody is asked what takes a while."""


def filtered(cloud: Cloud) -> int:
    """How many packets the reverse path filter of the guest has dropped."""
    text = cloud.guest.run(["cat", "/proc/net/netstat"]).stdout.splitlines()
    names, values = (line.split() for line in text if line.startswith("TcpExt:"))
    return int(values[names.index("IPReversePathFilter")])


def strict(cloud: Cloud, value: int) -> None:
    cloud.guest.sysctl({"net/ipv4/conf/all/rp_filter": value})


def test_an_address_without_a_rule() -> None:
    """What a strict filter does to it, and that with the rule it does nothing any more."""
    with Cloud(IPV4, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(IPV4) + SILENT)
        see(cloud, "EIP111")
        assert not reach(cloud.internet, EIP, "udp")
        assert cloud.spoofs()["eth0"] > 0
        assert filtered(cloud) == 0

        strict(cloud, 1)
        cloud.reset_spoofs()
        found = see(cloud, "EIP111", golden="EIP111-strict")
        assert not reach(cloud.internet, EIP)
        assert filtered(cloud) > 0
        assert cloud.spoofs()["eth0"] == 0, "no request got in"
        heal(cloud, found)
        gone(cloud, "EIP111")
        dropped = filtered(cloud)
        assert reach(cloud.internet, EIP, timeout=WAIT)
        assert filtered(cloud) == dropped


def test_what_main_refuses() -> None:
    with Cloud(IPV4, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(IPV4) + SILENT)
        agent(cloud, "apply")
        cloud.guest.ip("route add 100.64.0.0/10 via 172.16.0.253 dev eth0\nroute add unreachable default metric 7")
        assert not reach(cloud.internet, EIP)
        agent(cloud, "apply")
        assert not reach(cloud.internet, EIP), "no pass heals it"
        heal(cloud, see_only(cloud, "EIP112", golden="EIP112-main"))
        assert codes(cloud) == []
        assert reach(cloud.internet, EIP, timeout=WAIT)


def test_the_recipe_of_the_documents_is_as_good_a_rule() -> None:
    with Cloud(IPV4, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(IPV4) + SILENT)
        cloud.guest.ip(
            "route add default via 172.16.1.253 dev eth1 table 1001\nrule add from 172.16.1.10 lookup 1001", version=4
        )

        assert "EIP111" not in codes(cloud)
        assert reach(cloud.internet, EIP, timeout=WAIT)


def test_an_ipv6_address_without_any_default_route() -> None:
    topology = Topology((ETH0, nat(1, vswitch(1))))
    source = topology.enis[1].ipv6s[0]
    with Cloud(topology, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(topology) + SILENT)
        agent(cloud, "apply")
        assert reach(cloud.guest, WEB6, source=source, timeout=WAIT)
        table = next(line for line in cloud.guest.ip("rule show", version=6).splitlines() if ":1::/64 iif lo" in line)
        table = table.split()[-1]
        for spec in ("dev eth0", "dev eth1", f"table {table}"):
            cloud.guest.ip(f"route del default {spec}", version=6)
        found = see(cloud, "EIP112")
        assert not reach(cloud.guest, WEB6, source=source)
        heal(cloud, found)
        gone(cloud, "EIP112")
        assert reach(cloud.guest, WEB6, source=source, timeout=WAIT)


def test_the_services_of_the_cloud_by_a_nic_that_cannot_reach_them() -> None:
    topology = Topology((ETH0, BINDED))
    quick = "[metadata]\ntimeout = 0.2\ndeadline = 0.4\n"
    with Cloud(topology, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(topology) + SILENT + quick)
        agent(cloud, "apply")
        assert seen_source(cloud.guest, SERVICE, port=SERVICE_PORT, timeout=WAIT) == ETH0.private[0]

        cloud.guest.ip("route add 100.64.0.0/10 via 203.0.113.1 dev eth1 onlink")
        found = see(cloud, "EIP131")
        assert seen_source(cloud.guest, SERVICE, port=SERVICE_PORT) is None
        heal(cloud, found)
        assert codes(cloud) == []
        assert seen_source(cloud.guest, SERVICE, port=SERVICE_PORT, timeout=WAIT) == ETH0.private[0]
