"""Last known good: what the sources said when they last spoke, for the time when they do not.

Never believed against a source that speaks, never used for another instance, and never a reason to remove anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eip_agent.core.facts import CloudFact, LinkFact, Mac
from eip_agent.core.openapi import ApiFact
from eip_agent.core.settings import Mode

REFRESH: Final = 3600
"""Seconds after which the same facts are saved again, so that their age says when they were last confirmed."""


@dataclass(frozen=True, slots=True)
class ModeSeen:
    """The mode that one ENI had when it was last decided."""

    mac: Mac
    mode: Mode


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept on disk."""

    cloud: CloudFact
    saved_at: float
    """Seconds since the epoch."""
    api: ApiFact | None = None
    api_at: float = 0.0
    """When the OpenAPI last answered in full; 0: never."""
    modes: tuple[ModeSeen, ...] = ()


def is_of_this_instance(known: Known, cloud: CloudFact | None, links: Sequence[LinkFact]) -> bool:
    """Whether it was saved on this instance.

    By the instance id where the metadata service tells it; while that is silent, by the MAC of the primary ENI, which a
    clone of the disk on another instance does not have.
    """
    if cloud is not None and cloud.instance_id is not None:
        return known.cloud.instance_id == cloud.instance_id
    return known.cloud.primary_mac is not None and any(link.mac == known.cloud.primary_mac for link in links)


def is_whole(cloud: CloudFact) -> bool:
    """Whether an answer of the metadata service is worth keeping: all of it was read."""
    return (
        cloud.primary_mac is not None
        and bool(cloud.enis)
        and not cloud.unread
        and not any(eni.unread for eni in cloud.enis)
    )


def api_is_whole(api: ApiFact) -> bool:
    """Whether an answer of the OpenAPI is worth keeping: every ENI's EIPs were told."""
    return bool(api.asked) and not api.unread and not api.denied


def renewed(
    former: Known | None, cloud: CloudFact | None, api: ApiFact | None, modes: Sequence[ModeSeen], now: float
) -> Known | None:
    """What to keep after a pass; None where there is nothing new to keep."""
    if cloud is None or not is_whole(cloud):
        return None
    same = former is not None and former.cloud.instance_id == cloud.instance_id
    kept = former if same else None
    whole = api is not None and api_is_whole(api)
    found = Known(
        cloud,
        now,
        api if whole else kept.api if kept else None,
        now if whole else kept.api_at if kept else 0.0,
        tuple(sorted(modes, key=lambda seen: seen.mac)),
    )
    if kept is not None and _facts(kept) == _facts(found) and now - kept.saved_at < REFRESH:
        return None
    return found


def age(seconds: float) -> str:
    """A time span as people say it."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return f"{max(int(seconds), 0)} s"


def _facts(known: Known) -> tuple[object, ...]:
    return known.cloud, known.api, known.modes
