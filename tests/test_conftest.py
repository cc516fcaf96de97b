"""The wall holds, and lets through what it should."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import WallError, is_loopback


def test_the_kernel_cannot_be_spoken_to() -> None:
    with pytest.raises(WallError, match="AF_NETLINK"):
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


@pytest.mark.parametrize("method", ["connect", "connect_ex", "bind"])
def test_other_machines_cannot_be_reached(method: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(WallError, match=r"192\.0\.2\.1"):
        getattr(sock, method)(("192.0.2.1", 9))


def test_nothing_is_sent_to_other_machines() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(WallError):
        sock.sendto(b"", ("192.0.2.1", 9))


def test_a_server_on_loopback_can_be_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


def test_unix_sockets_are_no_network() -> None:
    one, two = socket.socketpair()
    with one, two:
        one.sendall(b"x")

        assert two.recv(1) == b"x"


@given(st.integers(0, 2**32 - 1))
def test_laws_live_behind_the_wall_too(number: int) -> None:
    host = socket.inet_ntoa(number.to_bytes(4, "big"))

    assert is_loopback((host, 1)) == (number >> 24 == 127)
