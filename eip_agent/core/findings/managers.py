"""EIP204 to EIP231: other programs that configure the links of ENIs, and the setting that makes peace."""

from collections.abc import Iterator
from typing import Final

from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.host import Manager
from eip_agent.core.message import Message, say, text
from eip_agent.core.neighbours import Neighbours
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode

_PRIMARY_ONLY: Final = (
    "printf 'datasource:\\n  AliYun:\\n    apply_full_imds_network_config: false\\n' "
    "> /etc/cloud/cloud.cfg.d/90-eip-agent.cfg"
)
"""The same as `eip-agent install --cloud-init`."""

TWO_CLIENTS = Kind(
    "EIP204",
    Severity.WARNING,
    text("two programs ask for addresses on one link"),
    saw=text("{clients} ask for addresses by DHCP on {link}"),
    means=text("each takes the address and the routes of the other for its own, and takes them away when it stops"),
    do=text(
        "let one of them do it: stop the other, and take {link} out of what starts it "
        "(`/etc/network/interfaces`, a `.network` file, a profile of NetworkManager)"
    ),
    proof="tests/lab/findings/test_managers.py",
)
CLOUD_INIT = Kind(
    "EIP211",
    Severity.NOTE,
    text("cloud-init configures all links anew when an ENI is attached"),
    saw=text("cloud-init is told to configure all links anew when one is attached (`hotplug`)"),
    means=text(
        "nothing is wrong now; but when an ENI is attached, the links that were there are configured anew too, "
        "and what eip-agent wrote on them may be gone until its next pass"
    ),
    do=text("have cloud-init configure the primary link only; eip-agent does the others"),
    commands=(_PRIMARY_ONLY,),
    proof="tests/lab/findings/test_managers.py; cloud-init, DataSourceAliYun",
    caused_by=frozenset(("EIP202", "EIP203")),
)
DEAD_ADDRESS = Kind(
    "EIP212",
    Severity.WARNING,
    text("nm-cloud-setup works against the EIP-visible mode"),
    saw=text("nm-cloud-setup is switched on for Alibaba Cloud, and {links} is in EIP-visible mode"),
    means=text("it puts the private address on the link, which is dead in this mode, and routes nothing for the EIP"),
    do=text("switch it off; eip-agent does for all modes what it does for one"),
    commands=("systemctl disable --now nm-cloud-setup.timer nm-cloud-setup.service",),
    proof="tests/lab/findings/test_managers.py; measured with nm-cloud-setup 1.52",
)
SAME_WORK = Kind(
    "EIP213",
    Severity.NOTE,
    text("nm-cloud-setup does the same work"),
    saw=text("nm-cloud-setup is switched on for Alibaba Cloud"),
    means=text("it writes addresses, rules and tables of its own; the rules of eip-agent come before them"),
    do=text("nothing; or switch it off, to have one program less that does it"),
    commands=("systemctl disable --now nm-cloud-setup.timer nm-cloud-setup.service",),
    proof="tests/lab/findings/test_managers.py; README, beside network managers",
    caused_by=frozenset(("EIP212",)),
)
MULTI_NIC_UTIL = Kind(
    "EIP221",
    Severity.WARNING,
    text("multi-nic-util overwrites the network configuration"),
    saw=text("the service of multi-nic-util is started at boot"),
    means=text("it overwrites the network configuration of the links that eip-agent configures"),
    do=text("switch it off; eip-agent does what it is for"),
    commands=("systemctl disable --now eni.service",),
    proof="tests/lab/findings/test_managers.py; cloud documentation: multi-nic-util",
)
TERWAY = Kind(
    "EIP222",
    Severity.WARNING,
    text("Terway may give addresses to pods that eip-agent puts on a link"),
    saw=text("Terway is configured here (`/etc/cni/net.d/{file}`), and {links} is not excluded"),
    means=text(
        "if Terway uses that ENI, its secondary addresses are those of pods; "
        "on the link they are the host's, and the pods do not get their packets"
    ),
    do=text("exclude the ENIs that Terway uses, in the settings of eip-agent under `[exclude]`: `enis = [{enis}]`"),
    commands=(),
    proof="tests/lab/findings/test_managers.py; Terway, plugin/driver",
)
KEEPALIVED = Kind(
    "EIP231",
    Severity.WARNING,
    text("keepalived and eip-agent put the same address on a link"),
    saw=text("keepalived has {address} as a virtual address, and the metadata service lists it for the ENI"),
    means=text("keepalived takes it away wherever it is not the master, and eip-agent puts it back"),
    do=text(
        "leave it to keepalived: exclude it in the settings of eip-agent, under `[exclude]`: "
        '`addresses = ["{address}"]`; or take it out of keepalived'
    ),
    proof="tests/lab/findings/test_managers.py; keepalived.conf(5)",
)

KINDS = (
    TWO_CLIENTS,
    CLOUD_INIT,
    DEAD_ADDRESS,
    SAME_WORK,
    MULTI_NIC_UTIL,
    TERWAY,
    KEEPALIVED,
)

_CLIENTS = ("dhclient", "dhcpcd", "udhcpc")


def clients(scene: Scene) -> Iterator[Finding]:
    """Links for which two programs ask for addresses."""
    around = neighbours_of(scene)
    for story in scene.report.stories:
        name, index = named(story), story.link.link.index
        alone = _alone(scene, name)
        others: list[Message] = []
        if runs(scene, "systemd-networkd") and any(one.link == index and one.asks for one in around.networkd or ()):
            others.append(say("systemd-networkd"))
        profiles = around.network_manager or ()
        if runs(scene, "NetworkManager") and any(one.link == index and one.asks for one in profiles):
            others.append(say("NetworkManager"))
        for version in (4, 6):
            same = [one for one in alone if version in _versions(one)]
            asking = (
                *(others if version == 4 else ()),
                *(say("{name} (pid {pid})", name=one.name, pid=one.pid) for one in same),
            )
            if len(asking) > 1:
                kept = 0 if others and version == 4 else 1
                stop = tuple(f"kill {one.pid}" for one in same[kept:]) or (f"nmcli device set {name} managed no",)
                yield TWO_CLIENTS.on(name, about=(name,), commands=stop, clients=asking, link=name)
                break


def _alone(scene: Scene, link: str) -> list[Manager]:
    """The DHCP clients that were started for the link; those of one dhcpcd are several processes."""
    found = [one for one in _managers(scene) if one.name in _CLIENTS and one.link == link]
    first = next((one for one in found if one.name == "dhcpcd"), None)
    return [one for one in found if one.name != "dhcpcd" or one is first]


def _versions(client: Manager) -> tuple[int, ...]:
    """For which versions of IP a client asks: dhclient for IPv4 where it is not told, dhcpcd for both."""
    if client.version is not None:
        return (client.version,)
    return (4, 6) if client.name == "dhcpcd" else (4,)


def rewriters(scene: Scene) -> Iterator[Finding]:
    """Programs that write the configuration of links anew at some event."""
    around = neighbours_of(scene)
    several = sum(bool(story.exits) for story in configured(scene)) > 1
    if around.hotplug and several and around.repairs is False:
        yield CLOUD_INIT.on("cloud-init")
    if around.nm_cloud_setup and runs(scene, "NetworkManager"):
        visible = tuple(named(story) for story in configured(scene) if story.verdict.mode is Mode.EIP_VISIBLE)
        if visible:
            yield DEAD_ADDRESS.on(", ".join(visible), links=visible)
        yield SAME_WORK.on("nm-cloud-setup")
    if around.multi_nic_util:
        yield MULTI_NIC_UTIL.on("multi-nic-util")


def pods(scene: Scene) -> Iterator[Finding]:
    """ENIs whose secondary addresses may be those of pods."""
    files = neighbours_of(scene).terway
    shared = [story for story in configured(scene) if not story.primary and len(story.eni.private_ipv4s or ()) > 1]
    if files and shared and not scene.settings.leave_addresses:
        names = tuple(map(named, shared))
        enis = tuple(f'"{story.eni.eni_id}"' for story in shared)
        yield TERWAY.on(", ".join(names), about=names, file=files[0], links=names, enis=enis)


def rivals(scene: Scene) -> Iterator[Finding]:
    """Addresses that keepalived takes away and eip-agent puts back."""
    if not runs(scene, "keepalived"):
        return
    for address in dict.fromkeys(neighbours_of(scene).keepalived or ()):
        for story in configured(scene):
            given = (*(story.eni.private_ipv4s or ()), *(story.eni.ipv6s or ()))
            ours = not any(address in net for net in scene.settings.exclude_addresses)
            if address in given and ours and not scene.settings.leave_addresses:
                name = named(story)
                yield KEEPALIVED.on(f"{name} {address}", about=(name, str(address)), address=address)


def neighbours_of(scene: Scene) -> Neighbours:
    """What was read of other programs; nothing where it was not."""
    around = scene.surroundings
    return (around.neighbours if around is not None else None) or Neighbours()


def _managers(scene: Scene) -> tuple[Manager, ...]:
    """Those that are certainly at work in this network."""
    found = scene.host.managers if scene.host is not None else None
    return tuple(one for one in found or () if one.certain)


def runs(scene: Scene, program: str) -> bool:
    """Whether a program is certainly at work in this network."""
    return any(one.name == program for one in _managers(scene))


def configured(scene: Scene) -> Iterator[Story]:
    """The ENIs that are configured."""
    for story in scene.report.stories:
        if not story.excluded and not (story.primary and scene.settings.leave_primary):
            yield story


def named(story: Story) -> str:
    """The link of an ENI."""
    return story.link.link.name


FINDERS = (clients, rewriters, pods, rivals)
