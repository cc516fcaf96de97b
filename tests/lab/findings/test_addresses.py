"""Addresses that are missing, that should not be there, or that have a wrong mask; what packets say to each.

::

      guest                            the cloud
     ┌──────────────────────────┐     ┌──────────────────────────────────────────┐
     │ eth0 172.16.0.10         ┼─────┼ 203.0.113.10 -> 172.16.0.10              │
     │ eth1 172.16.1.10, .11    ┼─────┼ 203.0.113.20 -> .10, 203.0.113.21 -> .11 │
     │ eth2 203.0.113.120       ┼─────┼ 203.0.113.120 itself, 172.16.2.10 dead   │
     └──────────────────────────┘     └──────────────────────────────────────────┘
"""

import pytest

from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.probe import reach, seen_source
from eip_agent.lab.topology import Eip, Topology, eni, public, vswitch
from tests.lab.findings.support import codes, heal, see_all
from tests.lab.support import ELSEWHERE, WAIT, WEB, agent, declared, nat

pytestmark = pytest.mark.lab

PLAIN = [vswitch(number, dual_stack=False) for number in range(3)]
BINDED = eni(2, PLAIN[2], (10,), [Eip(public(120), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])
SILENT = "[dhcp]\noffers = false\n"


def test_what_is_missing_and_what_should_not_be_there() -> None:
    topology = Topology((nat(0, PLAIN[0]), nat(1, PLAIN[1], (10, 11)), BINDED))
    with Cloud(topology, peers=False) as cloud:
        cloud.settings(declared(topology) + SILENT)
        agent(cloud, "apply")
        assert reach(cloud.internet, public(21), timeout=WAIT)
        assert not cloud.arp("eth2", "172.16.2.10")

        cloud.guest.ip(
            "addr del 172.16.1.11/24 dev eth1\naddr add 172.16.1.77/32 dev eth1\n"
            f"addr add {public(20)}/32 dev eth1\naddr add 172.16.2.10/24 dev eth2 noprefixroute"
        )
        found = see_all(cloud, "EIP113", "EIP114", "EIP115", "EIP116")
        assert not reach(cloud.internet, public(21))
        for source in ("172.16.1.77", "172.16.2.10", public(20)):
            cloud.reset_spoofs()
            assert not reach(cloud.guest, WEB, "udp", source=source)
            assert sum(cloud.spoofs().values()) > 0, source
        assert cloud.arp("eth2", "172.16.2.10")
        assert reach(cloud.internet, public(20), timeout=WAIT), "which the private address answers"

        for code in ("EIP115", "EIP116", "EIP113"):
            heal(cloud, found[code])
        assert codes(cloud) == ["EIP114"]
        assert reach(cloud.internet, public(21), timeout=WAIT)
        assert not cloud.arp("eth2", "172.16.2.10")
        cloud.guest.ip("addr del 172.16.1.77/32 dev eth1")
        agent(cloud, "apply")
        assert codes(cloud) == []


def test_wrong_masks_and_a_wrong_nic() -> None:
    topology = Topology((nat(0, PLAIN[0]), nat(1, PLAIN[1], (10, 11, 12, 13))), extra_vswitches=ELSEWHERE)
    far, first = ELSEWHERE[0].peer, topology.primary.private[0]
    with Cloud(topology) as cloud:
        cloud.settings(declared(topology) + SILENT)
        agent(cloud, "apply")
        assert seen_source(cloud.guest, far, timeout=WAIT) == first

        cloud.guest.ip("\n".join(f"addr del 172.16.1.{host}/24 dev eth1" for host in (11, 12, 13)))
        cloud.guest.ip(
            "addr add 172.16.1.11/16 dev eth1\naddr add 172.16.1.12/32 dev eth1\naddr add 172.16.1.13/32 dev eth0"
        )
        found = see_all(cloud, "EIP117", "EIP118", "EIP119")
        assert codes(cloud) == ["EIP117", "EIP119", "EIP118"]
        assert (
            seen_source(cloud.guest, far, timeout=WAIT) == topology.enis[1].private[1]
        )  # outside the subnet, and goes by eth1
        assert reach(cloud.internet, public(22), timeout=WAIT)
        assert reach(cloud.guest, PLAIN[1].peer, source="172.16.1.12", timeout=WAIT)
        assert cloud.arp("eth1", "172.16.1.13")
        cloud.guest.sysctl({"net/ipv4/conf/all/arp_ignore": 1})
        assert not cloud.arp("eth1", "172.16.1.13")

        heal(cloud, found["EIP117"])
        heal(cloud, found["EIP119"])
        assert codes(cloud) == ["EIP118"]
        assert seen_source(cloud.guest, far, timeout=WAIT) == first
        assert cloud.arp("eth1", "172.16.1.13")
