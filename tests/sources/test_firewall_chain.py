"""What is not as documented is an error here, and unread for who asks."""

import struct
from typing import Any

import pytest

from eip_agent.netlink import attribute
from eip_agent.sources.firewall_chain import read_chains

_GETCHAIN, _GETRULE = 10 << 8 | 4, 10 << 8 | 7
INET = struct.pack("=BBH", 1, 0, 0)
TABLE, NAME = attribute(1, b"filter\0"), attribute(3, b"input\0")


class Kernel:
    """Answers with these payloads, by type."""

    def __init__(self, answers: dict[int, list[bytes]]) -> None:
        self._answers = answers

    def dump(self, kind: int, body: bytes) -> list[tuple[int, bytes]]:
        del body
        return [(kind, INET + payload) for payload in self._answers.get(kind, [])]


def chains(*payloads: bytes) -> Any:
    return read_chains(Kernel({_GETCHAIN: list(payloads)}), {(1, b"filter\0")})  # type: ignore[arg-type]


def hook(number: int, priority: int) -> bytes:
    return attribute(4, attribute(1, struct.pack(">I", number)) + attribute(2, struct.pack(">i", priority)))


def test_a_chain_has_what_the_kernel_says() -> None:
    drop = attribute(5, struct.pack(">I", 0))
    (base,) = chains(TABLE + NAME + hook(1, -150) + drop + attribute(7, b"filter\0"))
    (bare,) = chains(TABLE + NAME)

    assert (str(base), base.hook, base.priority, base.kind, base.drops) == (
        "inet filter input",
        "input",
        -150,
        "filter",
        True,
    )
    assert (bare.hook, bare.drops) == ("", False)
    (strange,) = chains(TABLE + NAME + hook(99, 0))
    assert strange.hook == ""
    assert not chains(attribute(1, b"dormant\0") + NAME)


@pytest.mark.parametrize("payload", [b"", TABLE, TABLE + NAME + attribute(4, b"")])
def test_a_chain_that_is_not_as_documented_is_an_error(payload: bytes) -> None:
    with pytest.raises((LookupError, struct.error)):
        chains(payload)
