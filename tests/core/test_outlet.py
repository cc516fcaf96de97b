"""What the VPC gives of the Internet: known, known not to, and not known."""

from dataclasses import replace

import pytest

from eip_agent.core.facts import IPAddress
from eip_agent.core.openapi import ApiFact
from eip_agent.core.outlet import Outlet, activated, barrier, gateways4, outlet, table_of_vswitch, vpc_of
from eip_agent.core.scene import Scene
from eip_agent.core.vpc import Ipv6AddressFact, VpcFact
from tests.builders import cloud, eni, eni6, ip4
from tests.core.findings.support import scene_of, told
from tests.core.vpcs import GATEWAY, SIX, TO_GATEWAY, TO_NAT, behind, six, with_vpc

OWN = ip4("192.168.1.10")
OF = cloud(eni(0), eni6(1))
WITH6, WITHOUT6 = VpcFact("vpc-1", gateways6=("ipv6gw-1",)), VpcFact("vpc-1", gateways6=())


def of(api: ApiFact | None) -> Scene:
    return scene_of(api, of=OF)


@pytest.mark.parametrize(
    ("vpc", "fact", "state"),
    [
        (WITH6, six(public=True), Outlet.OPEN),
        (WITH6, six(public=True, egress_only=False), Outlet.OPEN),
        (WITH6, six(public=True, egress_only=True), Outlet.ONE_WAY),
        (WITH6, six(public=False), Outlet.NO_BANDWIDTH),
        (WITH6, six(public=False, egress_only=True), Outlet.NO_BANDWIDTH),
        (WITH6, six(), Outlet.UNKNOWN),
        (WITH6, None, Outlet.UNKNOWN),
        (WITHOUT6, six(public=False), Outlet.NO_GATEWAY),
        (WITHOUT6, None, Outlet.NO_GATEWAY),
        (WITHOUT6, six(public=True), Outlet.UNKNOWN),
        (WITHOUT6, replace(six(public=False), gateway_id="ipv6gw-9"), Outlet.NO_BANDWIDTH),
        (WITHOUT6, replace(six(public=True), gateway_id="ipv6gw-9"), Outlet.OPEN),
        (VpcFact("vpc-1"), six(public=True), Outlet.OPEN),
        (VpcFact("vpc-1"), six(public=False), Outlet.NO_BANDWIDTH),
        (VpcFact("vpc-1"), None, Outlet.UNKNOWN),
        (VpcFact("vpc-9", gateways6=()), None, Outlet.UNKNOWN),
    ],
)
def test_what_an_ipv6_address_has_of_the_internet(vpc: VpcFact, fact: Ipv6AddressFact | None, state: Outlet) -> None:
    scene = of(with_vpc(told(), vpc, *([fact] if fact else [])))

    assert outlet(scene, scene.report.stories[1], SIX) is state


def test_without_the_openapi_nothing_is_known() -> None:
    for scene in (of(None), of(told())):
        story = scene.report.stories[1]
        assert outlet(scene, story, SIX) is Outlet.UNKNOWN
        assert (vpc_of(scene, story), activated(scene, story), table_of_vswitch(scene, story)) == (None, None, None)
        assert gateways4(scene) is None


@pytest.mark.parametrize("enabled", [True, False, None])
def test_only_an_activated_gateway_counts(enabled: bool | None) -> None:  # noqa: FBT001
    scene = of(with_vpc(told(), behind(TO_GATEWAY, enabled=enabled)))
    story = scene.report.stories[1]

    assert (activated(scene, story) is not None) is (enabled is True)
    assert gateways4(scene) == (replace(GATEWAY, enabled=enabled),)


def test_a_vpc_without_a_gateway_is_known_to_have_none() -> None:
    scene = of(with_vpc(told(), VpcFact("vpc-1", gateways4=())))

    assert gateways4(scene) == ()
    assert activated(scene, scene.report.stories[1]) is None


def test_a_table_is_that_of_the_vswitch() -> None:
    scene = of(with_vpc(told(), behind(TO_GATEWAY)))
    tables = [table_of_vswitch(scene, story) for story in scene.report.stories]

    assert [table.table_id for table in tables if table] == ["vtb-0", "vtb-1"]


def test_the_only_vpc_is_everybodys_where_the_enis_were_not_listed() -> None:
    one = replace(told(), vpcs=(WITHOUT6,))

    assert vpc_of(of(one), of(one).report.stories[1]) == WITHOUT6
    two = replace(one, vpcs=(WITHOUT6, VpcFact("vpc-2")))
    assert vpc_of(of(two), of(two).report.stories[1]) is None


@pytest.mark.parametrize(
    ("vpc", "source", "certain"),
    [
        (behind(), OWN, True),
        (behind(TO_NAT), OWN, False),
        (replace(behind(), tables=()), OWN, False),
        (behind(TO_GATEWAY), OWN, None),
        (behind(enabled=False), OWN, None),
        (behind(TO_GATEWAY), SIX, None),
        (WITHOUT6, SIX, True),
        (WITHOUT6, OWN, None),
    ],
)
def test_a_barrier_is_certain_where_nothing_leads_on(
    vpc: VpcFact,
    source: IPAddress,
    certain: bool | None,  # noqa: FBT001
) -> None:
    scene = of(with_vpc(told(), vpc))
    found = barrier(scene, scene.report.stories[1], source)

    assert (None if found is None else found.certain) is certain
