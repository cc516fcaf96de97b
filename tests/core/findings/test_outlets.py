"""What the VPC keeps from the Internet, and what it only seems to keep."""

from dataclasses import replace

import pytest

from eip_agent.core.facts import KernelFact
from eip_agent.core.finding import Severity
from eip_agent.core.findings.outlets import ipv4, ipv6
from eip_agent.core.openapi import ApiFact
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.vpc import Ipv6AddressFact, VpcFact
from tests.builders import cloud, declared, eni, eni6, ip4, ip6, kernel, main_route
from tests.core.findings.support import codes, direct_eip, nat_eip, scene_of, told
from tests.core.vpcs import TO_GATEWAY, TO_NAT, behind, six, with_vpc

OF = cloud(eni(0), eni6(1))
WITH6, WITHOUT6 = VpcFact("vpc-1", gateways6=("ipv6gw-1",)), VpcFact("vpc-1", gateways6=())
ROUTED = kernel(routes=(main_route("::/0", 1, "2001:db8:0:1:ffff:ffff:ffff:fff0"),))
EIPS = told(direct_eip(), nat_eip())


def found6(api: ApiFact | None, holds: KernelFact = ROUTED) -> list[str]:
    return codes(ipv6(scene_of(api, of=OF, holds=holds)))


@pytest.mark.parametrize(
    ("vpc", "fact", "expected"),
    [
        (WITHOUT6, six(public=False), ["EIP431"]),
        (WITH6, six(public=False), ["EIP432"]),
        (WITH6, six(public=True, egress_only=True), ["EIP433"]),
        (WITH6, six(public=True), []),
        (WITH6, six(), []),
        (VpcFact("vpc-1"), six(public=True), []),
    ],
)
def test_what_an_ipv6_address_lacks_is_a_note(vpc: VpcFact, fact: Ipv6AddressFact, expected: list[str]) -> None:
    scene = scene_of(with_vpc(told(), vpc, fact), of=OF, holds=ROUTED)

    assert codes(ipv6(scene)) == expected
    assert all(one.severity is Severity.NOTE for one in ipv6(scene)), "private IPv6 is nothing wrong"


def test_private_ipv6_that_nobody_would_use_to_the_internet_is_not_told() -> None:
    by_rule = main_route("::/0", 1, "2001:db8:0:1::1", table=20000048)
    cut = main_route("::/0", 1, unreachable=True)
    narrow = main_route("2001:db8::/32", 1, "2001:db8:0:1::1")
    four = main_route("0.0.0.0/0", 1, "192.168.1.253")
    for holds in (kernel(), kernel(routes=(by_rule, cut, narrow, four))):
        assert found6(with_vpc(told(), WITHOUT6, six(public=False)), holds) == []
        assert found6(with_vpc(told(), WITH6, six(public=False)), holds) == []


def test_bandwidth_that_some_have_and_others_have_not_is_told() -> None:
    another = ip6("2001:db8:0:1::11")
    of = cloud(eni(0), eni6(1, ipv6s=(six().address, another)))
    bought = Ipv6AddressFact(another, "ipv6-2", public=True)
    (found,) = ipv6(scene_of(with_vpc(told(), WITH6, six(public=False), bought), of=of))

    assert codes([found]) == ["EIP432"]
    assert found.about == {"eth1", str(six().address)}
    assert "others here have it" in found.saw


def test_what_is_left_alone_or_not_known_is_not_told() -> None:
    api = with_vpc(told(), WITHOUT6, six(public=False))
    scene = scene_of(api, of=OF, holds=ROUTED)

    assert codes(ipv6(replace(scene, settings=Settings(leave_ipv6=True)))) == []
    assert found6(None) == found6(told()) == []
    assert found6(with_vpc(told(), VpcFact("vpc-1"))) == []
    assert codes(ipv6(scene_of(api, holds=ROUTED))) == [], "nobody has an IPv6 address"


def test_an_eip_in_a_private_vswitch_is_told_with_the_route_that_is_missing() -> None:
    (found,) = ipv4(scene_of(with_vpc(EIPS, behind())))

    assert codes([found]) == ["EIP451"]
    assert found.about == {"eth1", "203.0.113.11"}
    assert "it has no default route" in found.saw
    (command,) = found.commands
    assert command.startswith("aliyun vpc CreateRouteEntry --RegionId cn-hangzhou --RouteTableId vtb-1 ")
    assert command.endswith("--DestinationCidrBlock 0.0.0.0/0 --NextHopType Ipv4Gateway --NextHopId ipv4gw-1")
    (elsewhere,) = ipv4(scene_of(with_vpc(EIPS, behind(TO_NAT))))
    assert "its default route leads to NatGateway ngw-1" in elsewhere.saw
    assert elsewhere.commands == ()


@pytest.mark.parametrize(
    "api",
    [
        None,
        EIPS,
        with_vpc(EIPS),
        with_vpc(EIPS, VpcFact("vpc-1", gateways4=())),
        with_vpc(EIPS, behind(TO_GATEWAY)),
        with_vpc(EIPS, replace(behind(TO_NAT), tables=())),
        with_vpc(EIPS, behind(enabled=False)),
        with_vpc(EIPS, behind(enabled=None)),
        with_vpc(told(direct_eip()), behind()),
        with_vpc(told(nat_eip(status="Unassociating")), behind()),
        with_vpc(told(nat_eip(instance_id="eni-9")), behind()),
    ],
)
def test_where_it_is_not_so_or_not_known_nothing_is_told(api: ApiFact | None) -> None:
    assert codes(ipv4(scene_of(api))) == []


@pytest.mark.parametrize("mode", [Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE])
@pytest.mark.parametrize("enabled", [True, False])
def test_eips_that_show_and_a_gateway_are_told_whether_it_is_activated_or_not(mode: Mode, enabled: bool) -> None:  # noqa: FBT001
    eips = (declared("203.0.113.20", mode),)
    (found,) = ipv4(scene_of(with_vpc(ApiFact(), behind(enabled=enabled)), declared=eips))

    assert codes([found]) == ["EIP450"]
    assert found.about == {"eth1", "203.0.113.20"}
    assert "may not work" in found.means
    bound = told(nat_eip(mode=mode, gateway=ip4("203.0.113.1"), prefix_length=24))
    assert codes(ipv4(scene_of(with_vpc(bound, behind(enabled=enabled))))) == ["EIP450"], "no route would help"
    assert codes(ipv4(scene_of(with_vpc(ApiFact(), VpcFact("vpc-1", gateways4=())), declared=eips))) == []
    assert codes(ipv4(scene_of(with_vpc(ApiFact()), declared=eips))) == []
