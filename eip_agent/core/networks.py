"""The networks of an address.

`ipaddress` makes a network of an address by way of its text, at six times the price; a pass makes thousands of them.
"""

from ipaddress import IPv4Network, IPv6Network

from eip_agent.core.facts import IPAddress, IPNetwork


def lone(ip: IPAddress) -> IPNetwork:
    """The network of this address alone."""
    return IPv4Network((int(ip), 32)) if ip.version == 4 else IPv6Network((int(ip), 128))


def around(ip: IPAddress, length: int) -> IPNetwork:
    """The network of so many leading bits that the address lies in."""
    rest = ip.max_prefixlen - length
    first = int(ip) >> rest << rest
    return IPv4Network((first, length)) if ip.version == 4 else IPv6Network((first, length))
