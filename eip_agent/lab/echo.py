"""Servers that say who asked: TCP and UDP echo, one thread for each namespace."""

import contextlib
import os
import selectors
import socket
import struct
import threading
from collections.abc import Iterable
from typing import Final, Self

from eip_agent.lab.namespace import Namespace

PORT: Final = 7000
_IP_PKTINFO: Final = 8
_IPV6_RECVPKTINFO: Final = 49
_ANY: Final = ("0.0.0.0", "::")  # noqa: S104 - inside a namespace of ours


class EchoServer:
    """Answers on a port of a namespace: first the address of who asks and a newline, then whatever was sent.

    TCP says the address once, at the beginning; UDP in every datagram, from the address that was asked.
    """

    def __init__(self, namespace: Namespace, port: int = PORT, hosts: Iterable[str] = _ANY) -> None:
        """Listen at once; the thread starts with `start`, or the `with` block."""
        self._selector = selectors.DefaultSelector()
        self._stop, self._stopped = os.pipe()
        self._selector.register(self._stop, selectors.EVENT_READ, None)
        for host in hosts:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                server = namespace.socket(family, kind)
                server.settimeout(0)
                if family == socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    server.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
                else:
                    server.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
                server.bind((host, port))
                if kind == socket.SOCK_STREAM:
                    server.listen(128)
                self._selector.register(
                    server, selectors.EVENT_READ, _accept if kind == socket.SOCK_STREAM else _answer
                )
        self._thread = threading.Thread(target=self._serve, name=f"echo {namespace.name}", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and drop all connections."""
        os.write(self._stopped, b"x")
        if self._thread.is_alive():
            self._thread.join()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        os.close(self._stop)
        os.close(self._stopped)

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if not isinstance(key.fileobj, socket.socket):
                    return
                # Whoever goes away in the middle, or does not read what he asked for, is on his own.
                try:
                    key.data(key.fileobj, self._selector)
                except OSError:
                    if key.data is _echo:
                        _drop(key.fileobj, self._selector)


def _accept(server: socket.socket, selector: selectors.BaseSelector) -> None:
    connection, peer = server.accept()
    connection.settimeout(0)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):
        connection.sendall(f"{peer[0]}\n".encode())
    selector.register(connection, selectors.EVENT_READ, _echo)


def _echo(connection: socket.socket, selector: selectors.BaseSelector) -> None:
    if data := connection.recv(65536):
        connection.sendall(data)
    else:
        _drop(connection, selector)


def _drop(connection: socket.socket, selector: selectors.BaseSelector) -> None:
    selector.unregister(connection)
    connection.close()


def _answer(server: socket.socket, _: selectors.BaseSelector) -> None:
    """Answer a datagram from the address it was sent to, which a plain `sendto` would not do on a wildcard socket."""
    data, ancillary, _flags, peer = server.recvmsg(65536, socket.CMSG_SPACE(20))
    reply = [f"{peer[0]}\n".encode(), data]
    server.sendmsg(reply, [_from(level, kind, asked) for level, kind, asked in ancillary], 0, peer)


def _from(level: int, kind: int, asked: bytes) -> tuple[int, int, bytes]:
    """The ancillary data that makes an answer come from where the question went; the device is left to the routes."""
    if level == socket.IPPROTO_IPV6:
        return level, kind, asked[:16] + struct.pack("@I", 0)
    return level, kind, struct.pack("@I", 0) + asked[8:12] + bytes(4)
