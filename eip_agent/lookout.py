"""What all sources say at one moment, and what they said when they last spoke."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from eip_agent.config import credentials_environment
from eip_agent.core import conclude as core
from eip_agent.core.age import age
from eip_agent.core.changes import Plan
from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.facts import CloudFact, IPAddress, KernelFact, LinkFact, Mac, Remembered, Unread
from eip_agent.core.finding import Finding, told
from eip_agent.core.findings import find
from eip_agent.core.findings.memory import ANOTHER, CLOSED, DAMAGED
from eip_agent.core.findings.sources import silence, unheard
from eip_agent.core.known import ModeSeen, api_of, cloud_of, is_of_this_instance, renewed
from eip_agent.core.message import said, say
from eip_agent.core.offers import OfferFact, Offers
from eip_agent.core.openapi import ApiFact
from eip_agent.core.recalled import recalled
from eip_agent.core.report import Report
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Settings
from eip_agent.core.silence import Silence
from eip_agent.errors import JournalError, MetadataError
from eip_agent.netlink import Netlink
from eip_agent.sinks.known import KnownStore
from eip_agent.sources import kernel as kernel_source
from eip_agent.sources.metadata import Metadata


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything a pass concludes from."""

    cloud: CloudFact | None
    """From the metadata service, or as last known; None: neither."""
    kernel: KernelFact
    witnesses: Witnesses
    unread: tuple[Unread, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What was found while reading."""
    unheard: tuple[Finding, ...] = ()
    """Of links that were asked for a DHCP offer and have none."""
    asked: frozenset[tuple[int, Mac]] = frozenset()
    """The links that were asked for a DHCP offer, by index and MAC address."""
    told_at: float = 0.0
    """When the metadata service said it, in seconds since the epoch."""
    asked_at: float = 0.0
    """When all the others were asked."""
    took: tuple[tuple[str, float], ...] = ()
    """Who was asked last, and how many seconds it took: `metadata`, `openapi`."""


class Lookout:
    """Reads the sources, for one pass or many."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metadata = Metadata(settings)
        self._store = KnownStore(settings.state_directory)

    def see(self, netlink: Netlink, *, everything: bool = False, last: Seen | None = None, anew: bool = False) -> Seen:
        """Ask everybody.  Raises KernelReadError; silence of any other source is told in what is returned.

        `everything`: also what the OpenAPI only explains: static address, DNAT entries, HAVIPs, what the VPC keeps from
        the Internet.
        `last`: what was said then counts while the metadata service is silent; and while it says the same, nobody else
        need be asked, but `anew`.
        """
        began = time.monotonic()
        now = time.time()
        live: CloudFact | None = None
        unread: tuple[Unread, ...] = ()
        try:
            live = self._metadata.read()
        except MetadataError as silent:
            unread = (Unread(say("metadata service"), said(silent), silent.silence or Silence.ODD),)
        took = {"metadata": time.monotonic() - began}
        if live is not None and last is not None and last.cloud is not None:
            live = recalled(live, last.cloud)
        if last is not None and (_is_same(last, live) if live else last.cloud) and not (anew and live):
            last = replace(last, took=tuple(took.items()))
            return self._as_before(netlink, last, now if live else None, unread)
        kept, damage = self._store.read()
        kind = DAMAGED if damage.startswith(self._store.path) else CLOSED
        found = [kind.on(damage.split(": ", 1)[0], what=damage)] if damage else []
        cloud = live or cloud_of(kept)
        kernel = kernel_of(netlink, cloud)
        if kept is not None and not is_of_this_instance(kept, live, kernel.links):
            found.append(ANOTHER.on(self._store.path))
            kept, cloud = None, live
        if live is None and cloud is not None and kept is not None:
            found.append(silence(age(now - kept.saved_at)))
        began = time.monotonic()
        api, before = self._openapi(live, everything=everything), api_of(kept)
        if api is not None:
            took["openapi"] = time.monotonic() - began
        if api is not None and (self._settings.openapi or before is not None):
            unread += api.unread
        witnesses = Witnesses(api, known=kept, api_before=before, now=now, silent=live is None)
        told_at = kept.saved_at if live is None and kept is not None else now
        seen = Seen(cloud, kernel, witnesses, unread, tuple(found), told_at=told_at, asked_at=now)
        return self.ask_links(replace(seen, took=tuple(took.items())))

    def again(self, netlink: Netlink, seen: Seen) -> Seen:
        """What was seen, with the kernel of now; only links that nobody asked are asked.  Raises KernelReadError."""
        kernel = kernel_of(netlink, seen.cloud)
        there = {(link.link.index, link.mac) for link in kernel.links}
        links = {index for index, _ in there & seen.asked}
        offers = tuple(offer for offer in seen.witnesses.offers if offer.link in links)
        witnesses = replace(seen.witnesses, offers=offers)
        return self.ask_links(replace(seen, kernel=kernel, witnesses=witnesses, asked=seen.asked & there))

    def _as_before(self, netlink: Netlink, last: Seen, told_at: float | None, unread: tuple[Unread, ...]) -> Seen:
        """What was seen last, where the metadata service says the same, or nothing (no `told_at`)."""
        silent, now = told_at is None, time.time()
        told_at = last.told_at if told_at is None else told_at
        api = last.witnesses.api
        if api is not None and (self._settings.openapi or last.witnesses.api_before is not None):
            unread += api.unread
        witnesses = replace(last.witnesses, silent=silent, now=now)
        findings = (silence(age(now - told_at)),) if silent else ()
        seen = replace(last, witnesses=witnesses, unread=unread, findings=findings, told_at=told_at)
        return self.again(netlink, seen)

    def ask_links(self, seen: Seen) -> Seen:
        """The same, with what the cloud offers by DHCP now to the links that are up and of undecided mode.

        Who was asked already is not asked again.
        """
        links = [link for link in self.to_ask(seen) if link.up and (link.link.index, link.mac) not in seen.asked]
        if not links:
            return seen
        from eip_agent.sources import offers as offers_source  # noqa: PLC0415  only where there is somebody to ask

        answers = offers_source.read(links)
        offers = tuple(answer for answer in answers.values() if isinstance(answer, OfferFact))
        return replace(
            seen,
            witnesses=replace(seen.witnesses, offers=(*seen.witnesses.offers, *offers)),
            unheard=(*seen.unheard, *_unheard(links, answers)),
            asked=seen.asked | {(link.link.index, link.mac) for link in links},
        )

    def to_ask(self, seen: Seen) -> tuple[LinkFact, ...]:
        """The links of which no live source settles the mode."""
        if seen.cloud is None:
            return ()
        return core.to_ask(seen.cloud, seen.kernel, self._settings, replace(seen.witnesses, offers=()))

    def asleep(self, seen: Seen) -> tuple[LinkFact, ...]:
        """Those of them that are down, and hear nothing, and may be brought up."""
        if self._settings.leave_links or seen.cloud is None:
            return ()
        enis = {eni.mac for eni in seen.cloud.enis}
        if all(link.up for link in seen.kernel.links if link.mac in enis):
            return ()
        return tuple(
            link for link in self.to_ask(seen) if not link.up and (link.link.index, link.mac) not in seen.asked
        )

    def report(self, seen: Seen, remembered: Remembered) -> Report:
        """What is to be concluded from it."""
        return self.scene(seen, remembered).report

    def plan(self, seen: Seen, remembered: Remembered) -> Plan:
        """Its plan alone, in half of the time."""
        if seen.cloud is None:
            return ()
        return conclude(seen.cloud, seen.kernel, remembered, self._settings, seen.witnesses).plan

    def scene(self, seen: Seen, remembered: Remembered) -> Scene:
        """The same with all that it was concluded from."""
        report = Report(None)
        if seen.cloud is not None:
            report = conclude(seen.cloud, seen.kernel, remembered, self._settings, seen.witnesses)
        report = replace(report, unread=(*seen.unread, *report.unread))
        scene = Scene(report, seen.kernel, seen.witnesses, self._settings, remembered, self.asleep(seen))
        found = told((*seen.findings, *seen.unheard, *find(scene)), self._settings.accepted)
        return replace(scene, report=replace(report, findings=found))

    def keep(self, seen: Seen, report: Report) -> tuple[Seen, tuple[Unread, ...]]:
        """Remember what was said, for the time when nobody speaks.

        What is seen with what is known from now on, and what is wrong with the disk, if anything is.
        """
        if seen.witnesses.silent:
            return seen, ()
        modes = [ModeSeen(story.eni.mac, story.verdict.mode) for story in report.stories if story.verdict.decided]
        macs = {link.link.index: link.mac for link in seen.kernel.links}
        offers = {macs[offer.link]: offer for offer in seen.witnesses.offers if offer.link in macs}
        new = renewed(seen.witnesses.known, seen.cloud, seen.witnesses.api, modes, seen.witnesses.now, offers)
        try:
            if any(one.kind in (DAMAGED, ANOTHER) for one in seen.findings):
                self._store.put_aside()
            if new is not None:
                self._store.write(new)
        except JournalError as no:
            return seen, (Unread(say("last known good"), said(no)),)
        known = new or seen.witnesses.known
        return replace(seen, witnesses=replace(seen.witnesses, known=known)), ()

    def _openapi(self, cloud: CloudFact | None, *, everything: bool) -> ApiFact | None:
        """None where it is not to be asked."""
        if self._settings.openapi is False or cloud is None:
            return None
        from eip_agent.sources import openapi as openapi_source  # noqa: PLC0415  only where it is wanted

        if not openapi_source.available():
            if not self._settings.openapi:
                return None
            return ApiFact(
                unread=(Unread("OpenAPI", say("its libraries are not installed: pip install 'eip-agent[openapi]'")),)
            )
        environment = credentials_environment()
        return openapi_source.read(self._settings, cloud, everything=everything, environment=environment)


def _is_same(last: Seen, live: CloudFact) -> bool:
    """Whether the others need not be asked again.  After a time of silence everybody is."""
    return live == last.cloud and not last.witnesses.silent


def kernel_of(netlink: Netlink, cloud: CloudFact | None) -> KernelFact:
    """What the kernel holds of what matters to the ENIs.  Raises KernelReadError."""
    enis = cloud.enis if cloud is not None else ()
    given: set[IPAddress] = set()
    for eni in enis:
        given.update(eni.private_ipv4s or (), eni.ipv6s or ())
    return kernel_source.read(netlink, frozenset(eni.mac for eni in enis), given)


def _unheard(links: Sequence[LinkFact], answers: Offers) -> Iterator[Finding]:
    """One for each reason."""
    names: dict[str, list[str]] = {}
    for link in links:
        answer = answers.get(link.link.index)
        if not isinstance(answer, OfferFact):
            names.setdefault(answer.reason if answer else say("nobody answers"), []).append(link.link.name)
    for reason, silent in names.items():
        yield unheard(tuple(silent), reason)
