"""The kernel's own lookup, asked in a namespace; and the law that our walk through rules and tables agrees with it."""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Final

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from eip_agent.core.walk import Flow, LookupFact, Tables, agree
from eip_agent.lab.namespace import Namespace
from eip_agent.netlink import Netlink
from eip_agent.sources import kernel
from eip_agent.sources.lookup import read
from eip_agent.sources.routing import read_routes, read_rules

pytestmark = pytest.mark.lab

LINKS: Final = ("eth0", "eth1", "eth2")
TABLES: Final = (100, 101, 254)
LOCAL: Final = 255
MARK: Final = 99
"""The protocol of the routes that a test writes."""
EXAMPLES: Final = 60
REFUSED: Final = (errno.EXDEV, errno.EINVAL)
"""What kernels answer about a packet that `rp_filter` drops; from 6.13 on always the latter."""
WIRED: Final = "\n".join(
    f"link add eth{n} type veth peer name wire{n}\nlink set eth{n} up group {10 * (n % 2)}\nlink set wire{n} up\n"
    f"addr add 10.0.{n}.1/24 dev eth{n}\naddr add 2001:db8:0:{n}::1/64 dev eth{n} nodad"
    for n in range(3)
)


@dataclass
class Kernel:
    """A namespace with three links, and a socket to ask it."""

    namespace: Namespace
    netlink: Netlink

    def become(self, version: int, lines: Sequence[str]) -> None:
        """Hold these rules and routes, and no others; what the kernel refuses, as twice the same, is left out."""
        batch = ["rule flush", "rule add priority 32766 lookup main"]
        batch += [f"route flush table {table} proto {MARK}" for table in TABLES]
        self.namespace.run(
            ["ip", f"-{version}", "-force", "-batch", "-"], input="\n".join([*batch, *lines]), check=False
        )

    def links(self) -> dict[str, int]:
        return {link.link.name: link.link.index for link in kernel.read(self.netlink, ()).links}

    def ask(self, flow: Flow) -> LookupFact:
        return read(self.netlink, flow, self.links())

    def tables(self) -> Tables:
        routes = read_routes(self.netlink, (*TABLES, LOCAL))
        return Tables(read_rules(self.netlink), routes, kernel.read(self.netlink, ()).links)


@pytest.fixture(scope="module")
def guest() -> Iterator[Kernel]:
    with Namespace("guest") as namespace:
        namespace.sysctl({"net/ipv6/conf/default/accept_dad": 0})
        namespace.ip(WIRED)
        with namespace.entered(), Netlink() as netlink:
            yield Kernel(namespace, netlink)


@pytest.fixture(autouse=True)
def _clean(guest: Kernel) -> None:
    for version in (4, 6):
        guest.become(version, [])


def test_a_route_is_told_with_its_table_gateway_and_source(guest: Kernel) -> None:
    guest.become(
        4, ["rule add priority 9 lookup 100", "route add 192.0.2.0/24 via 10.0.1.9 metric 7 table 100 proto 99"]
    )

    found = guest.ask(Flow(ip_address("192.0.2.7")))

    eth1 = guest.links()["eth1"]
    assert found == LookupFact(
        kind="unicast",
        table=100,
        destination=ip_network("192.0.2.0/24"),
        metric=7,
        link=eth1,
        gateway=ip_address("10.0.1.9"),
        source=ip_address("10.0.1.1"),
    )


def test_all_of_a_packet_counts(guest: Kernel) -> None:
    six, udp = ip_address("2001:db8:0:2::9"), 17
    flow = Flow(six, None, mark=5, ip_protocol=udp, source_port=53, destination_port=4000, user=7)
    guest.become(6, ["rule add priority 9 fwmark 5 ipproto udp sport 53 dport 4000 uidrange 7-8 unreachable"])

    assert guest.ask(flow).error == errno.ENETUNREACH
    near = ({"mark": 4}, {"ip_protocol": 6}, {"source_port": 54}, {"destination_port": 1}, {"user": 9})
    for other in near:
        assert guest.ask(replace(flow, **other)).routed, other  # type: ignore[arg-type]  # all of them are numbers


def test_what_arrives_is_checked_as_the_kernel_checks_it(guest: Kernel) -> None:
    """Strict `rp_filter` refuses what `main` would answer by another link; loose does not."""
    there = Flow(ip_address("10.0.0.1"), ip_address("10.0.1.9"), incoming="eth0")
    strict = []
    for value in (1, 2):
        guest.namespace.sysctl({"net/ipv4/conf/eth0/rp_filter": value})
        strict.append(guest.ask(there))
    guest.namespace.sysctl({"net/ipv4/conf/eth0/rp_filter": 0})

    assert strict[0].error in REFUSED
    assert (strict[1].error, strict[1].kind) == (0, "local")


def test_an_address_that_is_not_here_sends_nothing(guest: Kernel) -> None:
    assert not guest.ask(Flow(ip_address("10.0.1.9"), ip_address("192.0.2.1"))).routed


# --- the law ----------------------------------------------------------------------------------------------------------

_NETS: Final = {
    4: ("default", "192.0.2.0/24", "192.0.2.0/25", "192.0.2.7/32", "10.0.1.0/25", "128.0.0.0/1"),
    6: ("default", "2001:db8:1::/64", "2001:db8:1::/96", "2001:db8:1::7/128", "2001:db8:0:1::/96", "2000::/4"),
}
_HOSTS: Final = {
    4: ("192.0.2.7", "192.0.2.200", "10.0.1.9", "10.0.1.200", "198.51.100.1", "10.0.2.1"),
    6: ("2001:db8:1::7", "2001:db8:1:0:1::", "2001:db8:0:1::9", "2001:db8:0:1:1::", "2001:db8:9::1", "2001:db8:0:2::1"),
}


def _near(version: int, link: int) -> str:
    return f"10.0.{link}.1" if version == 4 else f"2001:db8:0:{link}::1"


@st.composite
def _routes(draw: st.DrawFn, version: int) -> list[str]:
    lines = []
    for metric in range(1, draw(st.integers(1, 9)) + 1):
        to, link, table = draw(st.sampled_from(_NETS[version])), draw(st.integers(0, 2)), draw(st.sampled_from(TABLES))
        other = draw(st.integers(0, 2))
        via = f"via {_near(version, link)[:-1]}9 dev eth{link}"
        way = draw(
            st.sampled_from(
                (
                    f"{to} {via}",
                    f"{to} dev eth{link}",
                    f"unreachable {to}",
                    f"throw {to}",
                    f"blackhole {to}",
                    f"{to} nexthop {via} nexthop via {_near(version, other)[:-1]}8 dev eth{other} weight 3",
                )
            )
        )
        # The ways of a multipath route stand behind all else that is to be said of it.
        head, _, hops = way.partition(" nexthop ")
        lines.append(
            f"route add {head} metric {metric} table {table} proto {MARK}" + (f" nexthop {hops}" if hops else "")
        )
    return lines


@st.composite
def _rules(draw: st.DrawFn, version: int) -> list[str]:
    lines = []
    for _ in range(draw(st.integers(1, 9))):
        selectors = [
            f"from {_near(version, draw(st.integers(0, 2)))}",
            f"to {draw(st.sampled_from(_NETS[version][1:]))}",
            f"oif eth{draw(st.integers(0, 2))}",
            "iif lo",
            "iif eth1",
            "fwmark 1/3",
            "ipproto tcp",
            "dport 80-90",
            "uidrange 0-0",
            "uidrange 5-9",
        ]
        chosen = draw(st.lists(st.sampled_from(selectors), max_size=2, unique_by=lambda text: text.split()[0]))
        table = draw(st.sampled_from(TABLES))
        action = draw(
            st.sampled_from(
                (
                    f"lookup {table}",
                    f"lookup {table}",
                    f"lookup {table} suppress_prefixlength {draw(st.sampled_from((0, 1, 24)))}",
                    f"lookup {table} suppress_ifgroup 10",
                    f"goto {draw(st.integers(1, 16))}",
                    "nop",
                    "prohibit",
                )
            )
        )
        not_ = draw(st.sampled_from(("", "", "", "not ")))
        lines.append(f"rule add priority {draw(st.integers(1, 14))} {not_}{' '.join(chosen)} {action}")
    return lines


@st.composite
def _flows(draw: st.DrawFn, version: int) -> Flow:
    source = draw(st.sampled_from((None, *(_near(version, link) for link in range(3)))))
    protocol = draw(st.sampled_from((0, 6, 17)))
    return Flow(
        ip_address(draw(st.sampled_from(_HOSTS[version]))),
        ip_address(source) if source else None,
        outgoing=draw(st.sampled_from((None, None, *LINKS))),
        mark=draw(st.sampled_from((0, 0, 1, 5))),
        ip_protocol=protocol,
        destination_port=draw(st.sampled_from((0, 80, 100))) if protocol else 0,
    )


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[int, list[str], list[Flow]]:
    version = draw(st.sampled_from((4, 6)))
    lines = [*draw(_routes(version)), *draw(_rules(version))]
    return version, lines, draw(st.lists(_flows(version), min_size=8, max_size=8))


@given(world=_worlds())
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_our_walk_and_the_kernel_agree(guest: Kernel, world: tuple[int, list[str], list[Flow]]) -> None:
    version, lines, flows = world
    guest.become(version, lines)
    note("\n".join(lines))
    tables, links = guest.tables(), guest.links()

    for flow in flows:
        walk, fact = tables.walk(flow), guest.ask(flow)
        assert walk.doubtful or agree(walk, fact, links.get(flow.outgoing or "")), f"{flow}\n{walk.steps}\n{fact}"
