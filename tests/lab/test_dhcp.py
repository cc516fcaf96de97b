"""The simulated DHCP service satisfies a real client, and offers each ENI what its mode asks for.

ns guest                      ns router
┌──────────────┐              ┌───────────────────┐
│ eth1  ───────┼──── veth ────┼ r1   DhcpServer   │
│ eth2  ───────┼──── veth ────┼ r2                │
└──────────────┘              └───────────────────┘
"""

import random
import select
import shutil
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from eip_agent.core.settings import Mode
from eip_agent.dhcp_message import Kind
from eip_agent.errors import LabError
from eip_agent.lab.dhcp import LEASE, DhcpServer
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.topology import Eip, Topology, eni, public, vswitch

PRIVATE = eni(1, vswitch(1), (10, 11))
VISIBLE = eni(2, vswitch(2), (10,), [Eip(public(42), Mode.EIP_VISIBLE, gateway=public(33), prefix_length=27)])
TOPOLOGY = Topology((eni(0, vswitch(0)), PRIVATE, VISIBLE))
DEVICES = {"eth1": "r1", "eth2": "r2"}


class Wire:
    """The two namespaces of the drawing and a server on the right."""

    def __init__(self, guest: Namespace, router: Namespace) -> None:
        self.guest, self.router = guest, router
        for link in DEVICES:
            self.attach(link)
        self.server = DhcpServer(TOPOLOGY, router, DEVICES)

    def attach(self, link: str) -> None:
        mac, device, guest = TOPOLOGY.eni(link).mac, DEVICES[link], self.guest.fd
        peer = f"peer name {link} address {mac} netns /proc/self/fd/{guest}"
        self.router.ip(f"link add {device} type veth {peer}\nlink set {device} up\n", fds=[guest])
        self.guest.ip(f"link set {link} up\n")


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Namespace("guest") as guest, Namespace("router") as router:
        made = Wire(guest, router)
        with made.server:
            yield made


def discover(
    wire: Wire, link: str, kind: Kind, options: bytes = b"", mac: str = "", *, patience: float = 10
) -> dict[int, bytes]:
    """Say something as a client would, without taking an address; the options of the answer, 0 its address.

    Empty where none came in so many seconds.
    """
    chaddr = bytes.fromhex((mac or TOPOLOGY.eni(link).mac).replace(":", ""))
    transaction = random.getrandbits(32)
    bootp = struct.pack("!BBBBIHH16s16s192x4s", 1, 1, 6, 0, transaction, 0, 0x8000, b"", chaddr, b"\x63\x82\x53\x63")
    with wire.guest.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.bind(("", 68))
        client.sendto(bootp + bytes([53, 1, kind]) + options + b"\xff", ("255.255.255.255", 67))
        if not select.select([client], [], [], patience)[0]:
            return {}
        answer = client.recv(4096)
    assert struct.unpack_from("!I", answer, 4)[0] == transaction
    found, at = {0: answer[16:20]}, 240
    while answer[at] != 255:
        found[answer[at]] = answer[at + 2 : at + 2 + answer[at + 1]]
        at += 2 + answer[at + 1]
    return found


SCRIPT = """#!/bin/sh
if [ "$reason" = BOUND ]; then
    ip address add "$new_ip_address/$new_subnet_mask" dev "$interface"
    echo "$new_ip_address $new_subnet_mask $new_routers $new_dhcp_lease_time $new_domain_name_servers" > "$WHERE.new"
    mv "$WHERE.new" "$WHERE"
fi
"""


@pytest.mark.lab
@pytest.mark.skipif(not shutil.which("dhclient"), reason="Debian package isc-dhcp-client is not installed")
@pytest.mark.parametrize(
    ("link", "address", "told"),
    [
        ("eth1", "172.16.1.10/24", "172.16.1.10 255.255.255.0 172.16.1.253"),
        ("eth2", "203.0.113.42/27", "203.0.113.42 255.255.255.224 203.0.113.33"),
    ],
)
def test_a_real_client_takes_what_is_offered(wire: Wire, tmp_path: Path, link: str, address: str, told: str) -> None:
    script, where = tmp_path / "script", tmp_path / "told"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    (tmp_path / "empty").touch()
    options = f"-4 -1 -d -sf {script} -lf {tmp_path}/leases -cf {tmp_path}/empty --no-pid -e WHERE={where} {link}"
    with (tmp_path / "log").open("w+") as log:
        client = wire.guest.start(["dhclient", *options.split()], stdout=log.fileno(), stderr=log.fileno())
        try:
            deadline = time.monotonic() + 8
            while not where.exists() and client.poll() is None and time.monotonic() < deadline:
                threading.Event().wait(0.02)
        finally:
            client.kill()
            client.wait()
        log.seek(0)

        assert where.exists(), log.read()
    assert where.read_text().strip() == f"{told} {LEASE} 100.100.2.136 100.100.2.138"
    assert f"inet {address} " in wire.guest.run(["ip", "-4", "address", "show", link]).stdout
    assert wire.server.messages == [(link, Kind.DISCOVER), (link, Kind.REQUEST)]


@pytest.mark.lab
def test_an_offer_can_be_seen_without_being_taken(wire: Wire) -> None:
    offered = discover(wire, "eth2", Kind.DISCOVER)

    assert offered[0] == public(42).packed
    assert offered[1] == IPv4Address("255.255.255.224").packed
    assert offered[3] == public(33).packed
    assert offered[53] == bytes([Kind.OFFER])
    assert wire.server.messages == [("eth2", Kind.DISCOVER)]


@pytest.mark.lab
@pytest.mark.parametrize(
    ("address", "answer"), [("172.16.1.10", Kind.ACK), ("172.16.1.11", Kind.NAK), ("203.0.113.42", Kind.NAK)]
)
def test_only_the_own_address_is_granted(wire: Wire, address: str, answer: Kind) -> None:
    told = discover(wire, "eth1", Kind.REQUEST, b"\x32\x04" + IPv4Address(address).packed)

    assert told[53] == bytes([answer])
    assert (51 in told) == (answer is Kind.ACK)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("kind", "options", "mac"),
    [
        (Kind.REQUEST, b"\x32\x04\xac\x10\x01\x0a\x36\x04\x01\x02\x03\x04", ""),
        (Kind.DECLINE, b"", ""),
        (Kind.DISCOVER, b"", "00:16:3e:00:00:99"),
    ],
    ids=["another server was chosen", "an address was declined", "a stranger asks"],
)
def test_what_is_not_for_this_server_stays_unanswered(wire: Wire, kind: Kind, options: bytes, mac: str) -> None:
    assert discover(wire, "eth1", kind, options, mac, patience=0.3) == {}


@pytest.mark.lab
def test_a_changed_mode_is_offered_at_once(wire: Wire) -> None:
    wire.server.topology = TOPOLOGY.with_eni(replace(VISIBLE, eips=()))

    assert discover(wire, "eth2", Kind.DISCOVER)[0] == VISIBLE.private[0].packed


@pytest.mark.lab
def test_devices_come_and_go(wire: Wire) -> None:
    wire.router.ip("link delete r1\n")
    with pytest.raises(LabError, match="r1"):
        wire.server.update(TOPOLOGY, DEVICES)
    assert discover(wire, "eth2", Kind.DISCOVER)[0] == public(42).packed

    wire.attach("eth1")
    wire.server.update(TOPOLOGY, DEVICES)
    assert discover(wire, "eth1", Kind.DISCOVER)[0] == PRIVATE.private[0].packed

    wire.router.ip("link delete r1\n")
    wire.attach("eth1")
    wire.server.update(TOPOLOGY, DEVICES)
    assert discover(wire, "eth1", Kind.DISCOVER)[0] == PRIVATE.private[0].packed

    wire.server.update(TOPOLOGY, {"eth1": "r1"})
    assert discover(wire, "eth2", Kind.DISCOVER, patience=0.3) == {}


@pytest.mark.lab
def test_a_link_that_was_down_for_a_while_is_served_again(wire: Wire) -> None:
    wire.router.ip("link set r1 down\n")
    wire.router.ip("link set r1 up\n")

    assert discover(wire, "eth1", Kind.DISCOVER)[0] == PRIVATE.private[0].packed
