"""ENIs without a link, links without an ENI, and links that somebody else has touched."""

from dataclasses import replace

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import Topology, vswitch
from tests.lab.findings.support import codes, gone, heal, see
from tests.lab.support import agent, declared, nat

pytestmark = pytest.mark.lab

PAIR = Topology((nat(0, vswitch(0)), nat(1, vswitch(1), (10, 11))))
NEW = nat(2, vswitch(2))
SILENT = "[dhcp]\noffers = false\n"
"""Nobody is asked what takes a while."""
TWIN = f"link add twin address {PAIR.enis[1].mac} type veth peer name twin netns /proc/self/fd/"


def test_an_eni_whose_link_is_elsewhere_shared_or_enslaved() -> None:
    settings = declared(Topology(PAIR.enis[:1])) + SILENT
    with Cloud(PAIR, boot="dhcp", peers=False) as cloud:
        cloud.settings(settings)
        agent(cloud, "apply")

        cloud.guest.ip(f"{TWIN}{cloud.router.fd}", fds=[cloud.router.fd])
        see(cloud, "EIP102")
        cloud.guest.ip("link set twin address 02:00:00:00:00:01")
        gone(cloud, "EIP102")

        cloud.guest.ip("link add br0 type bridge\nlink set eth1 master br0")
        see(cloud, "EIP103")
        cloud.guest.ip("link set eth1 nomaster")
        gone(cloud, "EIP103")

        cloud.guest.ip("link set eth1 address 02:00:00:00:00:02")
        found = see(cloud, "EIP101")
        heal(cloud, found)
        cloud.settings(settings + f'[exclude]\nenis = ["{PAIR.enis[1].eni_id}"]\n')
        gone(cloud, "EIP101")


def test_a_link_that_the_metadata_service_does_not_list_yet() -> None:
    late = Topology((*PAIR.enis, replace(NEW, listed=False)))
    with Cloud(late, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(PAIR) + SILENT)
        agent(cloud, "apply")
        found = see(cloud, "EIP104")

        cloud.become(Topology((*PAIR.enis, NEW)))
        heal(cloud, found)
        gone(cloud, "EIP104")


def test_what_others_have_done_to_a_link_and_its_addresses() -> None:
    with Cloud(PAIR, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(PAIR) + SILENT)
        agent(cloud, "apply")

        cloud.guest.ip("link set eth1 group 7")
        heal(cloud, see(cloud, "EIP106"))
        gone(cloud, "EIP106")

        cloud.guest.sysctl({"net/ipv6/conf/eth1/disable_ipv6": 1})
        heal(cloud, see(cloud, "EIP107"))
        gone(cloud, "EIP107")

        cloud.guest.ip("rule add priority 24500 from 10.9.0.0/16 lookup main")
        heal(cloud, see(cloud, "EIP201"))
        gone(cloud, "EIP201")

        # Beside one of ours, which is the first of that priority and must stay.
        cloud.guest.ip("rule add priority 24011 from 10.9.0.0/16 lookup main")
        heal(cloud, see(cloud, "EIP201", golden="EIP201-beside"))
        assert codes(cloud) == []

        address = PAIR.enis[1].private[1]
        cloud.guest.ip(f"addr del {address}/24 dev eth1\nlink add cali0 type bridge\nlink set cali0 up")
        cloud.guest.ip(f"route add {address}/32 dev cali0")
        see(cloud, "EIP108")
        cloud.settings(declared(PAIR) + SILENT + f'[exclude]\naddresses = ["{address}"]\n')
        gone(cloud, "EIP108")
        assert not [code for code in codes(cloud) if code < "EIP300"]
