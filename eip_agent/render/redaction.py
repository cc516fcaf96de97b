"""What would tell strangers whose instance it is, masked: public addresses, MAC addresses, ids and account numbers.

It works on finished text of any form, so that nothing gets by in a message of somebody else's.  Private addresses stay:
without them nothing can be understood.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Final

from eip_agent.core.verdict import PRIVATE

KEPT4: Final = (*PRIVATE, *map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")))
"""Private, of this host, multicast, and masks."""
KEPT6: Final = tuple(map(IPv6Network, ("::/127", "fc00::/7", "fe80::/10", "ff00::/8")))

_IDS: Final = (
    *("i", "eni", "eip", "vpc", "vsw", "havip", "ngw", "sg", "lb", "alb", "nlb", "slb", "vtb", "rtb", "nat", "snat"),
    *("dnat", "fwd", "ftb", "stb", "acl", "nacl", "cbwp", "cbp", "bwp", "ipv4gw", "ipv6gw", "ipv6", "eipsg", "pippool"),
    *("rg", "acs", "m", "d", "s", "ecs", "cen", "tr", "vbr", "vpn", "ga", "kp", "lt", "asg", "ess", "cluster", "c"),
)
"""What ids of cloud resources begin with, before a hyphen."""

_MASKED: Final = re.compile(
    rf"""
      (?P<mac>(?<![0-9A-Fa-f:])[0-9A-Fa-f]{{2}}(?::[0-9A-Fa-f]{{2}}){{5}}(?![0-9A-Fa-f:])
         |(?<![0-9A-Za-z])[0-9A-Fa-f]{{2}}(?:-[0-9A-Fa-f]{{2}}){{5}}(?![0-9A-Za-z])
         |(?<=enx)[0-9A-Fa-f]{{12}}(?![0-9A-Za-z]))
    | (?P<request>(?<![0-9A-Za-z])[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}}(?![0-9A-Za-z]))
    | (?P<id>(?<![0-9A-Za-z])(?:{"|".join(_IDS)})-(?=[0-9a-z]*[0-9])[0-9a-z]{{8,}}(?![0-9A-Za-z]))
    | (?P<v6>(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)
         (?:[0-9A-Fa-f:]+:\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?!\d)|[0-9A-Fa-f:]+(?![0-9A-Za-z])))
    | (?P<v4>(?<!\d)\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?!\d))
    | (?P<account>(?<![\d.])\d{{15,16}}(?![0-9A-Za-z.]))
    """,
    re.VERBOSE,
)
_INSIDE: Final = re.compile(
    r"(?P<mac>[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}(?![0-9A-Fa-f:]))"
    r"|(?P<v4>\d{1,3}(?:\.\d{1,3}){3})|(?P<account>(?<!\d)\d{15,16}(?!\d))"
)
"""What may stand among colons that are those of no IPv6 address."""
_INK: Final = re.compile("(\x1b\\[[0-9;]*m)")


class Mask:
    """Masks the same thing in the same way, in all that it is given.  What comes first has the lowest number."""

    def __init__(self) -> None:
        self._masks: dict[object, str] = {}
        self._numbers: dict[str, int] = {}

    def __call__(self, text: str) -> str:
        """The text with masks; colours stay, and are no part of what stands beside them."""
        return "".join(part if part[:1] == "\x1b" else _MASKED.sub(self._masked, part) for part in _INK.split(text))

    def _masked(self, found: re.Match[str]) -> str:
        what, text = found.lastgroup or "", found[0]
        match what:
            case "v4":
                return self._address(text) or text
            case "v6":
                return self._v6(text)
            case "id":
                return self._mask(text, text.partition("-")[0] + "-x")
            case "mac":
                return self._mask(re.sub("[:-]", "", text.lower()), "mac-")
        return self._mask(text.lower(), f"{what}-")

    def _v6(self, text: str) -> str:
        """An IPv6 address, and what looks like a part of it: a colon behind it, a word and a colon in front."""
        bare = text.rstrip(":")
        start = 0
        while text.count(":", start) > 1:
            for end in range(len(text), len(bare) - 1, -1):
                if masked := self._address(text[start:end]):
                    return text[:start] + masked + text[end:]
            start = text.index(":", start) + 1
        return _INSIDE.sub(self._masked, text)

    def _address(self, text: str) -> str | None:
        """A public address masked, any other as it is; None for what is no address."""
        try:
            address = ip_address(text)
        except ValueError:
            return None
        kept = KEPT4 if isinstance(address, IPv4Address) else KEPT6
        if any(address in network for network in kept):
            return text
        return self._mask(address, f"public{address.version}-")

    def _mask(self, what: object, kind: str) -> str:
        if what not in self._masks:
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            self._masks[what] = f"{kind}{number}"
        return self._masks[what]
