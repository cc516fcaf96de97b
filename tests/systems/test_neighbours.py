"""The daemon beside NetworkManager, dhclient and keepalived: the real programs, in the real places.

::

    systemd ─ NetworkManager: DHCP on every link
            ├ dhclient on a link, by hand
            ├ keepalived: an address that comes and goes
            └ eip-agent.service
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import pytest

from eip_agent.dhcp_message import Kind
from eip_agent.lab.topology import Eip, Eni, Topology, public
from tests.systems.machine import eventually
from tests.systems.support import DAEMON, INSTANCE, Host, begun, booted, enabled, installed

pytestmark = [pytest.mark.lab, pytest.mark.systems]

EVENTS: Final = {
    "nmcli device reapply eth1": True,
    "nmcli device reapply eth3": True,
    "nmcli connection up eth1": True,
    "nmcli connection up eth2": True,
    "nmcli connection up eth0": True,
    "nmcli connection down eth3 && nmcli connection up eth3": True,
    "systemctl restart NetworkManager": False,
    "nmcli connection reload": False,
}
"""What happens, and whether it takes something of ours away."""
HAVIP: Final = IPv4Address("172.16.1.77")
KEEPALIVED: Final = f"""\
vrrp_instance havip {{
    interface eth1
    state MASTER
    virtual_router_id 7
    priority 100
    advert_int 0.2
    virtual_ipaddress {{
        {HAVIP}/32 dev eth1
    }}
}}
"""


def profile(number: int, eni: Eni) -> dict[str, str]:
    """What NetworkManager has of one link."""
    text = (
        f"[connection]\nid={eni.link}\ntype=ethernet\ninterface-name={eni.link}\n"
        f"[ipv4]\nmethod=auto\nroute-metric={100 * (number + 1)}\n[ipv6]\nmethod=link-local\n"
    )
    if number == 0 and eni.ipv6s:
        text = text.replace("method=link-local", f"method=manual\naddress1={eni.ipv6s[0]}/64,{eni.vswitch.gateway6}")
    return {f"/etc/NetworkManager/system-connections/{eni.link}.nmconnection": text}


def image(topology: Topology) -> dict[str, str]:
    """NetworkManager with DHCP on every link."""
    wait = "NetworkManager-wait-online.service"
    files = enabled("NetworkManager.service") | {
        f"/etc/systemd/system/network-online.target.wants/{wait}": f"-> /lib/systemd/system/{wait}"
    }
    for number, eni in enumerate(topology.enis):
        files |= profile(number, eni)
    return files


@pytest.fixture(scope="module")
def host(layers: list[Path]) -> Iterator[Host]:
    """An instance at rest, the daemon beside NetworkManager."""
    own = {"/etc/keepalived/keepalived.conf": KEEPALIVED}
    with booted(layers, {**image(INSTANCE), **installed(), **own}) as (cloud, machine):
        for eni in INSTANCE.enis:
            machine.run("nmcli", "connection", "up", eni.link)
        made = begun(cloud, machine, DAEMON)
        made.packets()
        yield made


def written(host: Host) -> int:
    """How many changes the daemon has made."""
    return int(json.loads(host.machine.agent("status", "--format", "json"))["status"]["changes"])


@pytest.mark.parametrize(("event", "sweeps"), EVENTS.items())
def test_everything_is_right_again_after(host: Host, rest: dict[str, object], event: str, *, sweeps: bool) -> None:
    before = written(host)
    host.machine.run("sh", "-c", event)
    host.right(rest)

    assert (written(host) > before) == sweeps


def test_an_address_of_keepalived_gets_its_routing_and_loses_it(host: Host, rest: dict[str, object]) -> None:
    """The HAVIP is known to the cloud, as one that comes and goes is; not to the metadata service."""
    eth1 = INSTANCE.eni("eth1")
    with_it = replace(eth1, private=(*eth1.private, HAVIP), eips=(*eth1.eips, Eip(public(77), private_address=HAVIP)))
    host.cloud.become(INSTANCE.with_eni(with_it))
    host.cloud.metadata.topology = INSTANCE
    host.machine.systemctl("start", "keepalived")
    eventually("it has the address", lambda: f"{HAVIP}/32" in host.cloud.guest.ip("addr show dev eth1"))
    host.packets()
    host.machine.systemctl("stop", "keepalived")
    host.cloud.become(INSTANCE)

    host.right(rest)


def test_dhclient_on_a_link_that_nobody_else_manages(host: Host, rest: dict[str, object]) -> None:
    """The address it is given is there already, for the daemon has put it; what it adds is a default route."""
    heard, guest = host.cloud.dhcp.messages, host.cloud.guest
    host.machine.run("nmcli", "connection", "down", "eth1")
    host.machine.run("nmcli", "device", "set", "eth1", "managed", "no")
    eventually("NetworkManager has let go", lambda: "dev eth1" not in guest.ip("route show default"))
    host.packets()
    heard.clear()
    # Without a metric its default route would take all that is not bound, which is its own affair.
    host.machine.run("dhclient", "-4", "-e", "IF_METRIC=200", "eth1", timeout=30)
    assert ("eth1", Kind.REQUEST) in heard
    assert "dev eth1 metric 200" in guest.ip("route show default")
    host.packets()
    before = written(host)
    host.machine.run("dhclient", "-4", "-r", "eth1", timeout=30)
    host.packets()
    assert "dev eth1" not in guest.ip("route show default")
    assert written(host) > before, "it takes all addresses of the link along, and routes with them"
    host.machine.run("nmcli", "device", "set", "eth1", "managed", "yes")
    host.machine.run("nmcli", "connection", "up", "eth1")

    host.right(rest)
