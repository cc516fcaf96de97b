"""One query round: all calls, a few at once, within one deadline."""

import json
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from time import monotonic
from typing import Any, Final

from eip_agent.core.message import say
from eip_agent.openapi.caller import Caller, CallError, Failure, Keys, credentials
from eip_agent.openapi.endpoint import candidates, choose
from eip_agent.openapi.plan import AT_ONCE, ECS, VPC, Answer, Call, Request, first, then

LARGEST_ANSWER: Final = 16 << 20
"""Characters."""


def ask(request: Request) -> dict[str, Any]:
    """`{"calls": [{"action", "of", "answers": [page...], "error": {...} or None}...]}`.

    Where nothing could be asked at all, `{"error": {...}}`; an error is what `Failure.told` gives.
    """
    deadline = request["until"]
    # Threads that hang are left behind: a library that waits for the network cannot be told to stop.
    pool = ThreadPoolExecutor(AT_ONCE)
    finding = pool.submit(credentials, request, deadline)
    hosts = pool.submit(_hosts, request, deadline)
    futures: list[Future[Any]] = [finding, hosts]
    wait(futures, max(0.0, deadline - monotonic()))
    if not finding.done() or not hosts.done():
        late = say("time was up before credentials and endpoints were found")
        return {"error": Failure("Deadline", late).told()}
    try:
        keys = finding.result()
    except CallError as error:
        return {"error": error.failure.told()}
    return _redacted({"calls": _Round(request, keys, hosts.result(), deadline, pool).run()}, keys)


def _hosts(request: Request, deadline: float) -> dict[str, str]:
    names = {product: candidates(product, request["region"], request["endpoints"]) for product in (ECS, VPC)}
    return choose(names, request["timeout"], deadline)


def _redacted(answer: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """The same without the credentials, whoever put them there."""
    text = json.dumps(answer)
    if len(text) > LARGEST_ANSWER:
        large = say("{number} characters of answers are too many", number=len(text))
        return {"error": Failure("Garbage", large).told()}
    clean: dict[str, Any] = json.loads(keys.redact(text))
    return clean


class _Round:
    """The calls under way, and what came of the others."""

    def __init__(
        self, request: Request, keys: Keys, hosts: dict[str, str], deadline: float, pool: ThreadPoolExecutor
    ) -> None:
        self._request = request
        self._hosts = hosts
        self._deadline = deadline
        self._pool = pool
        self._caller = Caller(request, keys, hosts, deadline)
        self._answers: dict[tuple[str, str, str], list[Answer]] = {}
        self._calls: dict[tuple[str, str, str], Call] = {}
        self._errors: dict[tuple[str, str, str], Failure] = {}
        self._under_way: dict[Future[None], tuple[str, str, str]] = {}

    def run(self) -> list[dict[str, Any]]:
        for call in first(self._request):
            self._submit(call)
        while self._under_way:
            done, _ = wait(self._under_way, max(0.0, self._deadline - monotonic()), FIRST_COMPLETED)
            if not done:
                break
            for future in done:
                self._take(future)
        for key in self._under_way.values():
            self._errors[key] = Failure("Deadline", say("not answered before the deadline"))
        self._pool.shutdown(wait=False, cancel_futures=True)
        return [self._said(key) for key in self._calls]

    def _submit(self, call: Call) -> None:
        key = (call.action, call.of, call.query.get("EipAddress", ""))
        if key in self._calls:
            return
        self._calls[key] = call
        self._answers[key] = []
        if call.product in self._hosts:
            self._under_way[self._pool.submit(self._caller.ask, call, self._answers[key])] = key
        else:
            names = candidates(call.product, self._request["region"], self._request["endpoints"])
            self._errors[key] = Failure("Unreachable", say("no connection to {hosts}", hosts=tuple(names)))

    def _take(self, future: "Future[None]") -> None:
        key = self._under_way.pop(future)
        error = future.exception()
        if isinstance(error, CallError):
            self._errors[key] = error.failure
        elif error is not None:
            self._errors[key] = Failure("Crash", type(error).__name__)
        for call in then(self._request, self._calls[key], self._answers[key]):
            self._submit(call)

    def _said(self, key: tuple[str, str, str]) -> dict[str, Any]:
        call, error = self._calls[key], self._errors.get(key)
        return {
            "product": call.product,
            "action": call.action,
            "of": call.of,
            # A copy: a thread past the deadline may still be adding to it.
            "answers": list(self._answers[key]),
            "error": error.told() if error else None,
        }
