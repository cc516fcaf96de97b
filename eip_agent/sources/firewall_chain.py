"""The chains of nftables, with their rules and the sets that these look up.

Numbers: linux/netfilter/nf_tables.h.
"""

import struct
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from eip_agent.core.firewall import Chain, FirewallRule
from eip_agent.netlink import Netlink, attribute, attributes, text_of
from eip_agent.sources.firewall_rule import decode_rule, elements_of, sets_wanted
from eip_agent.sources.firewall_value import Element
from eip_agent.sources.nested import members, number

_GETCHAIN, _GETRULE, _GETSETELEM = (10 << 8 | kind for kind in (4, 7, 13))
"""NFNL_SUBSYS_NFTABLES, and NFT_MSG_*."""
_HEADER: Final = struct.Struct("=BBH")
"""struct nfgenmsg."""
_FAMILIES: Final = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_HOOKS: Final = ("prerouting", "input", "forward", "output", "postrouting", "ingress")
_DEVICE_HOOKS: Final = ("ingress", "egress")
_NF_DROP: Final = 0

_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 1, 3, 4, 5, 7
_HOOK_NUMBER, _HOOK_PRIORITY, _HOOK_DEVICE, _HOOK_DEVICES = 1, 2, 3, 4
_RULE_TABLE, _RULE_CHAIN = 1, 2
_SET_TABLE, _SET_NAME, _SET_ELEMENTS = 1, 2, 3

Table = tuple[int, bytes]
"""Family and name."""


def read_chains(netlink: Netlink, tables: Collection[Table]) -> tuple[Chain, ...]:
    """All chains of these tables.

    Raises KernelReadError; LookupError and struct.error where a message is not as documented.
    """
    rules: dict[tuple[Table, bytes], list[FirewallRule]] = {}
    known: dict[tuple[Table, bytes], tuple[Element, ...]] = {}
    for family, attrs in _dump(netlink, _GETRULE):
        table = (family, attrs[_RULE_TABLE])
        for name in sets_wanted(attrs):
            if (table, name) not in known:
                known[table, name] = _elements(netlink, table, name)
        sets = {name: known[table, name] for name in sets_wanted(attrs)}
        rules.setdefault((table, attrs[_RULE_CHAIN]), []).extend(decode_rule(_FAMILIES.get(family, ""), attrs, sets))
    return tuple(
        _chain(family, attrs, rules.get(((family, attrs[_CHAIN_TABLE]), attrs[_CHAIN_NAME]), []))
        for family, attrs in _dump(netlink, _GETCHAIN)
        if (family, attrs[_CHAIN_TABLE]) in tables
    )


def _chain(family: int, attrs: Mapping[int, bytes], rules: list[FirewallRule]) -> Chain:
    chain = Chain(_FAMILIES.get(family, ""), text_of(attrs[_CHAIN_TABLE]), text_of(attrs[_CHAIN_NAME]), tuple(rules))
    if _CHAIN_HOOK not in attrs:
        return chain
    hook = attributes(attrs[_CHAIN_HOOK], 0)
    place = number(hook, _HOOK_NUMBER)
    hooks = _DEVICE_HOOKS if chain.family == "netdev" else _HOOKS
    devices = [hook[_HOOK_DEVICE]] if _HOOK_DEVICE in hook else []
    devices += [value for _, value in members(hook.get(_HOOK_DEVICES, b""))]
    (priority,) = struct.unpack(">i", hook[_HOOK_PRIORITY])
    return Chain(
        chain.family,
        chain.table,
        chain.name,
        chain.rules,
        hook=hooks[place] if place < len(hooks) else "",
        priority=priority,
        kind=text_of(attrs.get(_CHAIN_TYPE, b"filter")),
        drops=_CHAIN_POLICY in attrs and number(attrs, _CHAIN_POLICY) == _NF_DROP,
        devices=frozenset(map(text_of, devices)),
    )


def _elements(netlink: Netlink, table: Table, name: bytes) -> tuple[Element, ...]:
    family, table_name = table
    body = _HEADER.pack(family, 0, 0) + attribute(_SET_TABLE, table_name) + attribute(_SET_NAME, name)
    found = [attrs.get(_SET_ELEMENTS, b"") for _, attrs in _dump(netlink, _GETSETELEM, body)]
    return tuple(element for piece in found for element in elements_of(piece))


def _dump(netlink: Netlink, kind: int, body: bytes = bytes(4)) -> Iterator[tuple[int, Mapping[int, bytes]]]:
    """Family and attributes of every message."""
    for _, payload in netlink.dump(kind, body):
        yield payload[0], attributes(payload, _HEADER.size)
