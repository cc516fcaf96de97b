"""Links that are down, and links with nobody at the other end.

::

      guest                  router
     ┌────────────┐         ┌────────────┐
     │ eth1  down ┼─ veth ──┼ eth1       │   EIP105
     │ eth1  up   ┼─ veth ──┼ eth1  down │   EIP110: no carrier
     └────────────┘         └────────────┘
"""

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.probe import reach
from eip_agent.lab.topology import Topology, public, vswitch
from tests.lab.findings.support import codes, gone, heal, see, see_only
from tests.lab.support import WAIT, agent, declared, nat

pytestmark = pytest.mark.lab

PAIR = Topology((nat(0, vswitch(0)), nat(1, vswitch(1))))
EIP = str(public(20))
SILENT = "[dhcp]\noffers = false\n"
"""Nobody is asked what takes a while."""


def test_a_link_that_is_down_or_has_no_carrier() -> None:
    with Cloud(PAIR, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(PAIR) + SILENT)
        agent(cloud, "apply")
        assert reach(cloud.internet, EIP, timeout=WAIT)

        cloud.guest.ip("link set eth1 down")
        found = see_only(cloud, "EIP105")
        assert not reach(cloud.internet, EIP)
        heal(cloud, found)
        gone(cloud, "EIP105")
        assert reach(cloud.internet, EIP, timeout=WAIT)

        cloud.router.ip("link set eth1 down")
        see_only(cloud, "EIP110")
        assert not reach(cloud.internet, EIP)
        cloud.become(PAIR.without("eth1"))
        cloud.become(PAIR)
        agent(cloud, "apply")
        gone(cloud, "EIP110")
        assert reach(cloud.internet, EIP, timeout=WAIT)

        cloud.settings(declared(PAIR) + SILENT + "[leave]\nlinks = true\n")
        cloud.guest.ip("link set eth1 down")
        found = see(cloud, "EIP105", golden="EIP105-by-hand")
        heal(cloud, found)
        assert codes(cloud) == []
