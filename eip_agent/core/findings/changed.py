"""EIP142, EIP143: what others have put into our tables, and what has gone since we put it there."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from eip_agent.core.changes import Change
from eip_agent.core.desired import LINK_LOCAL, SERVICES, given
from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.items import Address, Item, LinkSetting, Route, Rule
from eip_agent.core.message import Message, Value, say, text
from eip_agent.core.numbers import ROUTE_PROTOCOL, TABLES, link_of
from eip_agent.core.plain import encoded
from eip_agent.core.report import Story
from eip_agent.core.residents import tended
from eip_agent.core.scene import Scene
from eip_agent.core.spelling import spelled_route

SHOWN: Final = 4
"""Items that are named in one sentence."""

INTRUDER = Kind(
    "EIP142",
    Severity.WARNING,
    text("somebody else's route is in a table of eip-agent"),
    saw=text("`{route}` is in the table of {link}, and eip-agent did not make it"),
    means=text("what {link} sends may follow it, and the kernel may refuse what `eip-agent apply` wants to put there"),
    do=text("delete it; a route in `main` by {link} is copied into the table by itself"),
    commands=("{ip} route del {route}", "eip-agent apply"),
    proof="tests/lab/findings/test_changed.py",
)
DRIFT = Kind(
    "EIP143",
    Severity.WARNING,
    text("what eip-agent had set up is gone or changed"),
    saw=text("what an earlier pass had set up is gone or changed: {items}"),
    means=text("something has undone it since: {who}"),
    do=text("put it back"),
    commands=("eip-agent apply",),
    proof="tests/lab/findings/test_changed.py",
    caused_by=frozenset(("EIP105", "EIP110", "EIP142")),
)

KINDS = (INTRUDER, DRIFT)


def intruders(scene: Scene) -> Iterator[Finding]:
    """Routes of others in the tables that are ours by number."""
    names = {link.link.index: link.link.name for link in scene.kernel.links}
    around = scene.surroundings
    for route in (around.routes if around is not None else None) or ():
        if route.table in TABLES and route.protocol != ROUTE_PROTOCOL:
            link = names.get(link_of(route.table) or 0, "")
            out = names.get(route.hops[0].link or 0, "") if route.hops else ""
            spelled = spelled_route(route, out)
            ip = "ip -6" if route.destination.version == 6 else "ip"
            about = (link,) if link else ()
            yield INTRUDER.on(link or str(route.table), about=about, route=spelled, link=link or route.table, ip=ip)


def drift(scene: Scene) -> Iterator[Finding]:
    """Items that have to be put back, of ENIs of which the cloud says what it said then: one finding for each link.

    The journal of this boot knows which links were configured, and the last known good what for.
    """
    known, cloud = scene.witnesses.known, scene.cloud
    if known is None or cloud is None or scene.witnesses.silent:
        return
    stories = {story.link.link.index: story for story in tended(scene)}
    same = {index for index, story in stories.items() if _is_as_it_was(story, scene)}
    rebuilt = any(isinstance(change.before, Rule) and change.after is None for change in scene.report.plan)
    gone: dict[int | None, list[Change]] = {}
    for change in scene.report.plan:
        item = change.after
        if item is None or (rebuilt and isinstance(item, Rule)):
            continue
        index = _link(item)
        concerned = [stories[index]] if index in stories else list(stories.values()) if index is None else []
        unchanged = index in same if index is not None else same == stories.keys()
        if unchanged and _was_there(item, concerned, scene):
            gone.setdefault(index, []).append(change)
    for index, changes in gone.items():
        name = stories[index].link.link.name if index is not None else ""
        yield DRIFT.on(
            name or "rules",
            about=(name,) if name else tuple(story.link.link.name for story in stories.values()),
            items=_shown(changes),
            who=_who(scene, name),
        )


def _is_as_it_was(story: Story, scene: Scene) -> bool:
    """Whether a pass of this boot has configured the ENI, and the cloud says of it what it said then."""
    known, index, mac = scene.witnesses.known, story.link.link.index, story.eni.mac
    touched = {(loan.link.index, loan.mac) for loan in scene.remembered.borrowed}
    if known is None or (index, mac) not in touched:
        return False
    former: Mapping[str, Any] = known.cloud if isinstance(known.cloud, Mapping) else {}
    enis = [eni for eni in former.get("enis", ()) if isinstance(eni, Mapping) and eni.get("mac") == mac]
    modes = {seen.mac: seen.mode for seen in known.modes}
    return enis == [encoded(story.eni)] and modes.get(mac) is story.verdict.mode


def _link(item: Item) -> int | None:
    """The index of the link that an item is for; None for rules that are for all."""
    match item:
        case Address(link=link) | LinkSetting(link=link):
            return link.index
        case Route(table=table):
            return link_of(table)
        case Rule(table=table):
            return link_of(table) if table is not None else None


def _was_there(item: Item, stories: list[Story], scene: Scene) -> bool:
    """Whether an earlier pass must have made it: it follows from what the cloud says, and not from what somebody added.

    Of settings the journal knows.
    """
    match item:
        case LinkSetting(link=link, name=name, value=value):
            loans = {(loan.link.index, loan.name, loan.written) for loan in scene.remembered.borrowed}
            return (link.index, name, value) in loans
        case Route(destination=to, link=out):
            refused = to == SERVICES and out is None
            subnets = [subnet for story in stories for subnet in (story.eni.subnet, story.eni.subnet6)]
            return not to.prefixlen or refused or to in (*subnets, LINK_LOCAL)
        case Rule(source=source):
            told = [ip for story in stories for ip in given(story.eni, story.verdict)]
            return source is None or any(ip in source for ip in told)
    return True


def _shown(changes: list[Change]) -> tuple[Value, ...]:
    items = tuple(f"`{change.after}`" for change in changes[:SHOWN])
    more = len(changes) - SHOWN
    return (*items, say("{number} more", number=more)) if more > 0 else items


def _who(scene: Scene, link: str) -> Message:
    host = scene.host
    if host is None or host.managers is None:
        return say("by whom is not known")
    managers = host.on(link) if link else host.managers
    names = tuple(dict.fromkeys(f"{one.name} (pid {one.pid})" for one in managers))
    if names:
        return say("probably {managers}, or somebody by hand, or the link was down", managers=names)
    return say("no network manager runs here, so probably somebody by hand, or the link was down")


FINDERS = (intruders, drift)
