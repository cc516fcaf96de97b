"""The wall: no test but those of the lab can speak to anything but this machine's loopback.

`./run test` puts the whole of pytest into a network namespace of its own besides; the wall also holds where pytest is
started by hand, and says which test tried.
"""

import ipaddress
import os
import shutil
import socket
import subprocess
from typing import Any, Final

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "anywhere",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    database=None,
    print_blob=True,
    # CI says the same of the same code; whoever develops looks further with every run.
    derandomize=os.environ.get("CI") == "true",  # noqa: TID251 not a setting of the agent
)
hypothesis.settings.load_profile("anywhere")  # neither a busy machine nor a read-only checkout is a failure

LOCAL: Final = frozenset({socket.AF_UNIX, socket.AF_INET, socket.AF_INET6})


class WallError(Exception):
    """A test outside the lab reached for the network."""


@pytest.fixture(autouse=True)
def _wall(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("lab"):
        return

    original = socket.socket.__init__

    def create(self: socket.socket, family: int = -1, *args: Any, **kwargs: Any) -> None:
        if "fileno" not in kwargs and family not in {-1, *LOCAL}:
            raise WallError(f"a socket of {socket.AddressFamily(family).name} is for tests marked `lab`")
        original(self, family, *args, **kwargs)

    def guarded(name: str) -> Any:
        plain = getattr(socket.socket, name)

        def reach(self: socket.socket, *args: Any) -> Any:
            if self.family != socket.AF_UNIX and not is_loopback(args[-1]):
                raise WallError(f"{name} to {args[-1]!r} is for tests marked `lab`")
            return plain(self, *args)

        return reach

    monkeypatch.setattr(socket.socket, "__init__", create)
    for name in ("bind", "connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, guarded(name))


def is_loopback(address: Any) -> bool:
    """Whether a socket address stays on this machine; names do not count, for looking them up goes out."""
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except (ValueError, TypeError, IndexError):
        return bool(address[:1] == ("localhost",))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the lab where no namespace can be made, and only there."""
    lab = [item for item in items if item.get_closest_marker("lab")]
    reason = why_no_lab() if lab else ""
    if not reason:
        return
    if os.environ.get("CI") == "true":  # noqa: TID251 not a setting of the agent
        raise pytest.UsageError(f"{reason}, and CI must run the lab")
    for item in lab:
        item.add_marker(pytest.mark.skip(reason=reason))


def why_no_lab() -> str:
    """Say why network namespaces cannot be made here; empty where they can."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return "`unshare` of util-linux is missing"
    for how in ("--net", "--mount"), ("--user", "--map-root-user", "--net", "--mount"):
        if subprocess.run([unshare, *how, "true"], capture_output=True, check=False).returncode == 0:
            return ""
    return "network namespaces cannot be made: not root, and the kernel allows no user namespaces"
