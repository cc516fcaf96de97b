"""What can be found, by theme; every module has its kinds and the generators that find them.

`find` is for every pass; `find_all` is for explaining, and is imported only there (`eip_agent.core.findings.all`).
"""

from collections.abc import Callable, Iterator
from typing import Final

from eip_agent.core.finding import Finding, told
from eip_agent.core.findings import links, metadata, sources
from eip_agent.core.scene import Scene

Finder = Callable[[Scene], Iterator[Finding]]
"""Looks at a scene for one thing.  Never raises: what is not known is not found."""

FINDERS: Final[tuple[Finder, ...]] = (*links.FINDERS, *sources.FINDERS, *metadata.FINDERS)
"""Those that need no more than every pass reads."""


def find(scene: Scene) -> tuple[Finding, ...]:
    """What every pass tells."""
    return told(finding for finder in FINDERS for finding in finder(scene))
