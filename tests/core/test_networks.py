"""Networks of addresses: the same as `ipaddress` makes."""

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.facts import IPAddress
from eip_agent.core.networks import around, lone


@given(st.ip_addresses(), st.integers(0, 128))
def test_networks_are_those_of_ipaddress(ip: IPAddress, bits: int) -> None:
    length = bits % (ip.max_prefixlen + 1)

    assert lone(ip) == ip_network(ip)
    assert around(ip, length) == ip_network((ip, length), strict=False)
