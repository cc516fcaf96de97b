"""From the OpenAPI's answers to facts, one item apart from the other.  Pure.

JSON types vary between the documentation, its samples and what is answered: numbers and booleans come as text, `Ip` is
spelt `IP` as well, ids have blanks in front.  Unknown fields are nobody's business, missing ones are unknown.
Fields: "DescribeNetworkInterfaces", "DescribeEipAddresses" and others in the cloud's API reference (2026).
"""

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

from eip_agent.core.facts import CloudFact, Unread
from eip_agent.core.message import said, say
from eip_agent.core.openapi import (
    ASIDE,
    LEFT_OUT,
    ApiEniFact,
    ApiFact,
    Bound,
    Denied,
    DnatFact,
    EipFact,
    LimitFact,
    Unanswered,
)
from eip_agent.core.silence import Silence
from eip_agent.sources import openapi_items as items
from eip_agent.sources.document import as_mac
from eip_agent.sources.openapi_call import PARTIAL, Call
from eip_agent.sources.openapi_fields import (
    Item,
    address_of,
    as_address,
    as_list,
    as_mapping,
    id_of,
    is_true,
    lowered,
    objects_at,
    quoted,
    text_of,
    words_of,
)

if TYPE_CHECKING:
    from eip_agent.sources.openapi_vpc import Around

T = TypeVar("T")


def decode(document: object, cloud: CloudFact) -> ApiFact:
    """Read what `eip_agent.openapi.round.ask` gives.  Never raises: doubt is in `unread`."""
    whole = as_mapping(document)
    error = as_mapping(whole.get("error"))
    if error:
        code, message = text_of(error, "code"), words_of(error)
        path = "openapi/credentials" if code == "Credentials" else "openapi"
        says = message or code or say("it failed")
        return ApiFact(unread=(Unread(path, says),), unanswered=(Unanswered("", items.silence_of(code), says),))
    if not isinstance(whole.get("calls"), list):
        return ApiFact(unread=(Unread("openapi", say("the process that asks ended without an answer")),))
    return _Reader([Call(as_mapping(call)) for call in as_list(whole.get("calls"))], cloud).read()


class _Reader:
    """Collects from all calls."""

    def __init__(self, calls: list[Call], cloud: CloudFact) -> None:
        self._calls = calls
        self._cloud = cloud
        self._unread: list[Unread] = []
        self._doubtful: set[str] = set()
        """ENIs and instances of which something about an EIP could not be read."""

    def read(self) -> ApiFact:
        """Everything that was asked."""
        denied: dict[str, Denied] = {}
        failed: dict[tuple[str, str], Unanswered] = {}
        for call in self._calls:
            action = f"{call.product}:{call.action}"
            if call.denied:
                denied.setdefault(action, Denied(action, call.message or call.code))
            elif call.failed and action not in LEFT_OUT:
                said = call.message or call.code
                if call.code and call.message:
                    said = say("{code}: {message}", code=call.code, message=call.message)
                if action not in ASIDE:
                    self._note(call, said)
                why = items.silence_of(call.code)
                failed.setdefault((action, why.value), Unanswered(action, why, said))
        around = self._around()
        for action in around.odd if around is not None else ():
            failed.setdefault((action, Silence.ODD.value), Unanswered(action, Silence.ODD, PARTIAL))
        enis = self._list("DescribeNetworkInterfaces", self._eni, "NetworkInterfaceSets", "NetworkInterfaceSet")
        eips = self._eips()
        instance = self._instance()
        return ApiFact(
            enis=enis,
            eips=eips,
            asked=self._asked(enis, eips),
            static_ip=self._static_ip(instance),
            network_type=text_of(instance, "InstanceNetworkType").lower() or None,
            dnat=self._dnat(enis),
            havips=self._list("DescribeHaVips", items.havip, "HaVips", "HaVip"),
            denied=tuple(denied.values()),
            unread=tuple(dict.fromkeys(self._unread)),
            unanswered=tuple(failed.values()),
            limits=self._limits(),
            vpcs=around.vpcs if around is not None else (),
            ipv6s=around.ipv6s if around is not None else (),
        )

    def _around(self) -> "Around | None":
        """What the VPC keeps from the Internet; None where nobody asked."""
        if not any(f"{call.product}:{call.action}" in ASIDE for call in self._calls):
            return None
        from eip_agent.sources import openapi_vpc  # noqa: PLC0415  only who explains asks

        return openapi_vpc.read(self._calls)

    def _note(self, call: Call, reason: str) -> None:
        self._unread.append(Unread(call.path, reason))

    def _of(self, action: str) -> list[Call]:
        return [call for call in self._calls if call.action == action]

    def _list(self, action: str, convert: Callable[[Item], T], outer: str, inner: str) -> tuple[T, ...] | None:
        """What all calls of an action list, each once; None where there was none, or one of them failed."""
        calls = self._of(action)
        if not calls or any(call.failed for call in calls):
            return None
        found = [self._converted(call, item, convert) for call in calls for item in call.found(outer, inner)]
        partial = [call for call in calls if not call.is_whole(outer, inner)]
        for call in partial:
            self._note(call, PARTIAL)
        return None if partial else tuple(dict.fromkeys(fact for fact in found if fact is not None))

    def _converted(self, call: Call, item: Item, convert: Callable[[Item], T]) -> T | None:
        try:
            return convert(item)
        except ValueError as error:
            self._note(call, said(error))
            return None

    # --- EIPs ---------------------------------------------------------------------------------------------------------

    def _eips(self) -> tuple[EipFact, ...]:
        """Each EIP once; none of which two answers say different things."""
        found: dict[IPv4Address, EipFact] = {}
        torn: set[IPv4Address] = set()
        for call in self._of("DescribeEipAddresses"):
            for item in call.found("EipAddresses", "EipAddress"):
                eip = self._converted(call, item, items.eip)
                if eip is None:
                    self._doubtful |= {call.of, text_of(item, "InstanceId")}
                    continue
                if call.of and (eip.instance_id != call.of or eip.bound not in {Bound.ENI, Bound.ECS}):
                    # It was asked for by what it is bound to, and says something else, or nothing.
                    self._doubtful.add(call.of)
                    self._note(call, say("{eip} is not said to be bound to it", eip=eip.address))
                before = found.setdefault(eip.address, eip)
                if before != eip:
                    # It changed between two answers of this round; the next one will know.
                    torn.add(eip.address)
                    self._doubtful |= {before.instance_id, eip.instance_id, call.of}
                    self._note(call, say("{eip} is not the same in two answers", eip=eip.address))
        gateways = self._gateways()
        return tuple(items.with_gateway(eip, gateways) for eip in found.values() if eip.address not in torn)

    def _gateways(self) -> dict[tuple[str, IPv4Address], tuple[IPv4Address, int]]:
        """By ENI and EIP: gateway and prefix length."""
        found = {}
        for call in self._of("DescribeEipGatewayInfo"):
            for answer in call.answers:
                code = text_of(as_mapping(answer), "Code")
                if code not in {"", "200"}:
                    self._note(call, f"code {quoted(code)}")
            for item in call.found("EipInfos", "EipInfo"):
                info = self._converted(call, lowered(item), items.gateway)
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
                self._note(call, PARTIAL)
            if not whole_list or call.of in self._doubtful:
                continue
            if call.of == self._cloud.instance_id:
                instance_whole = True
            elif call.of in seen:
                whole.add(call.of)
            elif enis is not None:
                self._note(call, say("these credentials do not see the ENI: is it another account's?"))
        return frozenset(whole if instance_whole else whole - primary)

    # --- the others ---------------------------------------------------------------------------------------------------

    def _eni(self, item: Item) -> ApiEniFact:
        eni_id = id_of(item, "NetworkInterfaceId")
        mac = as_mac(item.get("MacAddress"))
        if mac is None:
            raise ValueError(
                say("{eni_id}: {item} is no MAC address", eni_id=eni_id, item=quoted(item.get("MacAddress")))
            )
        sets = list(objects_at(item, "PrivateIpSets", "PrivateIpSet"))
        first = [address for one in sets if is_true(one.get("Primary")) for address in self._private(one, eni_id)]
        others = [address for one in sets for address in self._private(one, eni_id)]
        return ApiEniFact(
            eni_id=eni_id,
            mac=mac,
            primary=text_of(item, "Type") == "Primary",
            status=text_of(item, "Status"),
            private_ipv4s=tuple(dict.fromkeys([*self._private(item, eni_id), *first, *others])),
            service_managed=is_true(item.get("ServiceManaged")),
            vpc=text_of(item, "VpcId"),
            vswitch=text_of(item, "VSwitchId"),
        )

    def _private(self, item: Item, of: str) -> list[IPv4Address]:
        if not text_of(item, "PrivateIpAddress"):
            return []
        try:
            return [address_of(item, "PrivateIpAddress")]
        except ValueError as error:
            self._unread.append(Unread(f"openapi/DescribeNetworkInterfaces/{of}", said(error)))
            return []

    def _instance(self) -> Item:
        return next((as_mapping(call.answers[0]) for call in self._of("DescribeInstanceAttribute") if call.answers), {})

    def _limits(self) -> LimitFact | None:
        found = [
            item for call in self._of("DescribeInstanceTypes") for item in call.found("InstanceTypes", "InstanceType")
        ]
        wanted = (items.limits(item) for item in found)
        return next((one for one in wanted if one.instance_type == self._cloud.instance_type), None)

    def _static_ip(self, instance: Item) -> IPv4Address | None:
        addresses = as_list(as_mapping(instance.get("PublicIpAddress")).get("IpAddress"))
        try:
            return as_address(addresses[0]) if addresses else None
        except ValueError as error:
            self._unread.append(Unread("openapi/DescribeInstanceAttribute", said(error)))
            return None

    def _dnat(self, enis: tuple[ApiEniFact, ...] | None) -> tuple[DnatFact, ...] | None:
        """The entries that lead here; None unless every gateway was read to its end."""
        gateways = self._of("DescribeNatGateways")
        if not gateways or not all(call.is_whole("NatGateways", "NatGateway") for call in gateways):
            return None
        entries = self._of("DescribeForwardTableEntries")
        wanted = {
            text_of(item, "NatGatewayId") for call in gateways for item in call.found("NatGateways", "NatGateway")
        }
        whole = all(call.is_whole("ForwardTableEntries", "ForwardTableEntry") for call in entries)
        if not whole or not wanted - {""} <= {call.of for call in entries}:
            return None
        own = {address for eni in enis or () for address in eni.private_ipv4s}
        own |= {address for eni in self._cloud.enis for address in eni.private_ipv4s or ()}
        found = [
            self._converted(call, item, lambda item, call=call: items.dnat_entry(item, call.of))  # type: ignore[misc]
            for call in entries
            for item in call.found("ForwardTableEntries", "ForwardTableEntry")
        ]
        return tuple(dict.fromkeys(entry for entry in found if entry is not None and entry.internal in own))
