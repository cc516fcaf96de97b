"""EIP105, EIP110: links that are down or not connected."""

from collections.abc import Iterator

from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.items import UP, LinkSetting
from eip_agent.core.message import text
from eip_agent.core.residents import tended
from eip_agent.core.scene import Scene

DOWN = Kind(
    "EIP105",
    Severity.ERROR,
    text("the link of an ENI is down"),
    saw=text("the link is down"),
    means=text("no packet comes in or goes out by this ENI, so none of its EIPs and addresses answers"),
    do=text("bring it up"),
    commands=("eip-agent apply",),
    proof="tests/lab/findings/test_carriers.py",
)
UNPLUGGED = Kind(
    "EIP110",
    Severity.ERROR,
    text("the link of an ENI has no carrier"),
    saw=text("the link is up and has no carrier"),
    means=text("nobody is at the other end, so none of the ENI's EIPs and addresses answers"),
    do=text("see in the console whether the ENI {eni} is still attached to this instance, and attach it again if not"),
    commands=("ip link show dev {link}",),
    proof="tests/lab/findings/test_carriers.py; netdevice(7), IFF_LOWER_UP",
)

KINDS = (DOWN, UNPLUGGED)


def dead(scene: Scene) -> Iterator[Finding]:
    """Links of ENIs that carry nothing."""
    settings = [change.item for change in scene.report.plan if isinstance(change.item, LinkSetting)]
    raised = {item.link.index for item in settings if item.name == UP} | {link.link.index for link in scene.asleep}
    for story in tended(scene):
        link = story.link.link
        seen = scene.surroundings.link(link.index) if scene.surroundings is not None else None
        if not story.link.up:
            by_hand = None if link.index in raised else (f"ip link set {link.name} up", "eip-agent apply")
            yield DOWN.on(link.name, about=(link.name,), commands=by_hand)
        elif seen is not None and not seen.carrier:
            yield UNPLUGGED.on(link.name, about=(link.name,), link=link.name, eni=story.eni.eni_id or story.eni.mac)


FINDERS = (dead,)
