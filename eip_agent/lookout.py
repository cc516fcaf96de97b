"""What all sources say at one moment, and what they said when they last spoke."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from eip_agent.config import credentials_environment
from eip_agent.core import conclude as core
from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.facts import CloudFact, IPAddress, KernelFact, LinkFact, Remembered, Unread
from eip_agent.core.known import Known, ModeSeen, age, api_of, cloud_of, is_of_this_instance, renewed
from eip_agent.core.offers import OfferFact, Offers
from eip_agent.core.openapi import ApiFact
from eip_agent.core.remark import Remark
from eip_agent.core.remarks import unknowable
from eip_agent.core.report import Report
from eip_agent.core.settings import Settings
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
    remarks: tuple[Remark, ...] = ()
    unheard: tuple[Remark, ...] = ()
    """Of links that were asked for a DHCP offer and have none."""
    advice: str = ""


class Lookout:
    """Reads the sources, for one pass or many."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metadata = Metadata(settings)
        self._store = KnownStore(settings.state_directory)
        self._known: Known | None = None

    def see(self, netlink: Netlink, *, everything: bool = False) -> Seen:
        """Ask everybody.  Raises KernelReadError; silence of any other source is told in what is returned.

        `everything`: also what the OpenAPI only explains: static address, DNAT entries, HAVIPs.
        """
        now = time.time()
        live: CloudFact | None = None
        unread: tuple[Unread, ...] = ()
        advice = ""
        try:
            live = self._metadata.read()
        except MetadataError as silent:
            unread, advice = (Unread("metadata service", str(silent)),), silent.hint
        kept, damage = self._store.read()
        remarks = [_damaged(damage) if damage.startswith(self._store.path) else _closed(damage)] if damage else []
        cloud = live or cloud_of(kept)
        kernel = kernel_of(netlink, cloud)
        if kept is not None and not is_of_this_instance(kept, live, kernel.links):
            remarks.append(_of_another_instance(self._store.path))
            kept, cloud = None, live
        self._known = kept
        if live is None and cloud is not None and kept is not None:
            remarks.append(_from_memory(age(now - kept.saved_at)))
        api, before = self._openapi(live, everything=everything), api_of(kept)
        if api is not None and (self._settings.openapi or before is not None):
            unread += api.unread
        witnesses = Witnesses(api, known=kept, api_before=before, now=now, silent=live is None)
        return self.ask_links(Seen(cloud, kernel, witnesses, unread, tuple(remarks), advice=advice))

    def ask_links(self, seen: Seen) -> Seen:
        """The same, with what the cloud offers by DHCP now to the links that are up and of undecided mode."""
        links = [link for link in self.to_ask(seen) if link.up]
        if not links:
            return seen
        from eip_agent.sources import offers as offers_source  # noqa: PLC0415  only where there is somebody to ask

        answers = offers_source.read(links)
        offers = tuple(answer for answer in answers.values() if isinstance(answer, OfferFact))
        return replace(seen, witnesses=replace(seen.witnesses, offers=offers), unheard=tuple(_unheard(links, answers)))

    def to_ask(self, seen: Seen) -> tuple[LinkFact, ...]:
        """The links of which no live source settles the mode."""
        if seen.cloud is None:
            return ()
        return core.to_ask(seen.cloud, seen.kernel, self._settings, replace(seen.witnesses, offers=()))

    def asleep(self, seen: Seen) -> tuple[LinkFact, ...]:
        """Those of them that are down, and hear nothing, and may be brought up."""
        return () if self._settings.leave_links else tuple(link for link in self.to_ask(seen) if not link.up)

    def report(self, seen: Seen, remembered: Remembered) -> Report:
        """What is to be concluded from it."""
        if seen.cloud is None:
            return Report(None, unread=seen.unread, advice=seen.advice, remarks=seen.remarks)
        report = conclude(seen.cloud, seen.kernel, remembered, self._settings, seen.witnesses)
        unknown = unknowable(report.stories, seen.witnesses.api)
        return replace(
            report,
            unread=(*seen.unread, *report.unread),
            remarks=(*seen.remarks, *seen.unheard, *map(_deaf, self.asleep(seen)), *unknown, *report.remarks),
            advice=seen.advice,
        )

    def keep(self, seen: Seen, report: Report) -> tuple[Unread, ...]:
        """Remember what was said, for the time when nobody speaks; what is wrong with the disk, if anything is."""
        if seen.witnesses.silent:
            return ()
        modes = [ModeSeen(story.eni.mac, story.verdict.mode) for story in report.stories if story.verdict.decided]
        macs = {link.link.index: link.mac for link in seen.kernel.links}
        offers = {macs[offer.link]: offer for offer in seen.witnesses.offers if offer.link in macs}
        new = renewed(self._known, seen.cloud, seen.witnesses.api, modes, seen.witnesses.now, offers)
        try:
            if any(remark.subject == self._store.path for remark in seen.remarks):
                self._store.put_aside()
            if new is not None:
                self._store.write(new)
        except JournalError as no:
            return (Unread("last known good", str(no)),)
        return ()

    def _openapi(self, cloud: CloudFact | None, *, everything: bool) -> ApiFact | None:
        """None where it is not to be asked."""
        if self._settings.openapi is False or cloud is None:
            return None
        from eip_agent.sources import openapi as openapi_source  # noqa: PLC0415  only where it is wanted

        if not openapi_source.available():
            if not self._settings.openapi:
                return None
            return ApiFact(
                unread=(Unread("OpenAPI", "its libraries are not installed: pip install 'eip-agent[openapi]'"),)
            )
        environment = credentials_environment()
        return openapi_source.read(self._settings, cloud, everything=everything, environment=environment)


def kernel_of(netlink: Netlink, cloud: CloudFact | None) -> KernelFact:
    """What the kernel holds of what matters to the ENIs.  Raises KernelReadError."""
    enis = cloud.enis if cloud is not None else ()
    given: set[IPAddress] = set()
    for eni in enis:
        given.update(eni.private_ipv4s or (), eni.ipv6s or ())
    return kernel_source.read(netlink, frozenset(eni.mac for eni in enis), given)


def _deaf(link: LinkFact) -> Remark:
    return Remark(
        link.link.name,
        "the link is down, so it cannot be asked what the cloud offers it by DHCP",
        "whether its ENI is in EIP-visible mode is not known for sure",
        "nothing: `eip-agent apply` brings it up and asks before it adds anything",
    )


def _unheard(links: Sequence[LinkFact], answers: Offers) -> Iterator[Remark]:
    """One for each reason."""
    names: dict[str, list[str]] = {}
    for link in links:
        answer = answers.get(link.link.index)
        if not isinstance(answer, OfferFact):
            names.setdefault(answer.reason if answer else "nobody answers", []).append(link.link.name)
    for reason, silent in names.items():
        yield Remark(
            ", ".join(silent),
            f"it was asked for a DHCP offer, and there is none to use: {reason}",
            "whether the ENI is in EIP-visible mode is taken from what else is known",
            "nothing, if the mode is right; else let the OpenAPI be asked, or declare the EIP in the settings",
        )


def _damaged(what: str) -> Remark:
    return Remark(
        what.split(": ", 1)[0],
        what,
        "what the sources said before is not known; what they say now is used as always",
        "nothing: the next `eip-agent apply` puts it aside and writes a new one",
    )


def _closed(what: str) -> Remark:
    """The directory cannot be opened, or is not safe to read from."""
    return Remark(
        what.split(": ", 1)[0],
        what,
        "what the sources said before is not known; what they say now is used as always",
        "nothing; or run it with sudo, and see that the directory is root's alone",
    )


def _of_another_instance(path: str) -> Remark:
    return Remark(
        path,
        "the last known good was saved on another instance",
        "this disk was cloned; it is not used",
        "nothing: the next `eip-agent apply` replaces it",
    )


def _from_memory(span: str) -> Remark:
    return Remark(
        "metadata service",
        f"it does not answer, so what it said {span} ago is used",
        "what was right then is configured; nothing is removed by it",
        "see why it does not answer",
    )
