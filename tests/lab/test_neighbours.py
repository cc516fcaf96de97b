"""Who else lives on the instance: bridges, tunnels, and what an administrator has made by hand.

::

      guest                               router            internet
     ┌───────────────────────────────┐   ┌──────────┐      ┌──────────────┐
     │ container ── docker0   eth0 ──┼───┼──────────┼──────┼ 198.51.100.7 │
     │   172.17.0.2           eth1 ──┼───┼──────────┤      └──────────────┘
     │ far end ──── tun0             │   └──────────┘
     │   10.8.0.1, fd08::1           │
     └───────────────────────────────┘
      main: 172.17.0.0/16 dev docker0, 10.8.0.0/24 dev tun0, and what the administrator wants
"""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import CONTAINER, FAR_END, FAR_END6, Boot, docker_bridge, vpn
from eip_agent.lab.probe import reach, seen_source
from eip_agent.lab.topology import DEMO, Eip, Topology, public, vswitch
from tests.lab.support import (
    ELSEWHERE,
    ETH0,
    PROTOS,
    WEB,
    WEB6,
    Probe,
    agent,
    applied,
    declared,
    dump,
    every,
    faulty,
    nat,
    rules,
    shown,
    tables,
)

pytestmark = pytest.mark.lab

PAIR = Topology((ETH0, nat(1, vswitch(1), (10, 11))), extra_vswitches=ELSEWHERE)
ETH1 = PAIR.enis[1]
HOP = IPv4Address("172.16.1.240")
"""A router of the administrator's own."""


# --- bridges and tunnels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("boot", ["bare", "dhcp"])
def test_a_bridge_and_a_tunnel_are_reached_from_every_address_and_from_none(boot: Boot) -> None:
    with applied(DEMO, boot=boot) as instance, docker_bridge(instance.cloud.guest), vpn(instance.cloud.guest):
        cloud = instance.cloud
        agent(cloud, "apply")
        far: Sequence[IPv4Address | IPv6Address] = [*map(IPv4Address, (CONTAINER, FAR_END)), IPv6Address(FAR_END6)]
        probes = [
            Probe(cloud.guest, dst, proto, source)
            for one in DEMO.enis
            for source in every(one)
            for dst in far
            if dst.version == source.version
            for proto in PROTOS
        ]

        assert faulty(probes) == []
        assert seen_source(cloud.guest, CONTAINER) == IPv4Address("172.17.0.1")
        assert seen_source(cloud.guest, FAR_END) == IPv4Address("10.8.0.2")
        assert reach(cloud.guest, FAR_END6)
        assert instance.broken() == []


def test_a_bridge_that_was_there_first_is_no_different() -> None:
    with Cloud(PAIR) as cloud, docker_bridge(cloud.guest) as container:
        cloud.settings(declared(PAIR))
        agent(cloud, "apply")

        assert [source for source in ETH1.private if not reach(cloud.guest, CONTAINER, source=source)] == []
        assert [address for address in ETH1.private if not reach(container, address)] == []
        assert reach(container, "172.17.0.1")


@pytest.mark.parametrize("boot", ["bare", "dhcp"])
def test_a_vpn_that_takes_the_default_route_does_not_take_the_replies_of_eips(boot: Boot) -> None:
    """OpenVPN's `redirect-gateway def1`, and the same for IPv6; the metadata service keeps a route of its own."""
    with applied(DEMO, boot=boot) as instance, vpn(instance.cloud.guest) as far:
        cloud = instance.cloud
        far.ip(f"addr add {WEB}/32 dev lo\naddr add {WEB6}/128 dev lo nodad")
        cloud.guest.ip(
            "route add 100.64.0.0/10 via 172.16.0.253 dev eth0\n"
            "route add 0.0.0.0/1 dev tun0\nroute add 128.0.0.0/1 dev tun0\n"
            "route add 2000::/3 dev tun0\nroute add 3000::/4 dev tun0"
        )
        agent(cloud, "apply")
        # 203.0.113.200 lies in the network that a DHCP image has on eth2 in `main`: unbound, it is as before.
        requests = [
            Probe(cloud.internet, eip.address, proto, WEB) for one in DEMO.enis for eip in one.eips for proto in PROTOS
        ]
        requests += [Probe(cloud.internet, v6, proto) for one in DEMO.enis for v6 in one.ipv6s for proto in PROTOS]
        bound = [
            Probe(cloud.guest, WEB, "tcp", one.private_of(eip), seen=frozenset((eip.address,)))
            for one in DEMO.enis
            if not one.binded
            for eip in one.eips
            if not eip.gateway
        ]

        assert seen_source(cloud.guest, WEB) == IPv4Address("10.8.0.2"), "unbound, the VPN is what `main` says"
        assert faulty([*requests, *bound]) == []
        assert seen_source(cloud.guest, WEB, source=public(20)) == public(20)
        assert set(cloud.spoofs().values()) == {0}


# --- what an administrator has made -----------------------------------------------------------------------------------

OWN = """\
addr add 10.99.0.1/32 dev lo
addr add 172.16.0.99/32 dev eth0 label eth0:own
route add 10.50.0.0/16 via 172.16.0.250 dev eth0
route add 10.60.0.0/16 via 172.16.0.250 dev eth0 table 100
route add default via 172.16.0.253 dev eth0 table 100
route add blackhole 10.66.0.0/16 metric 7
route add 10.67.0.0/16 dev eth0 scope link proto static metric 50 table 20000
rule add priority 100 from 10.9.0.0/16 lookup 100
rule add priority 5000 fwmark 7 lookup 100
rule add priority 24500 from 10.66.0.0/16 lookup 100
rule add priority 25999 to 10.68.0.0/16 lookup 100 protocol static
"""
OWN6 = """\
addr add fd99::1/128 dev lo
route add fd50::/48 via 2001:db8:100::fffe dev eth0
route add fd51::/48 dev eth0 table 100
rule add priority 100 from fd09::/16 lookup 100
rule add priority 24500 from fd66::/16 lookup 100
"""


def of_the_administrator(cloud: Cloud) -> list[str]:
    """The lines of what `OWN` has made."""
    kinds = (
        "-4 addr show",
        "-6 addr show",
        "-4 route show table all",
        "-6 route show table all",
        "-4 rule show",
        "-6 rule show",
    )
    lines = [line for kind in kinds for line in shown(cloud, kind)]
    marks = (
        "10.99",
        "172.16.0.99",
        "10.5",
        "10.6",
        "10.9.",
        "fwmark",
        "table 100 ",
        "fd99",
        "fd5",
        "fd09",
        "fd66",
        "lookup 100",
    )
    return [line for line in lines if any(mark in line for mark in marks) and " table 200000" not in line]


@pytest.mark.parametrize(
    ("boot", "topology"),
    [("bare", DEMO), ("dhcp", DEMO), ("dhcp", Topology((ETH0,)))],
    ids=["bare", "DHCP", "primary only"],
)
def test_nothing_of_the_administrators_changes_and_revert_leaves_no_trace(boot: Boot, topology: Topology) -> None:
    with Cloud(topology, boot=boot) as cloud:
        cloud.guest.ip(OWN, version=4)
        cloud.guest.ip(OWN6, version=6)
        before, own = dump(cloud), of_the_administrator(cloud)
        assert len(own) >= len((OWN + OWN6).splitlines())
        cloud.settings(declared(topology))
        agent(cloud, "apply")

        assert of_the_administrator(cloud) == own
        assert (dump(cloud) == before) == (len(topology.enis) == 1), "with one ENI there is nothing to do"
        agent(cloud, "apply")
        agent(cloud, "revert")
        assert dump(cloud) == before
        assert agent(cloud, "revert") == "nothing here is eip-agent's\n"


def frames(cloud: Cloud, link: str, dst: str, source: str) -> Iterator[str]:
    """The destination MAC addresses of the frames by `link` that a datagram from `source` to `dst` becomes."""
    with cloud.router.entered():
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    with wire:
        wire.bind((link, 0x0800))
        wire.settimeout(1)
        with cloud.guest.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
            mouth.bind((source, 0))
            mouth.sendto(b"x", (dst, 9))
        while True:
            frame = wire.recv(256)
            if frame[30:34] == IPv4Address(dst).packed:
                yield frame[:6].hex(":")


def test_a_route_by_an_eni_in_main_is_followed_by_the_sources_of_that_eni_only() -> None:
    router, ours, ours6 = "02:00:00:00:00:77", ["10.50.0.0/16 via", "10.51.0.0/16 via"], "fd50::/48 via"
    with applied(PAIR, boot="dhcp") as instance:
        cloud = instance.cloud
        cloud.guest.ip(
            f"neigh replace {HOP} lladdr {router} nud permanent dev eth1\n"
            f"route add 10.50.0.0/16 via {HOP} dev eth1\n"
            f"route add 10.51.0.0/16 via {HOP} dev eth1 proto static metric 9\n"
            f"route add fd50::/48 via {ETH1.vswitch.peer6} dev eth1"
        )
        agent(cloud, "apply")

        held = "\n".join(tables(cloud, "eth1"))
        assert [text for text in (*ours, ours6) if text not in held] == []
        assert not any("10.50." in line for line in tables(cloud, "eth0"))
        assert next(frames(cloud, "eth1", "10.50.0.1", "172.16.1.11")) == router
        assert next(frames(cloud, "eth1", "10.51.0.1", "172.16.1.10")) == router
        assert next(frames(cloud, "eth0", "10.50.0.1", "172.16.0.10")) == "ee:ff:ff:ff:ff:ff"
        cloud.guest.ip(f"route del 10.51.0.0/16 via {HOP} dev eth1")
        agent(cloud, "apply")
        assert not any("10.51." in line for line in tables(cloud, "eth1"))
        assert next(frames(cloud, "eth1", "10.51.0.1", "172.16.1.10")) == "ee:ff:ff:ff:ff:ff"
        assert instance.broken() == []


def test_an_ipv6_route_by_a_gateway_outside_the_vswitch_is_followed() -> None:
    """The kernel takes a route by a gateway only where it finds the way to the gateway."""
    with applied(PAIR, boot="dhcp") as instance:
        cloud = instance.cloud
        cloud.guest.ip(
            "route add fd77::1 dev eth1\n"
            "route add fd78::/48 via fd77::1 dev eth1\nroute add fd79::/48 via fe80::9 dev eth1"
        )
        agent(cloud, "apply")

        held = "\n".join(tables(cloud, "eth1"))
        assert [
            text for text in ("fd77::1 dev", "fd78::/48 via fd77::1", "fd79::/48 via fe80::9") if text not in held
        ] == []
        assert instance.broken() == []


def test_an_address_that_somebody_puts_on_an_eni_gets_source_routing_and_loses_it() -> None:
    """As keepalived does with an HAVIP, which the metadata service does not list."""
    havip = IPv4Address("172.16.1.77")
    with applied(PAIR) as instance:
        cloud = instance.cloud
        eth1 = replace(ETH1, private=(*ETH1.private, havip), eips=(*ETH1.eips, Eip(public(77), private_address=havip)))
        cloud.become(PAIR.with_eni(eth1))
        cloud.metadata.topology = PAIR
        before = [rules(cloud), tables(cloud, "eth1"), shown(cloud, "addr show dev eth1")]
        cloud.guest.ip(f"addr add {havip}/32 dev eth1")
        with_it = shown(cloud, "addr show dev eth1")
        agent(cloud, "apply")

        assert instance.broken() == []
        assert shown(cloud, "addr show dev eth1") == with_it
        cloud.guest.ip(f"addr del {havip}/32 dev eth1")
        agent(cloud, "apply")
        assert [rules(cloud), tables(cloud, "eth1"), shown(cloud, "addr show dev eth1")] == before


def test_an_address_outside_every_subnet_gets_a_rule_of_its_own_and_loses_it() -> None:
    stray = IPv4Address("10.77.0.1")
    with applied(PAIR) as instance:
        cloud = instance.cloud
        cloud.become(PAIR.with_eni(replace(ETH1, private=(*ETH1.private, stray))))
        cloud.metadata.topology = PAIR
        before = rules(cloud)
        cloud.guest.ip(f"addr add {stray}/32 dev eth1")
        agent(cloud, "apply")

        assert any(f"from {stray} iif lo lookup 2000" in line for line in rules(cloud))
        assert instance.broken() == []
        cloud.guest.ip(f"addr del {stray}/32 dev eth1")
        agent(cloud, "apply")
        assert rules(cloud) == before


def test_an_address_of_the_agents_that_somebody_takes_away_comes_back() -> None:
    with applied(PAIR) as instance:
        cloud = instance.cloud
        cloud.guest.ip("addr del 172.16.1.11/24 dev eth1\nrule del from 172.16.1.0/24 lookup 20000048")
        cloud.guest.ip("route flush table 20000048", version=4)
        agent(cloud, "apply", code=0)

        assert instance.broken() == []


def test_what_others_send_through_this_host_is_routed_as_before() -> None:
    """The instance as the router or NAT gateway of its vSwitch: a source there that is not its own is none of ours."""
    with Cloud(DEMO, boot="dhcp") as cloud:
        cloud.guest.sysctl({"net/ipv4/ip_forward": 1})
        ask = ["ip", "route", "get", str(WEB), "from", "172.16.1.250", "iif", "eth1"]
        before = cloud.guest.run(ask).stdout
        cloud.settings(declared(DEMO))
        agent(cloud, "apply")

        assert cloud.guest.run(ask).stdout == before
        assert "dev eth0" in before


def test_an_address_that_a_container_has_stays_its_own() -> None:
    """A network plug-in gives it away by a host route; on the ENI's link it would be the host's again."""
    with Cloud(DEMO, boot="dhcp") as cloud:
        cloud.guest.ip(
            "link add cali1 type veth peer name cali2\nlink set cali1 up\nlink set cali2 up\n"
            "route add 172.16.1.11 dev cali1"
        )
        cloud.settings(declared(DEMO))
        done = cloud.agent("apply")

        assert done.returncode == 0
        assert "172.16.1.11: an address of an ENI is routed to a device that is no ENI" in done.stderr
        assert "dev cali1" in cloud.guest.run(["ip", "route", "get", "172.16.1.11"]).stdout
        assert agent(cloud, "apply").startswith("as desired")
        cloud.guest.ip("route del 172.16.1.11 dev cali1")
        assert "address 172.16.1.11/24 dev eth1" in agent(cloud, "apply")
