"""Rules and routes, whoever made them, as `ip` wants them after `add` and `del`."""

from eip_agent.core.numbers import MAIN
from eip_agent.core.surroundings import RouteSeen, RuleSeen


def spelled(rule: RuleSeen) -> str:
    """A rule."""
    words = [f"priority {rule.priority}", *(["not"] if rule.inverted else []), f"from {rule.source or 'all'}"]
    options = (
        ("to", rule.destination),
        ("tos", hex(rule.tos) if rule.tos else None),
        ("fwmark", None if rule.mark is None else _mark(rule)),
        ("iif", rule.incoming),
        ("oif", rule.outgoing),
        ("uidrange", _range(rule.users)),
        ("ipproto", rule.ip_protocol),
        ("sport", _range(rule.source_ports)),
        ("dport", _range(rule.destination_ports)),
        ("lookup", _table(rule.table)),
        ("goto", rule.goto),
        ("suppress_prefixlength", rule.suppress_length),
        ("suppress_ifgroup", rule.suppress_group),
    )
    words += [f"{word} {value}" for word, value in options if value is not None]
    if rule.action not in ("lookup", "goto"):
        words.append(rule.action)
    return " ".join(words)


def spelled_route(route: RouteSeen, name: str) -> str:
    """A route; `name` is that of its link, empty where it leads nowhere: IPv6 has such routes on a link too."""
    kind = "" if route.kind == "unicast" else f"{route.kind} "
    words = [f"{kind}{route.destination if route.destination.prefixlen else 'default'}"]
    if len(route.hops) == 1:
        gateway = route.hops[0].gateway
        words += [f"via {gateway}"] if gateway else []
        words += [f"dev {name}"] if name else []
    if route.table != MAIN:
        words.append(f"table {route.table}")
    if route.metric and not (route.destination.version == 6 and route.metric == 1024):
        words.append(f"metric {route.metric}")
    return " ".join(words)


def _mark(rule: RuleSeen) -> str:
    return hex(rule.mark or 0) + ("" if rule.mask == 0xFFFFFFFF else f"/{rule.mask:#x}")


def _range(pair: tuple[int, int] | None) -> str | None:
    if pair is None:
        return None
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}-{pair[1]}"


def _table(table: int | None) -> str | None:
    return None if table is None else {254: "main", 253: "default", 255: "local"}.get(table, str(table))
