"""What it takes to be told by the OpenAPI."""

import json

from eip_agent.core.openapi import ALL_ACTIONS, ASIDE, CORE_ACTIONS, LEFT_OUT, policy


def test_the_policy_allows_what_was_asked_for_and_no_more() -> None:
    assert json.loads(policy(["vpc:DescribeEipAddresses", "vpc:DescribeHaVips", "vpc:DescribeEipAddresses"])) == {
        "Version": "1",
        "Statement": [
            {"Effect": "Allow", "Action": ["vpc:DescribeEipAddresses", "vpc:DescribeHaVips"], "Resource": "*"}
        ],
    }
    assert all(action.split(":")[1].startswith(("Describe", "List")) for action in ALL_ACTIONS)
    assert set(ALL_ACTIONS) > ASIDE
    assert not ASIDE & {*CORE_ACTIONS, *LEFT_OUT}
