"""What the kernel should hold, from facts and verdicts: the exits of every ENI, and the items they call for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from eip_agent.core.facts import EniFact, IPAddress, IPNetwork, KernelFact, Remembered, RouteFact
from eip_agent.core.items import (
    ARP_ANNOUNCE,
    ARP_IGNORE,
    GROUP_SETTING,
    PROMOTE_SECONDARIES,
    UP,
    Address,
    LinkSetting,
    Route,
)
from eip_agent.core.layout import Exit
from eip_agent.core.networks import around, lone
from eip_agent.core.numbers import DEFAULT_LENGTHS, DEVICE_GROUP, MAIN, SLOTS, link_of, slot_of, table_of
from eip_agent.core.ownership import is_our_address, is_our_route, is_our_rule, setting_of
from eip_agent.core.pairing import Port
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.verdict import Verdict

SERVICES: Final = IPv4Network("100.64.0.0/10")
"""Metadata, DNS and in-VPC services.  Unreachable by an EIP-visible link (cloud documentation, EIP guide)."""

LINK_LOCAL: Final = IPv6Network("fe80::/64")
"""On every link; in each IPv6 table, since a socket bound to a device would otherwise send it to the gateway."""

DEFAULTS: Final[Mapping[int, IPNetwork]] = {4: IPv4Network("0.0.0.0/0"), 6: IPv6Network("::/0")}

BOTH: Final = frozenset((4, 6))
"""The IP versions."""

KERNEL_PROTOCOL: Final = 2
"""`rtm_protocol` of connected routes: not an administrator's wish."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one ENI should have."""

    exits: tuple[Exit, ...] = ()
    addresses: tuple[Address, ...] = ()
    """All that should be on the link, but what somebody else has put there already."""
    families: frozenset[int] = frozenset()
    """The IP versions of which enough is known to remove what is no longer wanted."""


class Local:
    """The local addresses, by what one asks them for."""

    def __init__(self, kernel: KernelFact, remembered: Remembered) -> None:
        self._taken = kernel.taken
        self._of: dict[IPAddress, list[int | None]] = {}
        self._foreign: dict[int, list[IPAddress]] = {}
        for fact in kernel.addresses:
            is_ours = is_our_address(fact, remembered)
            self._of.setdefault(fact.ip, []).append(fact.link if is_ours else None)
            if fact.universal and not is_ours:
                self._foreign.setdefault(fact.link, []).append(fact.ip)

    def foreign(self, link: int) -> list[IPAddress]:
        """The addresses that somebody else put on a link."""
        return self._foreign.get(link, [])

    def is_there(self, address: Address) -> bool:
        """Whether somebody else has it on this link, with whatever mask, or anybody on another link or in a container.

        Then it is delivered already, and a second copy would be in the way of the first.
        """
        return address.ip in self._taken or any(link != address.link.index for link in self._of.get(address.ip, ()))


def wish(
    port: Port,
    verdict: Verdict,
    kernel: KernelFact,
    local: Local,
    settings: Settings,
    listed: frozenset[IPAddress],
) -> Wish:
    """What one ENI should have by its verdict.

    An IP version of which too little is known keeps the exits it has (`carried`), and gets and loses no address.
    `listed` are the addresses that the cloud gives to any ENI: one of them that is on the wrong link stays its owner's.
    """
    if port.primary and settings.leave_primary:
        return Wish(families=BOTH)
    extra = [ip for ip in local.foreign(port.link.link.index) if ip not in listed]
    families = _known(port.eni) if verdict.decided else frozenset[int]()
    exits: list[Exit] = []
    if families != BOTH:
        others = listed - given(port.eni, verdict)
        exits += (exit_ for exit_ in carried(kernel, port, listed, others) if exit_.family not in families)
    if 4 in families:
        exits += _exits4(port, verdict, kernel, [ip for ip in extra if isinstance(ip, IPv4Address)], settings)
    if 6 in families and not settings.leave_ipv6 and port.link.ipv6:
        exits += _exits6(port, [ip for ip in extra if isinstance(ip, IPv6Address)], settings)
    if settings.leave_links and not port.link.up:
        exits = []  # The kernel takes no route by a link that is down.
    addresses = [
        address
        for address in ([] if settings.leave_addresses else _addresses(port, verdict, settings))
        if address.ip.version in families and not local.is_there(address)
    ]
    return Wish(tuple(exit_ for exit_ in exits if exit_.sources), tuple(addresses), families)


def given(eni: EniFact, verdict: Verdict) -> frozenset[IPAddress]:
    """The addresses that the cloud has given to an ENI, as far as its metadata and its verdict tell."""
    return frozenset([*(eni.private_ipv4s or ()), *(eni.ipv6s or ()), *(eip.address for eip in verdict.visible)])


def _known(eni: EniFact) -> frozenset[int]:
    """The IP versions of which the metadata service has told everything."""
    known = set()
    if None not in (eni.private_ipv4s, eni.subnet, eni.gateway, eni.ipv4_prefixes):
        known.add(4)
    if eni.ipv6s == () or None not in (eni.ipv6s, eni.subnet6, eni.gateway6, eni.ipv6_prefixes):
        known.add(6)
    return frozenset(known)


def _addresses(port: Port, verdict: Verdict, settings: Settings) -> list[Address]:
    """What the cloud has given the ENI, on its link with the mask of its subnet.

    In EIP-visible mode the private address is dead, and is not among them.
    """
    eni, link = port.eni, port.link.link
    found: list[Address] = []
    if verdict.mode is not Mode.EIP_VISIBLE and eni.subnet is not None:
        found += [Address(link, ip, eni.subnet.prefixlen, ip == eni.primary) for ip in eni.private_ipv4s or ()]
    found += [Address(link, eip.address, eip.prefix_length) for eip in verdict.visible]
    if eni.subnet6 is not None and not settings.leave_ipv6 and port.link.ipv6:
        found += [Address(link, ip6, eni.subnet6.prefixlen, spare=port.primary) for ip6 in eni.ipv6s or ()]
    return [address for address in found if not is_excluded(address.ip, settings)]


def _exits4(
    port: Port, verdict: Verdict, kernel: KernelFact, extra: Sequence[IPv4Address], settings: Settings
) -> list[Exit]:
    """`extra` are addresses that somebody else put on the link (a HAVIP, an EIP set by hand).

    They leave by the EIP gateway whose network holds them, or else by the vSwitch's: by their own NIC at least.
    """
    eni, link = port.eni, port.link.link
    slots = _slots(port, verdict, kernel)
    networks = {eip.gateway: IPv4Network((eip.address, eip.prefix_length), strict=False) for eip in verdict.visible}
    sources: dict[IPv4Address, list[IPv4Address]] = {gateway: [] for gateway in networks}
    for eip in verdict.visible:
        sources[eip.gateway].append(eip.address)
    private = [] if verdict.mode is Mode.EIP_VISIBLE else list(eni.private_ipv4s or ())
    for ip in extra:
        home = next((gateway for gateway, network in networks.items() if ip in network), None)
        (private if home is None else sources[home]).append(ip)
    visible = [
        Exit(
            link,
            table_of(link.index, slots[gateway]),
            gateway,
            _sources(ips, (), settings),
            bound=networks[gateway],
            reaches_services=verdict.mode is not Mode.EIP_VISIBLE,
        )
        for gateway, ips in sources.items()
    ]
    if eni.gateway is None or verdict.mode is Mode.EIP_VISIBLE:
        return visible
    own = Exit(
        link,
        table_of(link.index, 0),
        eni.gateway,
        _sources(private, eni.ipv4_prefixes or (), settings),
        subnet=eni.subnet,
        bound=eni.subnet,
        primary=port.primary,
    )
    return [own, *visible]


def _exits6(port: Port, extra: Sequence[IPv6Address], settings: Settings) -> list[Exit]:
    eni, link = port.eni, port.link.link
    if eni.gateway6 is None or eni.subnet6 is None:
        return []
    sources = _sources([*(eni.ipv6s or ()), *extra], eni.ipv6_prefixes or (), settings)
    table = table_of(link.index, 0)
    return [Exit(link, table, eni.gateway6, sources, subnet=eni.subnet6, bound=eni.subnet6, primary=port.primary)]


def _slots(port: Port, verdict: Verdict, kernel: KernelFact) -> dict[IPv4Address, int]:
    """A slot for each EIP gateway.  One that has a table keeps it, so that no source passes through another's."""
    held = {
        route.gateway: slot_of(route.table)
        for route in kernel.routes
        if is_our_route(route)
        and link_of(route.table) == port.link.link.index
        and route.destination == DEFAULTS[4]
        and slot_of(route.table)
    }
    slots: dict[IPv4Address, int] = {}
    gateways = list(dict.fromkeys(eip.gateway for eip in verdict.visible))
    for gateway in gateways:
        if gateway in held:
            slots[gateway] = held[gateway]
    free = iter(slot for slot in range(1, SLOTS) if slot not in held.values())
    for gateway in gateways:
        if gateway not in slots:
            slots[gateway] = next(free)
    return slots


def _sources(ips: Iterable[IPAddress], prefixes: Iterable[IPNetwork], settings: Settings) -> tuple[IPNetwork, ...]:
    kept = (lone(ip) for ip in ips if not is_excluded(ip, settings))
    return tuple(dict.fromkeys([*prefixes, *kept]))


def is_excluded(ip: IPAddress, settings: Settings) -> bool:
    """Whether the settings say to leave this address alone."""
    networks = settings.exclude_addresses
    return bool(networks) and any(ip in network for network in networks if network.version == ip.version)


def tables(exit_: Exit, kernel: KernelFact) -> list[Route]:
    """The routes of one exit's table."""
    table, link = exit_.table, exit_.link
    found: dict[IPNetwork, Route] = {DEFAULTS[exit_.family]: Route(table, DEFAULTS[exit_.family], link, exit_.gateway)}
    if exit_.subnet is not None:
        found[exit_.subnet] = Route(table, exit_.subnet, link)
    if isinstance(exit_.gateway, IPv6Address):
        found[LINK_LOCAL] = Route(table, LINK_LOCAL, link)
        # One that is carried over has its way there already.
        if exit_.subnet is not None and not _is_on_link(exit_.gateway, exit_):
            found[IPv6Network(exit_.gateway)] = Route(table, IPv6Network(exit_.gateway), link)
    if not exit_.reaches_services:
        # An honest error at once.  By this link it would vanish, by another one it would have a wrong source.
        found[SERVICES] = Route(table, SERVICES, None)
    mirrored = [route for route in kernel.routes if _is_mirrored(route, exit_)]
    local = {fact.ip for fact in kernel.addresses} if mirrored else frozenset[IPAddress]()
    for route in sorted(mirrored, key=lambda one: one.metric):
        # One by an address of our own is accepted in `main`, and by no table of ours.
        if route.gateway not in local:
            if isinstance(route.gateway, IPv6Address) and not _is_on_link(route.gateway, exit_):
                found.setdefault(IPv6Network(route.gateway), Route(table, IPv6Network(route.gateway), link))
            found.setdefault(route.destination, Route(table, route.destination, link, route.gateway))
    return list(found.values())


def _is_on_link(gateway: IPv6Address, exit_: Exit) -> bool:
    return gateway in LINK_LOCAL or (exit_.subnet is not None and gateway in exit_.subnet)


def _is_mirrored(route: RouteFact, exit_: Exit) -> bool:
    """Whether it is an administrator's own specific route in `main` by this link, which its sources should follow too.

    Main-first rules skip it, since its device is an ENI.  One by the gateway of another exit belongs to that exit.
    """
    if route.table != MAIN or route.link != exit_.link.index or route.protocol == KERNEL_PROTOCOL or not route.plain:
        return False
    if route.destination.version != exit_.family or route.destination.prefixlen <= DEFAULT_LENGTHS[exit_.family]:
        return False
    if not exit_.reaches_services and route.destination.overlaps(SERVICES):
        return False
    return slot_of(exit_.table) == 0 or not exit_.reaches_services or route.gateway == exit_.gateway


def link_settings(port: Port, wished: Wish, *, routed: bool, crowded: bool, settings: Settings) -> list[LinkSetting]:
    """How the ENI's link should be set.  Only ever raised, and only where it is needed.

    `routed`: there are rules at all.  `crowded`: another ENI has an address in the same subnet, so that ARP must not
    answer for the other's address.
    """
    link = port.link
    wanted = {GROUP_SETTING: DEVICE_GROUP} if routed and link.group in (0, DEVICE_GROUP) else {}
    # One that is up stays so: the setting must not take down what was brought up before it was made.
    if not port.primary and (link.up or not settings.leave_links) and (wished.exits or wished.addresses):
        wanted[UP] = 1
    if sum(isinstance(address.ip, IPv4Address) for address in wished.addresses) > 1:
        # Else removing the first address of a subnet removes all the others with it (ip-sysctl.rst).
        wanted[PROMOTE_SECONDARIES] = 1
    if crowded and routed:
        wanted |= {ARP_IGNORE: 1, ARP_ANNOUNCE: 2}
    present = {name: setting_of(link, name) for name in wanted}
    return [
        LinkSetting(link.link, name, max(value, held))
        for name, value in wanted.items()
        if (held := present[name]) is not None
    ]


def carried(
    kernel: KernelFact, port: Port, listed: Iterable[IPAddress] = (), others: Collection[IPAddress] = ()
) -> list[Exit]:
    """The exits that an ENI has now, for the addresses its link has now and the delegated prefixes that have a rule.

    So what works keeps working while the rules around an ENI of which too little is known are rebuilt.  The masks of
    the addresses say how far its rules were widened, so that mostly they are not even rebuilt.  A prefix in which there
    is an address, here or `listed` by the cloud, is a widened one.  What the cloud lists for `others` is theirs,
    whatever link somebody has put it on.
    """
    index = port.link.link.index
    local = [fact for fact in kernel.addresses if fact.link == index and fact.universal and fact.ip not in others]
    known = [*(fact.ip for fact in kernel.addresses), *listed]
    found = []
    for route in kernel.routes:
        if not is_our_route(route) or link_of(route.table) != index or route.destination.prefixlen or not route.gateway:
            continue
        version = route.gateway.version
        held = [rule for rule in kernel.rules if rule.table == route.table and is_our_rule(rule)]
        nets = [rule.source for rule in held if rule.source is not None and rule.family == version]
        own = [fact for fact in local if fact.ip.version == version and any(fact.ip in net for net in nets)]
        delegated = [net for net in nets if not any(ip in net for ip in known)]
        masks = (around(fact.ip, fact.prefix_length) for fact in own)
        found.append(
            Exit(
                port.link.link,
                route.table,
                route.gateway,
                (*(lone(fact.ip) for fact in own), *delegated),
                bound=min(masks, key=lambda net: net.prefixlen, default=None),
                primary=port.primary,
            )
        )
    return found
