"""EIP113 to EIP119: addresses that are missing, that should not be there, or that have a wrong mask."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from eip_agent.core.desired import given, is_excluded
from eip_agent.core.facts import IPAddress
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.items import Address
from eip_agent.core.message import text
from eip_agent.core.networks import around
from eip_agent.core.report import Story
from eip_agent.core.residents import Resident, Role, mapping, named, residents, subject_of, tended
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode

MISSING = Kind(
    "EIP113",
    Severity.ERROR,
    text("an address that the cloud has given to an ENI is not on its link"),
    saw=text("the link lacks what the cloud has given to its ENI: {addresses}"),
    means=text("who sends there, or to an EIP that is translated to it, gets no answer; no program can bind to it"),
    do=text("put it on the link"),
    commands=("eip-agent apply",),
    proof="tests/lab/findings/test_addresses.py",
    caused_by=frozenset(("EIP105", "EIP301")),
)
UNLISTED = Kind(
    "EIP114",
    Severity.NOTE,
    text("an address of the vSwitch is on a link, and the metadata service does not list it"),
    saw=text("{address} is of the vSwitch {subnet}, and the metadata service does not list it for any ENI here"),
    means=text("it is an HAVIP, or somebody has put it there; the cloud drops its packets unless it knows of it"),
    do=text("nothing, if it is an HAVIP; else assign it to the ENI in the console, or take it away"),
    commands=("ip addr show dev {link}",),
    proof="tests/lab/findings/test_addresses.py",
)
DEAD = Kind(
    "EIP115",
    Severity.WARNING,
    text("a dead private address is on the link of an EIP-visible ENI"),
    saw=text("{address} is on the link, and the EIP {eip} has replaced the private address of this ENI"),
    means=text(
        "no packet for {address} comes in, and what is sent from it is dropped; "
        "the link answers ARP for it all the same"
    ),
    do=text("take it away"),
    commands=("ip addr del {address}/{length} dev {link}",),
    proof="tests/lab/findings/test_addresses.py; cloud documentation: associate an EIP with an ENI",
    caused_by=frozenset(("EIP302",)),
)
MAPPED = Kind(
    "EIP116",
    Severity.WARNING,
    text("an EIP in NAT mode was put on a link by hand"),
    saw=text("{address} is on the link, and is an EIP in NAT mode: the cloud's gateway translates it to {private}"),
    means=text(
        "packets for the EIP arrive for {private}, none for {address}; "
        "what a program sends from {address} is dropped by the cloud"
    ),
    do=text("take it away, and let programs listen on {private} or on all addresses"),
    commands=("ip addr del {address}/{length} dev {link}",),
    proof="tests/lab/findings/test_addresses.py; cloud documentation: associate an EIP with an ENI",
)
WIDE = Kind(
    "EIP117",
    Severity.WARNING,
    text("the mask of an address is too wide"),
    saw=text("{address} has the mask /{length}, and its subnet is {subnet}"),
    means=text("hosts outside it count as neighbours on {link}, and who is bound to no address looks for them there"),
    do=text("give it the mask of its subnet, here and where the address is configured"),
    commands=("ip addr del {address}/{length} dev {link}", "eip-agent apply"),
    proof="tests/lab/findings/test_addresses.py; ip-address(8)",
)
NARROW = Kind(
    "EIP118",
    Severity.NOTE,
    text("the mask of an address is narrower than its subnet"),
    saw=text("{address} has the mask /{length}, and its subnet is {subnet}"),
    means=text(
        "packets are routed by the tables of eip-agent, which know the subnet; only who reads the mask is misled"
    ),
    do=text("nothing; or give it the mask of its subnet where the address is configured"),
    proof="tests/lab/findings/test_addresses.py",
)
STRAYED = Kind(
    "EIP119",
    Severity.WARNING,
    text("an address is on the link of another ENI"),
    saw=text("{address} is on {link}, and the cloud has given it to the ENI of {home}"),
    means=text(
        "its packets come in by {home}, where nobody finds it once the link answers ARP for its own addresses only"
    ),
    do=text("take it away there; eip-agent puts it on {home}"),
    commands=("ip addr del {address}/{length} dev {link}", "eip-agent apply"),
    proof="tests/lab/findings/test_addresses.py",
)

KINDS = (MISSING, UNLISTED, DEAD, MAPPED, WIDE, NARROW, STRAYED)


def missing(scene: Scene) -> Iterator[Finding]:
    """Addresses of ENIs that are on no link, and that no container has: one finding for each ENI and IP version."""
    eips = mapping(scene)
    there = {fact.ip for fact in scene.kernel.addresses} | scene.kernel.taken
    planned = {change.after.ip for change in scene.report.plan if isinstance(change.after, Address)}
    for story in tended(scene):
        absent = sorted((ip for ip in _wanted(story, scene) if ip not in there), key=lambda ip: (ip.version, int(ip)))
        by_us = tuple(ip for ip in absent if ip in planned)
        by_hand = tuple(ip for ip in absent if ip not in planned)
        for ips, commands in ((by_us, None), (by_hand, tuple(_by_hand(story, by_hand)))):
            if ips:
                link = story.link.link.name
                about = (link, *map(str, ips))
                yield MISSING.on(subject_of((link,), ips), about=about, addresses=named(ips, eips), commands=commands)


def _wanted(story: Story, scene: Scene) -> Iterator[IPAddress]:
    """What should be on the link."""
    eni, verdict = story.eni, story.verdict
    hidden = set(eni.private_ipv4s or ()) if verdict.mode is Mode.EIP_VISIBLE else set()
    hidden -= {eip.address for eip in verdict.visible}
    for ip in given(eni, verdict) if verdict.decided else ():
        six = ip.version == 6 and (scene.settings.leave_ipv6 or not story.link.ipv6)
        if ip not in hidden and not six and not is_excluded(ip, scene.settings):
            yield ip


def _by_hand(story: Story, ips: tuple[IPAddress, ...]) -> Iterator[str]:
    for ip in ips:
        length = _length(ip, story)
        if length is not None:
            yield f"ip addr add {ip}/{length} dev {story.link.link.name} noprefixroute"


def _length(ip: IPAddress, story: Story) -> int | None:
    """The mask that the cloud's documents promise; None where it is not known."""
    visible = next((eip.prefix_length for eip in story.verdict.visible if eip.address == ip), None)
    if visible is not None:
        return visible
    subnet = story.eni.subnet if ip.version == 4 else story.eni.subnet6
    return subnet.prefixlen if subnet is not None and ip in subnet else None


def odd(scene: Scene) -> Iterator[Finding]:
    """Addresses that should not be where they are."""
    privates = {eip: private for private, eip in mapping(scene).items()}
    homes = {ip: story.link.link.name for story in scene.report.stories for ip in given(story.eni, story.verdict)}
    havips = scene.witnesses.api.havips if scene.witnesses.api is not None else None
    known = {havip.address for havip in havips or ()}
    for one in residents(scene):
        if not (one.role is Role.UNLISTED and (one.ip in known or one.fact.leased or scene.witnesses.silent)):
            yield from _odd(one, privates, homes)


def _odd(one: Resident, privates: Mapping[IPv4Address, IPAddress], homes: Mapping[IPAddress, str]) -> Iterator[Finding]:
    name, ip, length = one.story.link.link.name, one.ip, one.fact.prefix_length
    subject, about = f"{name} {ip}", (name, str(ip))
    if one.role is Role.DEAD:
        eip = one.story.verdict.visible[0].address
        yield DEAD.on(subject, about=about, address=ip, length=length, link=name, eip=eip)
    elif one.role is Role.MAPPED and isinstance(ip, IPv4Address):
        yield MAPPED.on(subject, about=about, address=ip, length=length, link=name, private=privates[ip])
    elif one.role is Role.STRAYED:
        yield STRAYED.on(subject, about=about, address=ip, length=length, link=name, home=homes[ip])
    elif one.role is Role.UNLISTED:
        subnet = one.story.eni.subnet if ip.version == 4 else one.story.eni.subnet6
        yield UNLISTED.on(subject, about=about, address=ip, link=name, subnet=subnet)


def masks(scene: Scene) -> Iterator[Finding]:
    """Addresses that the cloud has given with another mask."""
    for one in residents(scene):
        right = _length(one.ip, one.story)
        length = one.fact.prefix_length
        if one.role is not Role.GIVEN or right is None or length == right:
            continue
        narrow = length > right
        # An IPv6 address that a DHCPv6 client got has no other mask (RFC 8415).  What DHCP gives an ENI in EIP-visible
        # mode is right, whatever the settings say.
        if (narrow and one.ip.version == 6) or (one.fact.leased and one.story.verdict.visible):
            continue
        name = one.story.link.link.name
        kind = NARROW if narrow else WIDE
        yield kind.on(
            f"{name} {one.ip}",
            about=(name, str(one.ip)),
            address=one.ip,
            length=length,
            link=name,
            subnet=around(one.ip, right),
        )


FINDERS = (missing, odd, masks)
