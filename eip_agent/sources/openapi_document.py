"""From the OpenAPI's answers to facts, one item apart from the other.  Pure.

JSON types vary between the documentation, its samples and what is answered: numbers and booleans come as text, `Ip` is
spelt `IP` as well, ids have blanks in front.  Unknown fields are nobody's business, missing ones are unknown.
Fields: "DescribeNetworkInterfaces", "DescribeEipAddresses" and others in the cloud's API reference (2026).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final, TypeVar

from eip_agent.core.facts import CloudFact, Unread
from eip_agent.core.openapi import ApiEniFact, ApiFact, Bound, Denied, DnatFact, EipFact, HavipFact
from eip_agent.core.settings import Mode
from eip_agent.sources.document import as_mac

MODES: Final = {"NAT": Mode.NAT, "BINDED": Mode.EIP_VISIBLE, "MULTI_BINDED": Mode.MULTI_EIP_VISIBLE}
CORE_ACTIONS: Final = ("ecs:DescribeNetworkInterfaces", "vpc:DescribeEipAddresses", "vpc:DescribeEipGatewayInfo")
"""What the agent needs to know every mode."""
ALL_ACTIONS: Final = (
    *CORE_ACTIONS,
    "ecs:DescribeInstanceAttribute",
    "vpc:DescribeNatGateways",
    "vpc:DescribeForwardTableEntries",
    "vpc:DescribeHaVips",
)
"""Those, and what it needs to explain why an EIP is not here."""

_DENIED: Final = re.compile(
    r"Forbidden(\.(RAM|NoPermission|Unauthorized|AccessDenied))?|Forbbiden.*|NoPermission.*|\w+Deny"
)
"""`Forbbiden` is how DescribeEipGatewayInfo spells it.  `Forbidden.RegionNotFound` and its like are something else."""
_DOTTED: Final = re.compile(r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}", re.ASCII)
_PLAIN: Final = re.compile(r"[!-~]+")
_PARTIAL: Final = "the list is not whole, or not a list"
_LONGEST: Final = 60
"""Characters of a value that a message repeats."""
_LONGEST_ID: Final = 128

Item = Mapping[str, object]
T = TypeVar("T")


def policy(actions: Iterable[str] = ALL_ACTIONS) -> str:
    """The RAM policy, as JSON to paste, that allows these actions and no more; all of them only read."""
    # Their resources are lists of everything, so narrower ones than `*` are refused by some of them.
    statement = {"Effect": "Allow", "Action": sorted(set(actions)), "Resource": "*"}
    return json.dumps({"Version": "1", "Statement": [statement]}, indent=2)


def decode(document: object, cloud: CloudFact) -> ApiFact:
    """Read what `eip_agent.openapi.round.ask` gives.  Never raises: doubt is in `unread`."""
    whole = _mapping(document)
    error = _mapping(whole.get("error"))
    if error:
        code, message = _text(error, "code"), _text(error, "message")
        path = "openapi/credentials" if code == "Credentials" else "openapi"
        return ApiFact(unread=(Unread(path, message or code or "it failed"),))
    if not isinstance(whole.get("calls"), list):
        return ApiFact(unread=(Unread("openapi", "the process that asks ended without an answer"),))
    return _Reader([_Call(_mapping(call)) for call in _items(whole.get("calls"))], cloud).read()


class _Call:
    """One question with its pages."""

    def __init__(self, call: Item) -> None:
        self.action = _text(call, "action")
        self.product = _text(call, "product")
        self.of = _text(call, "of")
        self.path = "/".join(filter(None, ("openapi", self.action, self.of)))
        self.answers = _items(call.get("answers"))
        error = _mapping(call.get("error"))
        self.failed = bool(error) or not self.answers
        self.code, self.message = _text(error, "code"), _text(error, "message")
        if not error and not self.answers:
            self.message = "no answer"
        self.denied = bool(_DENIED.fullmatch(self.code))

    def is_whole(self, outer: str, inner: str) -> bool:
        """Whether every page has its list, every item can be looked into, and none is missing at the end."""
        if self.failed:
            return False
        pages = [_mapping(answer) for answer in self.answers]
        wrappers = [page.get(outer) for page in pages]
        # An empty list may be absent, its wrapper may not: there would be nothing to tell it from another answer.
        lists = [wrapper.get(inner, []) for wrapper in wrappers if isinstance(wrapper, Mapping)]
        items = [item for one in lists if isinstance(one, list) for item in one]
        sound = len(lists) == len(pages) and all(isinstance(one, list) for one in lists)
        total, more = _text(pages[-1], "TotalCount"), _text(pages[-1], "NextToken")
        paged = "PageNumber" in pages[-1] and total.isdecimal()
        return (
            sound
            and all(isinstance(item, Mapping) for item in items)
            and not more
            and not (paged and len(items) < int(total))
        )

    def found(self, *path: str) -> Iterator[Item]:
        """The items of all pages at a path; raises nothing where the page has none of the kind."""
        for answer in self.answers:
            yield from _at(answer, *path)


class _Reader:
    """Collects from all calls."""

    def __init__(self, calls: list[_Call], cloud: CloudFact) -> None:
        self._calls = calls
        self._cloud = cloud
        self._unread: list[Unread] = []
        self._doubtful: set[str] = set()
        """ENIs and instances of which something about an EIP could not be read."""

    def read(self) -> ApiFact:
        """Everything that was asked."""
        denied: dict[str, Denied] = {}
        for call in self._calls:
            if call.denied:
                action = f"{call.product}:{call.action}"
                denied.setdefault(action, Denied(action, call.message or call.code))
            elif call.failed:
                said = f"{call.code}: {call.message}" if call.code and call.message else call.code or call.message
                self._note(call, said)
        enis = self._list("DescribeNetworkInterfaces", self._eni, "NetworkInterfaceSets", "NetworkInterfaceSet")
        eips = self._eips()
        instance = self._instance()
        return ApiFact(
            enis=enis,
            eips=eips,
            asked=self._asked(enis, eips),
            static_ip=self._static_ip(instance),
            network_type=_text(instance, "InstanceNetworkType").lower() or None,
            dnat=self._dnat(enis),
            havips=self._list("DescribeHaVips", self._havip, "HaVips", "HaVip"),
            denied=tuple(denied.values()),
            unread=tuple(dict.fromkeys(self._unread)),
        )

    def _note(self, call: _Call, reason: str) -> None:
        self._unread.append(Unread(call.path, reason))

    def _of(self, action: str) -> list[_Call]:
        return [call for call in self._calls if call.action == action]

    def _list(self, action: str, convert: Callable[[Item], T], outer: str, inner: str) -> tuple[T, ...] | None:
        """What all calls of an action list, each once; None where there was none, or one of them failed."""
        calls = self._of(action)
        if not calls or any(call.failed for call in calls):
            return None
        found = [self._converted(call, item, convert) for call in calls for item in call.found(outer, inner)]
        partial = [call for call in calls if not call.is_whole(outer, inner)]
        for call in partial:
            self._note(call, _PARTIAL)
        return None if partial else tuple(dict.fromkeys(fact for fact in found if fact is not None))

    def _converted(self, call: _Call, item: Item, convert: Callable[[Item], T]) -> T | None:
        try:
            return convert(item)
        except ValueError as error:
            self._note(call, str(error))
            return None

    # --- EIPs ---------------------------------------------------------------------------------------------------------

    def _eips(self) -> tuple[EipFact, ...]:
        """Each EIP once; none of which two answers say different things."""
        found: dict[IPv4Address, EipFact] = {}
        torn: set[IPv4Address] = set()
        for call in self._of("DescribeEipAddresses"):
            for item in call.found("EipAddresses", "EipAddress"):
                eip = self._converted(call, item, _eip)
                if eip is None:
                    self._doubtful |= {call.of, _text(item, "InstanceId")}
                    continue
                before = found.setdefault(eip.address, eip)
                if before != eip:
                    # It changed between two answers of this round; the next one will know.
                    torn.add(eip.address)
                    self._doubtful |= {before.instance_id, eip.instance_id, call.of}
                    self._note(call, f"{eip.address} is not the same in two answers")
        gateways = self._gateways()
        return tuple(_with_gateway(eip, gateways) for eip in found.values() if eip.address not in torn)

    def _gateways(self) -> dict[tuple[str, IPv4Address], tuple[IPv4Address, int]]:
        """By ENI and EIP: gateway and prefix length."""
        found = {}
        for call in self._of("DescribeEipGatewayInfo"):
            for answer in call.answers:
                code = _text(_mapping(answer), "Code")
                if code not in {"", "200"}:
                    self._note(call, f"code {_quote(code)}")
            for item in call.found("EipInfos", "EipInfo"):
                info = self._converted(call, _lower(item), _gateway)
                if info:
                    found[call.of, info[0]] = info[1:]
        return found

    def _asked(self, enis: tuple[ApiEniFact, ...] | None, eips: tuple[EipFact, ...]) -> frozenset[str]:
        """The ENIs whose list of EIPs is whole.

        An account that does not own an ENI is answered an empty list, so an ENI without EIPs must be one it sees.
        """
        seen = {eni.eni_id for eni in enis or ()} | {eip.instance_id for eip in eips if eip.bound is Bound.ENI}
        primary = {eni.eni_id for eni in enis or () if eni.primary}
        primary |= {eni.eni_id for eni in self._cloud.enis if eni.eni_id and eni.mac == self._cloud.primary_mac}
        whole: set[str] = set()
        instance_whole = False
        for call in self._of("DescribeEipAddresses"):
            if not call.of:
                continue
            whole_list = call.is_whole("EipAddresses", "EipAddress")
            if not call.failed and not whole_list:
                self._note(call, _PARTIAL)
            if not whole_list or call.of in self._doubtful:
                continue
            if call.of == self._cloud.instance_id:
                instance_whole = True
            elif call.of in seen:
                whole.add(call.of)
            elif enis is not None:
                self._note(call, "these credentials do not see the ENI: is it another account's?")
        return frozenset(whole if instance_whole else whole - primary)

    # --- the others ---------------------------------------------------------------------------------------------------

    def _eni(self, item: Item) -> ApiEniFact:
        eni_id = _id(item, "NetworkInterfaceId")
        mac = as_mac(item.get("MacAddress"))
        if mac is None:
            raise ValueError(f"{eni_id}: {_quote(item.get('MacAddress'))} is no MAC address")
        sets = list(_at(item, "PrivateIpSets", "PrivateIpSet"))
        first = [address for one in sets if _true(one.get("Primary")) for address in self._private(one, eni_id)]
        others = [address for one in sets for address in self._private(one, eni_id)]
        return ApiEniFact(
            eni_id=eni_id,
            mac=mac,
            primary=_text(item, "Type") == "Primary",
            status=_text(item, "Status"),
            private_ipv4s=tuple(dict.fromkeys([*self._private(item, eni_id), *first, *others])),
            service_managed=_true(item.get("ServiceManaged")),
        )

    def _private(self, item: Item, of: str) -> list[IPv4Address]:
        if not _text(item, "PrivateIpAddress"):
            return []
        try:
            return [_address(item, "PrivateIpAddress")]
        except ValueError as error:
            self._unread.append(Unread(f"openapi/DescribeNetworkInterfaces/{of}", str(error)))
            return []

    def _instance(self) -> Item:
        return next((_mapping(call.answers[0]) for call in self._of("DescribeInstanceAttribute") if call.answers), {})

    def _static_ip(self, instance: Item) -> IPv4Address | None:
        addresses = _items(_mapping(instance.get("PublicIpAddress")).get("IpAddress"))
        try:
            return _as_address(addresses[0]) if addresses else None
        except ValueError as error:
            self._unread.append(Unread("openapi/DescribeInstanceAttribute", str(error)))
            return None

    def _dnat(self, enis: tuple[ApiEniFact, ...] | None) -> tuple[DnatFact, ...] | None:
        """The entries that lead here; None unless every gateway was read to its end."""
        gateways = self._of("DescribeNatGateways")
        if not gateways or not all(call.is_whole("NatGateways", "NatGateway") for call in gateways):
            return None
        entries = self._of("DescribeForwardTableEntries")
        wanted = {_text(item, "NatGatewayId") for call in gateways for item in call.found("NatGateways", "NatGateway")}
        whole = all(call.is_whole("ForwardTableEntries", "ForwardTableEntry") for call in entries)
        if not whole or not wanted - {""} <= {call.of for call in entries}:
            return None
        own = {address for eni in enis or () for address in eni.private_ipv4s}
        own |= {address for eni in self._cloud.enis for address in eni.private_ipv4s or ()}
        found = [
            self._converted(call, item, lambda item, call=call: _dnat_entry(item, call.of))  # type: ignore[misc]
            for call in entries
            for item in call.found("ForwardTableEntries", "ForwardTableEntry")
        ]
        return tuple(dict.fromkeys(entry for entry in found if entry is not None and entry.internal in own))

    @staticmethod
    def _havip(item: Item) -> HavipFact:
        return HavipFact(
            havip_id=_id(item, "HaVipId"),
            address=_address(item, "IpAddress"),
            status=_text(item, "Status"),
            master=_text(item, "MasterInstanceId"),
            instances=_names(item, "AssociatedInstances", "associatedInstance"),
            eips=tuple(map(_as_address, _names(item, "AssociatedEipAddresses", "associatedEipAddresse"))),
        )


def _eip(item: Item) -> EipFact:
    instance, kind = _text(item, "InstanceId"), _text(item, "InstanceType")
    try:
        bound = Bound(kind)
    except ValueError:
        bound = Bound.OTHER
    if bound is Bound.NOTHING and instance:
        bound = Bound.OTHER
    private = _address(item, "PrivateIpAddress") if _text(item, "PrivateIpAddress") else None
    return EipFact(
        address=_address(item, "IpAddress"),
        allocation_id=_text(item, "AllocationId"),
        bound=bound,
        instance_id=instance,
        mode=Mode.NAT if bound is Bound.ECS else MODES.get(_text(item, "Mode")) if bound is Bound.ENI else None,
        status=_text(item, "Status"),
        private_address=private,
        locks=_locks(item),
    )


def _locks(item: Item) -> tuple[str, ...]:
    reasons = [_text(lock, "LockReason") for lock in _at(item, "OperationLocks", "LockReason")]
    business = _text(item, "BusinessStatus")
    return tuple(filter(None, (*reasons, business if business != "Normal" else "")))


def _gateway(info: Item) -> tuple[IPv4Address, IPv4Address, int]:
    spelt = _text(info, "ipmask")
    mask = int(IPv4Address(spelt)) if _DOTTED.fullmatch(spelt) else 0
    length = mask.bit_count()
    if not mask or mask != (0xFFFFFFFF << 32 - length) & 0xFFFFFFFF:
        raise ValueError(f"IpMask {_quote(spelt)} is no mask")
    return _address(info, "ip"), _address(info, "ipgw"), length


def _with_gateway(eip: EipFact, gateways: Mapping[tuple[str, IPv4Address], tuple[IPv4Address, int]]) -> EipFact:
    gateway, length = gateways.get((eip.instance_id, eip.address), (None, None))
    return replace(eip, gateway=gateway, prefix_length=length)


def _dnat_entry(item: Item, gateway: str) -> DnatFact:
    return DnatFact(
        external=_address(item, "ExternalIp"),
        external_port=_text(item, "ExternalPort"),
        internal=_address(item, "InternalIp"),
        internal_port=_text(item, "InternalPort"),
        protocol=_text(item, "IpProtocol").lower(),
        gateway_id=gateway,
    )


# --- values -----------------------------------------------------------------------------------------------------------


def _mapping(value: object) -> Item:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _at(value: object, *path: str) -> Iterator[Item]:
    """The objects of the list at a path; nothing where there is none."""
    for name in path:
        value = _mapping(value).get(name)
    for item in _items(value):
        if isinstance(item, Mapping):
            yield item


def _names(item: Item, outer: str, inner: str) -> tuple[str, ...]:
    """A list of text; each entry once, without blanks around it."""
    values = _items(_mapping(item.get(outer)).get(inner))
    return tuple(dict.fromkeys(value.strip() for value in values if isinstance(value, str) and value.strip()))


def _lower(item: Item) -> Item:
    """The same with keys in lower case: `Ip` is `IP` in the documentation's own sample."""
    return {str(key).lower(): value for key, value in item.items()}


def _text(item: Item, name: str) -> str:
    """A field as printable text without blanks around it, of any length that is a name's; empty where it is missing."""
    value = item.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    spelt = " ".join(str(value).split()) if isinstance(value, str) else str(value)[:_LONGEST_ID]
    return "".join(letter for letter in spelt[: 2 * _LONGEST_ID] if letter.isprintable())


def _id(item: Item, name: str) -> str:
    spelt = _text(item, name)
    if not _PLAIN.fullmatch(spelt) or len(spelt) > _LONGEST_ID:
        raise ValueError(f"{name} {_quote(item.get(name))} is no id")
    return spelt


def _address(item: Item, name: str) -> IPv4Address:
    try:
        return _as_address(item.get(name))
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _as_address(value: object) -> IPv4Address:
    try:
        # A number would be taken for an address as well.
        address = IPv4Address(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"{_quote(value)} is no IPv4 address") from None
    if address.is_multicast or address.is_loopback or address.packed[0] == 0 or int(address) == 0xFFFFFFFF:
        raise ValueError(f"{address} is nobody's address")
    return address


def _true(value: object) -> bool:
    """Whether a flag is set, however it is spelt."""
    return str(value).strip().lower() in {"true", "1"} if isinstance(value, (str, int)) else False


def _quote(value: object) -> str:
    """A value for a message, not too long for one."""
    text = json.dumps(value[:_LONGEST]) if isinstance(value, str) else type(value).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
