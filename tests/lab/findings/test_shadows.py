"""Rules of others that come before ours and take the packets of our addresses.

::

      guest                                                        internet
     ┌──────────────────────────────────────────────────────┐     ┌──────────────┐
     │ 100:    from 172.16.0.0/15 lookup main  ─► eth0 ─────┼─ x ─┼ 198.51.100.7 │
     │ 24011:  from 172.16.1.0/24 lookup 20000048 ─► eth1   │     └──────────────┘
     └──────────────────────────────────────────────────────┘
"""

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.probe import reach
from eip_agent.lab.topology import Topology, public, vswitch
from tests.lab.findings.support import codes, heal, see_only
from tests.lab.support import WAIT, WEB, agent, declared, nat

pytestmark = pytest.mark.lab

HOME = vswitch(0, dual_stack=False)
IPV4 = Topology((nat(0, HOME), nat(1, vswitch(1, dual_stack=False))))
EIP = str(public(20))
SILENT = "[dhcp]\noffers = false\n"


def test_a_rule_of_somebody_else_before_ours() -> None:
    with Cloud(IPV4) as cloud:
        cloud.settings(declared(IPV4) + SILENT)
        agent(cloud, "apply")
        cloud.guest.ip("rule add priority 100 from 172.16.0.0/15 lookup main")
        found = see_only(cloud, "EIP141")
        assert not reach(cloud.internet, EIP)
        assert agent(cloud, "apply").startswith("as desired"), "no pass can heal that"
        heal(cloud, found)
        assert codes(cloud) == []
        assert reach(cloud.internet, EIP, timeout=WAIT)

        cloud.guest.ip("rule add priority 200 from 172.16.1.10 prohibit")
        found = see_only(cloud, "EIP141", golden="EIP141-refused")
        assert not reach(cloud.guest, WEB, source="172.16.1.10")
        heal(cloud, found)
        assert codes(cloud) == []

        cloud.guest.ip("rule add priority 300 to 172.16.0.0/24 lookup main")
        found = see_only(cloud, "EIP141", golden="EIP141-network")
        assert not reach(cloud.guest, HOME.peer, "udp", source="172.16.1.10")
        heal(cloud, found)
        assert codes(cloud) == []
        assert reach(cloud.guest, HOME.peer, "udp", source="172.16.1.10", timeout=WAIT)

        cloud.guest.ip("rule add priority 400 from 172.16.1.10 goto 32766")
        found = see_only(cloud, "EIP141", golden="EIP141-jump")
        assert not reach(cloud.internet, EIP)
        heal(cloud, found)
        assert codes(cloud) == []

        # What leads where the packet should go, or catches none, is nobody's trouble.
        cloud.guest.ip(
            "route add default via 172.16.1.253 dev eth1 table 1001\n"
            "rule add priority 100 from 172.16.1.0/24 lookup 1001\n"
            "rule add priority 101 fwmark 7 lookup main\n"
            "rule add priority 102 from 172.16.1.10 to 192.0.2.0/24 lookup main\n"
            "rule add priority 103 from 172.16.1.10 ipproto tcp dport 25 lookup main",
            version=4,
        )
        assert codes(cloud) == []
        assert reach(cloud.internet, EIP, timeout=WAIT)
