"""A healthy instance gives no finding: every topology after `apply`, with either image, and with either filter."""

import json

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import Boot
from eip_agent.lab.topology import DEMO, Topology
from tests.lab.findings.support import codes
from tests.lab.support import TOPOLOGIES, agent, declared

pytestmark = pytest.mark.lab

ALL = {"the demo": DEMO, **TOPOLOGIES}


@pytest.mark.parametrize("boot", ["bare", "dhcp"])
@pytest.mark.parametrize("topology", ALL.values(), ids=ALL)
def test_nothing_is_found_where_nothing_is_wrong(topology: Topology, boot: Boot) -> None:
    """Every EIP is declared, so that nothing is unknown."""
    with Cloud(topology, boot=boot, strict_rp_filter=boot == "dhcp", peers=False) as cloud:
        cloud.settings(declared(topology))
        agent(cloud, "apply")

        explained = json.loads(agent(cloud, "explain", "--format", "json"))
        assert explained["findings"] == []
        assert explained["outcome"] == "as desired"


def test_nothing_is_found_where_the_openapi_tells_everything() -> None:
    with Cloud(DEMO, boot="dhcp", peers=False) as cloud:
        cloud.settings(cloud.openapi_settings())
        agent(cloud, "apply")

        assert codes(cloud) == []
