"""Question 14."""

from eip_agent.core.faq.answer import Sign
from eip_agent.core.faq.ipv6 import ipv6
from tests.builders import address, eni, eni6, kernel, link
from tests.core.faq.support import explained, instance, says, unseen

OF = instance(eni(0), eni6(1))
HELD = kernel(addresses=(address("2001:db8:0:1::10"),))


def test_addresses_stand_with_subnet_and_gateway() -> None:
    answer = ipv6(explained(of=OF, holds=HELD))

    assert answer.short == "yes; 1 of 2 ENIs here have IPv6 addresses"
    assert "eth1 (eni-1): 2001:db8:0:1::10 of 2001:db8:0:1::/64, by 2001:db8:0:1:ffff:" in says(answer, Sign.FINE)
    assert "eth0 (eni-0, primary): no IPv6 address" in says(answer, Sign.FACT)
    assert says(answer, Sign.WRONG) == ""
    assert "bandwidth for each of these addresses" in unseen(answer)
    assert not ipv6(explained()).gaps


def test_what_is_missing_is_wrong() -> None:
    without = ipv6(explained(of=instance(eni(0), eni6(1, gateway6=None)), holds=HELD))
    (wrong,) = [point for point in without.here if point.sign is Sign.WRONG]
    assert wrong.codes == ("EIP430",)

    assert "2001:db8:0:1::10 not on the link" in says(ipv6(explained(of=OF)), Sign.WRONG)
    off = ipv6(explained(of=OF, holds=kernel(link(0), link(1, ipv6=False))))
    assert "switched off" in says(off, Sign.WRONG)


def test_what_was_not_told_is_unknown() -> None:
    assert "is not known" in says(ipv6(explained(of=instance(eni(0), eni(1, ipv6s=None)))), Sign.UNKNOWN)
