"""EIP202, EIP203: network managers that sweep a link when they configure it anew, and the files that make peace."""

from collections.abc import Iterator
from typing import Final

from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.findings.managers import configured, named, neighbours_of, runs
from eip_agent.core.message import Message, say, text
from eip_agent.core.neighbours import ManagedLink, Neighbours
from eip_agent.core.report import Story
from eip_agent.core.scene import Scene

_DAEMON: Final = "eip-agent install"
_AT_BOOT: Final = "eip-agent install --no-daemon"
"""Makes a pass, now and at each boot, and has systemd-networkd leave rules and routes of others alone."""
_RESTART: Final = "systemctl restart systemd-networkd"
"""Which alone makes it read `networkd.conf`."""
_UNMANAGED: Final = r"'[Match]\nMACAddress={mac}\n\n[Link]\nUnmanaged=yes\n'"

NETWORKD = Kind(
    "EIP202",
    Severity.NOTE,
    text("systemd-networkd may take away what eip-agent wrote"),
    saw=text("systemd-networkd configures {links}, and no daemon of eip-agent runs; {rules}; {routes}"),
    means=text(
        "nothing is wrong now; but when it configures such a link anew (`networkctl reconfigure`, `netplan apply`), "
        "the addresses that eip-agent wrote there are gone until the next pass, and routes with them: "
        "those of IPv4 also where it leaves routes of others alone"
    ),
    do=text(
        "run the daemon (`eip-agent install`), which puts them back at once, and alone can on the primary ENI; "
        "or have systemd-networkd leave the links of secondary ENIs alone: "
        "they lose their addresses until the last command, and then only eip-agent configures them, at each boot too"
    ),
    commands=(
        f"printf {_UNMANAGED} > /etc/systemd/network/05-eip-agent-{{eni}}.network",
        "networkctl reload",
        _AT_BOOT,
        _RESTART,
        "eip-agent apply",
    ),
    proof="tests/systems/test_peace.py; README, beside network managers; systemd.network(5), networkd.conf(5)",
)
NETWORK_MANAGER = Kind(
    "EIP203",
    Severity.NOTE,
    text("NetworkManager may take away what eip-agent wrote"),
    saw=text("NetworkManager manages {links}, and no daemon of eip-agent runs"),
    means=text(
        "nothing is wrong now; but `nmcli connection up` and `nmcli device reapply` take the addresses away that "
        "eip-agent wrote there, the first one the routes too, until the next pass"
    ),
    do=text(
        "run the daemon (`eip-agent install`), which puts them back at once, and alone can on the primary ENI; "
        "or have NetworkManager leave the links of secondary ENIs alone: "
        "they are down until the last command, and then only eip-agent configures them, at each boot too"
    ),
    commands=(
        r"printf '[keyfile]\nunmanaged-devices+={device}\n' > /etc/NetworkManager/conf.d/90-eip-agent-{eni}.conf",
        "nmcli general reload conf",
        _AT_BOOT,
        "eip-agent apply",
    ),
    proof="tests/systems/test_peace.py; README, beside network managers; NetworkManager.conf(5)",
)

KINDS = (NETWORKD, NETWORK_MANAGER)


def sweepers(scene: Scene) -> Iterator[Finding]:
    """Network managers that sweep a link when they configure it anew, where nobody repairs it."""
    around = neighbours_of(scene)
    if around.repairs is not False:
        return
    told: tuple[tuple[Kind, str, tuple[ManagedLink, ...] | None, dict[str, Message]], ...] = (
        (NETWORKD, "systemd-networkd", around.networkd, _spared(around)),
        (NETWORK_MANAGER, "NetworkManager", around.network_manager, {}),
    )
    for kind, program, links, more in told:
        managed = {one.link: one for one in links or () if one.managed}
        swept = [story for story in configured(scene) if story.exits and story.link.link.index in managed]
        names = tuple(map(named, swept))
        if names and runs(scene, program):
            secondaries = [(story, managed[story.link.link.index]) for story in swept if not story.primary]
            needless = {_RESTART} if around.spares_rules and around.spares_routes else set()
            commands = [one for one in _peace(kind, secondaries) if one not in needless]
            yield kind.on(", ".join(names), about=names, commands=commands, links=names, **more)


def _spared(around: Neighbours) -> dict[str, Message]:
    """What systemd-networkd does with what is not its own."""
    rules = {
        None: say("what it does with rules of others could not be read"),
        True: say("it leaves rules of others alone (`ManageForeignRoutingPolicyRules=no`)"),
        False: say("it removes rules of others but those of protocol `kernel` (`ManageForeignRoutingPolicyRules=yes`)"),
    }
    routes = {
        None: say("what it does with routes of others could not be read"),
        True: say("it leaves routes of others alone (`ManageForeignRoutes=no`)"),
        False: say("it removes routes of others, and with any link those to nowhere (`ManageForeignRoutes=yes`)"),
    }
    return {"rules": rules[around.spares_rules], "routes": routes[around.spares_routes]}


def _peace(kind: Kind, secondaries: list[tuple[Story, ManagedLink]]) -> tuple[str, ...]:
    """The commands of a kind, the first of them for each link: a file each, so that a later one replaces none."""
    first, *others = kind.commands
    written = [
        first.format(
            mac=story.link.mac,
            eni=story.eni.eni_id or story.link.mac.replace(":", "-"),
            device=f"mac:{story.link.mac}" if managed.by_mac else f"interface-name:{named(story)}",
        )
        for story, managed in secondaries
    ]
    return (*written, *others) if written else (_DAEMON,)


FINDERS = (sweepers,)
