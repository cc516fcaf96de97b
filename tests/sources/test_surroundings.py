"""What only explaining reads."""

from eip_agent.core.message import say
from eip_agent.core.surroundings import Surroundings
from eip_agent.errors import KernelReadError
from eip_agent.sources import surroundings


class _Silent:
    def dump(self, kind: int, body: bytes) -> list[tuple[int, bytes]]:
        del kind, body
        raise KernelReadError(say("no"))


def test_what_cannot_be_read_is_unknown() -> None:
    assert surroundings.read(_Silent()) == Surroundings()  # type: ignore[arg-type]  # all it is asked for
