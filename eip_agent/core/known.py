"""Last known good: what the sources said when they last spoke, for the time when they do not.

Never believed against a source that speaks, never used for another instance, and never a reason to remove anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from eip_agent.core.facts import CloudFact, LinkFact, Mac
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import ApiFact
from eip_agent.core.plain import decoded, encoded
from eip_agent.core.settings import Mode

T = TypeVar("T")

REFRESH: Final = 3600
"""Seconds after which the same facts are saved again, so that their age says when they were last confirmed."""


@dataclass(frozen=True, slots=True)
class ModeSeen:
    """The mode that one ENI had when it was last decided."""

    mac: Mac
    mode: Mode


@dataclass(frozen=True, slots=True)
class OfferSeen:
    """What DHCP last offered to an ENI in EIP-visible mode: no other source tells the gateway of its EIP."""

    mac: Mac
    offer: OfferFact
    at: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept on disk.  The facts are kept plain, and only made facts when somebody is silent."""

    instance_id: str | None
    primary_mac: Mac | None
    cloud: Any
    """A CloudFact, plain."""
    saved_at: float
    """Seconds since the epoch."""
    api: Any = None
    """An ApiFact, plain; None: never known."""
    api_at: float = 0.0
    """When the OpenAPI last answered in full; 0: never."""
    modes: tuple[ModeSeen, ...] = ()
    offers: tuple[OfferSeen, ...] = ()


def is_of_this_instance(known: Known, cloud: CloudFact | None, links: Sequence[LinkFact]) -> bool:
    """Whether it was saved on this instance.

    By the instance id where the metadata service tells it; while that is silent, by the MAC of the primary ENI, which a
    clone of the disk on another instance does not have.
    """
    if cloud is not None and cloud.instance_id is not None:
        return known.instance_id == cloud.instance_id
    return known.primary_mac is not None and any(link.mac == known.primary_mac for link in links)


def cloud_of(known: Known | None) -> CloudFact | None:
    """What the metadata service last said; None where nothing usable was kept."""
    return None if known is None else _fact(CloudFact, known.cloud)


def api_of(known: Known | None) -> ApiFact | None:
    """What the OpenAPI last said; None where nothing usable was kept."""
    return None if known is None or known.api is None else _fact(ApiFact, known.api)


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


def offers_seen(
    former: Known | None, modes: Sequence[ModeSeen], offers: Mapping[Mac, OfferFact], now: float
) -> tuple[OfferSeen, ...]:
    """What to keep of the offers: those of ENIs that are, or were and may still be, in EIP-visible mode."""
    found = {seen.mac: seen for seen in former.offers} if former is not None else {}
    for mac, offer in offers.items():
        seen = found.get(mac)
        if seen is None or seen.offer != offer or now - seen.at >= REFRESH:
            found[mac] = OfferSeen(mac, offer, now)
    others = {seen.mac for seen in modes if seen.mode is not Mode.EIP_VISIBLE}
    return tuple(found[mac] for mac in sorted(found) if mac not in others)


def renewed(
    former: Known | None,
    cloud: CloudFact | None,
    api: ApiFact | None,
    modes: Sequence[ModeSeen],
    now: float,
    offers: Mapping[Mac, OfferFact] | None = None,
) -> Known | None:
    """What to keep after a pass; None where there is nothing new to keep."""
    if cloud is None or not is_whole(cloud):
        return None
    same = former is not None and former.instance_id == cloud.instance_id
    kept = former if same else None
    whole = api is not None and api_is_whole(api)
    found = Known(
        cloud.instance_id,
        cloud.primary_mac,
        encoded(cloud),
        now,
        encoded(api) if whole else kept.api if kept else None,
        now if whole else kept.api_at if kept else 0.0,
        tuple(sorted(modes, key=lambda seen: seen.mac)),
        offers_seen(kept, modes, offers or {}, now),
    )
    if kept is not None and now - kept.saved_at < REFRESH and replace(kept, saved_at=now, api_at=found.api_at) == found:
        return None
    return found


def _fact(kind: type[T], plain: object) -> T | None:
    """None for one that is damaged: it is a help, no more."""
    try:
        return decoded(kind, plain)
    except ValueError:
        return None
