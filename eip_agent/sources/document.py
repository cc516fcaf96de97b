"""From the metadata tree to facts, one ENI apart from the other.  Pure.

Items and formats: the cloud's "Instance metadata" pages (2026).  Lists come with quotes (`private-ipv4s`) or without
(`ipv6s`); which of the two prefixes use is not documented, so either is read everywhere.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, NamedTuple, TypeVar

from eip_agent.core.facts import CloudFact, EniFact, IPAddress, Mac, Unread
from eip_agent.core.message import said, say
from eip_agent.errors import MetadataError

MACS: Final = ("network", "interfaces", "macs")
"""Below `meta-data/`: the directory that has one directory per ENI."""
TYPE: Final = "instance/instance-type"
TOP_LEAVES: Final = ("mac", "instance-id", "region-id", "eipv4", "public-ipv4", TYPE, "zone-id")
"""What is read beside the ENIs."""
ENI_LEAVES: Final = (
    "network-interface-id",
    "primary-ip-address",
    "private-ipv4s",
    "netmask",
    "gateway",
    "vswitch-cidr-block",
    "vpc-cidr-block",
    "ipv4-prefixes",
    "ipv6s",
    "ipv6-gateway",
    "vswitch-ipv6-cidr-block",
    "ipv6-prefixes",
)
"""What is read of each ENI."""

_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
_NETWORK: Final = re.compile(r"([0-9A-Fa-f:.]{2,45})/([0-9]{1,3})")
_LONGEST_QUOTE: Final = 60

T = TypeVar("T")
A = TypeVar("A", IPv4Address, IPv6Address)
N = TypeVar("N", IPv4Network, IPv6Network)


class Failed(NamedTuple):
    """Stands in a document for an item that could not be fetched."""

    reason: str


def decode(document: object) -> CloudFact:
    """Read the tree below `meta-data/`, as `meta-data/all` has it: nested objects whose leaves are text.

    What one ENI lacks is in its own `unread` and leaves the others alone.  Raises MetadataError, and nothing else,
    where no ENI can be told at all: the document is no object or has no `network/interfaces/macs/`.
    """
    here, path = document, "meta-data"
    for folder in MACS:
        if not isinstance(here, Mapping) or folder not in here:
            raise MetadataError(say("metadata: {path}/ has no {folder}/", path=path, folder=folder))
        here, path = here[folder], f"{path}/{folder}"
    if not isinstance(here, Mapping) or not here:
        reason = here.reason if isinstance(here, Failed) else say("it lists no ENI")
        raise MetadataError(say("metadata: {path}/: {reason}", path=path, reason=reason))
    enis: dict[Mac, EniFact] = {}
    top = _Leaves(document if isinstance(document, Mapping) else {}, "")
    for key, leaves in here.items():
        mac = as_mac(key)
        if mac is None or mac in enis:
            top.unread.append(
                Unread(f"macs/{_quote(key)}", say("no MAC address") if mac is None else say("listed twice"))
            )
        else:
            enis[mac] = _decode_eni(mac, leaves)
    primary = top.read("mac", _mac)
    if primary and primary not in enis:
        top.unread.append(Unread("mac", say("{primary} is not listed below macs/", primary=primary)))
    return CloudFact(
        enis=tuple(enis[mac] for mac in sorted(enis)),
        primary_mac=primary,
        instance_id=top.read("instance-id", _name),
        region=top.read("region-id", _name),
        eipv4=top.read("eipv4", _address4, optional=True),
        public_ipv4=top.glance("public-ipv4", _address4),
        instance_type=top.glance(TYPE, _name),
        zone=top.glance("zone-id", _name),
        unread=tuple(top.unread),
    )


def as_mac(text: object) -> Mac | None:
    """A MAC address of a device in its canonical spelling; None for anything else."""
    spelt = text.strip().rstrip("/").lower() if isinstance(text, str) else ""
    # A group address (the lowest bit of the first octet) or all zeroes is nobody's.
    if not _MAC.fullmatch(spelt) or int(spelt[1], 16) & 1 or not spelt.strip("0:"):
        return None
    return Mac(spelt)


def _decode_eni(mac: Mac, leaves: object) -> EniFact:
    prefix = f"macs/{mac}/"
    if not isinstance(leaves, Mapping):
        odd = say("{what} instead of a directory", what=_quote(leaves))
        reason = leaves.reason if isinstance(leaves, Failed) else odd
        return EniFact(mac, ipv4_prefixes=None, ipv6s=None, ipv6_prefixes=None, unread=(Unread(prefix, reason),))
    eni = _Leaves(leaves, prefix)
    primary = eni.read("primary-ip-address", _address4)
    private = eni.read("private-ipv4s", _some_addresses4)
    if private and primary in private:
        private = (primary, *(address for address in private if address != primary))
    ipv6s = eni.read_list("ipv6s", _address6)
    ipv6_prefixes = eni.read_list("ipv6-prefixes", _network6)
    none6, sure6 = ipv6s == ipv6_prefixes == (), bool(ipv6s or ipv6_prefixes)
    return EniFact(
        mac=mac,
        eni_id=eni.read("network-interface-id", _name),
        primary=primary,
        private_ipv4s=private,
        subnet=_subnet(eni, primary),
        gateway=eni.read("gateway", _address4),
        ipv4_prefixes=eni.read_list("ipv4-prefixes", _network4),
        ipv6s=ipv6s,
        subnet6=None if none6 else eni.read("vswitch-ipv6-cidr-block", _network6, optional=not sure6),
        gateway6=None if none6 else eni.read("ipv6-gateway", _gateway6, optional=not sure6),
        ipv6_prefixes=ipv6_prefixes,
        vpc=eni.read("vpc-cidr-block", _network4, optional=True),
        unread=tuple(eni.unread),
    )


def _subnet(eni: "_Leaves", primary: IPv4Address | None) -> IPv4Network | None:
    """The vSwitch's block; where it is absent, what the primary address and the mask make of it."""
    if eni.has("vswitch-cidr-block") or not (primary and eni.has("netmask")):
        return eni.read("vswitch-cidr-block", _network4)
    length = eni.read("netmask", _mask)
    return None if length is None else IPv4Network((primary, length), strict=False)


class _Leaves:
    """One directory's leaves, and what could not be read of them."""

    def __init__(self, leaves: Mapping[object, object], prefix: str) -> None:
        self._leaves = leaves
        self._prefix = prefix
        self.unread: list[Unread] = []

    def has(self, name: str) -> bool:
        """Whether the leaf is there and not empty."""
        value = self._leaves.get(name, "")
        return not isinstance(value, str) or _first_line(value) != ""

    def read(self, name: str, convert: Callable[[str], T], *, optional: bool = False) -> T | None:
        """The leaf's value; None where it is not there, noted as unread unless it is optional, and where it is bad."""
        line = self._line(name, optional=optional)
        return self._converted(name, line, convert) if line else None

    def glance(self, name: str, convert: Callable[[str], T]) -> T | None:
        """The value of a leaf that only explains, given by its path: bad is as good as not there."""
        value: object = self._leaves.get(name)
        if value is None and "/" in name:
            folder, _, leaf = name.partition("/")
            inside = self._leaves.get(folder)
            value = inside.get(leaf) if isinstance(inside, Mapping) else None
        try:
            return convert(_first_line(value)) if isinstance(value, str) else None
        except ValueError:
            return None

    def read_list(self, name: str, convert: Callable[[str], T]) -> tuple[T, ...] | None:
        """Each element of an optional list; empty where it is not there; None, noted as unread, where one is bad."""
        line = self._line(name, optional=True)
        return self._converted(name, line, lambda text: _list(text, convert)) if line else () if line == "" else None

    def _line(self, name: str, *, optional: bool) -> str | None:
        """The leaf's line, empty where it is optional and not there; None has been noted."""
        value = self._leaves.get(name, "")
        if isinstance(value, str):
            line = _first_line(value)
            if line or optional:
                return line
            reason: str = say("empty") if name in self._leaves else say("absent")
        else:
            reason = value.reason if isinstance(value, Failed) else say("{value} instead of text", value=_quote(value))
        self.unread.append(Unread(f"{self._prefix}{name}", reason))
        return None

    def _converted(self, name: str, line: str, convert: Callable[[str], T]) -> T | None:
        try:
            return convert(line)
        except ValueError as error:
            self.unread.append(Unread(f"{self._prefix}{name}", said(error)))
            return None


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(say("{text} is no name", text=_quote(text)))
    return text


def _mac(text: str) -> Mac:
    if (mac := as_mac(text)) is None:
        raise ValueError(say("{text} is no MAC address", text=_quote(text)))
    return mac


def _mask(text: str) -> int:
    """Prefix length of a dotted mask; /0 is refused as no subnet's."""
    mask = int(_parsed(text, IPv4Address, "mask"))
    length = mask.bit_count()
    if mask == 0 or mask != (0xFFFFFFFF << 32 - length) & 0xFFFFFFFF:
        raise ValueError(say("{text} is no mask", text=_quote(text)))
    return length


def _address4(text: str) -> IPv4Address:
    return _owned(_parsed(text, IPv4Address, "IPv4 address"))


def _address6(text: str) -> IPv6Address:
    address = _owned(_parsed(text, IPv6Address, "IPv6 address"))
    if address.is_link_local:
        raise ValueError(say("{address} is a link-local address", address=address))
    return address


def _gateway6(text: str) -> IPv6Address:
    return _owned(_parsed(text, IPv6Address, "IPv6 address"))


def _network4(text: str) -> IPv4Network:
    return _block(text, IPv4Network)


def _network6(text: str) -> IPv6Network:
    return _block(text, IPv6Network)


def _some_addresses4(text: str) -> tuple[IPv4Address, ...]:
    """As `_list`; an empty one is refused, for every ENI has an address."""
    if not (addresses := _list(text, _address4)):
        raise ValueError(say("an empty list"))
    return addresses


def _list(text: str, convert: Callable[[str], T]) -> tuple[T, ...]:
    """Every element of `["a","b"]`, `[a,b]` or `a,b` once, in order.  Raises ValueError for one bad element."""
    return tuple(dict.fromkeys(convert(element) for element in _elements(text)))


def _elements(text: str) -> Iterator[str]:
    if text.startswith("[") != text.endswith("]"):
        raise ValueError(say("{text} is cut off", text=_quote(text)))
    inside = text.removeprefix("[").removesuffix("]").strip()
    for element in inside.split(",") if inside else ():
        bare = element.strip()
        if bare.startswith('"') != bare.endswith('"') or bare == '"':
            raise ValueError(say("{text} is no list", text=_quote(text)))
        yield bare.removeprefix('"').removesuffix('"').strip()


def _parsed(text: str, kind: Callable[[str], A], what: str) -> A:
    try:
        # A zone (`%eth0`) belongs to the machine that writes it.
        return kind(text.replace("%", "no zone"))
    except ValueError:
        raise ValueError(say("{text} is no {what}", text=_quote(text), what=what)) from None


def _block(text: str, kind: type[N]) -> N:
    """A subnet in CIDR spelling without host bits; /0 and what reaches into the addresses of nobody are refused."""
    try:
        block = kind(text if _NETWORK.fullmatch(text) else "")
    except ValueError:
        raise ValueError(say("{text} is no CIDR block", text=_quote(text))) from None
    if _nobodys(block.network_address) or _nobodys(block.broadcast_address):
        raise ValueError(say("{block} is no block of an ENI", block=block))
    return block


def _owned(address: A) -> A:
    if _nobodys(address):
        raise ValueError(say("{address} cannot be an ENI's", address=address))
    return address


def _nobodys(address: IPAddress) -> bool:
    """Whether no host can own the address: unspecified, loopback, multicast, limited broadcast, mapped."""
    if isinstance(address, IPv4Address):
        number = int(address)
        return number >> 24 in {0, 127} or address.is_multicast or number == 0xFFFFFFFF
    return address.is_unspecified or address.is_loopback or address.is_multicast or address.ipv4_mapped is not None


def _quote(value: object) -> str:
    """A value for a message, not too long for one."""
    text = json.dumps(value) if isinstance(value, str) else type(value).__name__
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"
