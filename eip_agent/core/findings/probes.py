"""EIP50x: what was tried out and did not work.  Only where `explain --probe` tried; what was not sent finds nothing."""

from collections.abc import Iterator
from typing import Final

from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import say, text
from eip_agent.core.probed import Probed, Probes, Reply
from eip_agent.core.scene import Scene

_FAILED: Final = frozenset((Reply.SILENT, Reply.REFUSED))
_STRAYING: Final = frozenset(("EIP105", "EIP110", "EIP111", "EIP112", "EIP141", "EIP142", "EIP251", "EIP254", "EIP501"))
"""What keeps packets of an address, or their replies, from their way: a connection that fails says nothing more."""

GATEWAY = Kind(
    "EIP501",
    Severity.ERROR,
    text("a gateway does not answer on the link of its ENI"),
    saw=text("the gateway {gateway} answers no {question} of {address} on {link}"),
    means=text("nothing that {link} sends by it gets anywhere, and no reply leaves there"),
    do=text(
        "see in the console that the ENI is attached (`InUse`); then watch the question leave, and if no answer comes, "
        "ask the cloud's support"
    ),
    commands=("tcpdump -nei {link} 'arp or icmp6'",),
    proof="tests/lab/findings/test_probes.py; RFC 826; RFC 4861",
    caused_by=frozenset(("EIP105", "EIP110")),
)
METADATA = Kind(
    "EIP502",
    Severity.WARNING,
    text("an address does not reach the metadata service"),
    saw=text("a connection from {address} on {link} to {target} fails ({reason})"),
    means=text(
        "programs that are bound to it reach neither metadata nor, most likely, DNS and other services of the cloud in "
        "100.64.0.0/10"
    ),
    do=text("see by which way such packets leave, and whether a local firewall drops them"),
    commands=("eip-agent explain path --from {address} --to {host} --dport {port}", "nft list ruleset"),
    proof="tests/lab/findings/test_probes.py; cloud documentation: instance metadata",
    caused_by=_STRAYING,
)
OUTSIDE = Kind(
    "EIP503",
    Severity.WARNING,
    text("an address does not reach the Internet"),
    saw=text("a connection from {address} on {link} to {target} fails ({reason}), while others reach it"),
    means=text("programs that are bound to it do not reach the Internet, though the EIP {eip} is known for it"),
    do=text(
        "see by which way it leaves; then look at the security groups of the ENI and the network ACL of its vSwitch, "
        "and in the console whether the EIP is still bound to it and not locked"
    ),
    commands=("eip-agent explain path --from {address} --to {host} --dport {port}", "eip-agent explain eip {eip}"),
    proof="tests/lab/findings/test_probes.py",
    caused_by=_STRAYING | {"EIP451"},
)
NOBODY = Kind(
    "EIP504",
    Severity.WARNING,
    text("no address reaches the target of the settings"),
    saw=text("no connection to {target} from any of {addresses} succeeds ({reason})"),
    means=text("the target may be down, or something stops all of them alike"),
    do=text(
        "see from elsewhere whether the target answers, and whether `probe` in the settings names the right one; then "
        "look at security groups and network ACLs, and for an IPv4 gateway in the VPC"
    ),
    proof="tests/lab/findings/test_probes.py",
    caused_by=frozenset(("EIP105", "EIP501")),
)
ANOTHER = Kind(
    "EIP505",
    Severity.WARNING,
    text("the Internet sees an address as another than expected"),
    saw=text("{echo} sees {address} as {seen}, and not as {expected}"),
    means=text(
        "the EIP was bound elsewhere after it was last looked at, or is declared wrongly, or something on the way "
        "translates, such as a NAT gateway or a proxy"
    ),
    do=text("compare with the console; correct `[[eip]]` in the settings, or let the OpenAPI be asked"),
    commands=("eip-agent explain eip {expected}",),
    proof="tests/lab/findings/test_probes.py",
    caused_by=frozenset(("EIP105", "EIP501")),
)

KINDS = (GATEWAY, METADATA, OUTSIDE, NOBODY, ANOTHER)


def tried(scene: Scene) -> Iterator[Finding]:
    """What did not work."""
    probes = scene.report.probes
    if probes is None:
        return
    told: set[tuple[str, object]] = set()
    for row in probes.rows:
        if row.arp is not None and row.arp.reply is Reply.SILENT and (row.link, row.gateway) not in told:
            told.add((row.link, row.gateway))
            question = "ARP" if row.address.version == 4 else "ND"
            served = [str(one.address) for one in probes.rows if (one.link, one.gateway) == (row.link, row.gateway)]
            yield GATEWAY.on(
                f"{row.link} {row.gateway}",
                about=(row.link, *served),
                gateway=row.gateway,
                question=question,
                address=row.address,
                link=row.link,
            )
    yield from _metadata(probes)
    yield from _outside(probes)
    for row in probes.rows:
        if row.seen is not None and row.seen.seen is not None and row.expected not in (None, row.seen.seen):
            yield ANOTHER.on(
                f"{row.link} {row.address}",
                about=(str(row.address), str(row.expected)),
                echo=probes.echo,
                address=row.address,
                seen=row.seen.seen,
                expected=row.expected,
            )


def _metadata(probes: Probes) -> Iterator[Finding]:
    for row in probes.rows:
        failed = row.metadata is not None and row.metadata.reply in _FAILED
        if row.services and failed and row.metadata is not None and probes.metadata is not None:
            yield METADATA.on(
                f"{row.link} {row.address}",
                about=(row.link, str(row.address)),
                address=row.address,
                link=row.link,
                target=probes.metadata,
                host=probes.metadata.host,
                port=probes.metadata.port,
                reason=_reason(row.metadata.why),
            )


def _outside(probes: Probes) -> Iterator[Finding]:
    """Only of addresses with an EIP; one finding where none of any kind gets there.

    An IPv6 address may well be without bandwidth on the Internet, which is nothing wrong.
    """
    ipv4 = [row for row in probes.rows if row.address.version == 4]
    asked = [row for row in ipv4 if row.outside is not None and row.outside.reply is not Reply.UNSENT]
    failed = [row for row in asked if row.outside is not None and row.outside.reply in _FAILED]
    with_eip = [row for row in failed if row.expected is not None]
    if with_eip and len(failed) == len(asked):
        yield NOBODY.on(
            str(probes.target),
            about=_about(with_eip),
            target=probes.target,
            addresses=tuple(str(row.address) for row in with_eip),
            reason=_reason(with_eip[0].outside.why if with_eip[0].outside else ""),
        )
        return
    for row in with_eip:
        if row.outside is not None and probes.target is not None:
            yield OUTSIDE.on(
                f"{row.link} {row.address}",
                about=_about([row]),
                address=row.address,
                link=row.link,
                target=probes.target,
                host=probes.target.host,
                port=probes.target.port,
                reason=_reason(row.outside.why),
                eip=row.expected,
            )


def _about(rows: list[Probed]) -> tuple[str, ...]:
    return tuple(name for row in rows for name in (row.link, str(row.address)))


def _reason(why: str) -> str:
    return why or say("no answer")


FINDERS = (tried,)
