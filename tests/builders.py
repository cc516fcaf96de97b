"""Facts with valid defaults, to be overridden by name: a test says only what it is about.

ENI number n has MAC 00:16:3e:00:00:0n, the vSwitch 192.168.n.0/24 and the link eth<n> with index n + 2; number 0 is the
primary one.
"""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from eip_agent.core.facts import (
    AddressFact,
    CloudFact,
    EniFact,
    IPAddress,
    KernelFact,
    Link,
    LinkFact,
    Mac,
    RouteFact,
)
from eip_agent.core.items import ARP_ANNOUNCE, ARP_IGNORE, PROMOTE_SECONDARIES, Address, Route, Rule
from eip_agent.core.layout import Exit
from eip_agent.core.numbers import MAIN, table_of
from eip_agent.core.pairing import Port
from eip_agent.core.settings import DeclaredEip, Mode, Settings

CONF: Final = (("rp_filter", 0), (ARP_ANNOUNCE, 0), (ARP_IGNORE, 0), (PROMOTE_SECONDARIES, 0))


def ip4(text: str) -> IPv4Address:
    return IPv4Address(text)


def ip6(text: str) -> IPv6Address:
    return IPv6Address(text)


def net4(text: str) -> IPv4Network:
    return IPv4Network(text)


def net6(text: str) -> IPv6Network:
    return IPv6Network(text)


def mac(number: int) -> Mac:
    return Mac(f"00:16:3e:00:00:{number:02x}")


def device(number: int = 1) -> Link:
    return Link(number + 2, f"eth{number}")


def eni(number: int = 1, **overrides: Any) -> EniFact:
    """An ENI with one private address and no IPv6."""
    primary = IPv4Address(f"192.168.{number}.10")
    default = EniFact(
        mac=mac(number),
        eni_id=f"eni-{number}",
        primary=primary,
        private_ipv4s=(primary,),
        subnet=IPv4Network(f"192.168.{number}.0/24"),
        gateway=IPv4Address(f"192.168.{number}.253"),
    )
    return replace(default, **overrides)


def eni6(number: int = 1, **overrides: Any) -> EniFact:
    """An ENI with an IPv6 address besides."""
    six: dict[str, Any] = {
        "ipv6s": (ip6(f"2001:db8:0:{number}::10"),),
        "subnet6": net6(f"2001:db8:0:{number}::/64"),
        "gateway6": ip6(f"2001:db8:0:{number}:ffff:ffff:ffff:fff0"),
    }
    return eni(number, **(six | overrides))


def link(number: int = 1, **overrides: Any) -> LinkFact:
    """The link of an ENI, up, as the kernel makes it."""
    return replace(LinkFact(device(number), mac(number), up=True, conf=CONF), **overrides)


def port(number: int = 1, **overrides: Any) -> Port:
    return replace(Port(eni(number), link(number), primary=number == 0), **overrides)


def address(ip: str | IPAddress, number: int = 1, length: int | None = None, **overrides: Any) -> AddressFact:
    """A local address that somebody else put on the link of an ENI."""
    host = ip_address(ip)
    default = AddressFact(device(number).index, host, length or (24 if host.version == 4 else 64))
    return replace(default, **overrides)


def main_route(to: str, number: int = 1, gateway: str | None = None, **overrides: Any) -> RouteFact:
    """A route in `main` by the link of an ENI, as an administrator makes it."""
    via = ip_address(gateway) if gateway else None
    return replace(RouteFact(MAIN, ip_network(to), device(number).index, via, protocol=4), **overrides)


def cloud(*enis: EniFact, **overrides: Any) -> CloudFact:
    """What the metadata service says of an instance with these ENIs; the first one is the primary one."""
    enis = enis or (eni(0), eni(1))
    return replace(CloudFact(enis, enis[0].mac, "i-1", "cn-hangzhou"), **overrides)


def kernel(*links: LinkFact, **overrides: Any) -> KernelFact:
    return replace(KernelFact(links or (link(0), link(1))), **overrides)


def settings(**overrides: Any) -> Settings:
    return Settings(**overrides)


def declared(ip: str, mode: Mode = Mode.NAT, number: int = 1, **overrides: Any) -> DeclaredEip:
    """An EIP of the settings; one of the visible modes has a gateway and a mask of its own."""
    default = DeclaredEip(ip4(ip), mode, f"config.toml: eip {ip}", eni=f"eni-{number}")
    if mode in (Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE):
        gateway = IPv4Network((ip, 27), strict=False).network_address + 1
        default = replace(default, gateway=gateway, prefix_length=27)
    return replace(default, **overrides)


def exit_of(number: int, *sources: str, slot: int = 0, **overrides: Any) -> Exit:
    """The exit of an ENI's vSwitch for some sources."""
    default = Exit(
        device(number),
        table_of(device(number).index, slot),
        ip4(f"192.168.{number}.253"),
        tuple(ip_network(source) for source in sources),
        bound=net4(f"192.168.{number}.0/24"),
        primary=number == 0,
    )
    return replace(default, **overrides)


def address_item(ip: str, number: int = 1, length: int = 24) -> Address:
    return Address(device(number), ip_address(ip), length)


def route_item(to: str = "0.0.0.0/0", gateway: str | None = "192.168.1.253", number: int = 1, slot: int = 0) -> Route:
    via = ip_address(gateway) if gateway else None
    return Route(table_of(device(number).index, slot), ip_network(to), device(number), via)


def rule_item(source: str | None = "192.168.1.0/24", priority: int = 24011, **overrides: Any) -> Rule:
    """A rule that looks the table of ENI 1 up."""
    net = ip_network(source) if source else None
    return replace(Rule(net.version if net else 4, priority, net, table=table_of(3, 0)), **overrides)
