"""EIP10x: links, and which ENI they are."""

from collections.abc import Iterator

from eip_agent.core.facts import EniFact, LinkFact
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import text
from eip_agent.core.numbers import DEVICE_GROUP
from eip_agent.core.pairing import candidates
from eip_agent.core.scene import Scene

NO_LINK = Kind(
    "EIP101",
    Severity.WARNING,
    text("an ENI has no link here"),
    saw=text("no link in this network namespace has its MAC address {mac}"),
    means=text("it is being attached or detached, or was moved into another namespace; it is left alone"),
    do=text("see whether the link is there; exclude the ENI in the settings if another program uses it"),
    commands=("ip -br link",),
    proof="tests/lab/findings/test_links.py; netlink(7)",
)
TWINS = Kind(
    "EIP102",
    Severity.WARNING,
    text("several links have the MAC address of one ENI"),
    saw=text("several links have its MAC address: {links}"),
    means=text("which of them the cloud delivers to is not known, so it is left alone"),
    do=text("give all but one of them another MAC address, or enslave the virtual function"),
    proof="tests/lab/findings/test_links.py",
)
ENSLAVED = Kind(
    "EIP103",
    Severity.NOTE,
    text("the link of an ENI belongs to another device"),
    saw=text("its link {link} belongs to a bridge, bond or failover device"),
    means=text("its traffic is another program's business, so it is left alone"),
    do=text("nothing; exclude the ENI in the settings to silence this"),
    proof="tests/lab/findings/test_links.py",
)
UNLISTED = Kind(
    "EIP104",
    Severity.NOTE,
    text("a link looks like an ENI, and the metadata service does not list it"),
    saw=text("the metadata service does not list the MAC address {mac}"),
    means=text("it was attached a moment ago or is about to be detached; what is configured on it stays as it is"),
    do=text("run `eip-agent apply` again in a few seconds"),
    commands=("eip-agent apply",),
    proof="tests/lab/findings/test_links.py",
)
GROUP = Kind(
    "EIP106",
    Severity.WARNING,
    text("somebody else has put an ENI's link into a device group"),
    saw=text("the link is in device group {group}, which somebody else has given it"),
    means=text("it keeps that group, so `main`'s routes by this link win over the source routing of the other ENIs"),
    do=text("if nothing needs that group, take the link out of it"),
    commands=("ip link set {link} group default", "eip-agent apply"),
    proof="ip-link(8); ip-rule(8) suppress_ifgroup",
)
IPV6_OFF = Kind(
    "EIP107",
    Severity.WARNING,
    text("IPv6 is switched off on the link of an ENI that has IPv6 addresses"),
    saw=text("IPv6 is switched off on the link, and the cloud has given it IPv6 addresses"),
    means=text("nothing of IPv6 is configured on it; IPv4 is"),
    do=text("switch it on, or set `leave.ipv6` in the settings"),
    commands=("sysctl net.ipv6.conf.{link}.disable_ipv6=0", "eip-agent apply"),
    proof="ip-sysctl (kernel documentation), disable_ipv6",
)
TAKEN = Kind(
    "EIP108",
    Severity.NOTE,
    text("a container has an address of an ENI"),
    saw=text("an address of an ENI is routed to a device that is no ENI, as a network plug-in does for a container"),
    means=text("it is left to the container: it is not put on the ENI's link"),
    do=text("nothing; exclude the address in the settings to silence this"),
    proof="tests/lab/findings/test_links.py",
)

KINDS = (NO_LINK, TWINS, ENSLAVED, UNLISTED, GROUP, IPV6_OFF, TAKEN)


def unpaired(scene: Scene) -> Iterator[Finding]:
    """ENIs without a usable link, and hardware that looks like an ENI and that the metadata service does not know."""
    if scene.cloud is None:
        return
    found = candidates(scene.kernel.links)
    for eni in scene.cloud.enis:
        if eni.mac not in scene.settings.exclude_macs and eni.eni_id not in scene.settings.exclude_enis:
            yield from _unpaired(eni, found.get(eni.mac, []))
    known = {eni.mac for eni in scene.cloud.enis}
    for mac, links in sorted(found.items()):
        if mac not in known and mac.startswith("00:16:3e:"):
            name = links[0].link.name
            yield UNLISTED.on(name, about=(name,), mac=mac)


def _unpaired(eni: EniFact, links: list[LinkFact]) -> Iterator[Finding]:
    free = [link for link in links if link.master is None]
    subject = eni.eni_id or f"ENI {eni.mac}"
    names = tuple(link.link.name for link in links)
    if len(free) > 1:
        yield TWINS.on(subject, about=names, links=tuple(link.link.name for link in free))
    elif links and not free:
        yield ENSLAVED.on(subject, about=names, link=names[0])
    elif not links:
        yield NO_LINK.on(subject, about=(eni.mac,), mac=eni.mac)


def groups(scene: Scene) -> Iterator[Finding]:
    """Links that somebody else has put into a device group."""
    for story in scene.report.stories:
        name = story.link.link.name
        if story.link.group not in (0, DEVICE_GROUP):
            yield GROUP.on(name, about=(name,), link=name, group=story.link.group)


def without_ipv6(scene: Scene) -> Iterator[Finding]:
    """Links on which somebody has switched IPv6 off, of ENIs that have IPv6 addresses."""
    for story in scene.report.stories:
        name = story.link.link.name
        if story.eni.ipv6s and not story.link.ipv6 and not scene.settings.leave_ipv6:
            yield IPV6_OFF.on(name, about=(name,), link=name)


def taken(scene: Scene) -> Iterator[Finding]:
    """Addresses of ENIs that a container has: one finding for all."""
    excluded = scene.settings.exclude_addresses
    told = [ip for ip in scene.kernel.taken if not any(ip in net for net in excluded)]
    if told:
        addresses = [str(ip) for ip in sorted(told, key=lambda ip: (ip.version, int(ip)))]
        yield TAKEN.on(", ".join(addresses), about=addresses)


FINDERS = (unpaired, groups, without_ipv6, taken)
