"""A web server that says whom it sees, as the Internet has many."""

import contextlib
import socket
import threading
from typing import Final, Self

from eip_agent.lab.namespace import Namespace

PORT: Final = 8080
_ANSWER: Final = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n{}\n"


class WebEcho:
    """Answers every HTTP request of a namespace's visitors with their address; a context manager."""

    def __init__(self, namespace: Namespace, port: int = PORT) -> None:
        """Listen at once, for both IP versions."""
        self._server = namespace.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self._server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._server.bind(("::", port))
        self._server.listen(128)
        self._thread = threading.Thread(target=self._serve, name=f"web {namespace.name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes who waits in `accept`, which closing would not.
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                visitor, address = self._server.accept()
            except OSError:
                return
            with visitor, contextlib.suppress(OSError):
                visitor.settimeout(1)
                visitor.recv(4096)
                visitor.sendall(_ANSWER.format(address[0].removeprefix("::ffff:")).encode())
