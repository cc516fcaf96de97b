"""Why an EIP in NAT mode is on no link, what that means for programs, and which ways there are to see it there.

Told once, whatever the number of EIPs.  Sources: the cloud's EIP guide, "Associate an EIP with a cloud resource", and
the pages on showing EIPs on NICs (2026); which protocols need the address itself is from the same guide (2021).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from eip_agent.core.chain import Chain
from eip_agent.core.message import Message, say
from eip_agent.core.outlet import gateways4
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode

MULTI_REGIONS: Final = frozenset(
    (
        *("cn-shenzhen", "cn-shanghai", "cn-beijing", "cn-zhangjiakou", "cn-chengdu"),
        *("ap-southeast-1", "eu-central-1", "us-east-1", "eu-west-1"),
    )
)
"""Where EIPs can be bound in multi-EIP-visible mode, as of 2026."""
EIP_VISIBLE_REGIONS: Final = MULTI_REGIONS | {
    *("cn-hangzhou", "cn-qingdao", "cn-huhehaote", "cn-guangzhou", "ap-southeast-5", "me-central-1"),
}
"""The same for EIP-visible mode: these too."""
MULTI_FAMILIES: Final = frozenset(
    (
        *("g5", "c5", "r5", "t5", "sn1ne", "sn2ne", "se1ne", "re4", "re4e", "r1", "i2", "d1ne", "f1", "gn5i", "gn6v"),
        *("ebmc4", "ebmg5", "ebmhfg5", "sccg5", "sccgn6", "scch5"),
    )
)
"""Instance families that have multi-EIP-visible mode, as of 2026."""


@dataclass(frozen=True, slots=True)
class Want:
    """One thing that a mode needs."""

    what: Message
    here: bool | None = None
    """Whether it is so here; None: that cannot be known from here."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A mode in which the EIP would be seen."""

    mode: Mode
    status: Message
    """Whether it can be had today."""
    seen: Message
    """What is on the link then."""
    wants: tuple[Want, ...]
    steps: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Hidden:
    """EIPs that are on no link of this instance, and why."""

    pairs: tuple[tuple[IPv4Address | None, IPv4Address], ...]
    """Each with the private address that it is translated to; None: some EIP that nobody names."""
    why: tuple[Message, ...]
    programs: tuple[Message, ...]
    """What it means for programs."""
    choices: tuple[Choice, ...]


def hidden(scene: Scene, chains: tuple[Chain, ...]) -> Hidden | None:
    """What there is to say; None where nothing is bound in NAT mode, or nothing that a private address hides."""
    pairs = tuple(
        (chain.eip, chain.address)
        for chain in chains
        if chain.mode is Mode.NAT and chain.address is not None and chain.eip != chain.address
    )
    if not pairs:
        return None
    return Hidden(pairs, tuple(_why(pairs)), PROGRAMS, choices(scene))


def _why(pairs: tuple[tuple[IPv4Address | None, IPv4Address], ...]) -> Iterator[Message]:
    eip, private = next((pair for pair in pairs if pair[0] is not None), pairs[0])
    yield say(
        "in NAT mode the EIP lives on the cloud's Internet gateway, which translates it to a private address: "
        "this host only ever sees the private one, so `ip addr` does not show the EIP"
    )
    if eip is not None:
        yield say(
            "a packet to {eip} arrives here with the destination {private}; "
            "one that leaves with the source {private} is seen outside as {eip}",
            eip=eip,
            private=private,
        )


PROGRAMS: Final = (
    say("a program binds to the private address, or to 0.0.0.0; binding to the EIP fails with `EADDRNOTAVAIL`"),
    say(
        "a program that tells others its own address must be told the EIP, by a setting as `external address` "
        "or `advertise address`"
    ),
    say(
        "protocols that carry addresses in their data do not work, for the gateway does not look into them: "
        "FTP in active mode, SIP, H.323, RTSP, TFTP, DNS ALG; nor does what checks the source address itself, as IPsec"
    ),
    say("do not put the EIP on a link by hand: packets come with the private address, and nothing would arrive for it"),
)


def choices(scene: Scene) -> tuple[Choice, ...]:
    """The other modes, the recommended one first, with what each needs and how to get there."""
    return (_secondary_cidr(), _eip_visible(scene), _multi(scene))


def _secondary_cidr() -> Choice:
    return Choice(
        Mode.SECONDARY_CIDR,
        say("recommended by the cloud today; the EIP stays in NAT mode there"),
        say("the EIP is the primary private address of an ENI"),
        (
            Want(say("a secondary IPv4 block of the VPC that holds the EIP, as its /24, with a vSwitch in this zone")),
            Want(
                say("the EIP is not the first or one of the last three addresses of that vSwitch, which are reserved")
            ),
            Want(say("the instance type allows one more ENI")),
        ),
        (
            say("add the public block as a secondary CIDR block of the VPC, and make a vSwitch in it"),
            say("make an ENI in that vSwitch whose primary private address is the EIP"),
            say("bind the EIP to that ENI in NAT mode, and attach it to this instance"),
            say("run `eip-agent apply`"),
        ),
    )


def _eip_visible(scene: Scene) -> Choice:
    secondary = [story for story in scene.report.stories if not story.primary and not story.excluded]
    return Choice(
        Mode.EIP_VISIBLE,
        say("can be had, and the cloud does not recommend it any more"),
        say(
            "the EIP in place of the private address, which no longer works; 100.64.0.0/10 is not reached by that link"
        ),
        (
            Want(say("a region that has it"), _region(scene, EIP_VISIBLE_REGIONS)),
            Want(say("a secondary ENI with one private address only"), _any(map(_is_single, secondary))),
            Want(say("the ENI is detached while the EIP is bound, and has no EIP of another mode")),
            Want(say("no IPv4 gateway in the VPC"), _without_gateway(scene)),
            Want(say("DHCP on that link")),
        ),
        (
            say("unbind the EIP, and detach the ENI"),
            say("bind the EIP to the ENI in EIP-visible mode (OpenAPI `BINDED`), and attach the ENI again"),
            say("run `eip-agent apply`, which asks by DHCP and routes the EIP by its own gateway"),
        ),
    )


def _multi(scene: Scene) -> Choice:
    return Choice(
        Mode.MULTI_EIP_VISIBLE,
        say("closed to new users; what was granted before keeps working"),
        say("up to ten EIPs beside the private address"),
        (
            Want(say("an account that was granted it")),
            Want(say("a region that has it"), _region(scene, MULTI_REGIONS)),
            Want(
                say("an instance family that has it: older ones, as g5, c5, r5, t5; none since the sixth generation"),
                _family(scene),
            ),
            Want(say("a secondary ENI, detached while EIPs are bound, without an EIP in NAT mode")),
            Want(say("no IPv4 gateway in the VPC"), _without_gateway(scene)),
        ),
        (
            say("detach the ENI, and unbind its EIPs"),
            say("bind them to it in multi-EIP-visible mode (OpenAPI `MULTI_BINDED`), and attach the ENI again"),
            say("let the agent ask the OpenAPI, or declare each EIP with gateway and mask in the settings"),
            say("run `eip-agent apply`"),
        ),
    )


def _without_gateway(scene: Scene) -> bool | None:
    found = gateways4(scene)
    return None if found is None else not found


def _region(scene: Scene, regions: frozenset[str]) -> bool | None:
    region = scene.cloud.region if scene.cloud else None
    return None if region is None else region in regions


def _family(scene: Scene) -> bool | None:
    """By the type of the instance, as `ecs.g5.large` or `ecs.t5-lc1m2.small`."""
    words = (scene.cloud.instance_type or "").split(".") if scene.cloud else []
    return words[1].partition("-")[0] in MULTI_FAMILIES if len(words) > 2 else None


def _is_single(story: Story) -> bool | None:
    held = story.eni.private_ipv4s
    return None if held is None else len(held) == 1 and not story.eni.ipv4_prefixes


def _any(answers: Iterator[bool | None]) -> bool | None:
    """Whether one is so: yes, no, or not known."""
    found = list(answers)
    return True if True in found else None if None in found else False
