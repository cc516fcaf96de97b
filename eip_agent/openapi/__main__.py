"""One round: reads the request, makes the calls, writes one answer; the process ends whatever still hangs.

The request and the answer are described at `plan.Request` and `round.ask`.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from typing import Final, NoReturn

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_MEMORY: Final = 768 << 20
"""Bytes of data: 15 times what a round needs, and an end to an answer without one."""


def main() -> NoReturn:
    """Answer on stdout, once."""
    _harden()
    output = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # The libraries have log handlers of their own.
        os.dup2(nowhere, stream)
    try:
        request = json.load(sys.stdin)
        from eip_agent.openapi.round import ask  # noqa: PLC0415 nothing secret is read before this process is closed

        text = json.dumps(ask(request))
    except Exception as error:  # noqa: BLE001 the text of an unforeseen error may hold anything
        where = _where(error)
        text = json.dumps({"error": {"code": "Crash", "message": f"{type(error).__name__} at {where}", "status": None}})
    with contextlib.suppress(OSError), os.fdopen(output, "wb") as out:
        out.write(text.encode())
    os._exit(0)  # without waiting for threads that wait for the network


def _harden() -> None:
    """No core file, no debugger, no life after the agent's, no endless memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "nowhere"


if __name__ == "__main__":
    main()
