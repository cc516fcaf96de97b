"""EIP421 to EIP423: high-availability virtual addresses that are with this instance, or ought to be."""

from collections.abc import Iterator

from eip_agent.core.finding import Finding, Kind, Severity
from eip_agent.core.message import text
from eip_agent.core.scene import Scene

NOT_HERE = Kind(
    "EIP421",
    Severity.ERROR,
    text("this instance is the master of a HAVIP, and no link has its address"),
    saw=text("the OpenAPI says that this instance is the master of {havip}, and {address} is on no link here"),
    means=text("what is sent to {address}, and to an EIP that is bound to it, comes here and finds nobody"),
    do=text("start the program that holds it, as keepalived; or let another instance of the HAVIP take it"),
    commands=("systemctl status keepalived", "ip -br addr show to {address}"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: DescribeHaVips",
)
NO_KEEPER = Kind(
    "EIP422",
    Severity.WARNING,
    text("this instance belongs to a HAVIP, and keepalived does not run"),
    saw=text("the instance belongs to {havip}, {address} is on no link here, and keepalived does not run"),
    means=text("if its master fails, this instance does not take {address} over, unless another program does"),
    do=text("start keepalived, with {address} among its virtual addresses; or take the instance out of the HAVIP"),
    commands=("systemctl enable --now keepalived",),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: DescribeHaVips",
    caused_by=frozenset(("EIP421",)),
)
TWO_MASTERS = Kind(
    "EIP423",
    Severity.WARNING,
    text("a HAVIP's address is on a link here, and another instance is its master"),
    saw=text("{address} is on {link}, and the OpenAPI says that {master} is the master of {havip}"),
    means=text("what is sent to {address} goes to {master}; if that holds it as well, both believe to be the master"),
    do=text("see that the keepalived of both instances hear each other; or take the address from {link}"),
    commands=("journalctl -u keepalived -n 20", "ip addr del {address}/{length} dev {link}"),
    proof="tests/lab/findings/test_cloud_side.py; cloud documentation: DescribeHaVips",
)

KINDS = (NOT_HERE, NO_KEEPER, TWO_MASTERS)


def havips(scene: Scene) -> Iterator[Finding]:
    """Those that this instance belongs to, against the addresses on its links."""
    api, ours = scene.witnesses.api, scene.ids
    if api is None or not ours:
        return
    names = {link.link.index: link.link.name for link in scene.kernel.links}
    for havip in api.havips or ():
        held = next((fact for fact in scene.kernel.addresses if fact.ip == havip.address), None)
        about = (str(havip.address),)
        if held is not None:
            if havip.master and havip.master not in ours:
                yield TWO_MASTERS.on(
                    str(havip.address),
                    about=about,
                    address=havip.address,
                    length=held.prefix_length,
                    link=names.get(held.link, "lo"),
                    master=havip.master,
                    havip=havip.havip_id,
                )
            continue
        if havip.master in ours:
            yield NOT_HERE.on(str(havip.address), about=about, havip=havip.havip_id, address=havip.address)
        if ours.intersection(havip.instances) and _without_keeper(scene):
            yield NO_KEEPER.on(str(havip.address), about=about, havip=havip.havip_id, address=havip.address)


def _without_keeper(scene: Scene) -> bool:
    """Whether it is known that keepalived does not run."""
    managers = scene.host.managers if scene.host is not None else None
    return managers is not None and all(one.name != "keepalived" for one in managers)


FINDERS = (havips,)
