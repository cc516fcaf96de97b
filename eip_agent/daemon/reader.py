"""Reads the settings in a process of its own.

What checks them is a third of the daemon's memory, is needed once, and cannot be given back.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from eip_agent.core.message import say, verbatim
from eip_agent.core.plain import decoded, encoded
from eip_agent.core.settings import Settings
from eip_agent.errors import SettingsError

_HERE: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_START: Final = (
    "import sys; sys.path.append(sys.argv[1]); from eip_agent.daemon.reader import child; child(sys.argv[2])"
)
"""This package is found behind the standard library, in whose place nothing may be loaded."""
_TIMEOUT: Final = 30.0
"""Seconds; it takes a third of one."""


def read(path: str | None, overrides: Mapping[str, str]) -> Settings:
    """As `config.load`.  Raises SettingsError."""
    request = json.dumps({"path": path, "overrides": dict(overrides)})
    try:
        done = subprocess.run(  # noqa: S603 this very program
            [sys.executable, "-P", "-c", _START, _HERE, request],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise SettingsError(verbatim(answer["error"]), verbatim(answer["hint"]) if answer["hint"] else None)
        return decoded(Settings, answer["settings"])
    except (OSError, subprocess.SubprocessError) as no:
        raise SettingsError(say("the process that reads the settings cannot be run: {error}", error=no)) from no
    except (ValueError, KeyError) as no:
        raise SettingsError(say("the process that reads the settings ended without an answer")) from no


def child(request: str) -> None:
    """What runs there."""
    from eip_agent.config import load  # noqa: PLC0415 not in the daemon

    asked = json.loads(request)
    try:
        answer = {"settings": encoded(load(asked["path"], asked["overrides"]))}
    except SettingsError as wrong:
        answer = {"error": str(wrong), "hint": str(wrong.hint)}
    sys.stdout.write(json.dumps(answer))
