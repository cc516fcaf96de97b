"""EIP30x to EIP32x, EIP401: what the sources say, and where they contradict each other or are silent."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from eip_agent.core.age import age
from eip_agent.core.claims import GONE, eips_of
from eip_agent.core.facts import RuleFact, Unread
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import Message, say, text
from eip_agent.core.openapi import LEFT_OUT, policy
from eip_agent.core.ownership import is_our_rule
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.verdict import Certainty

if TYPE_CHECKING:
    from eip_agent.core.surroundings import RuleSeen

_BLIND: Final = frozenset(("metadata private-ipv4s", "DHCP offer"))
"""Sources of evidence that cannot see an EIP in multi-EIP-visible mode."""

STRANGER = Kind(
    "EIP201",
    Severity.WARNING,
    text("somebody else's rule stands among ours"),
    saw=text("a rule that eip-agent did not make stands among its priorities"),
    means=text("it stays, and may win over the source routing of an EIP"),
    do=text("if nothing needs it, delete it"),
    commands=("{ip} rule del {rule}",),
    proof="tests/lab/findings/test_links.py; ip-rule(8)",
    caused_by=frozenset(("EIP141",)),
)
UNDECIDED = Kind(
    "EIP301",
    Severity.ERROR,
    text("the binding mode of an ENI is undecided"),
    saw=text("{contradiction}"),
    means=text("the binding mode is undecided: what is configured stays as it is, and nothing is added"),
    do=text("{remedy}"),
    proof="tests/core/test_judge.py; tests/lab/test_sources.py",
    caused_by=frozenset(("EIP402", "EIP403", "EIP440")),
)
STALE_LEASE = Kind(
    "EIP302",
    Severity.WARNING,
    text("a DHCP client holds an address that the cloud would not give any more"),
    saw=text("the DHCP client holds {held}, while the cloud now offers {offered}"),
    means=text("the binding mode was changed after the lease was given; eip-agent follows the offer"),
    do=text("renew the lease, so that the old address goes, with the command of the DHCP client that runs here"),
    commands=("networkctl renew {link}", "nmcli device reapply {link}", "dhclient -r {link} && dhclient {link}"),
    proof="tests/lab/findings/test_sources.py",
    caused_by=frozenset(("EIP440",)),
)
TURNED = Kind(
    "EIP303",
    Severity.NOTE,
    text("the binding mode of an ENI has changed"),
    saw=text("its binding mode was {former} {age} ago, and is {mode}"),
    means=text("the ENI is configured anew by the new mode; connections to the old address end"),
    do=text("nothing, if you changed it; else see who may call ModifyEipForwardMode and AssociateEipAddress"),
    proof="tests/lab/findings/test_sources.py",
    caused_by=frozenset(("EIP440",)),
)
UNKNOWABLE = Kind(
    "EIP304",
    Severity.NOTE,
    text("EIPs in multi-EIP-visible mode cannot be seen from here"),
    saw=text("whether EIPs are bound in multi-EIP-visible mode cannot be known without the OpenAPI ({why})"),
    means=text("if there are any, they are not configured; all else is configured as what was seen says"),
    do=text(
        "nothing, if there are none; else let the instance ask the OpenAPI by a RAM role, "
        "or declare those EIPs in the settings"
    ),
    proof="tests/lab/findings/test_sources.py",
    caused_by=frozenset(("EIP312",)),
)
DEAF = Kind(
    "EIP305",
    Severity.NOTE,
    text("a link is down, so that it cannot be asked for a DHCP offer"),
    saw=text("the link is down, so it cannot be asked what the cloud offers it by DHCP"),
    means=text("whether its ENI is in EIP-visible mode is not known for sure"),
    do=text("nothing: `eip-agent apply` brings it up and asks before it adds anything"),
    commands=("eip-agent apply",),
    proof="tests/lab/findings/test_sources.py",
)
UNHEARD = Kind(
    "EIP306",
    Severity.NOTE,
    text("a link was asked for a DHCP offer, and has none"),
    saw=text("it was asked for a DHCP offer, and there is none to use: {why}"),
    means=text("whether the ENI is in EIP-visible mode is taken from what else is known"),
    do=text("nothing, if the mode is right; else let the OpenAPI be asked, or declare the EIP in the settings"),
    proof="tests/lab/findings/test_sources.py",
    caused_by=frozenset(("EIP110",)),
)
DENIED = Kind(
    "EIP311",
    Severity.WARNING,
    text("a call of the OpenAPI is not allowed"),
    saw=text("the call is not allowed: {says}"),
    means=text("what it would tell is unknown; the other calls were made all the same"),
    do=text("allow it in the policy of the instance's RAM role; all that eip-agent reads is: {policy}"),
    proof="tests/lab/test_openapi_service.py; README, RAM policy",
)
SILENT = Kind(
    "EIP321",
    Severity.WARNING,
    text("the metadata service is silent, and its last answer is used"),
    saw=text("it tells nothing now, so what it said {age} ago is used"),
    means=text("what was right then is configured; nothing is removed by it"),
    do=text("make it tell again: another finding says why it does not, and what to do about it"),
    proof="tests/lab/findings/test_sources.py",
)
RELEASED = Kind(
    "EIP401",
    Severity.WARNING,
    text("an EIP is no longer bound to an ENI of this instance"),
    saw=text("the EIP is no longer bound to {eni}; {where}"),
    means=text("{outcome}"),
    do=text("nothing, if you unbound it; else bind it again"),
    proof="tests/lab/findings/test_sources.py",
    caused_by=frozenset(("EIP402", "EIP403", "EIP405", "EIP440", "EIP444")),
)

KINDS = (
    STRANGER,
    UNDECIDED,
    STALE_LEASE,
    TURNED,
    UNKNOWABLE,
    DEAF,
    UNHEARD,
    DENIED,
    SILENT,
    RELEASED,
)


def subject_of(story: Story) -> str:
    """An ENI by link and id: `eth1 eni-bp1...`."""
    return f"{story.link.link.name} {story.eni.eni_id or story.eni.mac}"


def contradictions(scene: Scene) -> Iterator[Finding]:
    """ENIs whose mode is undecided."""
    for story in scene.report.stories:
        if not story.verdict.decided and not story.excluded:
            verdict = story.verdict
            yield UNDECIDED.on(
                subject_of(story),
                about=(story.link.link.name,),
                contradiction=verdict.contradiction,
                remedy=verdict.remedy,
            )


def strangers(scene: Scene) -> Iterator[Finding]:
    """Rules of others among our priorities."""
    for rule in scene.kernel.rules:
        if not is_our_rule(rule):
            from eip_agent.core.spelling import spelled  # noqa: PLC0415  only where there is one

            ip = "ip -6" if rule.family == 6 else "ip"
            yield STRANGER.on(
                f"{ip} rule {rule.priority}",
                about=(f"rule {rule.priority}",),
                ip=ip,
                rule=spelled(_whole(rule, scene)) + (f" protocol {rule.protocol}" if rule.protocol else ""),
            )


def _whole(rule: RuleFact, scene: Scene) -> "RuleSeen":
    """The rule with all that it asks for, as far as that was read.

    The kernel deletes the first rule that is like what it is told: by the priority alone, that may be one of ours.
    """
    from eip_agent.core.surroundings import RuleSeen  # noqa: PLC0415  as above

    known = RuleSeen(
        rule.family,
        rule.priority,
        "goto" if rule.goto is not None else "nop" if rule.nop else "lookup",
        rule.table,
        rule.goto,
        rule.source,
        incoming="lo" if rule.source is not None and not rule.forwarded else None,
        outgoing=rule.device,
        suppress_length=rule.suppress_length,
        suppress_group=rule.suppress_group,
        protocol=rule.protocol,
    )
    if rule.plain:
        return known
    around = scene.surroundings
    alike = [
        one
        for one in (around.rules if around is not None else None) or ()
        if (one.family, one.priority, one.source, one.outgoing, one.table, one.goto, one.protocol)
        == (rule.family, rule.priority, rule.source, rule.device, rule.table, rule.goto, rule.protocol)
    ]
    return alike[0] if alike else known


def stale_leases(scene: Scene) -> Iterator[Finding]:
    """Leases older than a change of mode: the cloud now offers another address than the DHCP client holds."""
    for story in scene.report.stories:
        link = story.link.link
        offer = next((offer for offer in scene.witnesses.offers if offer.link == link.index), None)
        held = [
            fact.ip for fact in scene.kernel.addresses if fact.link == link.index and fact.leased and fact.universal
        ]
        leases = tuple(str(ip) for ip in held if ip.version == 4)
        if offer is not None and leases and str(offer.address) not in leases:
            yield STALE_LEASE.on(link.name, about=(link.name,), link=link.name, held=leases, offered=offer.address)


def turned(scene: Scene) -> Iterator[Finding]:
    """ENIs whose mode is another than when it was last decided."""
    known = scene.witnesses.known
    if known is None:
        return
    former = {seen.mac: seen.mode for seen in known.modes}
    for story in scene.report.stories:
        mode = former.get(story.eni.mac)
        if mode is not None and story.verdict.decided and mode is not story.verdict.mode:
            yield TURNED.on(
                subject_of(story),
                about=(story.link.link.name,),
                former=mode.value,
                age=age(scene.witnesses.now - known.saved_at),
                mode=story.verdict.mode.value,
            )


def released(scene: Scene) -> Iterator[Finding]:
    """EIPs that were bound to an ENI when the OpenAPI was last asked, and are no more."""
    former, api, cloud = scene.witnesses.api_before, scene.witnesses.api, scene.cloud
    if former is None or api is None or cloud is None:
        return
    for story in scene.report.stories:
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
            yield RELEASED.on(
                f"{story.link.link.name} {address}",
                about=(str(address),),
                eni=story.eni.eni_id,
                where=say("it is bound to {instance} now", instance=there.instance_id)
                if there and there.instance_id
                else say("it is bound to nothing here"),
                outcome=say("it no longer reaches this ENI, and what was configured for it is taken back")
                if story.verdict.decided
                else say("it no longer reaches this ENI; what was configured for it stays while the mode is undecided"),
            )


def unknowable(scene: Scene) -> Iterator[Finding]:
    """Secondary ENIs of which nobody says whether they have EIPs in multi-EIP-visible mode: one finding for all.

    DHCP offers them their private address all the same, and the metadata service does not list such EIPs.
    """
    api = scene.witnesses.api
    names = [
        story.link.link.name
        for story in scene.report.stories
        if not story.primary
        and story.verdict.certainty is Certainty.PROBABLE
        and all(evidence.source in _BLIND for evidence in story.verdict.because)
    ]
    if names:
        failed = (*api.unread, *(Unread(one.action, one.says) for one in api.denied)) if api is not None else ()
        why = (
            say("{place}: {reason}", place=failed[0].path, reason=failed[0].reason)
            if failed
            else say("the OpenAPI was not asked")
        )
        yield UNKNOWABLE.on(", ".join(names), about=names, why=why)


def denied(scene: Scene) -> Iterator[Finding]:
    """Calls of the OpenAPI that lack a right."""
    api = scene.witnesses.api
    for one in api.denied if api is not None else ():
        if one.action in LEFT_OUT:
            continue
        yield DENIED.on(f"OpenAPI {one.action}", says=one.says, policy=policy())


def deaf(scene: Scene) -> Iterator[Finding]:
    """Links that are down and would be asked."""
    for link in scene.asleep:
        yield DEAF.on(link.link.name, about=(link.link.name,))


def silence(span: Message) -> Finding:
    """The metadata service does not answer, and what it said that long ago is used."""
    return SILENT.on(say("metadata service"), age=span)


def unheard(links: tuple[str, ...], why: str) -> Finding:
    """These links have no offer, all for the same reason."""
    return UNHEARD.on(", ".join(links), about=links, why=why)


FINDERS = (contradictions, strangers, stale_leases, turned, released, unknowable, denied, deaf)
