"""Write to the kernel: changes become netlink messages, built with pyroute2, sent in batches.

The only module that imports pyroute2, and itself imported only where there is something to write.
"""

import errno
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from pyroute2.netlink import nla, nlmsg  # noqa: TID251
from pyroute2.netlink.rtnl.fibmsg import fibmsg  # noqa: TID251
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg  # noqa: TID251
from pyroute2.netlink.rtnl.rtmsg import rtmsg  # noqa: TID251

from eip_agent.core.changes import Change
from eip_agent.core.items import GROUP_SETTING, UP, Address, LinkSetting, Route, Rule
from eip_agent.core.numbers import (
    ADDRESS_PROTOCOL,
    DEFAULT_LENGTHS,
    DEVICE_GROUP,
    MAIN,
    ROUTE_PROTOCOL,
    RULE_PROTOCOL,
)
from eip_agent.netlink import Answer, Netlink

Message = tuple[int, int, bytes]
"""Type, flags, body."""

_RTM_SETLINK, _RTM_NEWADDR, _RTM_DELADDR = 19, 20, 21
_RTM_NEWROUTE, _RTM_DELROUTE, _RTM_NEWRULE, _RTM_DELRULE = 24, 25, 32, 33
_REPLACE, _EXCLUSIVE, _CREATE = 0x100, 0x200, 0x400
_ADD: Final = _CREATE | _EXCLUSIVE

_RTN_UNICAST, _RTN_UNREACHABLE = 1, 7
_RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK = 0, 253
_RTNH_F_ONLINK: Final = 4
_FOR_EVER: Final = 0xFFFFFFFF
"""A lifetime without end, as the kernel writes it."""
_IFA_F_NODAD: Final = 0x02
_IFA_F_NOPREFIXROUTE: Final = 0x200
_FR_ACT_TO_TBL, _FR_ACT_GOTO, _FR_ACT_NOP = 1, 2, 3
_IFF_UP: Final = 1
_FAMILIES: Final[Mapping[int, int]] = {4: socket.AF_INET, 6: socket.AF_INET6}

_GONE: Final = frozenset((errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL, errno.ENODEV))
"""What the kernel answers to the removal of something that is not there."""


class Kernel(Protocol):
    """Where changes are carried out."""

    def enact(self, changes: Sequence[Change]) -> list[Answer | None]:
        """Carry out changes that do not depend on each other; for each an answer, None when it was so already."""
        ...


class NetlinkKernel:
    """The kernel of this network namespace."""

    def __init__(self, netlink: Netlink) -> None:
        self._netlink = netlink

    def enact(self, changes: Sequence[Change]) -> list[Answer | None]:
        """Carry them out in one batch.  Raises KernelReadError when the socket breaks."""
        answers = self._netlink.send([message_of(change) for change in changes])
        return [None if is_so_already(*pair) else pair[1] for pair in zip(changes, answers, strict=True)]


def is_so_already(change: Change, answer: Answer) -> bool:
    """Whether the refusal says that there is nothing to do: then the pass did nothing, and has nothing to undo.

    Not for routes: `EEXIST` also answers another gateway to the same destination.
    """
    if change.after is None:
        return answer.errno in _GONE
    return change.before is None and answer.errno == errno.EEXIST and not isinstance(change.after, Route)


def message_of(change: Change) -> Message:
    """The netlink message that carries out a change."""
    match change.item:
        case LinkSetting() as setting:
            return _RTM_SETLINK, 0, _body(_link(setting))
        case Address() as address:
            kind, flags = (_RTM_NEWADDR, _ADD) if change.after else (_RTM_DELADDR, 0)
            return kind, flags, _body(_address(address))
        case Rule() as rule:
            kind, flags = (_RTM_NEWRULE, _ADD) if change.after else (_RTM_DELRULE, 0)
            return kind, flags, _body(_rule(rule))
        case Route() as route:
            if change.after is None:
                return _RTM_DELROUTE, 0, _body(_route(route))
            return _RTM_NEWROUTE, _CREATE | _REPLACE if change.before else _ADD, _body(_route(route))


class _LinkMessage(nlmsg):  # type: ignore[misc]  # pyroute2 has no types
    """A link with what is set of it here: pyroute2's own reads the IPv4 settings of a link, and cannot write them.

    Not derived from pyroute2's: a map of attributes that was used once is what a class made from it goes on using.
    """

    fields = (("family", "B"), ("pad", "x"), ("type", "H"), ("index", "i"), ("flags", "I"), ("change", "I"))
    nla_map = ((26, "IFLA_AF_SPEC", "spec"), (27, "IFLA_GROUP", "uint32"))

    class spec(nla):  # type: ignore[misc]  # noqa: N801  named as pyroute2 looks it up
        """IFLA_AF_SPEC."""

        nla_map = ((socket.AF_INET, "AF_INET", "inet"),)

        class inet(nla):  # type: ignore[misc]  # noqa: N801
            """AF_INET."""

            nla_map = ((1, "IFLA_INET_CONF", "conf"),)

            class conf(nla):  # type: ignore[misc]  # noqa: N801
                """IPV4_DEVCONF_* (linux/ip.h)."""

                nla_map = (
                    (18, "arp_announce", "uint32"),
                    (19, "arp_ignore", "uint32"),
                    (20, "promote_secondaries", "uint32"),
                )


def _link(setting: LinkSetting) -> Any:
    message = _LinkMessage()
    message["index"] = setting.link.index
    if setting.name == UP:
        message["flags"] = _IFF_UP if setting.value else 0
        message["change"] = _IFF_UP
    elif setting.name == GROUP_SETTING:
        message["attrs"] = [("IFLA_GROUP", setting.value)]
    else:
        conf = {"attrs": [("IFLA_INET_CONF", {"attrs": [(setting.name, setting.value)]})]}
        message["attrs"] = [("IFLA_AF_SPEC", {"attrs": [("AF_INET", conf)]})]
    return message


def _address(address: Address) -> Any:
    message = ifaddrmsg()
    message["family"] = _FAMILIES[address.ip.version]
    message["prefixlen"] = address.prefix_length
    message["index"] = address.link.index
    # The cloud has given the address to nobody else, so duplicate detection would only cost its first second.
    flags = _IFA_F_NOPREFIXROUTE | (_IFA_F_NODAD if address.ip.version == 6 else 0)
    ip = str(address.ip)
    message["attrs"] = [
        ("IFA_LOCAL", ip),
        ("IFA_ADDRESS", ip),
        ("IFA_FLAGS", flags),
        ("IFA_PROTO", ADDRESS_PROTOCOL),
    ]
    if address.spare:
        message["attrs"].append(
            ("IFA_CACHEINFO", {"ifa_preferred": 0, "ifa_valid": _FOR_EVER, "cstamp": 0, "tstamp": 0})
        )
    return message


def _route(route: Route) -> Any:
    message = rtmsg()
    version = route.destination.version
    message["family"] = _FAMILIES[version]
    message["dst_len"] = route.destination.prefixlen
    message["proto"] = ROUTE_PROTOCOL
    message["type"] = _RTN_UNICAST if route.link else _RTN_UNREACHABLE
    # The scope says how far away the destination is; IPv6 has none, and an unreachable one is nowhere.
    message["scope"] = _RT_SCOPE_LINK if route.link and not route.gateway and version == 4 else _RT_SCOPE_UNIVERSE
    attrs: list[tuple[str, object]] = [("RTA_TABLE", route.table)]
    if route.destination.prefixlen:
        attrs.append(("RTA_DST", str(route.destination.network_address)))
    if route.link:
        attrs.append(("RTA_OIF", route.link.index))
    if route.gateway:
        message["flags"] = _RTNH_F_ONLINK if version == 4 else 0
        attrs.append(("RTA_GATEWAY", str(route.gateway)))
    message["attrs"] = attrs
    return message


def _rule(rule: Rule) -> Any:
    message = fibmsg()
    message["family"] = _FAMILIES[rule.family]
    attrs: list[tuple[str, object]] = [("FRA_PRIORITY", rule.priority), ("FRA_PROTOCOL", RULE_PROTOCOL)]
    if rule.source is not None:
        message["src_len"] = rule.source.prefixlen
        attrs.append(("FRA_SRC", str(rule.source.network_address)))
        if not rule.forwarded:
            # What this host sends, and the reverse of what it receives: both are looked up as coming from `lo`.
            attrs.append(("FRA_IIFNAME", "lo"))
    if rule.device is not None:
        attrs.append(("FRA_OIFNAME", rule.device))
    if rule.goto is not None:
        message["action"] = _FR_ACT_GOTO
        attrs.append(("FRA_GOTO", rule.goto))
    elif rule.table is not None:
        message["action"] = _FR_ACT_TO_TBL
        attrs.append(("FRA_TABLE", rule.table))
    else:
        message["action"] = _FR_ACT_NOP
    if rule.table == MAIN:
        attrs.append(("FRA_SUPPRESS_PREFIXLEN", DEFAULT_LENGTHS[rule.family]))
        attrs.append(("FRA_SUPPRESS_IFGROUP", DEVICE_GROUP))
    message["attrs"] = attrs
    return message


def _body(message: Any) -> bytes:
    """What pyroute2 encodes, without its header: sequence numbers are the socket's business."""
    message.encode()
    return bytes(message.data[16:])
