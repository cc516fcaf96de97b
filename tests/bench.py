"""What `./run bench` prints: how quick and how small the agent is, each figure against another of the same run.

An `apply` is as it comes, without settings: it asks the metadata service and for DHCP offers, and not the OpenAPI;
what asking costs is in the rows of `sources`.  The two sides of a row are measured in turns, and what is shown is the
median of the turns; a machine that is busy slows both.  The budgets are those of the design.  Nothing here fails
because it is slow.
"""

import argparse
import json
import os
import random
import re
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any, Final

from eip_agent.core.changes import diff
from eip_agent.core.facts import Link
from eip_agent.core.layout import Exit, rules
from eip_agent.core.message import verbatim
from eip_agent.core.numbers import DEVICE_GROUP, table_of
from eip_agent.errors import AgentError
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.demo import can_ask_openapi
from eip_agent.lab.namespace import Namespace, tool
from eip_agent.lab.topology import Eip, Eni, Topology, VSwitch, eni, public
from tests.lab.daemon import Daemon

TURNS: Final = 5
QUICK_TURNS: Final = 3
LOOKUPS: Final = 3200
"""Of each kind in one turn."""
SIZES: Final = {"1x1": (1, 1), "4x10": (4, 10), "15x50": (15, 50), "64x30": (64, 30), "64x50": (64, 50)}
"""ENIs x addresses on each."""
MIXED: Final = "-mixed"
"""Ends the name of a size whose ENIs are in one vSwitch, with addresses as chance gives them out."""
LARGEST: Final = ("64x30", f"64x50{MIXED}")
"""Of which fewer turns must do, or all would take too long."""
START: Final = "start"
APPLY: Final = ("1x1", "4x10", "15x50", "64x30", f"15x50{MIXED}", f"64x50{MIXED}")
DAEMON: Final = ("4x10", "15x50")
LOOKUP: Final = ("15x50", f"15x50{MIXED}", "64x50", f"64x50{MIXED}")
SOURCES: Final = ("4x10", "15x50")
EXPLAIN: Final = ("4x10", "15x50")
GROUPS: Final = (
    START,
    *(f"apply-{size}" for size in APPLY),
    *(f"sources-{size}" for size in SOURCES),
    *(f"explain-{size}" for size in EXPLAIN),
    *(f"daemon-{size}" for size in DAEMON),
    *(f"lookup-{size}" for size in LOOKUP),
)
IN_QUICK: Final = (
    START, "apply-1x1", "apply-4x10", "apply-15x50", f"apply-15x50{MIXED}", "sources-15x50", "explain-4x10",
    f"lookup-15x50{MIXED}",
)  # fmt: skip

NO_CHANGE: Final = {"1x1": 30.0, "4x10": 30.0, "15x50": 40.0, f"15x50{MIXED}": 40.0}
FIRST: Final = {"15x50": 40.0, f"15x50{MIXED}": 40.0}
WRITE: Final = {"15x50": 20.0, f"15x50{MIXED}": 20.0}
LOOKUP_BUDGET: Final = 1.5
HELP_BUDGET: Final = 3.0
EXPLAIN_BUDGET: Final = 1.5
IDLE_BUDGET: Final = 6.0
REPAIR_BUDGET: Final = 100.0
"""Milliseconds, from the foreign deletion to the repair; the debounce is in them."""
REPAIRS: Final = 15
QUIET: Final = 5.0
"""Seconds in which the daemon at rest is watched."""
RULES_PER_TABLE: Final = 4
RULES_PER_ADDRESS: Final = 2
RULES_CONSTANT: Final = 4

BARE: Final = ("-c", "pass")
MEMORY: Final = """
status = open('/proc/self/status').read().split()
print(*(status[status.index(name) + 1] for name in ('VmHWM:', 'VmRSS:')))
"""
"""Of the process itself: what the kernel tells a parent is at least what the parent had when it forked."""
ONCE: Final = """
from eip_agent.cli import main
main(["apply"])
"""
HOLDING: Final = """
import gc
from eip_agent.config import load
from eip_agent.reconcile import Agent
agent = Agent(load(None, {}))
for _ in range(2):
    report = agent.look()
assert not report.plan, report.plan[:3]
del report
gc.collect()
"""
"""Two passes by a process that stays, as the daemon will."""
WRITING: Final = """
import time
begin = time.perf_counter()
from eip_agent.sinks import kernel
imported = time.perf_counter() - begin
from eip_agent.cli import main
inner, wrote, count = kernel.NetlinkKernel.enact, 0.0, 0
def enact(writer, changes, *others):
    global wrote, count
    begin = time.perf_counter()
    answers = inner(writer, changes, *others)
    wrote, count = wrote + time.perf_counter() - begin, count + len(changes)
    return answers
kernel.NetlinkKernel.enact = enact
code = main(["apply"])
print("WROTE", wrote, imported, count)
assert code == 0, code
"""
"""The agent, with a watch on the one method that writes."""
WITH: Final = "import sys; path = sys.argv[1]\n"
"""Before what follows: the settings file is the argument."""
ONCE_WITH: Final = f"""{WITH}
from eip_agent.cli import main
assert main(["apply", "--config", path]) == 0
"""
HOLDING_WITH: Final = WITH + HOLDING.replace("load(None, {})", "load(path, {})")
ROUND: Final = f"""{WITH}
import resource, time
from eip_agent.config import credentials_environment, load
from eip_agent.sources import openapi
from eip_agent.sources.metadata import Metadata
settings = load(path, {{}})
cloud = Metadata(settings).read()
begin = time.perf_counter()
api = openapi.read(settings, cloud, environment=credentials_environment())
took = time.perf_counter() - begin
assert len(api.asked) == len(cloud.enis), api
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(took, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""One query round, with the child process to itself; it is larger than the agent it is forked from."""
SILENT: Final = "[openapi]\nenabled = false\n[dhcp]\noffers = false\n"
OFFERING: Final = "[openapi]\nenabled = false\n"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took, in seconds, and what it printed."""

    wall: float
    cpu: float
    output: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything that is measured of one size, once."""

    bare: Cost
    first: Cost
    again: Cost
    written: Cost
    batched: Cost


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    other: str
    ratio: float | None = None
    budget: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        if self.ratio is None or self.budget is None:
            return self.what, self.ours, self.other, ratio, "", ""
        return self.what, self.ours, self.other, ratio, f"{self.budget:g}", self.verdict

    @property
    def verdict(self) -> str:
        if self.ratio is None or self.budget is None:
            return ""
        return "OK" if self.ratio <= self.budget else "OVER"


WIDTHS: Final = (48, 18, 36, 8, 7, 4)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0, unless it could not be measured at all."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns, and only the everyday sizes")
    parser.add_argument("--turns", type=int, help=f"how often (default: {TURNS}, with --quick {QUICK_TURNS})")
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"which to measure: {', '.join(GROUPS)}, or how they begin"
    )
    args = parser.parse_args(argv)
    turns = args.turns or (QUICK_TURNS if args.quick else TURNS)
    chosen = [group for group in GROUPS if any(group.startswith(row) for row in args.rows)]
    if not args.rows:
        chosen = [group for group in GROUPS if not args.quick or group in IN_QUICK]
    if not chosen:
        parser.error(f"there is no such row; there are {', '.join(GROUPS)}")
    begin = time.monotonic()
    say(("", "ours", "against", "ratio", "budget", ""))
    over = []
    try:
        for group in chosen:
            for row in measure(group, turns):
                say(row.cells)
                over += [row.what] if row.verdict == "OVER" else []
    except AgentError as error:
        sys.stderr.write(f"bench: {error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return 1
    told = f"over budget: {'; '.join(over)}" if over else "all within budget"
    sys.stdout.write(f"\n{told}.  Medians of {turns} turns, {time.monotonic() - begin:.0f} s in all; {load()}.\n")
    return 0


def load() -> str:
    """How busy the machine is, ourselves included."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def say(cells: Iterable[str]) -> None:
    sys.stdout.write("  ".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=True)).rstrip() + "\n")
    sys.stdout.flush()


def measure(group: str, turns: int) -> Iterator[Row]:
    """All rows of one group."""
    kind, _, size = group.partition("-")
    if kind != "lookup" and size in LARGEST:
        turns = min(turns, QUICK_TURNS)
    if kind == START:
        yield from starts(turns)
    elif kind == "apply":
        yield from applies(size, turns)
    elif kind == "sources":
        yield from sources(size, turns)
    elif kind == "explain":
        yield from explains(size, turns)
    elif kind == "daemon":
        yield from daemons(size, turns)
    else:
        yield from lookups(size, turns)


# --- topologies -----------------------------------------------------------------------------------------------------


def topology(size: str) -> Topology:
    """The ENIs of a size, each alone in its vSwitch, or all in one with their addresses interleaved."""
    number, each = SIZES[size.removesuffix(MIXED)]
    if size.endswith(MIXED):
        subnet = VSwitch("vsw-mixed", IPv4Network("172.20.0.0/20"))
        hosts = random.Random(1).sample(range(1, 4000), number * each)  # noqa: S311 the same ones every time
        return Topology(tuple(eni(i, subnet, hosts[i * each : (i + 1) * each]) for i in range(number)))
    return Topology(
        tuple(eni(i, VSwitch(f"vsw-{i}", IPv4Network(f"172.16.{i}.0/24")), range(1, each + 1)) for i in range(number))
    )


# --- processes ------------------------------------------------------------------------------------------------------


def cost(cloud: Cloud, arguments: Sequence[str], program: str = sys.executable, *, text: str = "") -> Cost:
    """Run a program in the instance, with nothing between it and us; the exit code is to be 0."""
    with tempfile.TemporaryFile("w+") as notes:
        with cloud.guest.entered():
            begin = time.perf_counter()
            process = subprocess.Popen(
                [program, *arguments],
                env=cloud.agent_environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=notes,
                text=True,
            )
        if process.stdin is None or process.stdout is None:
            raise AssertionError("asked for pipes")
        with process.stdin, process.stdout:
            process.stdin.write(text)
            process.stdin.close()
            output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            notes.seek(0)
            said = notes.read()[-1000:].strip()
            what = f"`{program} {' '.join(arguments)[:60]}` ended with {process.returncode}"
            raise AgentError(verbatim(what), verbatim(said))
    return Cost(wall, usage.ru_utime + usage.ru_stime, output)


def agent(cloud: Cloud, *arguments: str) -> Cost:
    return cost(cloud, ["-m", "eip_agent", *arguments])


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def over_bare(what: str, ours: Sequence[Cost], bare: Sequence[Cost], budget: float | None = None) -> Iterator[Row]:
    """Wall and CPU; the budget counts for the wall."""
    for name, part, limit in (("wall", "wall", budget), ("CPU", "cpu", None)):
        mine, theirs = (median(getattr(one, part) for one in side) for side in (ours, bare))
        yield Row(f"{what}, {name}", ms(mine), f"{ms(theirs)} python -c pass", mine / theirs, limit)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def mb(kilobytes: float) -> str:
    return f"{kilobytes / 1024:.1f} MB"


def starts(turns: int) -> Iterator[Row]:
    """What does nothing is to take no time."""
    with Cloud(topology("1x1"), peers=False) as cloud:
        agent(cloud, "--help")
        taken = [[cost(cloud, BARE), agent(cloud, "--help"), agent(cloud, "--version")] for _ in range(2 * turns)]
        bare, helped, version = zip(*taken, strict=True)
        yield from over_bare("--help", helped, bare, HELP_BUDGET)
        yield from over_bare("--version", version, bare, HELP_BUDGET)


def applies(size: str, turns: int) -> Iterator[Row]:
    """First `apply`, `apply` without changes, the writing alone, rules, requests and memory of one size."""
    with Cloud(topology(size), peers=False) as cloud:
        plan = [change["text"] for change in json.loads(cost_of_plan(cloud))["plan"]]
        batch = "\n".join(line for text in plan if (line := as_batch(text)))
        taken = [take_turn(cloud, batch) for _ in range(turns)]
        agent(cloud, "apply")
        requested = []
        for code in (ONCE, HOLDING):
            cloud.metadata.requests.clear()
            cost(cloud, ["-c", code])
            requested.append(len(cloud.metadata.requests))
        # Memory hardly varies.
        few = min(turns, QUICK_TURNS)
        held = [[memory(cost(cloud, ["-c", code + MEMORY])) for code in ("", ONCE, HOLDING)] for _ in range(few)]
    bare, again = [turn.bare for turn in taken], [turn.again for turn in taken]
    yield from over_bare(f"{size}: apply, nothing to change", again, bare, NO_CHANGE.get(size))
    if plan:
        first = [turn.first for turn in taken]
        yield from over_bare(f"{size}: first apply, {len(plan)} changes", first, bare, FIRST.get(size))
        yield from writes(size, taken, batch)
    rule_lines = [text for text in plan if "rule " in text]
    tables = len({found[1] for text in plan if (found := re.search(r"route .* table (\d+)", text))})
    number, each = SIZES[size.removesuffix(MIXED)]
    if size.endswith(MIXED):
        yield Row(
            f"{size}: rules per address", f"{len(rule_lines)} rules", f"{number * each} addresses",
            len(rule_lines) / (number * each), RULES_PER_ADDRESS,
        )  # fmt: skip
    else:
        yield Row(
            f"{size}: rules per table, {RULES_CONSTANT} aside", f"{len(rule_lines)} rules", f"{tables} tables",
            max(len(rule_lines) - RULES_CONSTANT, 0) / max(tables, 1), RULES_PER_TABLE,
        )  # fmt: skip
    one, two = requested
    yield Row(f"{size}: metadata requests of a pass", str(one), "", one, 2)
    yield Row(f"{size}: of the next while the token lives", str(two - one), "", two - one, 1)
    empty, again_held, at_rest = ([side[n] for side in held] for n in range(3))
    peaks = {"nothing to change": [peak for peak, _ in again_held]}
    if plan:
        peaks["first apply"] = [memory(turn.written)[0] for turn in taken]
    theirs = median(peak for peak, _ in empty)
    for what, side in peaks.items():
        peak = median(side)
        yield Row(f"{size}: peak memory, {what}", mb(peak), f"{mb(theirs)} python -c pass", peak / theirs)
    holding, bare_now = (median(now for _, now in side) for side in (at_rest, empty))
    yield Row(
        f"{size}: memory at rest after two passes", mb(holding), f"{mb(bare_now)} python -c pass",
        holding / bare_now, IDLE_BUDGET,
    )  # fmt: skip


def sources(size: str, turns: int) -> Iterator[Row]:
    """What asking the OpenAPI and asking for DHCP offers add to an `apply` that has nothing to change."""
    plain, few = topology(size), min(turns, QUICK_TURNS)
    bound = [replace(one, eips=(Eip(public(number)),)) for number, one in enumerate(plain.enis, 1)]
    with Cloud(Topology(tuple(bound)), boot="dhcp", peers=False) as cloud:
        texts = {"neither": SILENT, "offers": OFFERING}
        if can_ask_openapi():
            texts["OpenAPI"] = cloud.openapi_settings() + "[dhcp]\noffers = false\n"
        paths = {name: written(cloud, name, text) for name, text in texts.items()}
        for path in paths.values():
            agent(cloud, "apply", "--config", path)
        cloud.openapi.requests.clear()
        taken = [{name: agent(cloud, "apply", "--config", path) for name, path in paths.items()} for _ in range(turns)]
        calls = len(cloud.openapi.requests) // turns
        bare = [cost(cloud, BARE) for _ in range(turns)]
        held = {
            (name, code): median(memory(cost(cloud, ["-c", code + MEMORY, paths[name]]))[n] for _ in range(few))
            for name in ("neither", "OpenAPI")
            if name in paths
            for n, code in enumerate((ONCE_WITH, HOLDING_WITH))
        }
        empty = memory(cost(cloud, ["-c", MEMORY]))[0]
        rounds = [
            [float(word) for word in cost(cloud, ["-c", ROUND, paths["OpenAPI"]]).output.split()]
            for _ in range(few if "OpenAPI" in paths else 0)
        ]
    yield from over_bare(f"{size}: apply with settings, asking neither", [one["neither"] for one in taken], bare)
    alone, used = (median(getattr(one["neither"], part) for one in taken) for part in ("wall", "cpu"))
    links = len(plain.enis) - 1
    for name, what in {"offers": f"DHCP offers to {links} links", "OpenAPI": f"OpenAPI, {calls} calls"}.items():
        if name in paths:
            more = median(one[name].wall - one["neither"].wall for one in taken)
            cpu = median(one[name].cpu - one["neither"].cpu for one in taken)
            yield Row(f"{size}: {what}, wall", f"{ms(more)} more", f"{ms(alone)} asking neither", more / alone)
            yield Row(f"{size}: {what}, CPU", f"{ms(cpu)} more", f"{ms(used)} asking neither", cpu / used)
    if not rounds:
        yield Row(f"{size}: OpenAPI", "not installed", "")
        return
    usual = median(one.wall for one in bare)
    wall, cpu, peak = (median(one[n] for one in rounds) for n in range(3))
    yield Row(f"{size}: OpenAPI, the child alone, wall", ms(wall), f"{ms(usual)} python -c pass", wall / usual)
    yield Row(f"{size}: OpenAPI, the child alone, CPU", ms(cpu), f"{ms(usual)} python -c pass", cpu / usual)
    yield Row(f"{size}: OpenAPI, the child's peak memory", mb(peak), f"{mb(empty)} python -c pass", peak / empty)
    for what, code in {"peak memory": ONCE_WITH, "memory at rest": HOLDING_WITH}.items():
        mine, without = held["OpenAPI", code], held["neither", code]
        yield Row(f"{size}: the agent's {what} with OpenAPI", mb(mine), f"{mb(without)} without", mine / without)


def explains(size: str, turns: int) -> Iterator[Row]:
    """`explain` of an instance that is right, against the pass that concludes the same and says nothing of it."""
    with Cloud(topology(size), peers=False) as cloud:
        agent(cloud, "apply")
        taken = [(agent(cloud, "explain"), agent(cloud, "apply", "--dry-run")) for _ in range(2 * turns)]
    for name, part, limit in (("wall", "wall", EXPLAIN_BUDGET), ("CPU", "cpu", None)):
        mine, theirs = (median(getattr(pair[side], part) for pair in taken) for side in (0, 1))
        yield Row(f"{size}: explain, {name}", ms(mine), f"{ms(theirs)} apply --dry-run", mine / theirs, limit)


def written(cloud: Cloud, name: str, text: str) -> str:
    """A settings file of that name; the cloud's own one leads to its OpenAPI, so that the environment does not."""
    cloud.settings(cloud.openapi_settings())
    path = cloud.directory / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def memory(taken: Cost) -> tuple[int, int]:
    """What `MEMORY` printed: the peak and the present, in kilobytes."""
    peak, now = taken.output.split()[-2:]
    return int(peak), int(now)


def writes(size: str, taken: Sequence[Turn], batch: str) -> Iterator[Row]:
    """The writing alone, without seeing, deciding and verifying."""
    wrote, imported, count = (
        median(float(turn.written.output.split("WROTE")[1].split()[n]) for turn in taken) for n in range(3)
    )
    batch_time = median(turn.batched.wall for turn in taken)
    lines = batch.count("\n") + 1
    yield Row(
        f"{size}: writing {count:.0f} changes", ms(wrote), f"{ms(batch_time)} ip -batch, {lines} of them",
        wrote / batch_time, WRITE.get(size),
    )  # fmt: skip
    yield Row(
        f"{size}: the same with the import of pyroute2", ms(wrote + imported), f"{ms(batch_time)} ip -batch",
        (wrote + imported) / batch_time,
    )  # fmt: skip
    yield Row(f"{size}: changes per second", f"{count / wrote:.0f} /s", f"{lines / batch_time:.0f} /s ip -batch")


def cost_of_plan(cloud: Cloud) -> str:
    """The first pass, as JSON; exit code 3 says that there is something to do."""
    return cloud.agent("apply", "--dry-run", "--format", "json").stdout


def take_turn(cloud: Cloud, batch: str) -> Turn:
    """Each side once; in between everything is taken back."""
    bare = cost(cloud, BARE)
    first = agent(cloud, "apply")
    again = agent(cloud, "apply")
    agent(cloud, "revert")
    written = cost(cloud, ["-c", WRITING + MEMORY])
    agent(cloud, "revert")
    batched = cost(cloud, ["-force", "-batch", "-"], tool("ip"), text=batch)
    undo(cloud, batch)
    return Turn(bare, first, again, written, batched)


def as_batch(text: str) -> str:
    """A change as `ip -batch` has it; empty for what `ip` cannot write, the settings below /proc/sys."""
    sign, _, rest = text.partition(" ")
    rest = rest.removeprefix("-6 ")
    if sign == "~":
        return f"link set {rest.removeprefix('link ')}" if rest.endswith(" up") or " group " in rest else ""
    kind, _, spec = rest.partition(" ")
    if kind == "rule":
        priority, _, what = spec.partition(": ")
        return f"rule add pref {priority} {what}"
    return f"{'addr' if kind == 'address' else 'route'} add {spec}"


def undo(cloud: Cloud, batch: str) -> None:
    """Take back what a batch wrote; the agent may have done so already."""
    lines = [line for line in batch.splitlines() if not line.startswith("link")]
    back = [re.sub(r"^(\w+) add", r"\1 del", line) for line in reversed(lines)]
    back += [re.sub(r"group \d+$", "group 0", line) for line in batch.splitlines() if " group " in line]
    back += [f"link set {one.link} down" for one in cloud.topology.enis[1:]]
    cloud.guest.run(["ip", "-force", "-batch", "-"], input="\n".join(back), check=False)


# --- route lookups --------------------------------------------------------------------------------------------------

_AT_ONCE: Final = 32
"""Lookups in one message: the way into the kernel is shared, and the answers fit the usual buffer."""
_GETROUTE: Final = 26
_REQUEST: Final = 1
_DST, _SRC = 1, 2
WEB: Final = IPv4Address("198.51.100.7")

Source = IPv4Address | None


def daemons(size: str, turns: int) -> Iterator[Row]:
    """The daemon at rest, and when somebody takes a rule away."""
    with Cloud(topology(size), peers=False) as cloud, Daemon(cloud) as daemon:
        daemon.settled()
        empty = median(memory(cost(cloud, ["-c", MEMORY]))[1] for _ in range(min(turns, QUICK_TURNS)))
        took = repairs(cloud, REPAIRS)
        daemon.settled()
        used, woken = daemon.processor()
        select.select([], [], [], QUIET)
        held, (later, again) = daemon.memory(), daemon.processor()
        asked = [agent(cloud, "status") for _ in range(turns)]
        bare = [cost(cloud, BARE) for _ in range(turns)]
    yield Row(f"{size}: idle daemon, memory", mb(held), f"{mb(empty)} python -c pass", held / empty, IDLE_BUDGET)
    yield Row(f"{size}: idle daemon, wake-ups in {QUIET:g} s", str(again - woken), "", again - woken, 1)
    yield Row(f"{size}: idle daemon, CPU in {QUIET:g} s", ms(later - used), "")
    what, slowest = f"{size}: repair after a foreign deletion", f"{ms(max(took))} the slowest of {len(took)}"
    yield Row(what, ms(median(took)), slowest, median(took) * 1000, REPAIR_BUDGET)
    yield from over_bare(f"{size}: status", asked, bare)


def repairs(cloud: Cloud, number: int) -> list[float]:
    """Seconds from the kernel's word that a rule went to its word that it is there again, for different rules."""
    found = []
    with cloud.guest.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as ear:
        ear.bind((0, 0))
        ear.setsockopt(270, 1, 8)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_RULE
        ear.settimeout(10)
        rules = [line for line in cloud.guest.ip("rule show").splitlines() if line.startswith(("2401", "2402"))]
        for line in (rules * number)[:number]:
            priority, _, selector = line.replace("[detached]", "").partition(":")
            cloud.guest.ip(f"rule del priority {priority} {selector}")
            gone = heard(ear, 33)
            found.append(heard(ear, 32) - gone)
            select.select([], [], [], 6 * found[-1])  # a fifth of the time is what the daemon gives to events
    return found


def heard(ear: socket.socket, kind: int) -> float:
    """When the kernel says a message of that type."""
    while int.from_bytes(ear.recv(65536)[4:6], sys.byteorder) != kind:
        """Something else."""
    return time.perf_counter()


def lookups(size: str, turns: int) -> Iterator[Row]:
    """Route lookups with our rules, with none, and with one rule for each address."""
    enis = topology(size).enis
    schemes: dict[str, Callable[[Sequence[Eni]], list[str]]] = {
        "none": lambda _: [],
        "ours": our_rules,
        "per address": rule_per_address,
    }
    others = [ip for one in enis[1:] for ip in one.private]
    random.Random(2).shuffle(others)  # noqa: S311
    asked: dict[str, list[Source]] = {
        "of a secondary ENI": list(others),
        "of the primary ENI": list(enis[0].private),
        "of none": [None],
    }
    with ExitStack() as stack:
        places = {name: stack.enter_context(Namespace(name)) for name in schemes}
        for name, place in places.items():
            prepare(place, enis, schemes[name](enis))
        doors = {
            name: stack.enter_context(place.socket(socket.AF_NETLINK, socket.SOCK_RAW))
            for name, place in places.items()
        }
        for what, sources in asked.items():
            messages = requests(sources)
            taken = [{name: ask(door, messages) for name, door in doors.items()} for _ in range(2 * turns)]
            none, ours, each = (median(one[name] for one in taken) for name in schemes)
            yield Row(
                f"{size}: route lookup, source {what}",
                f"{1 / ours / 1000:.0f} k/s",
                f"{1 / none / 1000:.0f} k/s no rule",
                ours / none,
                LOOKUP_BUDGET,
            )
            yield Row(
                f"{size}: the same, one rule for each address",
                f"{1 / each / 1000:.0f} k/s",
                f"{1 / none / 1000:.0f} k/s no rule",
                each / none,
            )


def prepare(place: Namespace, enis: Sequence[Eni], lines: Sequence[str]) -> None:
    """Links, addresses and a default route by the first one, and then these rules and routes."""
    batch = [
        line
        for one in enis
        for line in (
            f"link add {one.link} type veth peer name x{one.link}",
            f"link set x{one.link} up",
            f"link set {one.link} up group {DEVICE_GROUP}",
            *(f"addr add {ip}/{one.vswitch.cidr.prefixlen} dev {one.link} noprefixroute" for ip in one.private),
        )
    ]
    place.ip("\n".join([*batch, f"route add default via {enis[0].vswitch.gateway} dev {enis[0].link} onlink", *lines]))


def our_rules(enis: Sequence[Eni]) -> list[str]:
    exits = [
        Exit(
            Link(number, one.link),
            table_of(number, 0),
            one.vswitch.gateway,
            tuple(ip_network(ip) for ip in one.private),
            subnet=one.vswitch.cidr,
            bound=one.vswitch.cidr,
            primary=number == 1,
        )
        for number, one in enumerate(enis, 1)
    ]
    routes = [
        line
        for exit_ in exits
        for line in (
            f"route add {exit_.subnet} dev {exit_.link.name} table {exit_.table}",
            f"route add default via {exit_.gateway} dev {exit_.link.name} onlink table {exit_.table}",
        )
    ]
    # In the order of a pass: where neighbours in the list are neighbours in memory, a walk is quicker.
    return routes + [as_batch(str(change)) for change in diff((), rules(4, exits, ()), lambda _: False)]


def rule_per_address(enis: Sequence[Eni]) -> list[str]:
    return [
        line
        for number, one in enumerate(enis, 1)
        for line in (
            f"route add default via {one.vswitch.gateway} dev {one.link} onlink table {1000 + number}",
            *(f"rule add pref 1000 from {ip} lookup {1000 + number}" for ip in one.private),
        )
    ]


def requests(sources: Sequence[Source]) -> list[tuple[bytes, int]]:
    """Messages with many lookups each, `LOOKUPS` in all, over all the sources."""
    many = [lookup(sources[n % len(sources)]) for n in range(LOOKUPS)]
    parts = [many[n : n + _AT_ONCE] for n in range(0, LOOKUPS, _AT_ONCE)]
    return [(b"".join(part), len(part)) for part in parts]


def lookup(source: Source) -> bytes:
    """One RTM_GETROUTE to a host of the Internet."""
    attributes = struct.pack("=HH4s", 8, _DST, WEB.packed)
    if source is not None:
        attributes += struct.pack("=HH4s", 8, _SRC, source.packed)
    header = struct.pack("=BBBBBBBBI", socket.AF_INET, 32, 32 if source else 0, 0, 0, 0, 0, 0, 0)
    return struct.pack("=IHHII", 16 + len(header + attributes), _GETROUTE, _REQUEST, 0, 0) + header + attributes


def ask(door: socket.socket, messages: Sequence[tuple[bytes, int]]) -> float:
    """Seconds of CPU for one lookup.

    The kernel looks up while it takes the message, on our time; fetching the answers does not count.
    """
    taken = 0.0
    for message, number in messages:
        begin = time.thread_time()
        door.send(message)
        taken += time.thread_time() - begin
        for _ in range(number):
            answer: Any = door.recv(4096)
            if answer[4:6] == b"\x02\x00":
                code = struct.unpack_from("=i", answer, 16)[0]
                raise AgentError(verbatim(f"a route lookup failed with {code}"))
    return taken / LOOKUPS


if __name__ == "__main__":
    sys.exit(main())
