"""The two ends of a way, as somebody names them on the command line: what they are to this host."""

import enum
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from eip_agent.core.facts import IPAddress
from eip_agent.core.message import Message, Value, say
from eip_agent.core.outside import Outside
from eip_agent.core.scene import Scene


class Protocol(enum.Enum):
    """What may be asked about; the words of the command line."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"

    def number(self, version: int) -> int:
        """IPPROTO_*, in an IP version."""
        return _NUMBERS[self] if self is not Protocol.ICMP or version == 4 else _ICMPV6


_NUMBERS: Final = {Protocol.TCP: 6, Protocol.UDP: 17, Protocol.ICMP: 1}
_ICMPV6: Final = 58
_SHOWN: Final = 12
_EVERYBODY: Final = ip_address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class Ends:
    """Between whom a packet goes."""

    far: IPAddress
    """The other side; of a packet that this host sends to itself, where it goes."""
    near: IPAddress | None
    """The address of this instance; None: what the kernel gives to a socket that is bound to the link alone."""
    link: str | None = None
    """The device a socket is bound to."""
    incoming: bool = False
    """Whether the other side asks, and this host answers."""
    named: IPAddress | None = None
    """The EIP that was named in place of the private address."""
    protocol: Protocol = Protocol.TCP
    port: int = 0
    """Where the request goes; 0: not said."""
    user: int = 0
    """Whose socket it is on this host."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Ends that make no sense here."""

    says: Message
    hint: Message


def ends_of(scene: Scene, source: str, destination: str) -> Ends | Unclear:
    """Who is meant by an address, a link, an ENI id or MAC, or an EIP, and by the address it sends to."""
    outside = Outside(scene)
    to = _address(destination)
    if to is None:
        return Unclear(
            say("`{text}` is no IP address", text=destination), say("`--to` wants an address; names are not looked up")
        )
    if to.is_multicast or to.is_unspecified or to == _EVERYBODY:
        return Unclear(say("`{text}` is nobody's own address", text=destination), say("name the address of one host"))
    at = _address(source)
    if at is None:
        return _by_link(outside, source, to)
    if at.version != to.version:
        return Unclear(
            say("{source} and {destination} are not of the same IP version", source=at, destination=to),
            say("name two IPv4 addresses, or two IPv6 addresses"),
        )
    near, named = _ours(outside, at)
    if near is not None:
        return Ends(to, near, named=named)
    near, named = _ours(outside, to)
    if near is not None:
        return Ends(at, near, incoming=True, named=named)
    return Unclear(
        say("neither {source} nor {destination} is known to be an address of this instance", source=at, destination=to),
        _known(outside),
    )


def _by_link(outside: Outside, name: str, to: IPAddress) -> Ends | Unclear:
    scene = outside.scene
    for link in scene.kernel.links:
        if link.link.name == name:
            return Ends(to, None, link=name)
    for story in scene.report.stories:
        if name.lower() in (story.eni.eni_id, story.eni.mac):
            return Ends(to, None, link=story.link.link.name)
    for eni in scene.cloud.enis if scene.cloud is not None else ():
        if name.lower() in (eni.eni_id, eni.mac):
            return Unclear(
                say("{eni} has no link in this network namespace", eni=eni.eni_id or eni.mac),
                say("`eip-agent explain` says what is known of it"),
            )
    return Unclear(
        say("`{text}` is no address, and no link or ENI of this instance", text=name),
        _known(outside),
    )


def _ours(outside: Outside, ip: IPAddress) -> tuple[IPAddress | None, IPAddress | None]:
    """The address of this instance that is meant, and the EIP that was named for it."""
    if any(fact.ip == ip for fact in outside.scene.kernel.addresses):
        return ip, None
    private = outside.private_of(ip)
    if private is not None:
        return private, ip
    given = any(ip in (story.eni.private_ipv4s or ()) for story in outside.scene.report.stories)
    return (ip, None) if given or outside.home(ip) is not None else (None, None)


def _known(outside: Outside) -> Message:
    """What could have been named."""
    scene = outside.scene
    names: list[Value] = [story.link.link.name for story in scene.report.stories]
    names += sorted(
        {str(fact.ip) for fact in scene.kernel.addresses if fact.universal} | {str(ip) for ip in outside.eips.values()}
    )
    shown = tuple(names[:_SHOWN])
    if len(names) > _SHOWN:
        return say("known are {names} and {number} more", names=shown, number=len(names) - _SHOWN)
    return say("known are {names}", names=shown) if names else say("`ip addr` lists the addresses of this host")


def _address(text: str) -> IPAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
