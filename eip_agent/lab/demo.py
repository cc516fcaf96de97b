"""What `eip-agent demo` shows: an instance whose EIPs do not answer, the real agent at work, and what it changed.

All of it happens in network namespaces; the demo itself leaves the network of the machine before it does anything else.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, NoReturn

import eip_agent
from eip_agent.core.settings import Mode
from eip_agent.errors import EXIT_OK, EXIT_REFUSED, LabError
from eip_agent.lab.certificate import can_certify
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.echo import PORT
from eip_agent.lab.guest import Boot
from eip_agent.lab.namespace import tool
from eip_agent.lab.page import Page, aligned, shortened
from eip_agent.lab.probe import Proto, reach, seen_source
from eip_agent.lab.topology import DEMO, Eip, Eni, Topology
from eip_agent.lab.wire import Wire
from eip_agent.sources import openapi

_PROTOS: Final[tuple[Proto, ...]] = ("tcp", "udp", "icmp")
_IMPATIENT: Final = 0.5
"""Seconds an answer may take where most will not come; it takes a millisecond where it comes."""
_PATIENT: Final = 3.0
"""Seconds an answer may take where all should come, on a machine that is busy with something else."""
_ISOLATED: Final = (("--net", "--mount"), ("--user", "--map-root-user", "--net", "--mount"))
"""How `unshare` is asked for a network of one's own: as root, and as anybody where the kernel allows it."""
_UNSHARED: Final = "no network namespace can be made here: not root, and the kernel allows no user namespaces"
_AGEING: Final = re.compile(r"(valid_lft|preferred_lft|expires) \d+sec|qdisc \w+")
"""What changes by itself in what `ip` prints; a link has a queueing discipline from when it is first up."""
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


def demo(boot: Boot = "dhcp", *, inside: bool = False) -> int:
    """Show everything; 0 only if in the end every EIP answers by its own ENI and nothing is spoofed.

    `boot` is how the image of the instance comes up; `inside` says that this process is in a network of its own.
    Raises LabError where there can be none.
    """
    if not inside:
        _go_inside(boot)
    for number in _ENDING:
        signal.signal(number, _end)
    return _Demo(boot).run()


def declared(topology: Topology) -> str:
    """The settings with which an operator declares the EIPs of a topology."""
    return "\n".join(line for eni in topology.enis for eip in eni.eips for line in _declared(eni, eip))


def can_ask_openapi() -> bool:
    """Whether the libraries are there with which the agent asks the OpenAPI, and the simulated cloud answers."""
    return openapi.available() and can_certify()


def mode_of(eni: Eni, eip: Eip) -> Mode:
    """An EIP that is a private address as well comes from a secondary CIDR block."""
    return Mode.SECONDARY_CIDR if eip.address in eni.private else eip.mode


@dataclass(frozen=True, slots=True)
class _Row:
    """One EIP as the Internet sees it."""

    eni: Eni
    eip: Eip
    answers: tuple[bool, ...]
    """In the order of `_PROTOS`."""
    left_by: frozenset[str]
    """Links on which replies were seen, dropped ones too."""

    @property
    def right(self) -> bool:
        return all(self.answers) and self.left_by == {self.eni.link}


class _Demo:
    """The demo with its cloud, while it runs."""

    def __init__(self, boot: Boot) -> None:
        self._boot: Boot = boot
        self._page = Page()

    def run(self) -> int:
        started = time.monotonic()
        page = self._page
        with Cloud(DEMO, boot=self._boot) as cloud:
            page.title(f"An ECS instance in a simulated cloud, made in {time.monotonic() - started:.1f} s")
            page.lines(_drawing(DEMO, page))
            before = _state(cloud)

            page.title("Before: what the Internet gets")
            self._show(self._ask(cloud, _IMPATIENT))
            spoofed_before = sum(cloud.spoofs().values())

            page.title("What the agent finds told nothing: no settings, no OpenAPI")
            self._show_verdicts(cloud)

            if can_ask_openapi():
                page.title("The same, asking the OpenAPI by the RAM role of the instance")
                cloud.settings(cloud.openapi_settings())
            else:
                page.title("The same, told in the settings which EIPs there are")
                page.lines([page.dim(f"(the OpenAPI cannot be asked here: {openapi.HOW_TO_INSTALL})")])
                cloud.settings(declared(DEMO))
            self._show_verdicts(cloud)

            page.title("So it does what is missing")
            applied = self._agent(cloud, "apply")

            page.title("After: the same questions")
            cloud.reset_spoofs()
            rows = self._ask(cloud, _PATIENT)
            self._show(rows)
            answered = self._show_ipv6(cloud)

            page.title("From inside: whom the Internet sees")
            bound = self._show_bound(cloud)

            page.title("Once more: nothing to do, so nothing is written")
            again = self._agent(cloud, "apply")

            page.title("Told in the settings instead of by the OpenAPI: the same")
            cloud.settings(declared(DEMO))
            told = self._agent(cloud, "apply", "--dry-run")
            spoofed = sum(cloud.spoofs().values())

            page.title("And back")
            reverted = self._agent(cloud, "revert")
            restored = _state(cloud) == before

        page.title(f"Result, after {time.monotonic() - started:.1f} s")
        right = sum(row.right for row in rows)
        checks = {
            f"{right} of {len(rows)} EIPs answer TCP, UDP and ICMP by their own ENI": right == len(rows) and answered,
            "a bound socket leaves by the ENI that owns its address": bound,
            f"{spoofed} packets with a wrong source after the agent, {spoofed_before} before": not spoofed,
            "applied, verified, and as desired the second time": applied and again,
            "as desired, too, with the EIPs declared in the settings": told,
            "reverted: addresses, routes, rules and links are what they were": reverted and restored,
        }
        for what, good in checks.items():
            page.lines([f"{page.tick(good)}  {what}"])
        return EXIT_OK if all(checks.values()) else EXIT_REFUSED

    def _ask(self, cloud: Cloud, patience: float) -> list[_Row]:
        """Ask every EIP from the Internet in every way, all at once."""
        asked = [(eni, eip) for eni in cloud.topology.enis for eip in eni.eips]
        with Wire(cloud.router) as wire, ThreadPoolExecutor(len(asked) * len(_PROTOS)) as pool:
            answers = [
                [pool.submit(reach, cloud.internet, eip.address, proto, timeout=patience) for proto in _PROTOS]
                for _, eip in asked
            ]
            found = [tuple(answer.result() for answer in of_one) for of_one in answers]
            left = _left(wire, cloud.topology)
        return [
            _Row(eni, eip, answered, frozenset(link for link, source in left if source == _inside(eni, eip)))
            for (eni, eip), answered in zip(asked, found, strict=True)
        ]

    def _show(self, rows: Iterable[_Row]) -> None:
        page = self._page
        table = [["EIP", "mode", "ENI", "link", *(proto.upper() for proto in _PROTOS), "reply leaves by"]]
        for row in rows:
            by = "+".join(sorted(row.left_by)) or page.glyphs.none
            right = row.left_by == {row.eni.link}
            table.append(
                [
                    str(row.eip.address),
                    mode_of(row.eni, row.eip).value,
                    self._name(row.eni),
                    row.eni.link,
                    *(page.tick(answered) for answered in row.answers),
                    by if right else page.bad(by if not row.left_by else f"{by}: dropped, not its source"),
                ]
            )
        page.table(table)

    def _show_verdicts(self, cloud: Cloud) -> None:
        """Have the agent say of each ENI what it takes for its mode, and compare that with the truth."""
        page = self._page
        page.lines([page.bold("$ eip-agent explain")])
        page.line()
        done = cloud.agent("explain", "--format", "json")
        if not done.stdout:
            page.lines(page.bad(line) for line in done.stderr.splitlines())
            return
        table = [["ENI", "link", "mode", "certainty", "known by", "right"]]
        for story in json.loads(done.stdout)["stories"]:
            verdict, eni = story["verdict"], cloud.topology.eni(story["link"]["link"]["name"])
            sources = dict.fromkeys(evidence["source"].split()[0] for evidence in verdict["because"])
            right = verdict["mode"] == mode_of(eni, eni.eips[0]).value
            table.append(
                [
                    self._name(eni),
                    eni.link,
                    verdict["mode"],
                    verdict["certainty"] if verdict["certainty"] != verdict["mode"] else "",
                    ", ".join(sources) + (f", but {verdict['contradiction']}" if verdict["contradiction"] else ""),
                    page.tick(right),
                ]
            )
        page.table(table)

    def _name(self, eni: Eni) -> str:
        return f"eni-{self._page.glyphs.cut}{eni.eni_id[-4:]}"

    def _show_ipv6(self, cloud: Cloud) -> bool:
        addresses = [ip for eni in cloud.topology.enis for ip in eni.ipv6s]
        with ThreadPoolExecutor(len(addresses) * len(_PROTOS)) as pool:
            asked = [
                [pool.submit(reach, cloud.internet, ip, proto, timeout=_PATIENT) for proto in _PROTOS]
                for ip in addresses
            ]
            answered = sum(all(answer.result() for answer in of_one) for of_one in asked)
        good = answered == len(addresses)
        self._page.line(f"\n  IPv6: {answered} of {len(addresses)} addresses answer all three  {self._page.tick(good)}")
        return good

    def _show_bound(self, cloud: Cloud) -> bool:
        """Open sockets in the instance, bound in every way, and say who is seen and which link the packets took."""
        page, enis = self._page, cloud.topology.enis
        web = cloud.topology.internet[0]
        asks: list[tuple[str, IPv4Address | None, str | None, Eni, Eip]] = [
            ("nothing", None, None, enis[0], enis[0].eips[0])
        ]
        asks += [(str(at), at, None, eni, eip) for eni in enis for eip in eni.eips if (at := _inside(eni, eip))]
        asks += [(f"device {eni.link}", None, eni.link, eni, eni.eips[0]) for eni in enis[1:2]]
        table, good = [["bound to", f"{web} sees", "leaves by"]], True
        for name, source, device, eni, eip in asks:
            with Wire(cloud.router) as wire:
                # By UDP: a TCP connection has more to say when it is over, and that would count as the next one's.
                seen = seen_source(cloud.guest, web, "udp", source=source, device=device, timeout=_PATIENT)
                links = sorted({link for link, _ in _left(wire, cloud.topology, PORT)})
            right = seen == eip.address and links == [eni.link]
            good = good and right
            table.append([name, str(seen or page.glyphs.none), "+".join(links) or page.glyphs.none, page.tick(right)])
        page.table(table)
        return good

    def _agent(self, cloud: Cloud, *arguments: str) -> bool:
        """Run the real agent in the instance and show what it says, many lines of one kind cut short."""
        page = self._page
        page.lines([page.bold(" ".join(["$ eip-agent", *arguments]))])
        done = cloud.agent(*arguments)
        page.lines(shortened(done.stdout.splitlines(), page.glyphs.cut))
        page.lines(page.bad(line) for line in done.stderr.splitlines())
        return done.returncode == EXIT_OK


def _go_inside(boot: Boot) -> NoReturn:
    """Become the demo in a network of its own.  Raises LabError where there can be none."""
    for name in ("ip", "nft", "nsenter", "setpriv"):
        tool(name)
    unshare = tool("unshare")
    package = str(Path(eip_agent.__file__).parent.parent)
    again = f"import sys; sys.path.insert(0, {package!r}); from eip_agent.cli import entry; entry()"
    command = [sys.executable, "-c", again, "demo", "--inside", "--boot", boot]
    for how in _ISOLATED:
        probe = [unshare, *how, "--", tool("ip"), "link", "set", "lo", "up"]
        if subprocess.run(probe, capture_output=True, check=False, stdin=subprocess.DEVNULL).returncode == 0:  # noqa: S603 - of the system
            sys.stdout.flush()
            os.execv(unshare, [unshare, *how, "--", *command])  # noqa: S606 - no shell, on purpose
    raise LabError(_UNSHARED, "run it as root: sudo ./run demo")


def _end(number: int, _: object) -> NoReturn:
    """Leave by the front door, so that temporary files go as well."""
    sys.exit(128 + number)


def _declared(eni: Eni, eip: Eip) -> Iterator[str]:
    mode = mode_of(eni, eip)
    yield "[[eip]]"
    yield f'address = "{eip.address}"'
    yield f'mode = "{mode.value}"'
    yield f'eni = "{eni.eni_id}"'
    if mode is Mode.NAT:
        yield f'private_address = "{eni.private_of(eip)}"'
    if eip.gateway:
        yield f'gateway = "{eip.gateway}"'
        yield f"prefix_length = {eip.prefix_length}"


def _inside(eni: Eni, eip: Eip) -> IPv4Address:
    """The address that packets of an EIP carry on their way to and from the instance."""
    return eni.private_of(eip) if mode_of(eni, eip) is Mode.NAT else eip.address


def _left(wire: Wire, topology: Topology, asking: int | None = None) -> set[tuple[str, IPv4Address]]:
    """By which ENI packets of which source left the instance since the last time; `asking` as in `Wire.sources`."""
    links = {eni.link for eni in topology.enis}
    return {(link, source) for link, source in wire.sources(asking) if link in links}


def _state(cloud: Cloud) -> list[str]:
    """The network configuration of the instance, as far as anybody configures it."""
    of_links = [["-4", "-o", "addr"], ["-6", "-o", "addr"], ["-o", "link"]]
    of_routing = [
        [version, *what] for version in ("-4", "-6") for what in (["rule"], ["route", "show", "table", "all"])
    ]
    texts = [cloud.guest.run(["ip", *what]).stdout for what in (*of_links, *of_routing)]
    return sorted(re.sub(_AGEING, "", "".join(texts)).splitlines())


def _drawing(topology: Topology, page: "Page") -> Iterator[str]:
    """The way from the Internet to every address of the instance."""
    glyphs = page.glyphs
    yield f"Internet    {topology.internet[0]} asks every EIP"
    yield f"   {glyphs.down}"
    yield "VPC router  translates, serves metadata and DHCP, drops and counts sources that are not the ENI's own"
    yield f"   {glyphs.down}"
    drawn = [
        [
            f"   {glyphs.last if eni is topology.enis[-1] else glyphs.branch} {eni.link}",
            "primary" if eni is topology.primary else "secondary",
            mode_of(eni, eni.eips[0]).value,
            ", ".join(_drawn(eni, glyphs.both)),
        ]
        for eni in topology.enis
    ]
    yield from aligned(drawn)


def _drawn(eni: Eni, both: str) -> Iterator[str]:
    pairs = {_inside(eni, eip): eip for eip in eni.eips}
    for address in eni.owned:
        eip = pairs.get(address)
        yield f"{address} {both} {eip.address}" if eip and eip.address != address else str(address)
