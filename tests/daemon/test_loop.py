"""What the loop lives through; what it does is proved with a real daemon, in `tests/lab`."""

from pathlib import Path

import pytest

from eip_agent.core.settings import Settings
from eip_agent.daemon.loop import Loop
from eip_agent.daemon.notify import Notify
from tests.daemon.support import done
from tests.daemon.test_herald import Heard

pytestmark = pytest.mark.lab


def test_a_pass_that_cannot_be_told_of_ends_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As where the package is being replaced, and a module that is wanted for the first time is not there."""

    def fails(*_: object) -> None:
        raise ImportError("no module of that name")

    heard = Heard()
    loop = Loop(Settings(run_directory=str(tmp_path)), heard, Notify(None), read=Settings)
    monkeypatch.setattr(loop, "_stay", lambda: None)
    monkeypatch.setattr(loop._keeper, "look", lambda *_, **__: done())
    monkeypatch.setattr(loop._herald, "passed", fails)
    loop._pass()
    loop._close()

    assert heard.news()[0].startswith("no pass could be made: ImportError: no module of that name; it is tried again")
