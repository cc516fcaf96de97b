"""Default routes of `main`: none, by another NIC, by two, by another gateway.

::

      guest                                          internet
     ┌────────────────────────────────────────┐     ┌──────────────┐
     │ main: default via 172.16.0.253 dev eth0┼─────┼ 198.51.100.7 │   sees 203.0.113.10
     │       default via 172.16.1.253 dev eth1┼─────┼              │   sees 203.0.113.20
     └────────────────────────────────────────┘     └──────────────┘
"""

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import vpn
from eip_agent.lab.probe import reach, seen_source
from eip_agent.lab.topology import Topology, public, vswitch
from tests.lab.findings.support import codes, heal, see_only
from tests.lab.support import WAIT, WEB, agent, declared, nat

pytestmark = pytest.mark.lab

PAIR = Topology((nat(0, vswitch(0, dual_stack=False)), nat(1, vswitch(1, dual_stack=False))))
FIRST, SECOND = public(10), public(20)
SILENT = "[dhcp]\noffers = false\n"


def test_default_routes() -> None:
    with Cloud(PAIR, peers=False) as cloud:
        cloud.settings(declared(PAIR) + SILENT)
        agent(cloud, "apply")
        assert seen_source(cloud.guest, WEB, timeout=WAIT) == FIRST

        # Without it nobody could ask the metadata service either.
        cloud.guest.ip("route add 100.64.0.0/10 via 172.16.0.253 dev eth0\nroute del default")
        agent(cloud, "apply")
        found = see_only(cloud, "EIP121")
        assert seen_source(cloud.guest, WEB) is None
        assert reach(cloud.internet, FIRST, timeout=WAIT), "which has a table of its own"
        heal(cloud, found)
        assert codes(cloud) == []
        assert seen_source(cloud.guest, WEB, timeout=WAIT) == FIRST

        cloud.guest.ip(
            "route replace default via 172.16.0.253 dev eth0 metric 100\n"
            "route del default metric 0\nroute add default via 172.16.1.253 dev eth1 metric 50"
        )
        found = see_only(cloud, "EIP122")
        assert seen_source(cloud.guest, WEB, timeout=WAIT) == SECOND
        heal(cloud, found)
        assert codes(cloud) == []
        assert seen_source(cloud.guest, WEB, timeout=WAIT) == FIRST

        cloud.guest.ip("route append default via 172.16.1.253 dev eth1 metric 100")
        found = see_only(cloud, "EIP123")
        heal(cloud, found)
        assert codes(cloud) == []

        cloud.guest.ip("route add default via 172.16.1.1 dev eth1 metric 300")
        found = see_only(cloud, "EIP124")
        assert seen_source(cloud.guest, WEB, timeout=WAIT) == FIRST
        heal(cloud, found)
        assert codes(cloud) == []

        # The primary NIC's own is gone: to delete that of the other one would leave none.
        cloud.guest.ip(
            "route add 100.64.0.0/10 via 172.16.0.253 dev eth0 metric 5\n"
            "route replace default via 172.16.1.253 dev eth1 metric 300\nroute del default via 172.16.0.253 metric 100"
        )
        found = see_only(cloud, "EIP125")
        assert seen_source(cloud.guest, WEB, timeout=WAIT) == SECOND
        cloud.guest.ip("link set eth0 down")
        assert codes(cloud) == ["EIP105"], "the link has taken its routes with it"
        cloud.guest.ip("link set eth0 up\nroute replace 100.64.0.0/10 via 172.16.0.253 dev eth0 metric 5")
        agent(cloud, "apply")
        heal(cloud, found)
        assert codes(cloud) == []
        assert seen_source(cloud.guest, WEB, timeout=WAIT) == FIRST
        cloud.guest.ip("route del default via 172.16.1.253 dev eth1 metric 300")

        # One route with several ways is a wish, and a VPN may have the default route.
        cloud.guest.ip(
            "route replace default metric 10 "
            "nexthop via 172.16.0.253 dev eth0 weight 1 nexthop via 172.16.1.253 dev eth1 weight 1"
        )
        assert codes(cloud) == []
        cloud.guest.ip("route del default metric 10")
        with vpn(cloud.guest):
            cloud.guest.ip("route add 0.0.0.0/1 dev tun0\nroute add 128.0.0.0/1 dev tun0")
            assert codes(cloud) == []
