"""Carriers and settings of links, made by `ip` and read back, in a namespace of their own."""

import socket
from pathlib import Path

import pytest

from eip_agent.lab.namespace import Namespace
from eip_agent.netlink import Netlink
from eip_agent.sources.links import COMMON, read_common, read_links


@pytest.mark.lab
def test_carriers_and_settings_are_read_as_they_are() -> None:
    with Namespace("guest") as guest, Namespace("other") as other:
        common = {name: number % 2 for number, name in enumerate(COMMON)}
        guest.sysctl({f"net/ipv4/conf/all/{name}": value for name, value in common.items()})
        guest.ip(
            "link add eth0 type veth peer name eth1\nlink set eth0 up\nlink set eth1 up\n"
            f"link add eth2 type veth peer name eth2 netns /proc/self/fd/{other.fd}\nlink set eth2 up",
            fds=[other.fd],
        )
        guest.sysctl({"net/ipv4/conf/eth2/src_valid_mark": 1, "net/ipv4/conf/eth2/arp_filter": 1})
        with guest.entered(), Netlink() as netlink:
            seen = {one.link: one for one in read_links(netlink)}
            by_name = {name: seen[index] for index, name in socket.if_nameindex()}
            held = read_common()

    assert [by_name[name].carrier for name in ("eth0", "eth1", "eth2")] == [True, True, False]
    assert (by_name["eth2"].setting("src_valid_mark"), by_name["eth2"].setting("arp_filter")) == (1, 1)
    assert (by_name["eth0"].setting("src_valid_mark"), by_name["eth0"].setting("arp_filter")) == (0, 0)
    assert by_name["eth0"].setting("no such") is None
    assert dict(held or ()) == common


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    for name in COMMON:
        (tmp_path / name).write_text("1\n")
    assert dict(read_common(str(tmp_path)) or ()) == dict.fromkeys(COMMON, 1)

    (tmp_path / "rp_filter").write_text("strict\n")
    assert read_common(str(tmp_path)) is None
    assert read_common(str(tmp_path / "nowhere")) is None
