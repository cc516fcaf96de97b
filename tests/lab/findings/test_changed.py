"""What others put into our tables, and what they take away."""

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import DEMO, Topology, vswitch
from tests.lab.findings.support import codes, gone, heal, see, see_only
from tests.lab.support import agent, declared, nat

pytestmark = pytest.mark.lab

PAIR = Topology((nat(0, vswitch(0, dual_stack=False)), nat(1, vswitch(1, dual_stack=False), (10, 11))))
SILENT = "[dhcp]\noffers = false\n"


def test_a_route_of_somebody_else_in_our_table() -> None:
    with Cloud(PAIR, peers=False) as cloud:
        cloud.settings(declared(PAIR) + SILENT)
        agent(cloud, "apply")
        cloud.guest.ip("route add 10.9.0.0/16 via 172.16.1.250 dev eth1 table 20000048")
        found = see_only(cloud, "EIP142")
        heal(cloud, found)
        assert codes(cloud) == []

        # One trouble, and one remedy: what else is seen of it is a consequence.
        cloud.guest.ip("route replace default via 172.16.1.200 dev eth1 onlink table 20000048")
        found = see_only(cloud, "EIP142", golden="EIP142-default")
        assert codes(cloud, "--probe") == ["EIP142"]
        heal(cloud, found)
        assert codes(cloud, "--probe") == []

        agent(cloud, "revert")
        cloud.guest.ip("link set eth1 up\nroute add default via 172.16.1.253 dev eth1 onlink table 20000048")
        assert "EIP142" in codes(cloud), "before any rule looks the table up"
        assert cloud.agent("apply").returncode == 1
        cloud.guest.ip("route del default table 20000048")
        agent(cloud, "apply")
        assert codes(cloud) == []


def test_what_was_taken_away() -> None:
    with Cloud(PAIR, peers=False) as cloud:
        cloud.settings(declared(PAIR) + SILENT)
        assert "EIP143" not in codes(cloud), "nothing was there before"
        agent(cloud, "apply")
        cloud.guest.ip(
            "rule del from 172.16.1.0/24 lookup 20000048\n"
            "addr del 172.16.1.11/24 dev eth1\nroute del default table 20000048"
        )
        found = see(cloud, "EIP143")
        assert {"EIP111", "EIP113"} < set(codes(cloud))
        heal(cloud, found)
        assert codes(cloud) == []


def test_what_is_new_was_not_taken_away() -> None:
    """The cloud's own changes, an address that somebody adds, a route by the ENI, and another setting."""
    with Cloud(PAIR, peers=False) as cloud:
        cloud.settings(declared(PAIR) + SILENT)
        agent(cloud, "apply")
        cloud.guest.ip("addr add 10.77.0.1/32 dev eth1\nroute add 10.9.0.0/16 via 172.16.1.250 dev eth1")
        assert cloud.agent("explain").returncode == 3
        gone(cloud, "EIP143")
        agent(cloud, "apply")
        cloud.become(Topology((PAIR.enis[0], nat(1, vswitch(1, dual_stack=False), (10, 11, 12)))))
        cloud.settings(declared(cloud.topology) + SILENT)
        assert cloud.agent("explain").returncode == 3
        gone(cloud, "EIP143")


def test_what_a_link_takes_with_it_is_told_of_the_link() -> None:
    with Cloud(DEMO, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(DEMO) + SILENT)
        agent(cloud, "apply")
        cloud.guest.ip("link set eth1 down\nlink set eth1 up")
        assert "EIP143" in codes(cloud)
        agent(cloud, "apply")
        assert codes(cloud) == []
