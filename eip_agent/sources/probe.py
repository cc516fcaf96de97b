"""Try out what `core.probing` planned: everything at once, bounded in time, each from its own address.

Connections go straight to their target: no proxy, no redirects.  A TLS certificate is checked as usual.
"""

import http.client
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from time import monotonic
from typing import Final

from eip_agent.core.facts import IPAddress, LinkFact
from eip_agent.core.message import Message, say
from eip_agent.core.probed import Reply, Said, Target, seen_in
from eip_agent.core.probing import Aim, Ask, may_be_sent
from eip_agent.core.walk import Flow, LookupFact
from eip_agent.sources import gateways

WAIT: Final = 2.0
"""Seconds for one answer."""
DEADLINE: Final = 8.0
"""Seconds for all of it."""
_AT_ONCE: Final = 64
_LONGEST: Final = 4096
"""Bytes of an answer that are read."""

Look = Callable[[Flow], LookupFact]


def read(
    asks: Sequence[Ask], look: Look, enis: Sequence[LinkFact], wait: float = WAIT, deadline: float = DEADLINE
) -> Mapping[Ask, Said]:
    """What came of everything; nothing is left out, and nothing that the network does raises.

    Before something is sent, `look` asks the kernel by which link it would leave; `enis` are the links of the ENIs.
    """
    names = {link.link.index: link.link.name for link in enis}
    said: dict[Ask, Said] = {}
    until = monotonic() + deadline
    hosts = _resolved({ask.target.host for ask in asks if ask.target is not None}, wait)
    tasks: list[Callable[[], None]] = []
    for ask in asks:
        if ask.target is None:
            continue
        ip = next((ip for ip in hosts.get(ask.target.host, ()) if ip.version == ask.source.version), None)
        if ip is None:
            said[ask] = Said(Reply.UNSENT, _nowhere(ask, known=bool(hosts.get(ask.target.host))))
            continue
        unsent = may_be_sent(ask, look(Flow(ip, ask.source, ip_protocol=socket.IPPROTO_TCP)), names)
        if unsent is not None:
            said[ask] = unsent
        else:
            tasks.append(_task(ask, ask.target, ip, wait, said))
    near = [ask for ask in asks if ask.aim is Aim.GATEWAY]
    tasks.insert(0, lambda: said.update(gateways.ask(near, wait / 2)))
    _together(tasks, until)
    # A copy: what is late may still be written.
    done, late = dict(said), Said(Reply.SILENT, say("no answer within {seconds} s", seconds=deadline))
    return {ask: done.get(ask, late) for ask in asks}


def _task(ask: Ask, target: Target, ip: IPAddress, wait: float, said: dict[Ask, Said]) -> Callable[[], None]:
    def run() -> None:
        said[ask] = _connected(ask, target, ip, wait)

    return run


def _connected(ask: Ask, target: Target, ip: IPAddress, wait: float) -> Said:
    """One connection, and where the target has a path, one question.  Never raises."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as wire:
            wire.settimeout(wait)
            wire.bind((str(ask.source), 0))
            wire.connect((str(ip), target.port))
            # The metadata service counts requests; that it can be reached is seen without one.
            if target.scheme == "tcp" or ask.aim is Aim.METADATA:
                return Said(Reply.ANSWERED)
            return _asked(ask, target, wire)
    except ConnectionRefusedError:
        return Said(Reply.REFUSED, say("the connection was refused"))
    except TimeoutError:
        return Said(Reply.SILENT)
    except ssl.SSLError as no:
        reason = getattr(no, "verify_message", "") or no.reason or str(no)
        return Said(Reply.REFUSED, say("TLS: {reason}", reason=reason))
    except http.client.HTTPException as odd:
        return Said(Reply.REFUSED, say("no HTTP answer: {kind}", kind=type(odd).__name__))
    except OSError as no:
        return Said(Reply.SILENT, no.strerror or str(no))


def _asked(ask: Ask, target: Target, wire: socket.socket) -> Said:
    """The answer to one GET.  Raises OSError and HTTPException."""
    connection = http.client.HTTPConnection(target.host, target.port)
    # It has a connection already, so it looks nothing up and opens none.
    secure = target.scheme == "https"
    connection.sock = ssl.create_default_context().wrap_socket(wire, server_hostname=target.host) if secure else wire
    try:
        connection.request("GET", target.path, headers={"User-Agent": "eip-agent", "Connection": "close"})
        answer = connection.getresponse()
        body = answer.read(_LONGEST).decode("utf-8", "replace")
    finally:
        connection.close()
    if ask.aim is not Aim.SEEN:
        return Said(Reply.ANSWERED)
    seen = seen_in(body, ask.source.version)
    if seen is None:
        return Said(Reply.REFUSED, say("the echo service answers {status}, and names no address", status=answer.status))
    return Said(Reply.ANSWERED, seen=seen)


def _resolved(hosts: set[str], wait: float) -> Mapping[str, Sequence[IPAddress]]:
    """The addresses of these hosts; a name server that is silent costs `wait` seconds."""
    found: dict[str, Sequence[IPAddress]] = {}

    def look_up(host: str) -> Callable[[], None]:
        def run() -> None:
            try:
                answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):  # the latter where it can be no name at all
                return
            found[host] = [ip_address(str(address[0]).partition("%")[0]) for *_, address in answers]

        return run

    names = []
    for host in sorted(hosts):
        try:
            found[host] = (ip_address(host),)
        except ValueError:
            names.append(look_up(host))
    _together(names, monotonic() + wait)
    return dict(found)


def _together(tasks: Sequence[Callable[[], None]], until: float) -> None:
    """Run all tasks in threads, until all are done or time is up; who is late ends with the process."""
    waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    done: queue.SimpleQueue[None] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)

    def work() -> None:
        while monotonic() < until:
            try:
                task = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                task()
            finally:
                done.put(None)

    for number in range(min(len(tasks), _AT_ONCE)):
        threading.Thread(target=work, name=f"probe {number}", daemon=True).start()
    for _ in tasks:
        try:
            done.get(timeout=max(until - monotonic(), 0.001))
        except queue.Empty:
            return


def _nowhere(ask: Ask, *, known: bool) -> Message:
    host = ask.target.host if ask.target is not None else ""
    if known:
        return say("{host} has no IPv{version} address", host=host, version=ask.source.version)
    return say("{host} cannot be resolved", host=host)
