"""What the VPC keeps from the Internet, made so in the simulated cloud with its packets, and healed there.

::

    guest eth0, eth1 ── route table of the vSwitch ── IPv4 gateway ── Internet      EIP450, EIP451
                     ── IPv6 gateway: bandwidth, egress-only rules ── Internet      EIP431 to EIP433
"""

from dataclasses import replace
from typing import Final

import pytest

from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.openapi import ApiFault, Trouble
from eip_agent.lab.probe import reach
from eip_agent.lab.topology import Eip, Gateway4, Topology, eni, public, vswitch
from tests.lab.findings.support import codes, findings, gone, see_only
from tests.lab.support import WEB, WEB6, agent, needs_openapi

pytestmark = [
    pytest.mark.lab,
    needs_openapi,
]

HEALTHY: Final = Topology(
    (eni(0, vswitch(0), (10,), [Eip(public(10))]), eni(1, vswitch(1), (10, 11), [Eip(public(11))]))
)
OWN, OWN6, OTHER6 = HEALTHY.enis[1].private[0], HEALTHY.enis[1].ipv6s[0], HEALTHY.enis[1].ipv6s[1]
EVERY6: Final = tuple(ip for one in HEALTHY.enis for ip in one.ipv6s)
ALL: Final = frozenset(("vsw-lab0", "vsw-lab1"))


def test_what_a_vpc_keeps_from_ipv6_is_a_note_where_it_is_wanted() -> None:
    with Cloud(HEALTHY, boot="dhcp", peers=False) as cloud:
        cloud.settings(cloud.openapi_settings())
        agent(cloud, "apply")
        assert findings(cloud) == []
        assert reach(cloud.guest, WEB6, source=OWN6)
        assert reach(cloud.internet, OWN6)

        cloud.become(replace(HEALTHY, private6=(OWN6,)))
        found = see_only(cloud, "EIP432")
        assert str(OTHER6) not in found["saw"]
        assert not reach(cloud.guest, WEB6, source=OWN6)
        assert not reach(cloud.internet, OWN6)
        assert reach(cloud.guest, WEB6, source=OTHER6)
        agent(cloud, "explain", code=0)
        assert "has no Internet bandwidth" in agent(
            cloud, "explain", "path", "--from", f"{OWN6}", "--to", f"{WEB6}", code=3
        )

        cloud.become(replace(HEALTHY, asking6=(OWN6,)))
        see_only(cloud, "EIP433")
        assert reach(cloud.guest, WEB6, source=OWN6)
        assert not reach(cloud.internet, OWN6)
        assert "egress-only" in agent(cloud, "explain", "path", "--from", f"{WEB6}", "--to", f"{OWN6}", code=3)
        agent(cloud, "explain", "path", "--from", f"{OWN6}", "--to", f"{WEB6}")

        cloud.become(replace(HEALTHY, gateway6=False))
        see_only(cloud, "EIP431")
        assert not reach(cloud.guest, WEB6, source=OTHER6)
        agent(cloud, "explain", code=0)

        # IPv6 for the private network only: nobody here would use it to the Internet.
        for number in (1, 2):
            gateway = HEALTHY.enis[number - 1].vswitch.gateway6
            cloud.guest.ip(f"route del ::/0 via {gateway} metric {100 * number}")
        assert findings(cloud) == []
        cloud.become(replace(HEALTHY, private6=EVERY6))
        assert findings(cloud) == []
        # Somebody has bought bandwidth, and not for all.
        cloud.become(replace(HEALTHY, private6=EVERY6[1:]))
        assert codes(cloud) == ["EIP432"]

        cloud.become(HEALTHY)
        assert findings(cloud) == []


def test_an_ipv4_gateway_wants_a_route() -> None:
    with Cloud(HEALTHY, boot="dhcp", peers=False) as cloud:
        cloud.settings(cloud.openapi_settings())
        agent(cloud, "apply")
        cloud.become(replace(HEALTHY, gateway4=Gateway4(enabled=False)))
        assert findings(cloud) == []
        assert reach(cloud.internet, public(11))

        cloud.become(replace(HEALTHY, gateway4=Gateway4(frozenset(("vsw-lab0",)))))
        found = see_only(cloud, "EIP451")
        assert "vsw-lab1" in found["saw"]
        assert "NextHopType Ipv4Gateway" in found["commands"][0]
        assert not reach(cloud.internet, public(11))
        assert not reach(cloud.guest, WEB, source=OWN)
        assert reach(cloud.internet, public(10))
        agent(cloud, "explain", "path", "--from", str(OWN), "--to", str(WEB), code=3)

        cloud.become(replace(HEALTHY, gateway4=Gateway4(frozenset(("vsw-lab0",)), nat="ngw-bp1lab00000000000001")))
        assert "NatGateway ngw-bp1lab00000000000001" in findings(cloud)[0]["saw"]

        # What the command makes.
        cloud.become(replace(HEALTHY, gateway4=Gateway4(ALL)))
        gone(cloud, "EIP451")
        assert findings(cloud) == []
        assert reach(cloud.internet, public(11))

        # What may not be asked spoils nothing but itself.
        cloud.become(replace(HEALTHY, gateway4=Gateway4()))
        cloud.openapi.faults += [
            ApiFault(Trouble.DENY, "DescribeRouteTableList"),
            ApiFault(Trouble.STATUS, "DescribeIpv6Gateways", status=400, value="InvalidParameter"),
            ApiFault(Trouble.GARBAGE, "DescribeIpv6Addresses"),
        ]
        told = findings(cloud)
        assert {one["code"] for one in told} == {"EIP311", "EIP315"}
        assert [one["subject"] for one in told if one["code"] == "EIP311"] == ["OpenAPI vpc:DescribeRouteTableList"]
        agent(cloud, "explain", code=3)
        agent(cloud, "apply")


def test_an_eip_that_shows_and_an_ipv4_gateway_exclude_each_other() -> None:
    visible = Eip(public(20), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)
    healthy = HEALTHY.with_eni(eni(2, vswitch(2), (10,), [visible]))
    with Cloud(healthy, boot="dhcp", peers=False) as cloud:
        cloud.settings(cloud.openapi_settings())
        agent(cloud, "apply")
        assert findings(cloud) == []

        cloud.become(replace(healthy, gateway4=Gateway4(ALL)))
        see_only(cloud, "EIP450")

        cloud.become(healthy)
        assert findings(cloud) == []
