"""Several ENIs in one subnet: two connected routes, and links that answer ARP for each other.

::

      guest                          router
     ┌──────────────────────┐       ┌──────────────────────────────────────┐
     │ eth0 172.16.0.10/24 ─┼─veth──┼ who has 172.16.0.10, asked on eth1?  │
     │ eth1 172.16.0.11/24 ─┼─veth──┼                                      │
     └──────────────────────┘       └──────────────────────────────────────┘
"""

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.probe import reach
from eip_agent.lab.topology import Topology, vswitch
from tests.lab.findings.support import codes, gone, heal, see
from tests.lab.support import WAIT, declared, nat

pytestmark = pytest.mark.lab

HOME = vswitch(0, dual_stack=False)
SHARED = Topology((nat(0, HOME, (10,)), nat(1, HOME, (11,))))
SILENT = "[dhcp]\noffers = false\n"


def test_two_nics_in_one_subnet() -> None:
    with Cloud(SHARED, boot="dhcp") as cloud:
        cloud.settings(declared(SHARED) + SILENT)
        conflict = see(cloud, "EIP132")
        flux = see(cloud, "EIP133")
        cloud.reset_spoofs()
        assert not reach(cloud.guest, HOME.peer, "udp", source="172.16.0.11")
        assert cloud.spoofs()["eth0"] > 0
        assert cloud.arp("eth1", "172.16.0.10")

        heal(cloud, conflict)
        assert codes(cloud) == []
        cloud.reset_spoofs()
        assert reach(cloud.guest, HOME.peer, "udp", source="172.16.0.11", timeout=WAIT)
        assert not cloud.arp("eth1", "172.16.0.10")
        assert cloud.spoofs()["eth1"] == 0, "on eth0 what was tried before may still wait for ARP"

        cloud.guest.sysctl({"net/ipv4/conf/eth1/arp_ignore": 0})
        assert "EIP133" in codes(cloud)
        assert cloud.arp("eth1", "172.16.0.10")
        heal(cloud, flux)
        gone(cloud, "EIP133")
        assert not cloud.arp("eth1", "172.16.0.10")
        cloud.guest.sysctl({"net/ipv4/conf/eth1/arp_ignore": 0, "net/ipv4/conf/all/arp_ignore": 1})
        gone(cloud, "EIP133")
        assert not cloud.arp("eth1", "172.16.0.10")
