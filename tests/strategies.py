"""All Hypothesis strategies: small worlds in which everything that can happen to an instance happens often."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any, Final

from hypothesis import strategies as st

from eip_agent.core.facts import (
    AddressFact,
    CloudFact,
    EniFact,
    IPAddress,
    IPNetwork,
    KernelFact,
    Link,
    LinkFact,
    Mac,
    RouteFact,
    RuleFact,
    Unread,
)
from eip_agent.core.items import GROUP_SETTING, UP, Address, Item, LinkSetting, Route, Rule
from eip_agent.core.layout import Exit
from eip_agent.core.numbers import DEVICE_GROUP, MAIN, table_of
from eip_agent.core.settings import DeclaredEip, Mode, Settings
from tests.builders import CONF, device, eni, link, mac

ENIS: Final = 4
"""ENIs of a world; each has its link whether the metadata service lists it or not."""
BRIDGE: Final = Link(90, "docker0")

_EIPS: Final = tuple(map(IPv4Network, ("203.0.113.0/27", "203.0.113.32/27", "198.51.100.0/24")))
_PUBLIC_VSWITCH: Final = 3
"""Of the vSwitches, the one with addresses of a secondary CIDR block of the VPC that is public."""


@dataclass(frozen=True)
class World:
    """All that a pass is told."""

    cloud: CloudFact
    kernel: KernelFact
    settings: Settings


# --- covers -----------------------------------------------------------------------------------------------------------

Claims = tuple[tuple[tuple[IPNetwork, int], ...], tuple[IPNetwork, ...], tuple[IPNetwork, ...]]


@st.composite
def claims(draw: st.DrawFn, bits: int = 5) -> Claims:
    """Single addresses of three labels, foreign addresses and networks, and bounds, in a space of so many bits."""
    six = draw(st.booleans())
    start, width = (0x20010DB8 << 96, 128) if six else (0xC0A80000, 32)

    def make(net: tuple[int, int]) -> IPNetwork:
        return IPv6Network(net) if six else IPv4Network(net)

    owners = draw(st.lists(st.sampled_from((None, None, 1, 1, 2, 3, 0)), min_size=2**bits, max_size=2**bits))
    labelled = [(make((start + host, width)), label) for host, label in enumerate(owners) if label]
    foreign = [make((start + host, width)) for host, label in enumerate(owners) if label == 0]
    blocks = [make((start + host, width - 2)) for host in range(0, 2**bits, 4) if not any(owners[host : host + 4])]
    foreign += draw(st.lists(st.sampled_from(blocks), max_size=1)) if blocks else []
    half = 2 ** (bits - 1)
    all_bounds = (
        make((start, width - bits)),
        make((start, width - bits + 1)),
        make((start + half, width - bits + 1)),
        make((start, width - bits + 2)),
    )
    bounds = draw(st.lists(st.sampled_from(all_bounds), max_size=3))
    return tuple(draw(st.permutations(labelled))), tuple(foreign), tuple(bounds)


@functools.cache
def networks() -> st.SearchStrategy[IPv4Network]:
    """Any network of a small space: nested, equal, adjacent ones come often."""
    return st.builds(
        lambda host, length: IPv4Network((0xC0A80000 + host, length), strict=False),
        st.integers(0, 31),
        st.integers(27, 32),
    )


def odd_claims() -> st.SearchStrategy[list[tuple[IPv4Network, int]]]:
    """Claims that contradict each other."""
    return st.lists(st.tuples(networks(), st.integers(1, 3)), max_size=12)


# --- layouts ----------------------------------------------------------------------------------------------------------

Layout = tuple[tuple[Exit, ...], tuple[IPNetwork, ...]]


@st.composite
def layouts(draw: st.DrawFn, *, fewest: int | None = None) -> Layout:
    """Exits of up to four ENIs over two vSwitches, some by an EIP gateway besides, and foreign addresses.

    Half of them are crowded: enough addresses, all mixed, that the rules stand in blocks.
    """
    family = draw(st.sampled_from((4, 4, 6)))
    fewest = draw(st.sampled_from((0, 70))) if fewest is None else fewest
    who = st.sampled_from((*range(ENIS), *range(ENIS), "nobody", "stranger"))
    owners = list(enumerate(draw(st.lists(who, min_size=fewest, max_size=90))))
    exits = []
    primary = draw(st.sampled_from((0, 0, None)))
    for number in range(ENIS):
        mine = [_host(family, place) for place, owner in owners if owner == number]
        slotted = draw(st.booleans()) and len(mine) > 1 and number != primary
        for slot, sources in enumerate((mine[1:], mine[:1]) if slotted else (mine,)):
            if sources:
                exits.append(_exit(family, number, slot, sources, primary=number == primary))
    foreign = tuple(ip_network(_host(family, place)) for place, owner in owners if owner == "stranger")
    return tuple(exits), foreign


def _host(family: int, place: int) -> IPAddress:
    """Even places in one subnet, odd ones in the next but one."""
    if family == 4:
        return IPv4Address(0xC0A80000 + 512 * (place % 2) + 1 + place // 2)
    return IPv6Address((0x20010DB8 << 96) + (place % 2 << 64) + 1 + place // 2)


def _exit(family: int, number: int, slot: int, sources: Sequence[IPAddress], *, primary: bool) -> Exit:
    gateway: IPAddress = IPv4Address("192.168.0.253") if family == 4 else IPv6Address("2001:db8::fffe")
    length = 24 if family == 4 else 64
    return Exit(
        device(number),
        table_of(device(number).index, slot),
        gateway,
        tuple(ip_network(ip) for ip in sources),
        bound=ip_network((sources[0], length), strict=False),
        primary=primary,
    )


@st.composite
def changed_layouts(draw: st.DrawFn) -> tuple[Layout, Layout]:
    """Two layouts: the second has some sources less, or is another one, in which most addresses have another ENI."""
    old, other = draw(layouts()), draw(layouts())
    if draw(_seldom()):
        return old, other
    gone = draw(st.sets(st.integers(0, 30), max_size=12))
    few = [
        replace(exit_, sources=tuple(net for place, net in enumerate(exit_.sources) if place not in gone))
        for exit_ in old[0]
    ]
    new = (tuple(exit_ for exit_ in few if exit_.sources), draw(st.sampled_from((old[1], ()))))
    return (old, new) if draw(st.booleans()) else (new, old)


# --- items ------------------------------------------------------------------------------------------------------------


@functools.cache
def items() -> st.SearchStrategy[Item]:
    """Items of every kind, few enough that two sets share keys often."""
    links = st.sampled_from((device(0), device(1)))
    hosts = st.integers(1, 3).map(lambda host: IPv4Address(0xC0A80100 + host))
    tables = st.integers(0, 2).map(lambda slot: table_of(3, slot))
    sources = st.one_of(st.none(), hosts.map(ip_network))
    return st.one_of(
        st.builds(Address, links, hosts, st.sampled_from((24, 32))),
        st.builds(
            Route,
            tables,
            st.sampled_from((IPv4Network("0.0.0.0/0"), IPv4Network("192.168.1.0/24"))),
            links,
            st.one_of(st.none(), hosts),
        ),
        st.builds(Rule, st.just(4), st.sampled_from((24001, 24011, 24101)), sources, table=tables),
        st.builds(Rule, st.just(4), st.sampled_from((24000, 24010, 24100)), sources, table=st.just(MAIN)),
        st.builds(Rule, st.just(4), st.sampled_from((24005, 24021)), sources, goto=st.sampled_from((24100, 25999))),
        st.builds(Rule, st.just(4), st.just(25999)),
        st.builds(Rule, st.just(4), st.just(24020), device=st.just("eth1"), table=tables),
    )


@functools.cache
def item_sets() -> st.SearchStrategy[frozenset[Item]]:
    """Sets of items in which nothing has the key of another."""
    return st.lists(items(), unique_by=lambda item: item.key, max_size=10).map(frozenset)


@st.composite
def setting_changes(draw: st.DrawFn) -> tuple[frozenset[LinkSetting], frozenset[LinkSetting]]:
    """Present link settings, and wanted ones that raise some of them."""
    names = draw(st.sets(st.sampled_from((UP, GROUP_SETTING, "arp_ignore"))))
    have = frozenset(LinkSetting(device(1), name, 0) for name in names)
    return have, frozenset(replace(item, value=1) for item in have if draw(st.booleans()))


# --- worlds -----------------------------------------------------------------------------------------------------------


@st.composite
def clouds(draw: st.DrawFn) -> CloudFact:
    """ENIs with vSwitches of their own, shared ones and interleaved addresses; all of it read."""
    numbers = [0, *sorted(draw(st.sets(st.integers(1, ENIS - 1), max_size=ENIS - 1)))]
    taken: set[tuple[int, int]] = set()
    return CloudFact(tuple(draw(_enis(number, taken)) for number in numbers), mac(0), "i-1", "cn-hangzhou")


@st.composite
def _enis(draw: st.DrawFn, number: int, taken: set[tuple[int, int]]) -> EniFact:
    vswitch = draw(st.integers(0, 2 if number == 0 else _PUBLIC_VSWITCH))
    hosts = sorted(draw(st.sets(st.integers(1, 30), min_size=1, max_size=5)))
    mine = [host for host in hosts if (vswitch, host) not in taken] or [100 + number]
    taken.update((vswitch, host) for host in mine)
    base = 0xC0000200 if vswitch == _PUBLIC_VSWITCH else 0xC0A80000 + 256 * vswitch
    private = tuple(IPv4Address(base + host) for host in mine)
    delegated = (IPv4Network((base + 128 + 16 * number, 28)),) if draw(_seldom()) else ()
    fact = eni(
        number,
        primary=private[0],
        private_ipv4s=private,
        subnet=IPv4Network((base, 24)),
        gateway=IPv4Address(base + 253),
        ipv4_prefixes=delegated,
    )
    if not draw(st.booleans()):
        return fact
    base6 = (0x20010DB8 << 96) + (vswitch << 64)
    return replace(
        fact,
        ipv6s=tuple(IPv6Address(base6 + host) for host in mine[:3]),
        subnet6=IPv6Network((base6, 64)),
        gateway6=IPv6Address(base6 + 0xFFFF_FFFF_FFFF_FFF0),
        ipv6_prefixes=(IPv6Network((base6 + (number + 1 << 48), 80)),) if draw(_seldom()) else (),
    )


@functools.cache  # making a strategy costs more than drawing from it
def _seldom() -> st.SearchStrategy[bool]:
    return st.sampled_from((False, False, False, True))


@st.composite
def settings_for(draw: st.DrawFn, cloud: CloudFact) -> Settings:
    """What an operator may have asked for about these ENIs; every declaration is one the cloud can have made."""
    eips: list[DeclaredEip] = []
    for fact in cloud.enis[1:]:
        number = int(fact.mac[-2:], 16)
        mode = draw(st.sampled_from((None, None, Mode.NAT, Mode.EIP_VISIBLE, Mode.MULTI_EIP_VISIBLE)))
        eips += _declared(draw, fact, number, mode) if mode else []
    excluded = draw(st.sets(st.sampled_from([fact.mac for fact in cloud.enis]))) if draw(_seldom()) else set()
    listed: list[IPAddress] = [ip for fact in cloud.enis for ip in fact.private_ipv4s or ()]
    listed += [ip for fact in cloud.enis for ip in fact.ipv6s or ()]
    left = draw(st.lists(st.sampled_from(listed), max_size=2)) if draw(_seldom()) else []
    return Settings(
        eips=tuple(eips),
        exclude_macs=frozenset(excluded),
        exclude_addresses=tuple(ip_network(ip) for ip in left),
        leave_primary=draw(_seldom()),
        leave_addresses=draw(_seldom()),
        leave_links=draw(_seldom()),
        leave_ipv6=draw(_seldom()),
    )


def _declared(draw: st.DrawFn, fact: EniFact, number: int, mode: Mode) -> list[DeclaredEip]:
    def one(block: IPv4Network, host: int) -> DeclaredEip:
        ip = block.network_address + host
        if mode is Mode.NAT:
            return DeclaredEip(ip, mode, "config.toml", mac=fact.mac, private_address=fact.primary)
        return DeclaredEip(
            ip, mode, "config.toml", mac=fact.mac, gateway=block.network_address + 1, prefix_length=block.prefixlen
        )

    if mode is not Mode.MULTI_EIP_VISIBLE:
        return [one(_EIPS[0], 10 + number)]
    blocks = draw(st.lists(st.sampled_from(_EIPS), min_size=1, max_size=3))
    return [one(block, 10 + 4 * number + place) for place, block in enumerate(blocks)]


@st.composite
def kernels(draw: st.DrawFn) -> KernelFact:
    """A kernel before the agent: the links of all ENIs, and what an image, a DHCP client and an administrator leave."""
    links = [
        LinkFact(Link(1, "lo"), Mac("00:00:00:00:00:00"), up=True),
        *(draw(_links(number)) for number in range(ENIS)),
    ]
    addresses = [AddressFact(1, IPv4Address("127.0.0.1"), 8, universal=False)]
    addresses += draw(_few_addresses())
    if draw(st.booleans()):
        links.append(LinkFact(BRIDGE, Mac("02:42:00:00:00:01"), up=True, kind="bridge"))
        wide = draw(st.sampled_from((("172.17.0.1", 16), ("192.168.0.1", 16), ("192.168.1.64", 27))))
        addresses.append(AddressFact(BRIDGE.index, IPv4Address(wide[0]), wide[1]))
    return KernelFact(
        tuple(links),
        tuple(addresses),
        tuple(draw(_few_routes())),
        tuple(draw(_few_rules())),
    )


@st.composite
def _links(draw: st.DrawFn, number: int) -> LinkFact:
    return link(
        number,
        up=number == 0 or draw(st.booleans()),
        group=draw(st.sampled_from((0, 0, 0, 7))),
        conf=CONF if draw(st.booleans()) else (),
    )


@functools.cache
def _addresses() -> st.SearchStrategy[AddressFact]:
    """Addresses that somebody else put on an ENI's link: right ones, wrong ones, strangers, leases."""
    ips = st.one_of(
        st.builds(lambda net, host: IPv4Address(0xC0A80000 + 256 * net + host), st.integers(0, 2), st.integers(1, 40)),
        st.builds(
            lambda net, host: IPv6Address((0x20010DB8 << 96) + (net << 64) + host),
            st.integers(0, 2),
            st.integers(1, 40),
        ),
    )
    return st.builds(
        lambda number, ip, leased: AddressFact(device(number).index, ip, 24 if ip.version == 4 else 64, leased=leased),
        st.integers(0, ENIS - 1),
        ips,
        st.booleans(),
    )


@functools.cache
def _main_routes() -> st.SearchStrategy[RouteFact]:
    return st.builds(
        lambda number, to, protocol, metric: RouteFact(
            MAIN,
            IPv4Network(to),
            device(number).index,
            None if protocol == 2 else IPv4Address(f"192.168.{number}.253"),
            protocol,
            metric,
        ),
        st.integers(0, ENIS - 1),
        st.sampled_from(("0.0.0.0/0", "10.9.0.0/16", "192.168.1.0/24", "0.0.0.0/1")),
        st.sampled_from((2, 4, 16)),
        st.sampled_from((0, 200)),
    )


@functools.cache
def _few_addresses() -> st.SearchStrategy[list[AddressFact]]:
    return st.lists(_addresses(), max_size=6, unique_by=lambda fact: fact.ip)


@functools.cache
def _few_routes() -> st.SearchStrategy[list[RouteFact]]:
    return st.lists(_main_routes(), max_size=4, unique=True)


@functools.cache
def _few_rules() -> st.SearchStrategy[list[RuleFact]]:
    return st.lists(foreign_rules(), max_size=2, unique=True)


@functools.cache
def foreign_rules() -> st.SearchStrategy[RuleFact]:
    """Rules of others inside our band, each but one thing away from one of ours."""
    own: dict[str, Any] = {"family": 4, "priority": 24011, "protocol": 2, "source": IPv4Network("192.168.1.0/24")}
    return st.sampled_from(
        (
            RuleFact(**own | {"table": 100}),
            RuleFact(**own | {"table": table_of(3, 0), "protocol": 4}),
            RuleFact(**own | {"table": table_of(3, 0), "plain": False}),
            RuleFact(**own | {"table": MAIN}),
            RuleFact(**own | {"table": MAIN, "suppress_group": DEVICE_GROUP, "suppress_length": 0}),
            RuleFact(**own | {"goto": 30000}),
            RuleFact(**own | {"nop": True}),
        )
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    cloud = draw(clouds())
    return World(cloud, draw(kernels()), draw(settings_for(cloud)))


@st.composite
def partial_clouds(draw: st.DrawFn, cloud: CloudFact) -> CloudFact:
    """The same with some facts of some ENIs not read, and some ENIs not listed."""
    names = ("private_ipv4s", "subnet", "gateway", "ipv4_prefixes", "ipv6s", "subnet6", "gateway6", "ipv6_prefixes")
    found = []
    for fact in cloud.enis:
        fate = draw(st.sampled_from(("whole", "partial", "unlisted")))
        if fate == "unlisted":
            continue
        gone = draw(st.sets(st.sampled_from(names), min_size=1)) if fate == "partial" else set()
        missing = tuple(Unread(f"macs/{fact.mac}/{name}", "timed out") for name in sorted(gone))
        unknown: dict[str, Any] = dict.fromkeys(gone)
        found.append(replace(fact, **unknown, unread=missing))
    return replace(cloud, enis=tuple(found))
