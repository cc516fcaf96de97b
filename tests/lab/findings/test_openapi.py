"""The OpenAPI silent in every way: each call fails for another reason, and then there is nobody to ask it as."""

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.openapi import ApiFault, Trouble
from eip_agent.lab.topology import Eip, Topology, eni, public, vswitch
from tests.lab.findings.support import findings, see, see_all
from tests.lab.support import needs_openapi

pytestmark = [
    pytest.mark.lab,
    needs_openapi,
]

INSTANCE = Topology((eni(0, vswitch(0), (10,), [Eip(public(10))]), eni(1, vswitch(1), (10,), [Eip(public(11))])))
BAD_KEY = "InvalidAccessKeyId.NotFound"


def test_each_reason_is_told_by_itself_and_goes_with_its_cause() -> None:
    with Cloud(INSTANCE, boot="dhcp", peers=False) as cloud:
        cloud.settings(cloud.openapi_settings())
        assert cloud.agent("apply").returncode == 0
        assert findings(cloud) == []

        # Throttling is waited out to the end; only this part of the test can wait less than usual.
        cloud.settings(cloud.openapi_settings() + "deadline = 6.0\n")
        cloud.openapi.faults += [
            ApiFault(Trouble.THROTTLE, "DescribeHaVips"),
            ApiFault(Trouble.STATUS, "DescribeNatGateways", status=400, value="InvalidParameter"),
            ApiFault(Trouble.STATUS, "DescribeInstanceAttribute", status=404, value=BAD_KEY),
            ApiFault(Trouble.RESET, "DescribeEipAddresses"),
        ]
        see_all(cloud, "EIP313", "EIP314", "EIP315", "EIP316")

        cloud.openapi.faults.clear()
        cloud.settings(cloud.openapi_settings())
        cloud.account.role = None
        see(cloud, "EIP312")

        cloud.account.role = "EipAgentRole"
        cloud.openapi.faults.append(ApiFault(Trouble.DENY, "DescribeHaVips"))
        see(cloud, "EIP311")
        cloud.openapi.faults.clear()
        assert findings(cloud) == []
