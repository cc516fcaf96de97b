"""What answers say of gateways and route tables."""

from dataclasses import replace

from eip_agent.core.faq.answer import Sign
from eip_agent.core.faq.internet import internet
from eip_agent.core.faq.ipv6 import ipv6
from eip_agent.core.faq.refusals import refusals
from eip_agent.core.openapi import Denied
from eip_agent.core.settings import Mode
from eip_agent.core.vpc import TO_IPV4_GATEWAY, VpcFact, VpcRoute
from tests.builders import address, declared, eni, eni6, ip6, kernel, net4
from tests.core.faq.support import WHOLE, explained, instance, says, unseen
from tests.core.vpcs import LOCAL, TO_GATEWAY, TO_NAT, behind, six, with_vpc

NONE4 = VpcFact("vpc-1", gateways4=())
OF = instance(eni(0), eni6(1))
HELD = kernel(addresses=(address("2001:db8:0:1::10"),))


def test_that_there_is_no_ipv4_gateway_is_said() -> None:
    answer = internet(explained(with_vpc(WHOLE, NONE4)))

    assert "the VPC has no IPv4 gateway" in says(answer, Sign.FINE)
    assert "deleted in private mode" in unseen(answer)
    assert "whether the VPC has an IPv4 gateway" not in unseen(answer)
    refused = refusals(explained(with_vpc(WHOLE, NONE4)))
    assert "Ipv4GatewayNotOpenedInVpc" in says(refused, Sign.FACT)
    assert "Ipv4GatewayExist" not in says(refused) + unseen(refused)


def test_a_gateway_that_is_not_activated_changes_nothing() -> None:
    assert "not activated" in says(internet(explained(with_vpc(WHOLE, behind(enabled=False)))), Sign.FINE)
    assert "is activated is not known" in says(internet(explained(with_vpc(WHOLE, behind(enabled=None)))), Sign.UNKNOWN)


def test_each_eni_with_an_eip_is_held_against_its_route_table() -> None:
    whole = internet(explained(with_vpc(WHOLE, behind(TO_GATEWAY))))
    assert "eth1 (eni-1): its route table vtb-1 leads to the IPv4 gateway ipv4gw-1" in says(whole, Sign.FINE)
    assert "deleted in private mode" not in unseen(whole)

    private = internet(explained(with_vpc(WHOLE, behind(TO_NAT))))
    (wrong,) = [point for point in private.here if "EIP451" in point.codes]
    assert wrong.sign is Sign.WRONG
    assert "no route of its route table vtb-1" in wrong.says

    part = VpcRoute(net4("198.51.100.0/24"), TO_IPV4_GATEWAY, "ipv4gw-1")
    partly = internet(explained(with_vpc(WHOLE, behind(LOCAL, part))))
    assert "leads 198.51.100.0/24 to the IPv4 gateway ipv4gw-1, and no more" in says(partly, Sign.FACT)

    unread = internet(explained(with_vpc(WHOLE, replace(behind(), tables=()))))
    assert "eth1 (eni-1): whether its route table leads" in says(unread, Sign.UNKNOWN)
    assert "vpc:DescribeRouteEntryList" in unseen(unread)


def test_what_may_not_be_asked_is_named() -> None:
    denied = replace(WHOLE, denied=(Denied("vpc:ListIpv4Gateways", "no"),))
    assert "allow `vpc:ListIpv4Gateways`" in unseen(internet(explained(denied)))
    assert "allow `vpc:ListIpv4Gateways`" in unseen(refusals(explained(denied)))

    tables = with_vpc(WHOLE, replace(behind(), tables=()), denied=(Denied("vpc:DescribeRouteTableList", "no"),))
    assert "allow `vpc:DescribeRouteTableList`" in unseen(internet(explained(tables)))
    six_denied = replace(WHOLE, denied=(Denied("vpc:DescribeIpv6Gateways", "no"),))
    assert "allow `vpc:DescribeIpv6Gateways`" in unseen(ipv6(explained(six_denied, of=OF)))


def test_eips_that_show_beside_a_gateway_are_wrong() -> None:
    visible = (declared("203.0.113.20", Mode.EIP_VISIBLE),)
    api = with_vpc(replace(WHOLE, eips=(), asked=frozenset()), behind(TO_GATEWAY))
    scene = explained(api, declared=visible)

    assert ("EIP450",) in [point.codes for point in internet(scene).here if point.sign is Sign.WRONG]
    assert "Ipv4GatewayExist" in says(refusals(scene), Sign.FACT)


def test_ipv6_addresses_stand_with_what_they_have_of_the_internet() -> None:
    def told(vpc: VpcFact, public: bool | None, *, egress_only: bool = False) -> str:  # noqa: FBT001
        answer = ipv6(explained(with_vpc(WHOLE, vpc, six(public, egress_only=egress_only)), of=OF, holds=HELD))
        return f"{says(answer)}\n{unseen(answer)}"

    gateway = VpcFact("vpc-1", gateways6=("ipv6gw-1",))
    assert "2001:db8:0:1::10 with Internet bandwidth" in told(gateway, public=True)
    assert "egress-only rule: nobody may ask" in told(gateway, public=True, egress_only=True)
    assert "for the VPC only, without Internet bandwidth" in told(gateway, public=False)
    assert "which has no IPv6 gateway" in told(VpcFact("vpc-1", gateways6=()), public=False)
    assert "vpc:DescribeIpv6Addresses" in told(gateway, public=None)
    assert "vpc:DescribeIpv6Addresses" not in told(gateway, public=True)


def test_private_ipv6_is_no_fault() -> None:
    answer = ipv6(explained(with_vpc(WHOLE, VpcFact("vpc-1", gateways6=()), six(public=False)), of=OF, holds=HELD))

    assert says(answer, Sign.WRONG) == ""
    assert ip6("2001:db8:0:1::10").compressed in says(answer, Sign.ABSENT)
