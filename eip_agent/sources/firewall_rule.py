"""One nftables rule: from the small program that the kernel runs back to conditions and a verdict.

A program loads something into a register and compares registers with values::

    meta load iifname => reg 1          iifname "eth1"
    cmp eq reg 1 "eth1"
    immediate reg 0 drop                drop

What a register holds decides what a comparison means; what is not known here makes the rule strange.
Source: linux/netfilter/nf_tables.h, and `nft --debug=netlink`.
"""

import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Final

from eip_agent.core.firewall import FirewallRule
from eip_agent.core.firewall_match import ANY_MARK, Match, Span
from eip_agent.netlink import attributes, text_of
from eip_agent.sources.firewall_value import (
    EQ,
    HOST_ORDER,
    NEQ,
    Element,
    Loaded,
    among,
    compared,
    integer,
    marked,
)
from eip_agent.sources.nested import members, number

_RULE_HANDLE, _RULE_EXPRESSIONS = 3, 4
_NAME, _DATA = 1, 2
_VALUE, _VERDICT = 1, 2
_META: Final = {
    1: "protocol", 3: "mark", 4: "iif", 5: "oif", 6: "iifname", 7: "oifname", 15: "nfproto", 16: "l4proto",
    19: "pkttype", 21: "iifgroup", 22: "oifgroup",
}  # fmt: skip
"""NFT_META_*."""
_MARK: Final = 3
"""NFT_META_MARK, and NFT_CT_MARK."""
_XT_MARK: Final = struct.Struct("=II")
"""Mark and mask: how struct xt_mark_mtinfo1, xt_connmark_mtinfo1 (`invert` behind them) and xt_mark_tginfo2 begin."""
_PAYLOAD: Final = {
    (4, 1, 12): ("ip saddr", 4), (4, 1, 16): ("ip daddr", 4), (4, 1, 9): ("l4proto", 1),
    (6, 1, 8): ("ip6 saddr", 16), (6, 1, 24): ("ip6 daddr", 16), (6, 1, 6): ("l4proto", 1),
    (0, 2, 0): ("th sport", 2), (0, 2, 2): ("th dport", 2),
}  # fmt: skip
"""By IP version (0: either), NFT_PAYLOAD_*_HEADER and offset: what is loaded, and its whole length."""
_VERSIONS: Final = {"ip": 4, "ip6": 6}
_OF_NUMBER: Final = {("nfproto", 2): 4, ("nfproto", 10): 6, ("protocol", 0x0800): 4, ("protocol", 0x86DD): 6}
_VERDICTS: Final = {0: "drop", 1: "accept", -3: "jump", -4: "goto", -5: "return", -1: "", -2: ""}
_WITHOUT_EFFECT: Final = frozenset(("counter", "log", "notrack", "last", "flow_offload", "dup", "masq"))
_IN_PART: Final = frozenset(("limit", "quota", "connlimit", "objref", "dynset"))
_XT_IN_PART: Final = frozenset(("tcp", "udp", "udplite", "multiport", "limit", "hashlimit"))
_XT_MARKS: Final = {"mark": "mark", "connmark": "ct mark"}
_XT_WITHOUT_EFFECT: Final = frozenset(("LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TCPMSS", "comment"))
_INTERVAL_END: Final = 1
_CATCHALL: Final = 2


_SOURCE_PORT, _PORT = Loaded("th sport", 2), Loaded("th dport", 2)
_BOTH_PORTS: Final = Loaded("th ports", 4)
"""`nft` makes one comparison of `udp sport 67 udp dport 68`."""


@dataclass(slots=True)
class _Program:
    """A rule on its way."""

    version: int
    sets: Mapping[bytes, Sequence[Element]]
    registers: dict[int, Loaded] = field(default_factory=dict)
    matches: list[Match] = field(default_factory=list)
    strange: bool = False
    verdict: tuple[str, str] = ("", "")
    branches: list[tuple[Match, tuple[str, str]]] = field(default_factory=list)
    """Of a verdict map."""
    numbers: dict[int, int] = field(default_factory=dict)
    """Registers that hold a number of the rule itself."""
    gives: tuple[Span, ...] = ()

    def give(self, mark: int | None) -> None:
        """A mark; None is one that is unknown here."""
        self.gives = (*self.gives, ANY_MARK if mark is None else (mark, mark))

    def load(self, register: int, loaded: Loaded | None) -> None:
        self.numbers.pop(register, None)
        if loaded is None:
            self.registers.pop(register, None)
        else:
            self.registers[register] = loaded

    def add(self, match: Match | None) -> None:
        """A condition; None is one that is unknown here."""
        if match is None:
            self.strange = True
            return
        self.matches.append(match)
        if match.field in ("nfproto", "protocol") and len(match.spans) == 1 and not match.inverted:
            self.version = _OF_NUMBER.get((match.field, match.spans[0][0]), self.version)


def decode_rule(family: str, attrs: Mapping[int, bytes], sets: Mapping[bytes, Sequence[Element]]) -> list[FirewallRule]:
    """One rule, or one for each element of the verdict map by which it decides.  `sets` are those of `sets_wanted`."""
    program = _Program(_VERSIONS.get(family, 0), sets)
    for name, data in _expressions(attrs):
        _STEPS.get(name, _unknown)(program, name, data)
    rule = FirewallRule(
        int.from_bytes(attrs.get(_RULE_HANDLE, b""), "big"),
        tuple(program.matches),
        *program.verdict,
        strange=program.strange,
        gives=program.gives,
    )
    branches = [
        replace(rule, matches=(*rule.matches, match), verdict=verdict, target=target)
        for match, (verdict, target) in program.branches
    ]
    return [*branches, rule] if branches else [rule]


def sets_wanted(attrs: Mapping[int, bytes]) -> list[bytes]:
    """The names of the sets that a rule looks up, but for those of sources: they may be long, and say nothing here."""
    wanted, by_source = [], False
    for name, data in _expressions(attrs):
        if name == "payload":
            by_source = (number(data, 2), number(data, 3)) in ((1, 12), (1, 8))
        elif name == "lookup" and (not by_source or data[1].startswith(b"__")):
            wanted.append(data[1])
    return wanted


def elements_of(payload: bytes) -> Iterator[Element]:
    """The elements of one message of a set."""
    for _, one in members(payload):
        attrs = attributes(one, 0)
        data = attributes(attrs.get(2, b""), 0)
        flags = number(attrs, 3)
        yield Element(
            attributes(attrs.get(1, b""), 0).get(_VALUE, b""),
            ends=bool(flags & _INTERVAL_END),
            catchall=bool(flags & _CATCHALL),
            verdict=_verdict(data[_VERDICT]) if _VERDICT in data else None,
        )


def _expressions(attrs: Mapping[int, bytes]) -> Iterator[tuple[str, Mapping[int, bytes]]]:
    for _, one in members(attrs.get(_RULE_EXPRESSIONS, b"")):
        expression = attributes(one, 0)
        yield text_of(expression.get(_NAME, b"")), attributes(expression.get(_DATA, b""), 0)


# --- the steps of a program -------------------------------------------------------------------------------------------


def _meta(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    name = _META.get(number(data, 2))
    if 1 in data:
        width = 16 if name in ("iifname", "oifname") else 2 if name == "protocol" else 1
        if name in ("iif", "oif", "iifgroup", "oifgroup", "mark"):
            width = 4
        program.load(number(data, 1), Loaded(name, width) if name else None)
    elif number(data, 2) == _MARK:
        program.give(program.numbers.get(number(data, 3)))


def _ct(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    if 1 in data:
        name = {0: "ct state", _MARK: "ct mark"}.get(number(data, 2))
        program.load(number(data, 1), Loaded(name, 4) if name else None)
    elif number(data, 2) == _MARK:
        program.give(program.numbers.get(number(data, 4)))


def _payload(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    if 1 not in data:
        return
    base, offset, length = (number(data, kind) for kind in (2, 3, 4))
    found = _PAYLOAD.get((program.version if base == 1 else 0, base, offset))
    fits = found is not None and length <= found[1] and (length == found[1] or "addr" in found[0])
    loaded = Loaded(*found) if found and fits else None
    program.load(number(data, 1), _BOTH_PORTS if (base, offset, length) == (2, 0, 4) else loaded)


def _load_unknown(program: _Program, _: str, __: Mapping[int, bytes]) -> None:
    """An expression whose result is not known here; which attribute names its register differs, so that all go."""
    program.registers.clear()
    program.numbers.clear()


def _bitwise(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    loaded = program.registers.get(number(data, 1))
    mask, xor = (attributes(data.get(kind, b""), 0).get(_VALUE, b"") for kind in (4, 5))
    if loaded is None or not mask or any(xor) or loaded.mask is not None:
        program.load(number(data, 2), None)
    else:
        # A mask over fewer bytes than the field has is one over its first ones.
        shift = 0 if loaded.field in HOST_ORDER else 8 * (loaded.width - len(mask))
        program.load(number(data, 2), replace(loaded, mask=integer(loaded.field, mask) << shift))


def _cmp(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    loaded = program.registers.get(number(data, 1))
    value = attributes(data.get(3, b""), 0).get(_VALUE)
    if loaded == _BOTH_PORTS and value is not None and len(value) == 4 and number(data, 2) == EQ:
        program.add(compared(_SOURCE_PORT, EQ, value[:2]))
        program.add(compared(_PORT, EQ, value[2:]))
        return
    program.add(None if loaded is None or value is None else compared(loaded, number(data, 2), value))


def _range(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    loaded = program.registers.get(number(data, 1))
    first, last = (attributes(data.get(kind, b""), 0).get(_VALUE, b"") for kind in (3, 4))
    if loaded is None or loaded.mask is not None or not first:
        program.add(None)
        return
    span = (integer(loaded.field, first), integer(loaded.field, last))
    program.add(Match(loaded.field, (span,), inverted=number(data, 2) == NEQ))


def _lookup(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    loaded = program.registers.get(number(data, 2))
    if loaded is None or loaded.mask is not None:
        program.add(None)
        return
    inverted = bool(number(data, 5) & 1)
    elements = program.sets.get(data[1])
    if elements is None:
        program.add(Match(loaded.field, inverted=inverted, named=text_of(data[1])))
    elif 3 not in data:
        program.add(among(loaded, elements, inverted=inverted))
    elif number(data, 3) == 0:
        # The kernel lists them in an order of chance, which means nothing: no two hold the same key.
        for element in sorted(elements, key=attrgetter("key")):
            match = None if element.catchall else among(loaded, [element], inverted=False)
            if element.verdict is None or match is None or any(one.ends for one in elements):
                program.strange, program.verdict = True, ("other", "")
            else:
                program.branches.append((match, element.verdict))
    else:
        program.load(number(data, 3), None)
        program.strange = True


def _immediate(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    nest = attributes(data.get(2, b""), 0)
    if number(data, 1) == 0 and _VERDICT in nest:
        program.verdict = _verdict(nest[_VERDICT])
    else:
        program.load(number(data, 1), None)
        program.numbers[number(data, 1)] = int.from_bytes(nest.get(_VALUE, b""), sys.byteorder)


def _reject(program: _Program, _: str, __: Mapping[int, bytes]) -> None:
    program.verdict = ("reject", "")


def _part(program: _Program, _: str, __: Mapping[int, bytes]) -> None:
    program.add(Match("part"))


def _nothing(_: _Program, __: str, ___: Mapping[int, bytes]) -> None:
    """It neither matches nor decides."""


def _led_on(program: _Program, _: str, __: Mapping[int, bytes]) -> None:
    """Its destination is changed."""
    program.verdict = ("other", "")


def _xt_match(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    name, held = text_of(data.get(1, b"")), data.get(3, b"")
    if name in _XT_MARKS and len(held) > _XT_MARK.size:
        mark, mask = _XT_MARK.unpack_from(held)
        program.add(marked(_XT_MARKS[name], mark, mask, inverted=bool(held[_XT_MARK.size])))
    elif name not in _XT_WITHOUT_EFFECT:
        program.add(Match("part") if name in _XT_IN_PART else None)


def _xt_target(program: _Program, _: str, data: Mapping[int, bytes]) -> None:
    name, held = text_of(data.get(1, b"")), data.get(3, b"")
    if name == "REJECT":
        program.verdict = ("reject", "")
    elif name == "MARK" and len(held) >= _XT_MARK.size:
        mark, mask = _XT_MARK.unpack_from(held)
        program.give(mark if mask == ANY_MARK[1] else None)
    elif name in ("MARK", "CONNMARK"):
        program.give(None)
    elif name not in _XT_WITHOUT_EFFECT:
        program.verdict = ("other", "")


def _unknown(program: _Program, _: str, __: Mapping[int, bytes]) -> None:
    program.strange, program.verdict = True, ("other", "")


_STEPS: Final = {
    "meta": _meta,
    "ct": _ct,
    "payload": _payload,
    "bitwise": _bitwise,
    "cmp": _cmp,
    "range": _range,
    "lookup": _lookup,
    "reject": _reject,
    "match": _xt_match,
    "target": _xt_target,
    **dict.fromkeys(
        ("fib", "rt", "socket", "osf", "exthdr", "xfrm", "tunnel", "hash", "numgen", "byteorder"), _load_unknown
    ),
    **dict.fromkeys(_IN_PART, _part),
    **dict.fromkeys(_WITHOUT_EFFECT, _nothing),
    **dict.fromkeys(("nat", "redir", "tproxy", "fwd"), _led_on),
    "immediate": _immediate,
}


def _verdict(nest: bytes) -> tuple[str, str]:
    attrs = attributes(nest, 0)
    code = int.from_bytes(attrs.get(1, b""), "big", signed=True)
    # NF_QUEUE carries a number in its upper half.
    return _VERDICTS.get(code, "other"), text_of(attrs.get(2, b""))
