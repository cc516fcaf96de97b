"""What a link is offered is seen without taking it, and without anybody noticing but the server.

ns guest                     ns router
┌──────────────┐             ┌──────────────────────┐
│ eth1   no    ┼──── veth ───┼ eth1  DhcpServer     │
│ eth2   addr. ┼──── veth ───┼ eth2  anti-spoofing  │
│ ...          │             │ ...                  │
└──────────────┘             └──────────────────────┘
"""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from eip_agent.core.facts import LinkFact, Mac, Unread
from eip_agent.core.offers import OfferFact, Offers
from eip_agent.core.settings import Mode
from eip_agent.datagram import BROADCAST_MAC, EVERYBODY, Datagram, unwrap
from eip_agent.dhcp_message import CLIENT_PORT, SERVER_PORT, Kind, Message, Option, decode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.dhcp import LEASE, DhcpServer
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.topology import DEMO, Eip, Topology, eni, public, vswitch
from eip_agent.netlink import Netlink
from eip_agent.sources import kernel, offers

pytestmark = pytest.mark.lab

SECONDARY = ("eth1", "eth2", "eth3", "eth4")
PROMPT = 0.7
"""Seconds: an answer takes some milliseconds, on a busy machine some more; far less than any wait for silence."""


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """The demo with every link up and an address on none but the primary."""
    with Cloud(DEMO, peers=False) as made:
        up(made, SECONDARY)
        yield made


def up(cloud: Cloud, links: Collection[str]) -> None:
    cloud.guest.ip("\n".join(f"link set {link} up" for link in links))
    carried(cloud, links)


def carried(cloud: Cloud, links: Collection[str]) -> None:
    """Wait for both ends: a link that has just been set up drops what is sent, without a word."""
    for side in (cloud.guest, cloud.router):

        def ready(side: Namespace = side) -> bool:
            shown = side.run(["ip", "-o", "link", "show", "up"]).stdout.splitlines()
            return all(any(f" {link}@" in line and "state UP" in line for line in shown) for link in links)

        assert eventually(ready)


def links_of(cloud: Cloud, names: Collection[str] = SECONDARY) -> list[LinkFact]:
    macs = {Mac(one.mac) for one in cloud.topology.enis}
    with cloud.guest.entered(), Netlink() as netlink:
        return [link for link in kernel.read(netlink, macs).links if link.link.name in names]


def ask(cloud: Cloud, names: Collection[str] = SECONDARY, timeout: float = 5) -> dict[str, OfferFact | Unread | None]:
    links = links_of(cloud, names)
    assert len(links) == len(names)
    with cloud.guest.entered():
        return named(offers.read(links, timeout), links)


def named(answers: Offers, links: Collection[LinkFact]) -> dict[str, OfferFact | Unread | None]:
    assert len(answers) == len(links)
    return {link.link.name: answers[link.link.index] for link in links}


def state(cloud: Cloud) -> str:
    """All that a question might leave behind; without lifetimes, which tick."""
    shown = [
        cloud.guest.run(["ip", "-o", *of]).stdout for of in (["addr"], ["route", "show", "table", "all"], ["rule"])
    ]
    return "\n".join(line.partition(" valid_lft")[0] for text in shown for line in text.splitlines())


def offered(answer: OfferFact | Unread | None) -> str:
    return f"{answer.address}/{answer.prefix_length} via {answer.router}" if isinstance(answer, OfferFact) else "-"


EXPECTED = {
    "eth1": "172.16.1.10/24 via 172.16.1.253",
    "eth2": "203.0.113.20/24 via 203.0.113.1",
    "eth3": "172.16.3.10/24 via 172.16.3.253",
    "eth4": "192.0.2.44/24 via 192.0.2.253",
}


def test_each_link_without_an_address_is_offered_what_its_mode_asks_for(cloud: Cloud) -> None:
    before = state(cloud)
    start = time.monotonic()
    answers = ask(cloud)

    assert time.monotonic() - start < PROMPT
    assert {name: offered(answer) for name, answer in answers.items()} == EXPECTED
    visible = answers["eth2"]
    assert isinstance(visible, OfferFact)
    assert (visible.server, visible.lease_seconds) == (public(1), LEASE)
    assert sorted(cloud.dhcp.messages) == [(name, Kind.DISCOVER) for name in SECONDARY]
    assert set(cloud.spoofs().values()) == {0}
    assert state(cloud) == before


def test_links_with_leases_are_offered_the_same_and_keep_them() -> None:
    with Cloud(DEMO, boot="dhcp", peers=False) as cloud:
        carried(cloud, SECONDARY)
        before = state(cloud)
        answers = ask(cloud)

        assert {name: offered(answer) for name, answer in answers.items()} == EXPECTED
        assert set(cloud.spoofs().values()) == {0}
        assert state(cloud) == before


def test_a_changed_mode_is_offered_while_the_old_address_is_held() -> None:
    with Cloud(DEMO, boot="dhcp", peers=False) as cloud:
        carried(cloud, SECONDARY)
        cloud.become(DEMO.with_eni(replace(DEMO.eni("eth2"), eips=())))

        assert offered(ask(cloud, ["eth2"])["eth2"]) == "172.16.2.10/24 via 172.16.2.253"


def test_silence_is_none_and_costs_the_bound(cloud: Cloud) -> None:
    cloud.dhcp.stop()
    start = time.monotonic()
    answers = ask(cloud, timeout=0.6)

    assert answers == dict.fromkeys(SECONDARY)
    assert 0.6 <= time.monotonic() - start < 0.6 + PROMPT


def test_who_is_silent_is_asked_twice_and_the_others_once(cloud: Cloud) -> None:
    cloud.dhcp.update(without_answers(cloud, "eth1"), {name: name for name in SECONDARY})
    heard = Ear(cloud, "eth1")
    answers = ask(cloud, timeout=0.4)

    assert answers["eth1"] is None
    assert offered(answers["eth2"]) == EXPECTED["eth2"]
    assert heard.count() == 2
    assert cloud.dhcp.messages.count(("eth2", Kind.DISCOVER)) == 1


def without_answers(cloud: Cloud, link: str) -> Topology:
    """The cloud's server answers a strange MAC only, so nobody."""
    return cloud.topology.with_eni(replace(cloud.topology.eni(link), mac=Mac("00:16:3e:99:99:99")))


class Ear:
    """Counts the DHCP requests that arrive on a link of the router."""

    def __init__(self, cloud: Cloud, device: str) -> None:
        self._socket = cloud.router.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK)
        self._socket.bind((device, 0x0003))

    def count(self) -> int:
        with self._socket:
            found = 0
            while True:
                try:
                    frame = self._socket.recv(65535)
                except BlockingIOError:
                    return found
                found += frame[12:14] == b"\x08\x00" and frame[34:38] == b"\0\x44\0\x43"


def test_an_answer_to_the_second_question_is_taken(cloud: Cloud) -> None:
    cloud.dhcp.stop()
    late = threading.Timer(0.2, cloud.dhcp.start)
    late.start()
    start = time.monotonic()
    answers = ask(cloud, timeout=1.6)
    took = time.monotonic() - start
    late.join()

    assert {name: offered(answer) for name, answer in answers.items()} == EXPECTED
    assert 0.8 <= took < 0.8 + PROMPT


def test_offers_that_contradict_each_other_are_not_believed(cloud: Cloud) -> None:
    other = cloud.topology.with_eni(replace(cloud.topology.eni("eth1"), private=(IPv4Address("172.16.1.66"),)))
    silent = {name: name for name in SECONDARY if name != "eth3"}
    cloud.dhcp.update(cloud.topology, silent)
    with DhcpServer(other, cloud.router, silent):
        answers = ask(cloud, timeout=0.4)

    rogue = answers["eth1"]
    assert isinstance(rogue, Unread)
    assert {"172.16.1.10/24", "172.16.1.66/24"} <= set(rogue.reason.split())
    assert offered(answers["eth2"]) == EXPECTED["eth2"], "two servers that say the same"


def test_what_cannot_be_asked_is_told_and_holds_up_nobody(cloud: Cloud) -> None:
    links = links_of(cloud)
    cloud.guest.ip("link set eth1 down")
    cloud.become(DEMO.without("eth4"))
    start = time.monotonic()
    with cloud.guest.entered():
        answers = named(offers.read([replace(links[2], up=False), links[0], links[1], links[3]], 5), links)

    assert time.monotonic() - start < PROMPT
    assert answers["eth1"] == Unread("DHCP on eth1", "the link is down"), "it went down after the dump"
    assert offered(answers["eth2"]) == EXPECTED["eth2"]
    assert answers["eth3"] == Unread("DHCP on eth3", "the link is down")
    assert answers["eth4"] == Unread("DHCP on eth4", "the link is gone")


@pytest.mark.parametrize(
    ("change", "reason"), [("link set eth1 down", "the link is down"), ("link del eth1", "the link is gone")]
)
def test_a_link_that_goes_while_it_is_asked_is_unread_and_not_silent(cloud: Cloud, change: str, reason: str) -> None:
    cloud.dhcp.stop()
    gone = threading.Timer(0.1, cloud.guest.ip, [change])
    gone.start()
    start = time.monotonic()
    answers = ask(cloud, ["eth1"], timeout=1)
    took = time.monotonic() - start
    gone.join()

    assert answers == {"eth1": Unread("DHCP on eth1", reason)}
    assert took < 0.5 + PROMPT


def test_a_renamed_link_is_still_the_same(cloud: Cloud) -> None:
    links = links_of(cloud, ["eth2"])
    cloud.guest.ip("link set eth2 down\nlink set eth2 name ens5\nlink set ens5 up")
    assert eventually(lambda: "state UP" in cloud.guest.run(["ip", "link", "show", "ens5"]).stdout)
    with cloud.guest.entered():
        answers = offers.read(links, 5)

    assert offered(answers[links[0].link.index]) == EXPECTED["eth2"]


def test_a_link_that_a_bridge_has_taken_is_asked_all_the_same(cloud: Cloud) -> None:
    cloud.guest.ip("link add br0 type bridge\nlink set br0 up\nlink set eth1 master br0")

    assert offered(ask(cloud, ["eth1"])["eth1"]) == EXPECTED["eth1"]


@pytest.mark.parametrize("option", [offers._IGNORE_OUTGOING, 9999], ids=["this kernel", "before 4.20"])
def test_a_server_of_this_machine_is_not_the_cloud(cloud: Cloud, option: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hears the question where it goes out, and its answer goes out there too."""
    monkeypatch.setattr(offers, "_IGNORE_OUTGOING", option)
    cloud.dhcp.stop()
    answered: list[Message] = []

    def serve(tap: socket.socket) -> None:
        with tap:
            while not answered:
                asked = unwrap(tap.recv(65535))
                question = asked and decode(asked.payload)
                if question and question.kind is Kind.DISCOVER:
                    offer = replace(question, op=2, yours=public(99), options={Option.KIND: bytes([Kind.OFFER])})
                    server, client = (public(1), SERVER_PORT), (EVERYBODY, CLIENT_PORT)
                    tap.send(Datagram(BROADCAST_MAC, b"\2" * 6, server, client, offer.encode()).encode())
                    answered.append(offer)

    tap = cloud.guest.socket(socket.AF_PACKET, socket.SOCK_RAW)
    tap.bind(("eth1", 0x0003))
    thread = threading.Thread(target=serve, args=[tap])
    thread.start()
    answers = ask(cloud, ["eth1"], timeout=0.3)
    thread.join()

    assert answered
    assert answers == {"eth1": None}


def test_without_the_right_to_raw_sockets_every_link_is_unread(cloud: Cloud) -> None:
    code = (
        "from eip_agent.core.facts import *; from eip_agent.sources import offers\n"
        "links = [LinkFact(Link(n, f'eth{n}'), Mac('00:16:3e:00:00:01'), up=n < 3) for n in (1, 2, 3)]\n"
        "print(*[unread.reason for unread in offers.read(links).values()], sep=', ')"
    )
    command = cloud.agent_command()
    python = command[command.index("-m") - 1]
    limited = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all", python, "-c", code]
    done = cloud.guest.run(limited, env=cloud.agent_environment)

    assert done.stdout == "CAP_NET_RAW is missing, CAP_NET_RAW is missing, the link is down\n"


def test_an_answer_that_cannot_be_used_is_told_and_better_ones_are_waited_for(cloud: Cloud) -> None:
    eip = replace(DEMO.eni("eth2").eips[0], prefix_length=0)
    bad = cloud.topology.with_eni(replace(DEMO.eni("eth2"), eips=(eip,)))
    cloud.dhcp.stop()
    with DhcpServer(bad, cloud.router, {"eth2": "eth2"}):
        answer = ask(cloud, ["eth2"], timeout=0.2)["eth2"]
        assert isinstance(answer, Unread)
        assert "mask 0.0.0.0" in answer.reason

        late = threading.Timer(0.1, cloud.dhcp.start)
        late.start()
        assert offered(ask(cloud, ["eth2"], timeout=0.6)["eth2"]) == EXPECTED["eth2"]
        late.join()


def test_the_kernel_wakes_nobody_for_other_traffic(cloud: Cloud) -> None:
    def frame(source: int, destination: int) -> bytes:
        server, client = (public(1), source), (EVERYBODY, destination)
        return Datagram(BROADCAST_MAC, b"\2" * 6, server, client, bytes(300)).encode()

    answer = frame(SERVER_PORT, CLIENT_PORT)
    fragment = bytearray(answer)
    fragment[20] = 0x20
    with cloud.guest.entered():
        listener = offers._listener()
    wire, guest = (side.socket(socket.AF_PACKET, socket.SOCK_RAW) for side in (cloud.router, cloud.guest))
    with listener, wire, guest:
        wire.bind(("eth1", 0))
        guest.bind(("eth1", 0))
        with contextlib.suppress(BlockingIOError):  # what came before the filter stood
            while listener.recv(65535):
                pass
        guest.send(answer)
        tagged = answer[:12] + b"\x81\0\0\5" + answer[12:]
        for other in (frame(67, 67), frame(68, 68), frame(53, 68), bytes(fragment), tagged, b"\xff" * 60):
            wire.send(other)
        listener.settimeout(5)
        wire.send(answer)

        assert listener.recv(65535) == answer
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.recv(65535)


def many(count: int) -> Topology:
    enis = (
        eni(n, vswitch(n), (10,), [Eip(public(n), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])
        for n in range(1, count + 1)
        if n
    )
    return Topology((eni(0, vswitch(0)), *(replace(one, eips=() if n % 2 else one.eips) for n, one in enumerate(enis))))


def test_fifteen_links_take_about_as_long_as_one() -> None:
    topology = many(15)
    names = [one.link for one in topology.enis[1:]]
    with Cloud(topology, peers=False) as cloud:
        up(cloud, names)
        cost = {}
        for asked in (names[:1], names):
            links = links_of(cloud, asked)
            start = time.monotonic()
            with cloud.guest.entered():
                answers = named(offers.read(links, 5), links)
            cost[len(asked)] = time.monotonic() - start
            assert all(isinstance(answer, OfferFact) for answer in answers.values())

        assert cost[15] < cost[1] + 0.1
        cloud.dhcp.stop()
        start = time.monotonic()
        assert set(ask(cloud, names, timeout=0.3).values()) == {None}
        assert time.monotonic() - start < 0.3 + PROMPT


SCRIPT = """#!/bin/sh
echo "$reason $new_ip_address" >> "$WHERE"
if [ "$reason" = BOUND ] || [ "$reason" = RENEW ]; then
    ip address replace "$new_ip_address/$new_subnet_mask" dev "$interface" valid_lft "$new_dhcp_lease_time" \
        preferred_lft "$new_dhcp_lease_time"
fi
"""


@pytest.mark.skipif(not shutil.which("dhclient"), reason="Debian package isc-dhcp-client is not installed")
def test_a_client_with_a_lease_does_not_notice(cloud: Cloud, tmp_path: Path) -> None:
    cloud.dhcp.lease = 6
    script, where, leases = tmp_path / "script", tmp_path / "told", tmp_path / "leases"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    where.touch()
    (tmp_path / "conf").write_text('send dhcp-client-identifier "the client of the link";\n')
    options = f"-4 -d -sf {script} -lf {leases} -cf {tmp_path}/conf --no-pid -e WHERE={where} eth2"
    client = cloud.guest.start(["dhclient", *options.split()], stderr=subprocess.DEVNULL)
    assert eventually(lambda: "BOUND" in where.read_text())
    before = cloud.dhcp.messages.count(("eth2", Kind.DISCOVER))

    asked = 0
    end = time.monotonic() + 10
    while "RENEW" not in where.read_text():
        assert time.monotonic() < end, "it does not renew"
        assert offered(ask(cloud, ["eth2"])["eth2"]) == EXPECTED["eth2"]
        asked += 1
    assert "203.0.113.20/24" in state(cloud)
    assert client.poll() is None
    client.kill()
    client.wait()

    reasons = [line.split()[0] for line in where.read_text().splitlines()]
    said = [kind for link, kind in cloud.dhcp.messages if link == "eth2"]
    assert asked > 5
    assert set(reasons) == {"PREINIT", "BOUND", "RENEW"}, "neither expired nor rebound"
    assert reasons.count("BOUND") == 1
    assert said.count(Kind.DISCOVER) == before + asked, "the client asked no second time"
    assert said.count(Kind.REQUEST) == 1 + reasons.count("RENEW")
    assert set(said) == {Kind.DISCOVER, Kind.REQUEST}, "nothing was declined or released"
    assert "fixed-address 203.0.113.20;" in leases.read_text()
    assert set(cloud.spoofs().values()) == {0}


def eventually(holds: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        threading.Event().wait(0.02)
    return True
