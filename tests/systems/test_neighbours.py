"""The daemon beside NetworkManager, dhclient and keepalived: the real programs, in the real places.

::

    systemd ─ NetworkManager: DHCP on every link
            ├ dhclient on a link, by hand
            ├ keepalived: an address that comes and goes
            └ eip-agent.service
"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

import pytest

from eip_agent.lab.topology import Eip, Eni, Topology, public
from tests.lab.support import rules
from tests.systems.machine import eventually
from tests.systems.support import DAEMON, INSTANCE, Host, begun, booted, enabled, installed

pytestmark = [pytest.mark.lab, pytest.mark.systems]

EVENTS: Final = (
    "nmcli device reapply eth1",
    "nmcli device reapply eth3",
    "nmcli connection up eth1",
    "nmcli connection up eth2",
    "nmcli connection up eth0",
    "nmcli connection down eth3 && nmcli connection up eth3",
    "systemctl restart NetworkManager",
    "nmcli connection reload",
)
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


@pytest.mark.parametrize("event", EVENTS)
def test_everything_is_right_again_after(host: Host, rest: dict[str, object], event: str) -> None:
    host.machine.run("sh", "-c", event)

    host.right(rest)


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
    host.machine.run("nmcli", "device", "set", "eth1", "managed", "no")
    # Without a metric its default route would take all that is not bound, which is its own affair.
    host.machine.run("dhclient", "-4", "-e", "IF_METRIC=200", "eth1", timeout=30)
    eventually("rules are there", lambda: any("172.16.1.0/24" in rule for rule in rules(host.cloud)))
    host.packets()
    host.machine.run("dhclient", "-4", "-r", "eth1", timeout=30)
    host.packets()
    host.machine.run("nmcli", "device", "set", "eth1", "managed", "yes")
    host.machine.run("nmcli", "connection", "up", "eth1")

    host.right(rest)
