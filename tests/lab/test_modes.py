"""Every binding mode works in every image: the packets of a right instance, and nothing spoofed on the way.

::

      guest                     router                      internet
     ┌──────────────┐          ┌──────────────────┐        ┌─────────────────┐
     │ eth0 primary ┼── veth ──┼ drops and counts ┼────────┼ 198.51.100.7    │
     │ eth1 ...     ┼── veth ──┼ foreign sources  │        │ 203.0.113.200   │
     └──────────────┘          └───┬──────────────┘        └─────────────────┘
      eip-agent apply              └ a peer in every vSwitch
"""

from dataclasses import replace

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import Boot
from eip_agent.lab.probe import reach, seen_source
from eip_agent.lab.topology import DEMO, Eip, Topology, public, vswitch
from tests.lab.support import ELSEWHERE, ETH0, TOPOLOGIES, WEB, agent, applied, declared, nat, seen_unbound

pytestmark = pytest.mark.lab

IMAGES = pytest.mark.parametrize(
    ("boot", "strict"), [("bare", False), ("dhcp", True)], ids=["bare image", "DHCP image, strict rp_filter"]
)


@IMAGES
@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_every_address_keeps_the_contract(topology: Topology, boot: Boot, strict: bool) -> None:  # noqa: FBT001
    with applied(topology, boot=boot, strict=strict) as instance:
        assert instance.broken() == []


@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict rp_filter"])
@pytest.mark.parametrize("boot", ["bare", "dhcp"])
def test_all_modes_at_once_keep_the_contract(boot: Boot, strict: bool) -> None:  # noqa: FBT001
    with applied(DEMO, boot=boot, strict=strict) as instance:
        assert instance.broken() == []


@pytest.mark.parametrize("name", ["nat", "several EIPs on an ENI", "EIP-visible", "secondary-CIDR"])
def test_after_a_boot_with_dhcp_no_settings_are_needed(name: str) -> None:
    with applied(TOPOLOGIES[name], boot="dhcp", settings="") as instance:
        assert instance.broken() == []


@pytest.mark.parametrize("name", ["nat", "secondary-CIDR"])
def test_after_a_bare_boot_only_visible_eips_need_settings(name: str) -> None:
    with applied(TOPOLOGIES[name], settings="") as instance:
        assert instance.broken() == []


def test_hardened_metadata_changes_nothing() -> None:
    with Cloud(DEMO) as cloud:
        cloud.metadata.hardened = True
        cloud.settings(declared(DEMO))
        unbound = seen_unbound(cloud)
        agent(cloud, "apply")
        assert reach(cloud.internet, "203.0.113.12")
        assert seen_unbound(cloud) == unbound


def test_a_socket_bound_to_a_link_has_the_main_address_of_its_eni() -> None:
    """Whichever of the addresses is the lowest: only the main one has an EIP here."""
    one = replace(nat(1, vswitch(1), (30, 11, 200)), eips=(Eip(public(20)),))
    with applied(Topology((ETH0, one), extra_vswitches=ELSEWHERE)) as instance:
        assert seen_source(instance.cloud.guest, vswitch(9).peer, device="eth1") == one.private[0]
        assert seen_source(instance.cloud.guest, WEB, device="eth1") == public(20)
