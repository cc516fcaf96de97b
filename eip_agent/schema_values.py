"""What `schema` makes of the texts in the settings: one function for each kind of value, which says what is wrong."""

import difflib
import ipaddress
import re
import urllib.parse
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from eip_agent.core.facts import IPNetwork, Mac
from eip_agent.core.message import Message, say
from eip_agent.core.probed import target_of
from eip_agent.core.settings import Mode
from eip_agent.written import Key, is_absolute

LONGEST: Final = 60
"""Characters of somebody's value that a message repeats."""


def wrong(what: Message, hint: Message | None = None, at: Key = ()) -> PydanticCustomError:
    """Say what is wrong: `at` a place below the one being checked, with a better hint than its description."""
    return PydanticCustomError("wrong", "{what}", {"what": what, "hint": hint, "at": at})


def from_text(read: Callable[[str], object]) -> BeforeValidator:
    """Let `read` make a value of a text, and refuse everything else."""

    def convert(value: object) -> object:
        if isinstance(value, str):
            return read(value)
        raise wrong(say("text in quotes is wanted, not {given}", given=kind_of(value)))

    return BeforeValidator(convert)


def as_unicast(text: str) -> IPv4Address:
    """An IPv4 address that one host can have.  Raises what `wrong` makes."""
    try:
        address = IPv4Address(text)
    except ValueError as error:
        raise wrong(say("{value} is not an IPv4 address", value=shown(text))) from error
    for what, is_so in {
        say("{address} is a multicast address, which no host has", address=address): address.is_multicast,
        say("{address} is a loopback address, which no host has", address=address): address.is_loopback,
        say("{address} is a link-local address, which no host has", address=address): address.is_link_local,
        say("{address} is a reserved address, which no host has", address=address): address.is_reserved
        or address.packed[0] == 0,
    }.items():
        if is_so:
            raise wrong(what)
    return address


def as_network(text: str) -> IPNetwork:
    """Addresses to leave alone: one, or a prefix.  Raises what `wrong` makes."""
    if "%" in text:
        raise wrong(say("{value} names a link, and addresses are excluded on all", value=shown(text)))
    try:
        network = ipaddress.ip_network(text, strict=False)
        exact = ipaddress.ip_interface(text)
    except ValueError as error:
        raise wrong(say("{value} is neither an address nor a subnet", value=shown(text))) from error
    if exact.ip != network.network_address:
        hint = say("did you mean {network} or {address}?", network=network, address=exact.ip)
        raise wrong(say("{value} has bits set beyond its mask", value=shown(text)), hint)
    if network.is_multicast or network.is_loopback or network.is_unspecified:
        raise wrong(say("{network} is not what an ENI can have", network=network))
    return network


def as_mac(text: str) -> Mac:
    """A MAC address, in lower case with colons.  Raises what `wrong` makes."""
    mac = text.lower().replace("-", ":")
    if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", mac):
        raise wrong(say("{value} is not a MAC address", value=shown(text)))
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise wrong(say("{mac} is not the MAC address of one link", mac=mac))
    return Mac(mac)


def as_eni(text: str) -> str:
    """The id of an ENI.  Raises what `wrong` makes."""
    if not re.fullmatch(r"eni-[0-9a-z]+", text):
        raise wrong(say("{value} is not an ENI id", value=shown(text)))
    return text


def as_mode(text: str) -> Mode:
    """A binding mode, by the name that operators know.  Raises what `wrong` makes."""
    for mode in Mode:
        if mode.value == text and mode is not Mode.UNDECIDED:
            return mode
    raise wrong(say("{value} is not a binding mode", value=shown(text)))


def as_url(text: str) -> str:
    """The URL of the metadata service.  Raises what `wrong` makes."""
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise wrong(say("only printable ASCII without blanks makes a URL"))
    try:
        url = urllib.parse.urlsplit(text)
        port = url.port
    except ValueError as error:
        raise wrong(say("not a URL: its host or its port is none")) from error
    if url.username is not None or url.password is not None:
        raise wrong(say("a user or password in the URL is not accepted"))  # and not repeated on any screen
    if url.scheme != "http" or not url.hostname or port == 0:
        raise wrong(say("{value} is not the http:// URL of a host", value=shown(text)))
    if url.path.strip("/") or "?" in text or "#" in text:
        raise wrong(say("{value} has more than host and port", value=shown(text)))
    return f"http://{url.netloc}"


def as_target(text: str) -> str:
    """Whom to reach for: `host:port` or a URL.  Raises what `wrong` makes."""
    if "@" in text:
        raise wrong(say("a user or password is not accepted"))  # and not repeated on any screen
    if target_of(text) is None:
        raise wrong(say("{value} is neither host:port nor the URL of a host", value=shown(text)))
    return text


def as_echo(text: str) -> str:
    """Whom to ask who it sees: a URL.  Raises what `wrong` makes."""
    if not as_target(text).startswith(("http://", "https://")):
        raise wrong(say("{value} is no http:// or https:// URL", value=shown(text)))
    return text


def as_accepted(text: str) -> str:
    """The code of a finding, with a subject behind a colon where only that is meant.  Raises what `wrong` makes."""
    from eip_agent.core.findings.all import KINDS  # noqa: PLC0415  all that can be found, only for who accepts some

    code, colon, subject = text.partition(":")
    code, subject = code.strip().upper(), subject.strip()
    if code not in KINDS:
        near = tuple(sorted(difflib.get_close_matches(code, KINDS, n=3)))
        hint = say("findings with a like code: {codes}", codes=near) if near else None
        raise wrong(say("{value} is no finding", value=shown(text)), hint)
    if colon and not subject:
        raise wrong(say("{value} names no subject", value=shown(text)))
    return f"{code}:{subject}" if subject else code


def as_path(text: str) -> str:
    """An absolute path.  Raises what `wrong` makes."""
    if not is_absolute(text):
        raise wrong(say("{value} is not an absolute path", value=shown(text)))
    return text


def as_textfile(text: str) -> str:
    """Where node_exporter reads: it takes only files of that ending.  Raises what `wrong` makes."""
    if not as_path(text).endswith(".prom"):
        raise wrong(say("{value} does not end in .prom", value=shown(text)))
    return text


def as_loopback(text: str) -> str:
    """An address and a port that only this machine reaches.  Raises what `wrong` makes."""
    host, _, port = text.rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise wrong(say("{value} is not an address and a port", value=shown(text))) from error
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 1 << 16:
        raise wrong(say("{value} has no port from 1 to 65535", value=shown(text)))
    if not address.is_loopback:
        raise wrong(
            say("{address} is reached by others, who must not know how this instance is built", address=address)
        )
    return f"[{address}]:{int(port)}" if address.version == 6 else f"{address}:{int(port)}"


def as_endpoint(text: str) -> str:
    """A host, or a host and a port.  Raises what `wrong` makes."""
    host, colon, port = text.rpartition(":") if ":" in text else (text, "", "443")
    named = re.fullmatch(r"[0-9A-Za-z]([0-9A-Za-z.-]{0,251}[0-9A-Za-z])?", host)
    if not named or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 1 << 16:
        raise wrong(say("{value} is neither a host nor host:port", value=shown(text)))
    return f"{host}{colon}{port if colon else ''}"


def as_role(text: str) -> str:
    """The name of a RAM role.  Raises what `wrong` makes."""
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}", text):
        raise wrong(say("{value} is not the name of a RAM role", value=shown(text)))
    return text


def kind_of(value: object) -> Message:
    """Name a value in the words of TOML."""
    if isinstance(value, str):
        return say("the text {value}", value=shown(value))
    number = say("a number")
    kinds = {bool: say("true or false"), int: number, float: number, list: say("a list"), dict: say("a table")}
    return kinds.get(type(value), say("a date or time"))


def shown(value: object) -> str:
    """Spell a value as it may be printed: escaped, and never long."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]}…{text[-1]}"
