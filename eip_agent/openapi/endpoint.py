"""Where the OpenAPI of a region is: inside the VPC, and on the Internet where that cannot be reached."""

import contextlib
import socket
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Final

from eip_agent.openapi.plan import ECS, VPC

HTTPS: Final = 443
_CENTRAL: Final = {(VPC, "cn-hangzhou"): "vpc.aliyuncs.com", (ECS, "cn-hangzhou"): "ecs-cn-hangzhou.aliyuncs.com"}
"""Public names that do not follow the rule, from the endpoint maps of the product SDKs (2026)."""


def candidates(product: str, region: str, endpoints: dict[str, str]) -> list[str]:
    """`host` or `host:port`, the best first: what was set, else in-VPC, else public."""
    if product in endpoints:
        return [endpoints[product]]
    public = _CENTRAL.get((product, region), f"{product}.{region}.aliyuncs.com")
    return [f"{product}-vpc.{region}.aliyuncs.com", public]


def choose(names: dict[str, list[str]], timeout: float, deadline: float) -> dict[str, str]:
    """For each product the first name that accepts a connection; a product with none is left out.

    All are tried at once and each is waited for `timeout` seconds, so that a name behind a dead route or resolver
    costs that and not as much for every call.
    """
    pool = ThreadPoolExecutor(sum(map(len, names.values())))
    tried = {name: pool.submit(_accepts, name, timeout) for name in _each(names)}
    until = min(monotonic() + timeout, deadline)
    chosen = {product: _first(those, tried, until) for product, those in names.items()}
    pool.shutdown(wait=False)
    return {product: name for product, name in chosen.items() if name is not None}


def _each(names: dict[str, list[str]]) -> Iterable[str]:
    return dict.fromkeys(name for those in names.values() for name in those)


def _first(names: list[str], tried: "dict[str, Future[bool]]", until: float) -> str | None:
    for name in names:
        with contextlib.suppress(TimeoutError):
            if tried[name].result(max(0.0, until - monotonic())):
                return name
    return None


def _accepts(name: str, timeout: float) -> bool:
    host, port = split(name)
    with contextlib.suppress(OSError, UnicodeError), socket.create_connection((host, port), timeout):
        return True
    return False


def split(name: str) -> tuple[str, int]:
    """Host and port of `host` or `host:port`."""
    host, colon, port = name.rpartition(":")
    return (host, int(port)) if colon else (name, HTTPS)
