"""What only explaining reads.  Never raises: what cannot be read is None."""

from collections.abc import Iterable

from eip_agent.core.numbers import MAIN
from eip_agent.core.surroundings import Surroundings
from eip_agent.errors import KernelReadError
from eip_agent.netlink import Netlink
from eip_agent.sources.links import read_common, read_links
from eip_agent.sources.routing import read_routes, read_rules

_DEFAULT, _LOCAL = 253, 255


def read(netlink: Netlink, tables: Iterable[int] = ()) -> Surroundings:
    """Look around.  `tables` are read too, whether a rule looks them up or not."""
    try:
        rules = read_rules(netlink)
        looked_up = {rule.table for rule in rules if rule.table is not None}
        routes = read_routes(netlink, {MAIN, _DEFAULT, *tables, *looked_up} - {_LOCAL})
        links = read_links(netlink)
    except KernelReadError:
        return Surroundings()
    return Surroundings(rules, routes, links=links, common=read_common())
