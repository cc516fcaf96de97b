"""What only explaining reads.  Never raises: what cannot be read is None."""

from eip_agent.core.numbers import MAIN
from eip_agent.core.surroundings import Surroundings
from eip_agent.errors import KernelReadError
from eip_agent.netlink import Netlink
from eip_agent.sources.routing import read_routes, read_rules

_DEFAULT, _LOCAL = 253, 255


def read(netlink: Netlink) -> Surroundings:
    """Look around."""
    try:
        rules = read_rules(netlink)
        tables = {MAIN, _DEFAULT, *(rule.table for rule in rules if rule.table is not None)} - {_LOCAL}
        routes = read_routes(netlink, tables)
    except KernelReadError:
        return Surroundings()
    return Surroundings(rules, routes)
