"""Marks and the reverse path filter; ports that a container publishes.

::

      guest                                                 internet
     ┌───────────────────────────────────────────────┐     ┌──────────────┐
     │ eth1 172.16.1.10 ── :8080 is 172.17.0.2:7000 ─┼─────┼ 198.51.100.7 │
     │ docker0 ── container 172.17.0.2               │     └──────────────┘
     │ eth0 ── default route                         │
     └───────────────────────────────────────────────┘
"""

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import docker_bridge
from eip_agent.lab.probe import reach
from eip_agent.lab.topology import Topology, public, vswitch
from tests.lab.findings.support import codes, heal, see_only
from tests.lab.support import WAIT, agent, declared, nat

pytestmark = pytest.mark.lab

PAIR = Topology((nat(0, vswitch(0, dual_stack=False)), nat(1, vswitch(1, dual_stack=False))))
EIP = public(20)
SILENT = "[dhcp]\noffers = false\n"

BY_MARKS = """\
table ip own {
    chain prerouting { type filter hook prerouting priority mangle; iifname "eth1" ct state new ct mark set 7; }
    chain output { type route hook output priority mangle; ct mark 7 meta mark set ct mark; }
}
"""
PUBLISHED = """\
table ip published {
    chain prerouting { type nat hook prerouting priority dstnat; tcp dport 8080 dnat to 172.17.0.2:7000; }
}
"""


def load(cloud: Cloud, ruleset: str) -> None:
    cloud.guest.run(["nft", "-f", "-"], input=ruleset)


def test_a_strict_filter_that_does_not_see_marks() -> None:
    """Somebody routes the replies of an ENI by marks of connections, and has told us to leave it alone."""
    with Cloud(PAIR, boot="dhcp", peers=False) as cloud:
        cloud.settings('[exclude]\nmacs = ["00:16:3e:00:00:01"]\n' + SILENT)
        load(cloud, BY_MARKS)
        cloud.guest.ip(
            "route add default via 172.16.1.253 dev eth1 table 77\nrule add priority 700 fwmark 7 lookup 77", version=4
        )
        agent(cloud, "apply")
        assert "EIP134" not in codes(cloud)
        assert reach(cloud.internet, EIP, timeout=WAIT)

        cloud.guest.sysctl({"net/ipv4/conf/all/rp_filter": 1})
        found = see_only(cloud, "EIP134")
        assert not reach(cloud.internet, EIP)
        heal(cloud, found)
        assert codes(cloud) == []
        assert reach(cloud.internet, EIP, timeout=WAIT)


def test_a_published_port_is_answered_where_it_was_asked() -> None:
    with Cloud(PAIR, peers=False) as cloud, docker_bridge(cloud.guest):
        cloud.settings(declared(PAIR) + SILENT)
        agent(cloud, "apply")
        assert codes(cloud) == [], "nothing is forwarded"
        cloud.guest.sysctl({"net/ipv4/ip_forward": 1})
        load(cloud, PUBLISHED)
        assert reach(cloud.internet, public(10), port=8080, timeout=WAIT)
        assert not reach(cloud.internet, EIP, port=8080)
        found = see_only(cloud, "EIP135")
        heal(cloud, found)
        assert codes(cloud) == []
        assert reach(cloud.internet, EIP, port=8080, timeout=WAIT)
        assert reach(cloud.internet, EIP, timeout=WAIT)
        assert reach(cloud.internet, public(10), port=8080, timeout=WAIT)

        cloud.guest.sysctl({"net/ipv4/conf/all/rp_filter": 1})
        assert not reach(cloud.internet, EIP, port=8080)
        found = see_only(cloud, "EIP135", golden="EIP135-strict")
        heal(cloud, found)
        assert codes(cloud) == []
        assert reach(cloud.internet, EIP, port=8080, timeout=WAIT)
        assert reach(cloud.internet, EIP, timeout=WAIT)
