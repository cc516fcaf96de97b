"""What the OpenAPI says of EIPs, ENIs and HAVIPs, made so in the simulated cloud: all of it at once, and healed."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

import pytest

from eip_agent.core.openapi import Bound, DnatFact, HavipFact
from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.metadata import Fault, FaultKind
from eip_agent.lab.topology import SECONDARY_CIDR, Eip, Elsewhere, Topology, eni, public, vswitch
from tests.lab.findings.support import codes, findings, see_all
from tests.lab.support import agent, needs_openapi

pytestmark = [
    pytest.mark.lab,
    needs_openapi,
]

ID: Final = Topology((eni(0, vswitch(0)),)).instance_id
OTHER: Final = "i-bp1lab00000000000009"
WEB: Final = DnatFact(public(230), "8080", IPv4Address("172.16.1.10"), "80", "tcp", "ngw-bp1lab1")
SSH: Final = DnatFact(public(231), "22", IPv4Address("172.16.1.12"), "22", "tcp", "ngw-bp1lab1")
MULTI: Final = Eip(public(42), Mode.MULTI_EIP_VISIBLE, gateway=public(33), prefix_length=27)

HEALTHY: Final = Topology(
    (
        eni(0, vswitch(0), (10,), [Eip(public(10))]),
        eni(
            1,
            vswitch(1),
            (10, 11, 12, 13),
            [Eip(public(10 + host), private_address=IPv4Address(f"172.16.1.{host}")) for host in (10, 11, 13)],
        ),
        eni(2, vswitch(2), (10,), [MULTI]),
        eni(3, vswitch(3), (10,), [Eip(public(30))]),
        eni(4, vswitch(4), (10,), [Eip(public(40))]),
        eni(5, SECONDARY_CIDR, (44,), [Eip(IPv4Address("192.0.2.44"))]),
        eni(6, vswitch(6), (10,), [Eip(public(60), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)]),
    )
)
"""Where nothing is wrong."""


def havip(number: int, host: int, master: str, *instances: str) -> HavipFact:
    return HavipFact(f"havip-bp1lab{number}", IPv4Address(f"172.16.1.{host}"), "InUse", master, instances)


def sick() -> Topology:
    """The same, and everything is wrong that can be at the same time."""
    eth0, eth1, multi, eth3, eth4, own, visible = HEALTHY.enis
    coming, going, locked = eth1.eips
    eips = (
        replace(coming, status="Associating"),
        replace(going, locks=("financial",)),
        replace(locked, locks=("security",)),
    )
    return replace(
        HEALTHY,
        enis=(
            eth0,
            replace(eth1, eips=eips),
            multi,
            replace(eth3, eips=(), status="Detaching"),
            replace(eth4, eips=(Eip(public(40), status="Unassociating"),), service_managed=True),
            replace(own, eips=()),
            replace(visible, eips=()),
        ),
        elsewhere=(Elsewhere(public(30), Bound.SLB, "lb-bp1lab1"), Elsewhere(public(42))),
        static_ip=public(250),
        dnat=(WEB, SSH),
        havips=(
            havip(1, 101, ID, ID, OTHER),
            havip(2, 102, OTHER, ID, OTHER),
            havip(3, 103, OTHER, ID, OTHER),
        ),
    )


def settings(cloud: Cloud) -> str:
    """The EIP of eth3 is declared."""
    eip = f'[[eip]]\naddress = "{public(30)}"\nmode = "nat"\neni = "{HEALTHY.eni("eth3").eni_id}"\n'
    return cloud.openapi_settings() + eip


def spoil(cloud: Cloud) -> None:
    """What becomes of it in the cloud and in the guest."""
    cloud.become(sick())
    # What is offered to an ENI that has lost its EIP is not documented; here it is what was offered before.
    cloud.dhcp.topology = HEALTHY
    gateway6 = f"meta-data/network/interfaces/macs/{HEALTHY.eni('eth1').mac}/ipv6-gateway"
    cloud.metadata.faults.append(Fault(gateway6, FaultKind.MISSING))
    cloud.guest.ip("addr add 172.16.1.103/32 dev eth1")
    cloud.guest.ip("addr change 172.16.2.10/24 dev eth2 valid_lft forever preferred_lft forever")


def restore(cloud: Cloud) -> None:
    """As it was."""
    cloud.become(HEALTHY)
    cloud.metadata.faults.clear()
    cloud.guest.ip("addr del 172.16.1.103/32 dev eth1")
    cloud.guest.ip("addr change 172.16.2.10/24 dev eth2 valid_lft 7200 preferred_lft 7200")


def of_the_cloud(cloud: Cloud) -> set[str]:
    """The codes of what is found about sources and the cloud's side."""
    return {code for code in codes(cloud) if code.startswith(("EIP3", "EIP4"))}


def test_everything_that_is_wrong_on_the_clouds_side_is_found_and_nothing_where_nothing_is() -> None:
    with Cloud(HEALTHY, boot="dhcp", peers=False) as cloud:
        cloud.settings(settings(cloud))
        agent(cloud, "apply")
        assert findings(cloud) == []

        spoil(cloud)
        wanted = (
            *("EIP402", "EIP404", "EIP405", "EIP406", "EIP407", "EIP409", "EIP410", "EIP411"),
            *("EIP421", "EIP422", "EIP423", "EIP430", "EIP440", "EIP441", "EIP442", "EIP443", "EIP444"),
        )
        assert of_the_cloud(cloud) == set(wanted)
        see_all(cloud, *wanted)

        restore(cloud)
        assert of_the_cloud(cloud) == set()

        # A static address instead of an EIP; an EIP that is declared and free, and one in another mode than it has.
        eth0, eth3 = HEALTHY.primary, HEALTHY.eni("eth3")
        bare = HEALTHY.with_eni(replace(eth0, eips=())).with_eni(replace(eth3, eips=()))
        cloud.become(replace(bare, static_ip=public(250), elsewhere=(Elsewhere(public(30)),)))
        wrong = f'[[eip]]\naddress = "{public(40)}"\nmode = "eip-visible"\neni = "{HEALTHY.eni("eth4").eni_id}"\n'
        cloud.settings(settings(cloud) + wrong)
        found = see_all(cloud, "EIP301", "EIP401", "EIP403", "EIP408")
        assert "settings" in found["EIP301"]["saw"]
        assert "OpenAPI" in found["EIP301"]["saw"]
