"""The simulated cloud itself: with a right guest everything is reached, with a wrong one it is not.

The guest is configured by hand here, with the rules a careful administrator would write, so that what is proved of the
cloud does not depend on the agent.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal

import pytest

from eip_agent.core.settings import Mode
from eip_agent.errors import LabError
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import CONTAINER, FAR_END, FAR_END6, docker_bridge, settle, vpn
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.probe import Proto, answers_arp, reach, seen_source
from eip_agent.lab.ruleset import gateways
from eip_agent.lab.stream import Stream
from eip_agent.lab.topology import DEMO, Eip, Eni, Havip, Topology, eni, public, vswitch

pytestmark = pytest.mark.lab

PROTOS: tuple[Proto, ...] = ("tcp", "udp", "icmp")
WEB, STRANGER, WEB6 = IPv4Address("198.51.100.7"), IPv4Address("203.0.113.200"), IPv6Address("2001:db8:ffff::7")
ETH0, ETH1, ETH2, ETH3, ETH4 = DEMO.enis
SERVICE = "100.100.2.136"


def addresses(enis: Iterable[Eni]) -> str:
    """Every address on its link, and the link up; no routes but those of the primary's image."""
    return "\n".join(line for one in enis for line in _addresses(one))


def _addresses(one: Eni) -> Iterator[str]:
    yield f"link set {one.link} up"
    for v4 in one.owned:
        yield f"addr replace {v4}/{one.vswitch.cidr.prefixlen} dev {one.link} noprefixroute"
    for v6 in one.ipv6s:
        yield f"addr replace {v6}/64 dev {one.link} noprefixroute nodad"


def take_over(cloud: Cloud, enis: Iterable[Eni] = DEMO.enis) -> None:
    """Make the guest right as one would by hand: a table for each gateway, a rule for each address."""
    cloud.guest.ip(addresses(enis))
    for one in enis:
        first = 100 + 10 * int(one.link.removeprefix("eth"))
        by_gateway = {gateway: first + slot for slot, gateway in enumerate(gateways(one))}
        table = {eip.address: by_gateway[eip.gateway] for eip in one.eips if eip.gateway}
        routes = [
            f"route add default via {gateway} dev {one.link} onlink table {t}" for gateway, t in by_gateway.items()
        ]
        cloud.guest.ip("\n".join([*routes, *(f"rule add from {v4} lookup {table.get(v4, first)}" for v4 in one.owned)]))
        if one.ipv6s:
            route = f"route add default via {one.vswitch.gateway6} dev {one.link} onlink table {first}"
            cloud.guest.ip("\n".join([route, *(f"rule add from {v6} lookup {first}" for v6 in one.ipv6s)]), version=6)


def eventually(holds: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
    return True


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """The demo with an image that has configured its primary link only."""
    with Cloud(DEMO) as made:
        yield made


@pytest.fixture(scope="module")
def right() -> Iterator[Cloud]:
    """The demo with a right guest; for tests that change nothing."""
    with Cloud(DEMO) as made:
        take_over(made)
        yield made


@pytest.mark.parametrize("proto", PROTOS)
def test_a_right_guest_is_reached_by_every_address(right: Cloud, proto: Proto) -> None:
    right.reset_spoofs()
    public_ones: list[IPv4Address | IPv6Address] = [
        *(eip.address for one in DEMO.enis for eip in one.eips),
        *(v6 for one in DEMO.enis for v6 in one.ipv6s),
    ]
    private = [a for one in DEMO.enis if not one.binded for a in one.private]

    assert [a for a in public_ones if not reach(right.internet, a, proto)] == []
    assert [(n, a) for n, peer in right.peers.items() for a in private if not reach(peer, a, proto)] == []
    assert set(right.spoofs().values()) == {0}


@pytest.mark.parametrize("proto", PROTOS)
def test_a_right_guest_reaches_everybody_from_every_address(right: Cloud, proto: Proto) -> None:
    right.reset_spoofs()
    peers = [v.peer for v in DEMO.vswitches]
    peers6 = [v.peer6 for v in DEMO.vswitches if v.peer6]
    missed = [
        (source, dst)
        for one in DEMO.enis
        for sources, dsts in (
            (one.owned, [WEB, STRANGER] if one.binded else [WEB, *peers]),
            (one.ipv6s, [WEB6, *peers6]),
        )
        for source in sources
        for dst in dsts
        if (dst != WEB or source not in ETH3.private) and not reach(right.guest, dst, proto, source=source)
    ]

    assert missed == []
    assert set(right.spoofs().values()) == {0}


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_nat_translates_both_ways_and_visible_eips_not_at_all(right: Cloud, proto: Literal["tcp", "udp"]) -> None:
    seen = {
        source: seen_source(right.guest, WEB, proto, source=source)
        for source in (*ETH0.private, *ETH1.private, *ETH2.owned, *ETH3.owned[1:], *ETH4.private)
    }

    assert seen == {
        IPv4Address("172.16.0.10"): public(10),
        IPv4Address("172.16.1.10"): public(11),
        IPv4Address("172.16.1.11"): public(12),
        public(20): public(20),
        public(42): public(42),
        public(43): public(43),
        public(70): public(70),
        IPv4Address("192.0.2.44"): IPv4Address("192.0.2.44"),
    }
    assert seen_source(right.internet, public(12), proto) == WEB
    assert seen_source(right.guest, vswitch(9).peer, proto, source=ETH1.private[1]) == ETH1.private[1]


def test_a_private_address_without_an_eip_has_no_internet(right: Cloud) -> None:
    assert not reach(right.guest, WEB, "udp", source=ETH3.private[0], timeout=0.2)
    assert not reach(right.peers[ETH0.vswitch.name], WEB, "udp", timeout=0.2)


def first_heard(hearer: Namespace, dst: IPv4Address, senders: Iterable[tuple[Namespace, IPv4Address]]) -> str:
    """Whose datagram, sent one after the other, is the first that gets through."""
    with hearer.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((str(dst), 9))
        ear.settimeout(2)
        for namespace, source in senders:
            with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
                mouth.bind((str(source), 0))
                mouth.sendto(b"x", (str(dst), 9))
        return str(ear.recvfrom(16)[1][0])


def test_nothing_private_meets_the_internet_and_nothing_of_the_vpc_enters_a_binded_eni(right: Cloud) -> None:
    peer, inside = right.peers[ETH2.vswitch.name], ETH2.vswitch.peer
    eip = ETH2.owned[0]

    assert first_heard(right.internet, WEB, [(right.guest, ETH3.private[0]), (right.guest, eip)]) == str(eip)
    assert first_heard(right.guest, eip, [(peer, inside), (right.internet, WEB)]) == str(WEB)
    assert first_heard(right.guest, ETH1.private[0], [(right.internet, WEB), (peer, inside)]) == str(inside)


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_a_guest_without_source_routing_is_not_reached_and_its_strays_are_counted(cloud: Cloud, family: str) -> None:
    cloud.guest.ip(addresses(DEMO.enis))
    dst = public(11) if family == "IPv4" else ETH1.ipv6s[0]

    assert not reach(cloud.internet, dst, "udp", timeout=0.2)
    assert cloud.spoofs()["eth0"] > 0
    assert {link: n for link, n in cloud.spoofs().items() if n and link != "eth0"} == {}


def test_a_spoofed_arp_is_dropped_and_counted(right: Cloud) -> None:
    right.reset_spoofs()
    gateway, own, foreign = ETH1.vswitch.gateway, ETH1.private[0], ETH0.private[0]

    assert answers_arp(right.guest, "eth1", own, gateway)
    assert right.spoofs()["eth1"] == 0
    assert not answers_arp(right.guest, "eth1", foreign, gateway)
    assert right.spoofs()["eth1"] == 1


def test_the_gateway_answers_for_who_is_in_the_vswitch_and_for_nobody_else(right: Cloud) -> None:
    here = {one.link: one.owned[-1] for one in DEMO.enis}
    asked = {
        ("eth0", ETH0.vswitch.gateway): True,
        ("eth0", ETH0.vswitch.peer): True,
        ("eth0", ETH1.vswitch.gateway): False,
        ("eth0", ETH1.private[0]): False,
        ("eth0", IPv4Address("172.16.0.99")): False,
        ("eth0", IPv4Address("100.100.100.200")): False,
        ("eth2", public(1)): True,
        ("eth2", ETH2.vswitch.gateway): False,
        ("eth2", ETH2.vswitch.peer): False,
        ("eth2", STRANGER): False,
        ("eth3", public(33)): True,
        ("eth3", public(65)): True,
        ("eth3", ETH3.vswitch.gateway): True,
        ("eth3", public(71)): False,
    }

    assert {(on, who): answers_arp(right.guest, on, here[on], who) for on, who in asked} == asked


def test_everybody_in_the_vswitch_has_the_mac_of_the_router(right: Cloud) -> None:
    assert reach(right.guest, ETH0.vswitch.peer, source=ETH0.private[0])
    assert reach(right.guest, ETH0.vswitch.peer6 or "", source=ETH0.ipv6s[0])
    assert "ee:ff:ff:ff:ff:ff" in right.guest.ip("neigh show")
    macs = {line.split("lladdr ")[1][:17] for line in right.guest.ip("neigh show").splitlines() if "lladdr" in line}
    assert macs == {"ee:ff:ff:ff:ff:ff"}


def test_enis_of_one_vswitch_see_each_other_through_the_router() -> None:
    shared = vswitch(5)
    with Cloud(Topology((eni(0, shared, (10,)), eni(1, shared, (11,)), eni(2, vswitch(6), (12,))))) as cloud:
        cloud.guest.ip(addresses(cloud.topology.enis))
        one, other, third = (e.private[0] for e in cloud.topology.enis)

        assert answers_arp(cloud.guest, "eth0", one, other)
        assert not answers_arp(cloud.guest, "eth0", one, third)
        assert not answers_arp(cloud.guest, "eth0", one, one)


def test_arp_flux_is_seen(cloud: Cloud) -> None:
    cloud.guest.ip(addresses(DEMO.enis))

    assert cloud.arp("eth1", ETH1.private[1])
    assert cloud.arp("eth1", ETH0.private[0]), "a kernel left to its defaults answers for other links"
    assert cloud.spoofs()["eth1"] == 1
    cloud.guest.sysctl({"net/ipv4/conf/all/arp_ignore": 1})
    assert not cloud.arp("eth1", ETH0.private[0])


@pytest.mark.parametrize("proto", PROTOS)
def test_the_services_are_reached_by_every_link_but_a_binded_one(right: Cloud, proto: Proto) -> None:
    answered = {
        source: reach(right.guest, SERVICE, proto, source=source, port=7, timeout=0.2)
        for one in DEMO.enis
        for source in one.owned
    }

    assert answered == {source: source not in ETH2.owned for source in answered}


def test_binded_takes_the_private_address_out_of_the_vpc(right: Cloud) -> None:
    dead, peer = ETH2.private[0], right.peers[ETH2.vswitch.name]
    right.reset_spoofs()
    right.guest.ip(f"addr add {dead}/32 dev eth2\nrule add from {dead} lookup 120")
    try:
        assert not reach(peer, dead, "udp", timeout=0.2)
        assert not reach(right.guest, ETH2.vswitch.peer, "udp", source=ETH2.owned[0], timeout=0.2)
        assert not reach(peer, ETH2.owned[0], "udp", timeout=0.2)
        assert right.spoofs()["eth2"] == 0
        assert not reach(right.guest, WEB, "udp", source=dead, timeout=0.2)
        assert right.spoofs()["eth2"] > 0
    finally:
        right.guest.ip(f"rule del from {dead} lookup 120\naddr del {dead}/32 dev eth2")


def test_an_eni_is_attached_and_detached_while_a_stream_of_another_runs(cloud: Cloud) -> None:
    take_over(cloud)
    new = eni(5, vswitch(5), (10,), [Eip(public(90))])
    with Stream(cloud.internet, public(11)) as stream:
        cloud.become(DEMO.with_eni(new))
        take_over(cloud, [new])

        assert reach(cloud.internet, public(90))
        assert reach(cloud.internet, new.ipv6s[0])
        assert reach(cloud.peers[new.vswitch.name], new.private[0])
        cloud.become(DEMO.without("eth3"))
        assert "eth3" not in cloud.guest.ip("link show")
        assert "eth5" not in cloud.guest.ip("link show")
        assert not reach(cloud.internet, public(90), "udp", timeout=0.2)
        assert set(cloud.peers) == {v.name for v in DEMO.without("eth3").vswitches}
        cloud.become(DEMO)
        assert reach(cloud.peers[ETH3.vswitch.name], ETH1.private[0])
        before = stream.echoed
        assert eventually(lambda: stream.echoed > before + 20)
        assert stream.intact, stream.broken
        assert stream.stalls() < 0.5
        assert stream.lost() == 0


@pytest.mark.parametrize("direction", ["iifname", "oifname"])
def test_a_stream_shows_what_is_lost(cloud: Cloud, direction: str) -> None:
    take_over(cloud)
    outage = f"table ip outage {{ chain c {{ type filter hook forward priority 9; {direction} eth1 drop; }}; }}"
    with Stream(cloud.internet, public(11)) as stream:
        assert eventually(lambda: stream.echoed > 20)
        assert stream.lost() == 0
        cloud.router.run(["nft", outage])
        assert eventually(lambda: stream.stalls() > 0.1)
        cloud.router.run(["nft", "delete table ip outage"])
        assert eventually(lambda: stream.lost() > 0)
        assert stream.intact, stream.broken


def test_a_binding_changes_while_the_cloud_runs(cloud: Cloud) -> None:
    take_over(cloud)
    moved = replace(ETH1, eips=(replace(ETH1.eips[0], private_address=ETH1.private[1]),))
    visible = replace(ETH1, private=ETH1.private[:1], eips=(Eip(public(11), Mode.EIP_VISIBLE, None, public(1), 24),))

    assert seen_source(cloud.guest, WEB, source=ETH1.private[0]) == public(11)
    cloud.become(DEMO.with_eni(moved))
    assert seen_source(cloud.guest, WEB, source=ETH1.private[1]) == public(11)
    assert not reach(cloud.guest, WEB, "udp", source=ETH1.private[0], timeout=0.2)
    cloud.become(DEMO.with_eni(visible))
    assert not cloud.arp("eth1", public(11))
    assert not reach(cloud.peers[ETH1.vswitch.name], ETH1.private[0], "udp", timeout=0.2)
    cloud.guest.ip(
        f"addr add {public(11)}/24 dev eth1 noprefixroute\n"
        f"route replace default via {public(1)} dev eth1 onlink table 110\nrule add from {public(11)} lookup 110"
    )
    assert seen_source(cloud.guest, WEB, source=public(11)) == public(11)
    assert reach(cloud.internet, public(11))
    cloud.become(DEMO)
    cloud.guest.ip(f"route replace default via {ETH1.vswitch.gateway} dev eth1 onlink table 110")
    assert seen_source(cloud.guest, WEB, source=ETH1.private[1]) == public(12)


def test_a_havip_is_with_the_instance_that_announced_it_last() -> None:
    havip = IPv4Address("172.16.1.77")
    topology = Topology(
        (eni(0, vswitch(0)), eni(1, vswitch(1))),
        partner=(eni(10, vswitch(0), (20,)), eni(11, vswitch(1), (20,))),
        floating=(Havip(havip, ("eth1", "eth11"), public(77)),),
    )
    with Cloud(topology) as cloud:
        assert cloud.partner is not None
        nodes = {"eth1": cloud.guest, "eth11": cloud.partner}
        for link, node in nodes.items():
            node.ip(f"link set {link} up\naddr add {havip}/24 dev {link} noprefixroute")
            node.ip(f"route add default via 172.16.1.253 dev {link} onlink table 100\nrule add from {havip} lookup 100")
        assert not reach(cloud.internet, public(77)), "nobody has announced it"
        for link in ("eth1", "eth11", "eth1"):
            other = "eth11" if link == "eth1" else "eth1"
            assert not answers_arp(nodes[link], link, havip, havip)
            assert eventually(lambda link=link: cloud.topology.floating[0].holder == link)  # type: ignore[misc]
            cloud.reset_spoofs()

            assert reach(cloud.internet, public(77)), link
            assert reach(cloud.peers["vsw-lab0"], havip), link
            assert seen_source(nodes[link], WEB, source=havip) == public(77)
            assert cloud.spoofs()[link] == 0
            assert seen_source(nodes[other], WEB, source=havip) is None
            assert cloud.spoofs()[other] > 0
        cloud.guest.ip("link set eth0 up")
        assert not answers_arp(cloud.guest, "eth0", havip, havip)
        assert cloud.spoofs()["eth0"] == 1, "the HAVIP is not bound to this ENI"
        assert cloud.topology.floating[0].holder == "eth1"
        assert reach_metadata(cloud.guest, "instance-id") == topology.instance_id
        assert reach_metadata(cloud.partner, "instance-id") == topology.partner_id
        assert reach_metadata(cloud.partner, "mac") == topology.partner[0].mac


def test_metadata_and_dhcp_follow(cloud: Cloud) -> None:
    new = eni(5, vswitch(5))
    cloud.become(DEMO.with_eni(new))

    assert cloud.metadata.topology == cloud.dhcp.topology == DEMO.with_eni(new)
    assert reach_metadata(cloud.guest, f"network/interfaces/macs/{new.mac}/network-interface-id") == new.eni_id


def reach_metadata(guest: Namespace, item: str) -> str:
    with guest.socket(socket.AF_INET, socket.SOCK_STREAM) as asking:
        asking.settimeout(2)
        asking.connect(("100.100.100.200", 80))
        asking.sendall(f"GET /latest/meta-data/{item} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while data := asking.recv(4096):
            answer += data
    return answer.partition(b"\r\n\r\n")[2].decode()


def test_an_image_with_dhcp_on_every_link() -> None:
    with Cloud(DEMO, boot="dhcp", strict_rp_filter=True) as cloud:
        defaults = [line for line in cloud.guest.ip("route show default").splitlines() if line]
        with cloud.guest.entered():
            rp_filter = Path("/proc/sys/net/ipv4/conf/eth1/rp_filter").read_text().strip()

    assert [(line.split()[2], line.split()[-1]) for line in defaults] == [
        ("172.16.0.253", "100"),
        ("172.16.1.253", "200"),
        ("203.0.113.1", "300"),
        ("172.16.3.253", "400"),
        ("192.0.2.253", "500"),
    ]
    assert rp_filter == "1"


def test_a_container_and_a_tunnel_answer_beside_the_enis(right: Cloud) -> None:
    with docker_bridge(right.guest) as container, vpn(right.guest) as far:
        for proto in PROTOS:
            assert reach(right.guest, CONTAINER, proto)
            assert reach(right.guest, FAR_END, proto)
            assert reach(right.guest, FAR_END6, proto)
        assert reach(container, "172.17.0.1", "icmp")
        assert reach(far, "10.8.0.2")
    assert not {"docker0", "tun0"} & set(right.guest.ip("link show").split())


def test_the_agent_sees_the_guest_and_nothing_of_the_caller(right: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    path = right.settings("# nothing\n")
    command = right.agent_command("apply")
    seen = right.guest.run([*command[: command.index(sys.executable)], "env"], env=right.agent_environment).stdout

    assert command[-3:] == ["apply", "--config", str(path)]
    assert path.stat().st_mode & 0o777 == 0o600
    assert "PROXY" not in seen
    assert f"EIP_AGENT_RUN_DIRECTORY={right.directory}/run" in seen.splitlines()
    assert (right.directory / "run").stat().st_mode & 0o777 == 0o700


def test_the_guard_refuses_the_network_of_the_machine() -> None:
    with pytest.raises(LabError, match="will not touch the network of this machine"):
        Namespace("machine", fd=os.open("/proc/self/ns/net", os.O_RDONLY))


def test_without_the_capability_it_is_one_sentence() -> None:
    code = "from eip_agent.lab.namespace import Namespace; Namespace('x')"
    bereft = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", sys.executable, "-c", code]
    done = subprocess.run(bereft, capture_output=True, text=True, check=False)

    assert "LabError: network namespaces cannot be made here: CAP_SYS_ADMIN is missing" in done.stderr


def test_a_thread_comes_back_also_when_its_block_fails() -> None:
    before = Path("/proc/thread-self/ns/net").stat().st_ino
    with Namespace("inside") as namespace:
        with namespace.entered():
            inside = Path("/proc/thread-self/ns/net").stat().st_ino
        with pytest.raises(KeyboardInterrupt), namespace.entered():
            raise KeyboardInterrupt
        after = Path("/proc/thread-self/ns/net").stat().st_ino

    assert after == before != inside


def test_a_booted_image_is_at_rest_however_late_the_kernel_is() -> None:
    """The wire comes up late on purpose, and looking for duplicates then takes 0.3 seconds."""
    late = {"accept_dad": 1, "dad_transmits": 3, "router_solicitation_delay": 0}
    with Namespace("guest") as guest:
        guest.sysctl({f"net/ipv6/conf/default/{key}": value for key, value in late.items()})
        guest.ip("link add eth0 type veth peer name wire\nntable change name ndisc_cache dev eth0 retrans 100")
        guest.ip("link set eth0 up")
        wire = threading.Timer(0.1, guest.ip, ["link set wire up"])
        wire.start()
        settle(guest, ["eth0"])
        wire.join()

        assert guest.ip("addr show dev eth0", version=6).count("inet6 fe80::") == 1
        assert guest.ip("addr show dev eth0 tentative", version=6) == ""
        assert guest.ip("route show table local dev eth0", version=6).count("local fe80::") == 1


def test_a_failing_command_says_what_and_where(cloud: Cloud) -> None:
    with pytest.raises(LabError, match=r"in namespace `guest` failed with 1: .*nowhere"):
        cloud.guest.ip("link set nowhere up")


def machine() -> tuple[object, ...]:
    """What a lab could leave: links, names of namespaces, routes, open files."""
    names = sorted(Path("/run/netns").glob("*"))
    return socket.if_nameindex(), names, Path("/proc/net/route").read_text(), len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left_behind() -> None:
    before = machine()
    with Cloud(DEMO) as cloud:
        during = machine()
        directory = cloud.directory
        sleeper = cloud.guest.start(["sleep", "1000"])

    assert during[:3] == before[:3]
    assert machine() == before
    assert not directory.exists()
    assert sleeper.poll() == -signal.SIGKILL


def test_the_guest_has_settings_of_network_programs_of_its_own() -> None:
    with Cloud(Topology((eni(0, vswitch(0)),)), peers=False) as cloud:
        (cloud.disk / "etc" / "systemd" / "networkd.conf").write_text("# the guest's\n")
        script = "cat /etc/systemd/networkd.conf; ls /run | wc -l; head -1 /etc/passwd; touch /etc/passwd; true"
        done = cloud.guest.run(cloud.on_disk("sh", "-c", script))

    assert done.stdout.splitlines() == ["# the guest's", "0", Path("/etc/passwd").read_text().splitlines()[0]]
    assert "Read-only" in done.stderr


def test_nothing_is_left_behind_by_a_kill() -> None:
    code = (
        "from eip_agent.lab.cloud import Cloud; from eip_agent.lab.topology import DEMO; import signal\n"
        "with Cloud(DEMO) as cloud:\n"
        "    print(cloud.guest.start(['sleep', '1000']).pid, cloud.directory, flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout
        sleeper, directory = victim.stdout.readline().split()
        victim.kill()

    assert eventually(lambda: not Path("/proc", sleeper).exists())
    (Path(directory) / "run").rmdir()
    (Path(directory) / "openapi-ca.pem").unlink(missing_ok=True)  # public, and there only with `cryptography`
    shutil.rmtree(Path(directory) / "disk")
    Path(directory).rmdir()


def test_the_largest_instance_is_built_and_reached() -> None:
    hosts = range(10, 60)
    enis = [eni(n, vswitch(n), hosts, [Eip(public(n + 1), private_address=vswitch(n).cidr[59])]) for n in range(64)]
    with Cloud(Topology(tuple(enis)), peers=False) as cloud:
        take_over(cloud, enis[63:])

        assert reach(cloud.internet, public(1)) is False, "the image has only its primary address"
        assert reach(cloud.internet, enis[0].ipv6s[0])
        assert reach(cloud.internet, public(64))
        assert all(reach(cloud.internet, v6) for v6 in enis[63].ipv6s)
        assert set(cloud.spoofs().values()) == {0}
