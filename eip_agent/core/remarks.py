"""The remarks: one generator for each thing that the operator should know besides the plan."""

from collections.abc import Iterator, Sequence
from typing import Final

from eip_agent.core.facts import CloudFact, KernelFact, Unread
from eip_agent.core.judge import GONE, eips_of
from eip_agent.core.known import Known, age
from eip_agent.core.numbers import DEVICE_GROUP
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import ApiFact, policy
from eip_agent.core.ownership import is_our_rule
from eip_agent.core.pairing import Port
from eip_agent.core.remark import Remark
from eip_agent.core.report import Story
from eip_agent.core.settings import Settings
from eip_agent.core.verdict import Certainty

_BLIND: Final = frozenset(("metadata private-ipv4s", "DHCP offer"))
"""Sources of evidence that cannot see an EIP in multi-EIP-visible mode."""


def contradictions(stories: Sequence[Story]) -> Iterator[Remark]:
    """ENIs whose mode is undecided."""
    for story in stories:
        if not story.verdict.decided and not story.excluded:
            yield Remark(
                f"{story.link.link.name} {story.eni.eni_id or story.eni.mac}",
                story.verdict.contradiction,
                "the binding mode is undecided: what is configured stays as it is, and nothing is added",
                story.verdict.remedy,
            )


def groups(ports: Sequence[Port]) -> Iterator[Remark]:
    """Links that somebody else has put into a device group."""
    for port in ports:
        if port.link.group not in (0, DEVICE_GROUP):
            yield Remark(
                port.link.link.name,
                f"the link is in device group {port.link.group}, which somebody else has given it",
                "it keeps that group, so `main`'s routes by this link win over the source routing of the other ENIs",
                f"if nothing needs it: `ip link set {port.link.link.name} group default`, then `eip-agent apply`",
            )


def without_ipv6(ports: Sequence[Port], settings: Settings) -> Iterator[Remark]:
    """Links on which somebody has switched IPv6 off, of ENIs that have IPv6 addresses."""
    for port in ports:
        if port.eni.ipv6s and not port.link.ipv6 and not settings.leave_ipv6:
            name = port.link.link.name
            yield Remark(
                name,
                "IPv6 is switched off on the link, and the cloud has given it IPv6 addresses",
                "nothing of IPv6 is configured on it; IPv4 is",
                f"`sysctl net.ipv6.conf.{name}.disable_ipv6=0` and `eip-agent apply`, or `leave.ipv6` in the settings",
            )


def strangers(kernel: KernelFact) -> Iterator[Remark]:
    """Rules of others among our priorities."""
    for rule in kernel.rules:
        if not is_our_rule(rule):
            yield Remark(
                f"{'ip -6' if rule.family == 6 else 'ip'} rule {rule.priority}",
                "a rule that eip-agent did not make stands among its priorities",
                "it stays, and may win over the source routing of an EIP",
                f"if nothing needs it: `ip {'-6 ' if rule.family == 6 else ''}rule del priority {rule.priority}`",
            )


def taken(kernel: KernelFact) -> Iterator[Remark]:
    """Addresses of ENIs that a container has: one remark for all."""
    if kernel.taken:
        yield Remark(
            ", ".join(map(str, sorted(kernel.taken, key=lambda ip: (ip.version, int(ip))))),
            "an address of an ENI is routed to a device that is no ENI, as a network plug-in does for a container",
            "it is left to the container: it is not put on the ENI's link",
            "nothing; exclude the address in the settings to silence this",
        )


def stale_leases(stories: Sequence[Story], kernel: KernelFact, offers: Sequence[OfferFact]) -> Iterator[Remark]:
    """Leases older than a change of mode: the cloud now offers another address than the DHCP client holds."""
    for story in stories:
        link = story.link.link
        offer = next((offer for offer in offers if offer.link == link.index), None)
        held = [fact.ip for fact in kernel.addresses if fact.link == link.index and fact.leased and fact.universal]
        leases = [str(ip) for ip in held if ip.version == 4]
        if offer is not None and leases and str(offer.address) not in leases:
            yield Remark(
                link.name,
                f"the DHCP client holds {', '.join(leases)}, while the cloud now offers {offer.address}",
                "the binding mode was changed after the lease was given; eip-agent follows the offer",
                f"renew the lease, so that the old address goes: `networkctl renew {link.name}`, "
                f"`nmcli device reapply {link.name}` or `dhclient -r {link.name} && dhclient {link.name}`",
            )


def turned(stories: Sequence[Story], known: Known | None, now: float) -> Iterator[Remark]:
    """ENIs whose mode is another than when it was last decided."""
    former = {seen.mac: seen.mode for seen in known.modes} if known is not None else {}
    for story in stories:
        mode = former.get(story.eni.mac)
        if known is not None and mode is not None and story.verdict.decided and mode is not story.verdict.mode:
            yield Remark(
                f"{story.link.link.name} {story.eni.eni_id or story.eni.mac}",
                f"its binding mode was {mode.value} {age(now - known.saved_at)} ago, and is {story.verdict.mode.value}",
                "the ENI is configured anew by the new mode; connections to the old address end",
                "nothing, if you changed it; else see who may call ModifyEipForwardMode and AssociateEipAddress",
            )


def released(
    stories: Sequence[Story], cloud: CloudFact, former: ApiFact | None, api: ApiFact | None
) -> Iterator[Remark]:
    """EIPs that were bound to an ENI when the OpenAPI was last asked, and are no more."""
    if former is None or api is None:
        return
    for story in stories:
        if story.eni.eni_id not in api.asked:
            continue
        before, after = (
            {
                eip.address
                for eip in eips_of(story.eni, cloud.instance_id, eips, primary=story.primary)
                if eip.status not in GONE
            }
            for eips in (former.eips, api.eips)
        )
        for address in sorted(before - after):
            there = next((eip for eip in api.eips if eip.address == address), None)
            where = (
                f"it is bound to {there.instance_id} now"
                if there and there.instance_id
                else "it is bound to nothing here"
            )
            yield Remark(
                f"{story.link.link.name} {address}",
                f"the EIP is no longer bound to {story.eni.eni_id}; {where}",
                "it no longer reaches this ENI, and what was configured for it is taken back"
                if story.verdict.decided
                else "it no longer reaches this ENI; what was configured for it stays while the mode is undecided",
                "nothing, if you unbound it; else bind it again",
            )


def unknowable(stories: Sequence[Story], api: ApiFact | None) -> Iterator[Remark]:
    """Secondary ENIs of which nobody says whether they have EIPs in multi-EIP-visible mode: one remark for all.

    DHCP offers them their private address all the same, and the metadata service does not list such EIPs.
    """
    names = [
        story.link.link.name
        for story in stories
        if not story.primary
        and story.verdict.certainty is Certainty.PROBABLE
        and all(evidence.source in _BLIND for evidence in story.verdict.because)
    ]
    if names:
        failed = (*api.unread, *(Unread(one.action, one.says) for one in api.denied)) if api is not None else ()
        why = f"{failed[0].path}: {failed[0].reason}" if failed else "the OpenAPI was not asked"
        yield Remark(
            ", ".join(names),
            f"whether EIPs are bound in multi-EIP-visible mode cannot be known without the OpenAPI ({why})",
            "if there are any, they are not configured; all else is configured as what was seen says",
            "nothing, if there are none; else let the instance ask the OpenAPI by a RAM role, "
            "or declare those EIPs in the settings",
        )


def denied(api: ApiFact | None) -> Iterator[Remark]:
    """Calls of the OpenAPI that lack a right."""
    for one in api.denied if api is not None else ():
        yield Remark(
            f"OpenAPI {one.action}",
            f"the call is not allowed: {one.says}",
            "what it would tell is unknown; the other calls were made all the same",
            f"allow it in the policy of the instance's RAM role; all that eip-agent reads is: {policy()}",
        )
