"""A process in the guest that runs the agent's command line again and again, and kills it wherever a test wants.

One process is started and imports everything; each command is a fork of it, which costs milliseconds.  In the fork
the system calls by which a pass changes anything are counted, each before it is made, and the end: what is so after a
call is so before the next one.  A netlink batch is a call for each message in it.  At the count a test asks for, the
fork kills itself with SIGKILL: no handler runs, no `finally`, no flush.
"""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from mmap import mmap
from pathlib import Path
from typing import Any, Final, Self

from eip_agent.core.facts import IPAddress  # noqa: TC001 it costs nothing here
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.probe import reach
from eip_agent.lab.topology import Topology

ROOT: Final = Path(__file__).parent.parent.parent
_NLMSG_HEADER: Final = struct.Struct("=IHHII")
_CALLS: Final = ("mkdir", "open", "fsync", "replace", "unlink", "truncate", "pwrite", "chmod")
_NEEDED: Final = (
    "cli",
    "schema",
    "reconcile",
    "render.json",
    "render.text",
    "sinks.apply",
    "sinks.confirm",
    "sinks.lock",
)
"""What a pass imports, so that the forks need not."""
_READS: Final = frozenset({18, 22, 26, 34})
"""RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETRULE."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    """The exit code; negative: the signal that killed it."""
    out: str
    err: str
    calls: int
    """How many times it could have been killed."""


class Mortal:
    """The process in the guest; a context manager."""

    def __init__(self, cloud: Cloud) -> None:
        self._process = cloud.guest.start(
            [sys.executable, str(Path(__file__))],
            env={**cloud.agent_environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stderr=None,
        )
        self._cloud = cloud

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, *argv: str, fatal: int = 0, pending: int = 0, failing: str = "", vanishing: str = "") -> Ended:
        """Run `eip-agent` with these arguments and wait for it.

        `fatal`: at which count it is killed; `pending`: a signal that waits for it from the start;
        `failing`: `call:n:errno`, a system call that fails from its n-th time on, or `call:n:errno:times`;
        `vanishing`: `n:link`, a link that goes after the n-th batch of changes.
        """
        settings = self._cloud.directory / "config.toml"
        config = ["--config", str(settings)] if settings.exists() else []
        request = {
            "argv": [*argv, *config],
            "fatal": fatal,
            "pending": pending,
            "failing": failing,
            "vanishing": vanishing,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        assert select.select([self._process.stdout], [], [], 60)[0], f"{argv} does not end"
        return Ended(**json.loads(self._process.stdout.readline()))


_LOOK: Final = r"""
printf '%s\n' 'link show' 'address show' 'route show table all' 'rule show' | ip -j -d -batch -
ip -6 -j rule show
grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf || true
"""
_FLEETING: Final = ("qdisc", "txqlen", "stats", "stats64", "num_tx_queues", "num_rx_queues", "linkmode", "operstate")
"""A link that was up once has a queue; the state of the carrier comes a moment after the flag."""


def state(guest: Namespace) -> list[str]:
    """All that a user could see of the network configuration; of lifetimes only whether there is one."""
    text = guest.run(["sh", "-c", _LOOK]).stdout
    documents = [json.loads(line) for line in text.splitlines() if line.startswith("[")]
    links, addresses, routes, rules4, rules6 = documents
    lines = [f"link {_flat(link, _FLEETING)}" for link in links]
    for link in addresses:
        lines += [f"address {link['ifname']} {_flat(_timeless(one))}" for one in link["addr_info"]]
    lines += sorted(f"route {_flat(_timeless(route))}" for route in routes)
    lines += [f"rule {_flat(rule)}" for rule in (*rules4, *rules6)]
    return lines + sorted(line for line in text.splitlines() if line.startswith("/proc"))


def at_rest(guest: Namespace) -> list[str]:
    """The same once the kernel has done what it does by itself after a boot, as giving links their own addresses."""
    seen = state(guest)
    for _ in range(50):
        select.select([], [], [], 0.02)
        before, seen = seen, state(guest)
        if seen == before:
            break
    return seen


def difference(before: list[str], after: list[str]) -> list[str]:
    """What differs, with a sign; empty when nothing does."""
    return [f"- {line}" for line in before if line not in after] + [f"+ {line}" for line in after if line not in before]


def _flat(item: dict[str, Any], without: Iterable[str] = ()) -> str:
    return json.dumps({key: value for key, value in item.items() if key not in without}, sort_keys=True)


def _timeless(item: dict[str, Any]) -> dict[str, Any]:
    fleeting: dict[str, Any] = {
        key: item[key] == 2**32 - 1 for key in ("valid_life_time", "preferred_life_time") if key in item
    }
    return {**{key: value for key, value in item.items() if key != "expires"}, **fleeting}


def unreached(cloud: Cloud, topology: Topology | None = None) -> list[str]:
    """The EIPs and IPv6 addresses that do not answer the Internet, and the links that sent a packet not their own."""
    topology = topology or cloud.topology
    wanted: list[IPAddress] = []
    for eni in topology.enis:
        wanted += [*(eip.address for eip in eni.eips), *eni.ipv6s]
    silent = [str(ip) for ip in wanted if not reach(cloud.internet, ip, "udp")]
    return silent + [f"{link} spoofed" for link, count in cloud.spoofs().items() if count]


@contextmanager
def unchanged(cloud: Cloud) -> Iterator[None]:
    """Nothing that a user could see changes within."""
    before = state(cloud.guest)
    yield
    assert difference(before, state(cloud.guest)) == []


def leftovers(cloud: Cloud) -> set[str]:
    """The files in the run directory."""
    return {path.name for path in (cloud.directory / "run").iterdir()}


# --- in the guest -----------------------------------------------------------------------------------------------------


def _serve() -> None:
    for module in _NEEDED:
        import_module(f"eip_agent.{module}")
    main = import_module("eip_agent.cli").main
    import_module("eip_agent.reconcile").WITNESS_PAUSE = 0.02  # type: ignore[attr-defined]  # each kill would wait
    counter = mmap(-1, 8)
    for line in sys.stdin:
        request = json.loads(line)
        counter[:8] = bytes(8)
        out, err = os.memfd_create("out"), os.memfd_create("err")
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out, 1)
            os.dup2(err, 2)
            _child(main, request, counter)
        status = os.waitpid(child, 0)[1]
        texts = [os.pread(fd, 1 << 20, 0).decode() for fd in (out, err)]
        os.close(out)
        os.close(err)
        code = os.waitstatus_to_exitcode(status)
        calls = int.from_bytes(counter[:8], "little")
        sys.stdout.write(json.dumps({"code": code, "out": texts[0], "err": texts[1], "calls": calls}) + "\n")
        sys.stdout.flush()


def _child(main: Callable[[list[str]], int], request: dict[str, Any], counter: mmap) -> None:
    code = 99
    try:
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, mode) for fd, mode in ((0, "r"), (1, "w"), (2, "w")))
        if request["pending"]:
            signal.pthread_sigmask(signal.SIG_BLOCK, [request["pending"]])
            os.kill(os.getpid(), request["pending"])
        fate = _Fate(counter, request["fatal"], request["failing"], request["vanishing"])
        _arm(fate)
        code = main(request["argv"])
        fate.tick()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 98
    except BaseException:  # noqa: BLE001 a traceback is what the test is to see
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(code)


class _Fate:
    """Counts the calls, and decides about them."""

    def __init__(self, counter: mmap, fatal: int, failing: str, vanishing: str) -> None:
        self._counter, self._fatal = counter, fatal
        self._failing, _, rest = failing.partition(":")
        first, errno, times = [*rest.split(":"), "0", "0", "0"][:3]
        self._errno, self._first = int(errno), int(first or 0)
        self._last = self._first + int(times) - 1 if int(times) else sys.maxsize
        self._seen = 0
        number, _, self._link = vanishing.partition(":")
        self._batches = int(number or 0)

    def batch(self) -> None:
        """A batch of changes has been carried out."""
        self._batches -= 1
        if self._batches == 0:
            subprocess.run(["ip", "link", "del", self._link], check=True)

    def tick(self) -> None:
        """One more chance to die."""
        if self.is_due():
            os.kill(os.getpid(), signal.SIGKILL)
        self._counter[:8] = (int.from_bytes(self._counter[:8], "little") + 1).to_bytes(8, "little")

    def is_due(self) -> bool:
        """Whether the next tick is the last one."""
        return int.from_bytes(self._counter[:8], "little") + 1 == self._fatal

    def ask(self, call: str) -> None:
        """Raise the error that the call is to have."""
        if call == self._failing:
            self._seen += 1
            if self._first <= self._seen <= self._last:
                raise OSError(self._errno, os.strerror(self._errno))


def _arm(fate: _Fate) -> None:
    """Patch the standard library, in this fork alone."""

    def counted(call: str) -> Callable[..., Any]:
        original = getattr(os, call)

        def patched(*arguments: Any, **named: Any) -> Any:
            if call == "open" and not (len(arguments) > 1 and arguments[1] & os.O_CREAT):
                return original(*arguments, **named)
            fate.ask(call)
            fate.tick()
            return original(*arguments, **named)

        return patched

    for call in _CALLS:
        setattr(os, call, counted(call))

    class Socket(socket.socket):
        def send(self, data: Any, *flags: Any) -> int:
            messages = list(_messages(bytes(data))) if self.family == socket.AF_NETLINK else []
            fate.ask("write" if messages and messages[0][0] not in _READS else "dump")
            if not messages or messages[0][0] in _READS:
                return super().send(data, *flags)
            sent = 0
            for _, size in messages:
                if fate.is_due() and sent:
                    # The kernel carries out a batch in order, and what was not sent is not carried out.
                    super().send(bytes(data)[:sent])
                fate.tick()
                sent += size
            super().send(data, *flags)
            fate.batch()
            return sent

    socket.socket = Socket  # type: ignore[misc]


def _messages(data: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(data):
        length, kind, _, _, _ = _NLMSG_HEADER.unpack_from(data, start)
        size = length + 3 & ~3
        yield kind, size
        start += size


if __name__ == "__main__":
    _serve()
