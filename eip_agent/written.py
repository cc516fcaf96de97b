"""What somebody wrote into the settings, unchecked, and how to name the place where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from eip_agent.core.message import say

PREFIX: Final = "EIP_AGENT_"
"""How the names of our environment variables begin."""
ABSOLUTE: Final = say("accepted: an absolute path, for example /run/eip-agent")

Key = tuple[str | int, ...]
"""A place in the settings, lists counted from 0: `("eip", 1, "gateway")`."""


@dataclass(frozen=True, slots=True)
class Written:
    """Everything somebody wrote, unchecked, by source."""

    path: str | None = None
    """The settings file, where there is one."""
    file: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    flags: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def place(self, key: Key) -> str:
        """Name the strongest source that speaks about `key`, and where in it; lists count from 1."""
        for texts, name in ((self.flags, _flag), (self.environment, _variable)):
            for given in texts:
                if key[: len(given)] == given or given[: len(key)] == key:
                    inside = _dotted(key[len(given) :])
                    return f"{name(given)}: {inside}" if inside else name(given)
        return ": ".join(filter(None, (self.path or "settings", _dotted(key))))

    @property
    def origins(self) -> tuple[str, ...]:
        """Which sources said something: the file, variables, flags."""
        given = [self.path] if self.path else []
        return (*given, *map(_variable, self.environment), *map(_flag, self.flags))


def is_absolute(path: str) -> bool:
    """Whether a path means the same from everywhere."""
    return path.startswith("/") and path.isprintable() and ".." not in path.split("/")


def _variable(key: tuple[str, ...]) -> str:
    return PREFIX + "__".join(key).upper()


def _flag(key: tuple[str, ...]) -> str:
    return "--" + "-".join(key).replace("_", "-")


def spelled(name: str) -> str:
    """A key as TOML spells it: in quotes, and on one line, where it is no bare one."""
    return name if name.isascii() and name.replace("-", "_").isidentifier() else ascii(name)


def _dotted(key: Key) -> str:
    """Spelled as in TOML, lists counted from 1."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{spelled(part)}" for part in key).removeprefix(".")
