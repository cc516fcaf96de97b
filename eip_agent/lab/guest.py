"""How an image brings its network up before anybody has installed the agent, and what else lives on instances."""

import contextlib
import fcntl
import os
import select
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path
from typing import Final, Literal

from eip_agent.errors import LabError
from eip_agent.lab.dhcp import LEASE, offer_to
from eip_agent.lab.echo import EchoServer
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.topology import Eni

Boot = Literal["bare", "dhcp"]
"""`bare`: only the primary link is up; `dhcp`: a DHCP client ran on every link, as with cloud-init."""

CONTAINER: Final = "172.17.0.2"
"""Of `docker_bridge`: inside the VPC block 172.16.0.0/12, as Docker's default is in the cloud's default VPC."""
FAR_END: Final = "10.8.0.1"
FAR_END6: Final = "fd08::1"
"""Of `vpn`: who answers at the other end of the tunnel."""
OWN: Final = ("systemd", "NetworkManager", "network", "netplan", "cloud", "cni", "eni_utils", "keepalived", "eip-agent")
"""Folders of /etc that are the guest's own, and empty: whoever configures a network keeps its settings there."""
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_ADDRESSES: Final = "/proc/thread-self/net/if_inet6"
"""Of each address: itself, index, length, scope, flags, link; numbers in hex.  Source: addrconf.c of Linux."""
_ROUTES: Final = "/proc/thread-self/net/ipv6_route"
"""Of each route: destination, its length, six more, flags, link; numbers in hex.  Source: proc(5)."""
_SCOPE_LINK: Final = "20"
_RTF_LOCAL: Final = 0x80000000
_SETTLED_IN: Final = 10.0
"""Seconds; looking for duplicates, where that is on, takes up to two."""


def prepare(guest: Namespace, *, strict_rp_filter: bool, dad: bool) -> None:
    """Set what links inherit, before there are any.

    IPv4 defaults of a new namespace are copies of the machine's; the guest has the kernel's own instead.
    """
    rp_filter = int(strict_rp_filter)
    for scope in ("all", "default"):
        conf, conf6 = f"net/ipv4/conf/{scope}", f"net/ipv6/conf/{scope}"
        ipv4 = {"rp_filter": rp_filter, "arp_ignore": 0, "arp_announce": 0, "arp_filter": 0, "forwarding": 0}
        guest.sysctl({f"{conf}/{key}": value for key, value in ipv4.items()})
        guest.sysctl({f"{conf6}/disable_ipv6": 0, f"{conf6}/forwarding": 0})
    guest.sysctl({"net/ipv6/conf/default/accept_dad": int(dad)})


def lay_out(disk: Path) -> None:
    """Make `etc` and `run` of the guest: no network program is configured, and everything else is the machine's.

    The links lead to `machine`, where the machine's own /etc is mounted.
    """
    for name in ("machine", "run", *(f"etc/{name}" for name in OWN)):
        (disk / name).mkdir(parents=True)
    for entry in os.scandir("/etc"):
        if entry.name not in OWN:
            # The machine's links may be relative, which only holds in /etc itself.
            target = os.readlink(entry.path) if entry.is_symlink() else disk / "machine" / entry.name
            (disk / "etc" / entry.name).symlink_to(target)


def boot(guest: Namespace, attached: Sequence[Eni], kind: Boot) -> None:
    """Configure the links as the image does by itself: the primary address of each, never a secondary one."""
    enis = attached if kind == "dhcp" else attached[:1]
    guest.ip("\n".join(line for number, eni in enumerate(enis, 1) for line in _lease(eni, metric=100 * number)))
    settle(guest, [eni.link for eni in enis])


def settle(guest: Namespace, links: Iterable[str]) -> None:
    """Wait until IPv6 is at rest on these links, which are up: the kernel's own address is there, and all are in use.

    The kernel does that after the link is up, by a queue that all namespaces share: late where many come and go.
    Raises LabError where it takes longer than ten seconds.
    """
    end = time.monotonic() + _SETTLED_IN
    while unsettled := _unsettled(guest, links):
        if time.monotonic() > end:
            raise LabError(f"IPv6 of `{'`, `'.join(sorted(unsettled))}` does not come up in namespace `{guest.name}`")
        select.select([], [], [], 0.002)


def _unsettled(guest: Namespace, links: Iterable[str]) -> set[str]:
    """The links without an address of the kernel's own, or with one not in use yet, which has no local route."""
    with guest.entered():
        try:
            addresses = [line.split() for line in Path(_ADDRESSES).read_text(encoding="ascii").splitlines()]
            routes = [line.split() for line in Path(_ROUTES).read_text(encoding="ascii").splitlines()]
        except FileNotFoundError:  # a kernel without IPv6
            return set()
    local = {(to, link) for to, length, *_, flags, link in routes if length == "80" and int(flags, 16) & _RTF_LOCAL}
    own = {link for *_, scope, _, link in addresses if scope == _SCOPE_LINK}
    pending = {link for ip, *_, link in addresses if (ip, link) not in local}
    return {link for link in links if link in pending or link not in own}


def _lease(eni: Eni, metric: int) -> Iterator[str]:
    """What a DHCP client leaves on a link: an address for a time, its connected route, a default route."""
    lifetime = f"valid_lft {LEASE} preferred_lft {LEASE}"
    offer = offer_to(eni)
    address = IPv4Interface((offer.address, offer.prefix_length))
    onlink = "" if offer.router in address.network else "onlink "
    yield f"link set {eni.link} up"
    yield f"addr add {address} brd + dev {eni.link} {lifetime}"
    yield f"route add default via {offer.router} dev {eni.link} {onlink}proto dhcp src {address.ip} metric {metric}"
    if eni.ipv6s and eni.vswitch.cidr6:
        address6 = IPv6Interface((eni.ipv6s[0], eni.vswitch.cidr6.prefixlen))
        yield f"addr add {address6} dev {eni.link} nodad {lifetime}"
        yield f"route add default via {eni.vswitch.gateway6} dev {eni.link} proto dhcp metric {metric}"


@contextlib.contextmanager
def docker_bridge(guest: Namespace) -> Iterator[Namespace]:
    """Put a container behind `docker0` as Docker does, and give its namespace, which echoes on port 7000.

    No NAT and no published ports: this is about who wins the route to 172.17.0.0/16.
    """
    with Namespace("container") as container:
        guest.ip(
            "link add docker0 type bridge\n"
            "addr add 172.17.0.1/16 brd + dev docker0\n"
            "link set docker0 up\n"
            f"link add veth0 type veth peer name eth0 netns /proc/self/fd/{container.fd}\n"
            "link set veth0 master docker0 up",
            fds=[container.fd],
        )
        container.ip(f"addr add {CONTAINER}/16 dev eth0\nlink set eth0 up\nroute add default via 172.17.0.1")
        with EchoServer(container):
            try:
                yield container
            finally:
                guest.ip("link del docker0")


@contextlib.contextmanager
def vpn(guest: Namespace) -> Iterator[Namespace]:
    """Put a tunnel `tun0` with routes to 10.8.0.0/24 and fd08::/64 in `main`, and give the far end, which echoes.

    A real tun device, a link without a MAC, where there is `/dev/net/tun`; else a veth that looks like one.
    """
    with Namespace("far-end") as far, contextlib.ExitStack() as stack:
        near = "addr add 10.8.0.2/32 dev tun0\naddr add fd08::2/128 dev tun0 nodad\nlink set tun0 up\n"
        try:
            stack.enter_context(_pump(_tun(guest), _tun(far)))
        except OSError:
            # Without ARP an Ethernet device sends to its own MAC, so both ends have the same.
            end = "tun0 address 02:00:00:00:00:08 arp off"
            guest.ip(
                f"link add {end} type veth peer {end} netns /proc/self/fd/{far.fd}\nlink set tun0 arp off", fds=[far.fd]
            )
            far.ip("link set tun0 arp off")
            stack.callback(guest.ip, "link del tun0")
        guest.ip(near + "route add 10.8.0.0/24 dev tun0 src 10.8.0.2\nroute add fd08::/64 dev tun0 src fd08::2")
        far.ip(
            f"addr add {FAR_END}/32 dev tun0\naddr add {FAR_END6}/128 dev tun0 nodad\nlink set tun0 up\n"
            "route add default dev tun0\nroute add ::/0 dev tun0"
        )
        with EchoServer(far):
            yield far


def _tun(namespace: Namespace) -> int:
    """A tun device `tun0` in a namespace, as the file descriptor that keeps it alive."""
    with namespace.entered():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", b"tun0", _IFF_TUN | _IFF_NO_PI))
    except OSError:
        os.close(fd)
        raise
    return fd


@contextlib.contextmanager
def _pump(one: int, other: int) -> Iterator[None]:
    """Carry packets between two tun devices, which is all that a VPN does as far as routes are concerned."""
    stop, stopped = os.pipe()

    def carry() -> None:
        while stop not in (ready := select.select([one, other, stop], [], [])[0]):
            for source, target in ((one, other), (other, one)):
                if source in ready:
                    with contextlib.suppress(OSError):  # a device that is down loses the packet, as a wire does
                        os.write(target, os.read(source, 65536))

    thread = threading.Thread(target=carry, name="lab vpn", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.write(stopped, b"x")
        thread.join()
        for fd in (one, other, stop, stopped):
            os.close(fd)


def on_disk(disk: Path, command: Sequence[str]) -> list[str]:
    """A command line that sees what `lay_out` made as /etc and /run, and the /sys of the network it runs in.

    So nobody takes links, or settings of network programs, of the machine for those of the guest.
    """
    mounts = (
        "mount -t sysfs -o ro sysfs /sys; mount --rbind /etc {0}/machine && "
        "mount -o remount,bind,ro {0}/machine && mount --bind {0}/etc /etc; mount --bind {0}/run /run"
    )
    own = f'{{ {mounts.format(disk)}; }} 2>/dev/null; exec "$@"'
    return ["unshare", "--mount", "--", "sh", "-c", own, "sh", *command]
