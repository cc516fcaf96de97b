"""What all sources say at one moment: what is asked and kept, and that no answer, however spoilt, takes anything away.

::

    OpenAPI document ──┐ one or more values replaced, cut, repeated, dropped
    metadata tree ─────┴──► decode ──► judge ──► conclude      on a kernel that is as desired
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eip_agent.core.changes import Plan
from eip_agent.core.claims import Case
from eip_agent.core.conclude import Witnesses, conclude
from eip_agent.core.facts import CloudFact, KernelFact, LinkFact, Mac, Remembered, Unread
from eip_agent.core.items import Address, LinkSetting, Route
from eip_agent.core.judge import judge
from eip_agent.core.known import Known, ModeSeen, OfferSeen, offers_seen, renewed
from eip_agent.core.memory import foresee, settle
from eip_agent.core.numbers import link_of
from eip_agent.core.offers import OfferFact
from eip_agent.core.openapi import ApiFact, Bound, Denied, EipFact
from eip_agent.core.report import Outcome, Report, Story
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.silence import Silence
from eip_agent.core.verdict import Certainty
from eip_agent.errors import MetadataError
from eip_agent.lab.dhcp import offer_to
from eip_agent.lab.document import metadata_tree
from eip_agent.lab.topology import DEMO
from eip_agent.lookout import Lookout, Seen
from eip_agent.sources import offers as offers_source
from eip_agent.sources.document import decode as decode_metadata
from eip_agent.sources.openapi_document import decode as decode_openapi
from tests.builders import cloud, device, eni, ip4, kernel, link, mac, port
from tests.openapi.support import document
from tests.world import after

NOTHING: Final = Remembered()
EIP: Final = "203.0.113.42"
PRIVATE_OFFER: Final = OfferFact(device(1).index, ip4("192.168.1.10"), 24, ip4("192.168.1.253"))
EIP_OFFER: Final = OfferFact(device(1).index, ip4(EIP), 27, ip4("203.0.113.33"))


# --- what was offered before ------------------------------------------------------------------------------------------


def test_what_was_offered_before_counts_until_somebody_answers() -> None:
    verdict = judge(Case(port(1), offer_before=EIP_OFFER, offer_age="2 hours"))

    assert (verdict.mode, verdict.certainty) == (Mode.EIP_VISIBLE, Certainty.PROBABLE)
    assert "2 hours ago" in verdict.because[0].source
    assert judge(Case(port(1), offer=PRIVATE_OFFER, offer_before=EIP_OFFER)).mode is Mode.NAT
    assert judge(Case(port(1), offer_before=PRIVATE_OFFER)).mode is Mode.NAT


def test_it_tells_the_gateway_of_an_eip_that_another_source_names() -> None:
    told = EipFact(ip4(EIP), "eip-1", Bound.ENI, "eni-1", Mode.EIP_VISIBLE)

    assert judge(Case(port(1), told=[told], offer_before=EIP_OFFER)).visible[0].gateway == EIP_OFFER.router
    assert judge(Case(port(1), told_before=[told], offer_before=EIP_OFFER)).mode is Mode.EIP_VISIBLE
    assert not judge(Case(port(1), told=[replace(told, address=ip4("203.0.113.9"))], offer_before=EIP_OFFER)).decided


def test_an_openapi_that_spoke_of_eip_visible_before_is_not_believed_against_a_private_offer() -> None:
    told = EipFact(ip4(EIP), "eip-1", Bound.ENI, "eni-1", Mode.EIP_VISIBLE, gateway=ip4("203.0.113.33"))

    assert judge(Case(port(1), told_before=[told])).mode is Mode.EIP_VISIBLE
    assert judge(Case(port(1), told_before=[told], offer=PRIVATE_OFFER)).mode is Mode.NAT


def known(*offers: OfferSeen) -> Known:
    return Known("i-1", mac(0), {}, 0.0, offers=offers)


def test_offers_are_kept_while_the_eni_is_or_may_be_eip_visible() -> None:
    seen = OfferSeen(mac(1), EIP_OFFER, 100.0)
    visible, hidden = ModeSeen(mac(1), Mode.EIP_VISIBLE), ModeSeen(mac(1), Mode.NAT)

    assert offers_seen(None, [visible], {mac(1): EIP_OFFER}, 100.0) == (seen,)
    assert offers_seen(known(seen), [visible], {}, 9999.0) == (seen,)
    assert offers_seen(known(seen), [], {}, 9999.0) == (seen,), "undecided"
    assert offers_seen(known(seen), [hidden], {mac(1): PRIVATE_OFFER}, 200.0) == ()
    assert offers_seen(known(seen), [visible], {mac(1): EIP_OFFER}, 200.0) == (seen,), "not written again at once"
    assert offers_seen(known(seen), [visible], {mac(1): EIP_OFFER}, 3700.0)[0].at == 3700.0


def test_another_instance_gets_none_of_them() -> None:
    new = renewed(replace(known(OfferSeen(mac(1), EIP_OFFER, 1.0)), instance_id="i-2"), cloud(), None, [], 2.0)

    assert new is not None
    assert new.offers == ()


# --- asking -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def lookout(tmp_path: Path) -> Lookout:
    return Lookout(Settings(state_directory=str(tmp_path)))


def seen(*links: LinkFact, **witnesses: Any) -> Seen:
    return Seen(cloud(), kernel(*(links or (link(0), link(1)))), Witnesses(**witnesses))


def test_only_links_whose_mode_is_open_are_asked(lookout: Lookout) -> None:
    told = ApiFact(asked=frozenset({"eni-1"}))

    assert [one.link.name for one in lookout.to_ask(seen())] == ["eth1"]
    assert [one.link.name for one in lookout.to_ask(seen(silent=True))] == ["eth1"], "DHCP may well speak"
    assert lookout.to_ask(seen(api=told)) == ()
    assert lookout.to_ask(replace(seen(), cloud=None)) == ()


def test_only_links_that_may_be_brought_up_are_woken(lookout: Lookout) -> None:
    down = seen(link(0), link(1, up=False))

    assert [one.link.name for one in lookout.asleep(down)] == ["eth1"]
    assert lookout.asleep(seen()) == ()
    assert Lookout(Settings(leave_links=True)).asleep(down) == ()
    assert "eth1: the link is down" in findings(lookout, down)


def findings(lookout: Lookout, what: Seen) -> str:
    return "\n".join(f"{one.subject}: {one.saw} {one.do}" for one in lookout.report(what, NOTHING).findings)


@pytest.mark.parametrize(
    ("answer", "says"),
    [(None, "nobody answers"), (Unread("DHCP on eth1", "contradicting offers: a and b"), "contradicting offers")],
)
def test_an_offer_that_is_missing_or_of_no_use_is_told(
    lookout: Lookout, monkeypatch: pytest.MonkeyPatch, answer: Unread | None, says: str
) -> None:
    monkeypatch.setattr(offers_source, "read", lambda links: {one.link.index: answer for one in links})
    asked = lookout.ask_links(seen())

    assert asked.witnesses.offers == ()
    assert f"there is none to use: {says}" in findings(lookout, asked)
    monkeypatch.setattr(offers_source, "read", lambda links: {one.link.index: EIP_OFFER for one in links})
    assert lookout.ask_links(asked) == asked, "nobody is asked twice"
    again = lookout.ask_links(replace(asked, asked=frozenset(), unheard=()))
    assert again.witnesses.offers == (EIP_OFFER,)
    assert again.unheard == (), "what was told of the first time is over"


def test_a_link_that_nobody_asked_is_asked_and_the_others_keep_what_they_were_told(
    lookout: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers_source, "read", lambda links: {one.link.index: EIP_OFFER for one in links})
    first = lookout.ask_links(seen())
    more = replace(first, kernel=kernel(link(0), link(1), link(2)), cloud=cloud(eni(0), eni(1), eni(2)))
    asked: list[str] = []

    def read(links: list[LinkFact]) -> dict[int, None]:
        asked.extend(one.link.name for one in links)
        return {device(2).index: None}

    monkeypatch.setattr(offers_source, "read", read)
    then = lookout.ask_links(more)

    assert asked == ["eth2"]
    assert then.witnesses.offers == (EIP_OFFER,)
    assert then.asked == {(device(1).index, mac(1)), (device(2).index, mac(2))}
    assert lookout.asleep(replace(then, kernel=kernel(link(0), link(1, up=False)))) == ()


@pytest.mark.parametrize(
    ("api", "why"),
    [
        (None, "the OpenAPI was not asked"),
        (ApiFact(unread=(Unread("openapi", "no answer within 10 s"),)), "openapi: no answer within 10 s"),
        (ApiFact(denied=(Denied("vpc:DescribeEipAddresses", "no"),)), "vpc:DescribeEipAddresses: no"),
    ],
)
def test_that_multi_eip_cannot_be_known_is_told_with_why(lookout: Lookout, api: ApiFact | None, why: str) -> None:
    assert f"multi-EIP-visible mode cannot be known without the OpenAPI ({why})" in findings(lookout, seen(api=api))


def test_it_is_not_told_where_it_is_known(lookout: Lookout) -> None:
    told = ApiFact(asked=frozenset({"eni-1"}))

    assert "cannot be known" not in findings(lookout, seen(api=told))
    assert "cannot be known" not in findings(lookout, seen(offers=(EIP_OFFER,)))
    assert "cannot be known" not in findings(lookout, replace(seen(), cloud=cloud(eni(0))))


def test_without_any_cloud_nothing_is_planned(lookout: Lookout) -> None:
    silent = replace(seen(), cloud=None, unread=(Unread("metadata service", "no", Silence.UNREACHABLE),))
    report = lookout.report(silent, NOTHING)

    assert (report.plan, report.outcome) == ((), Outcome.FACTS_MISSING)
    assert [one.code for one in report.findings] == ["EIP325"]


# --- keeping ----------------------------------------------------------------------------------------------------------


def test_what_was_said_is_kept_and_what_was_remembered_is_not(lookout: Lookout, tmp_path: Path) -> None:
    said = seen(offers=(EIP_OFFER,), now=1000.0)
    file = tmp_path / "last-known-good.json"

    silent = replace(said, witnesses=replace(said.witnesses, silent=True))
    assert lookout.keep(silent, lookout.report(silent, NOTHING))[1] == ()
    assert not file.exists()
    assert lookout.keep(said, lookout.report(said, NOTHING))[1] == ()
    assert EIP in file.read_text()


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    full = Lookout(Settings(state_directory=str(tmp_path / "file")))

    _, (unread,) = full.keep(seen(), full.report(seen(), NOTHING))
    assert unread.path == "last known good"


# --- spoilt answers ---------------------------------------------------------------------------------------------------

OFFERED: Final = tuple(
    OfferFact(number + 2, given_to.address, given_to.prefix_length, given_to.router)
    for number, given_to in enumerate(map(offer_to, DEMO.enis))
)
TREE: Final[Any] = metadata_tree(DEMO)
CLOUD: Final = decode_metadata(TREE)
DOCUMENT: Final = document(DEMO, everything=False)
LINKS: Final = tuple(link(number, mac=one.mac, up=number == 0) for number, one in enumerate(DEMO.enis))
RUBBISH: Final[tuple[Any, ...]] = (
    None,
    "",
    0,
    -1,
    True,
    [],
    {},
    "999.1.1.1",
    "0.0.0.1",
    "\x00",
    "BINDED",
    "NAT",
    "x" * 999,
    [[]],
    1.5,
)


def pass_(held: KernelFact, facts: CloudFact, api: ApiFact, remembered: Remembered) -> Report:
    """As the lookout does: DHCP is asked of what nobody else settles."""
    return conclude(facts, held, remembered, Settings(), Witnesses(api, offers=OFFERED[1:]))


def at_rest() -> tuple[KernelFact, Remembered]:
    """The demo after a good pass."""
    held, remembered = KernelFact(LINKS), NOTHING
    for _ in range(2):
        report = pass_(held, CLOUD, decode_openapi(DOCUMENT, CLOUD), remembered)
        foreseen = foresee(remembered, report.plan, held)
        held = after(held, report.plan)
        remembered = settle(foreseen, held)
    assert not report.plan
    assert report.outcome is Outcome.AS_DESIRED
    assert [story.verdict.mode.value for story in report.stories] == [
        "nat",
        "nat",
        "eip-visible",
        "multi-eip-visible",
        "secondary-cidr",
    ]
    return held, remembered


HELD, REMEMBERED = at_rest()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document but its root."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in below:
        yield (*path, key)
        yield from places(inner, (*path, key))


def spoilt(data: st.DataObject, whole: Any, all_places: list[tuple[Any, ...]]) -> Any:
    """A copy with up to three places dropped, replaced, repeated or swapped with another place's value."""
    copy = deepcopy(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(all_places))
        try:
            here = _at(copy, path[:-1])
            old = here[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # gone with what was spoilt before
        match data.draw(st.sampled_from(("drop", "replace", "repeat", "swap", "cut"))):
            case "drop":
                del here[path[-1]]
            case "repeat" if isinstance(old, list):
                here[path[-1]] = [*old, *deepcopy(old)]
            case "cut" if isinstance(old, (str, list)):
                here[path[-1]] = old[: len(old) // 2]
            case "swap":
                here[path[-1]] = deepcopy(_at(whole, data.draw(st.sampled_from(all_places))))
            case _:
                here[path[-1]] = deepcopy(data.draw(st.sampled_from(RUBBISH)))
    return copy


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


API_PLACES: Final = list(places(DOCUMENT))
TREE_PLACES: Final = [path for path in places(TREE) if path[0] in {"network", "mac", "instance-id", "region-id"}]
INDEX: Final[dict[Mac, int]] = {one.mac: one.link.index for one in LINKS}


def cut(plan: Plan) -> Iterator[tuple[int | None, object]]:
    """Link and item of each address and route that a plan takes away, and of each link that it takes down."""
    for change in plan:
        match change.item:
            case Address(link=its) if change.after is None:
                yield its.index, change.item
            case Route(table=table) if change.after is None:
                yield link_of(table), change.item
            case LinkSetting(name="up", link=its) if isinstance(change.after, LinkSetting) and not change.after.value:
                yield its.index, change.item


def unsettled(report: Report) -> set[int]:
    """The links of ENIs about which something is unread or undecided."""
    return {story.link.link.index for story in report.stories if story.eni.unread or not story.verdict.decided}


FIELDS: Final = ("InstanceId", "InstanceType", "Mode", "IpAddress", "AllocationId", "Status")
MULTI_EIPS: Final = [
    path for path in API_PLACES if path[-1] in FIELDS and _at(DOCUMENT, path[:-1]).get("Mode") == "MULTI_BINDED"
]


@pytest.mark.parametrize("how", ["drop", "", "unheard-of", None, 7])
@pytest.mark.parametrize("path", MULTI_EIPS, ids=lambda path: f"{path[5]} {path[-1]}")
def test_one_field_of_an_eip_that_is_missing_or_wrong_takes_nothing_away(path: tuple[Any, ...], how: object) -> None:
    copy = deepcopy(DOCUMENT)
    here = _at(copy, path[:-1])
    if how == "drop":
        del here[path[-1]]
    else:
        here[path[-1]] = how

    assert list(cut(pass_(HELD, CLOUD, decode_openapi(copy, CLOUD), REMEMBERED).plan)) == []


@given(st.data())
@settings(max_examples=150)
def test_no_spoilt_answer_of_the_openapi_takes_anything_away(data: st.DataObject) -> None:
    """But from an ENI that it tells another mode or other EIPs of, in a list that is whole."""
    api = decode_openapi(spoilt(data, DOCUMENT, API_PLACES), CLOUD)
    report = pass_(HELD, CLOUD, api, REMEMBERED)
    right = decode_openapi(DOCUMENT, CLOUD)
    for index, item in cut(report.plan):
        eni_id = next(one.eni_id for one in CLOUD.enis if INDEX[one.mac] == index)
        assert eni_id in api.asked, item
        assert index not in unsettled(report), item
        assert {(eip.bound, eip.mode is None) for eip in api.eips if eip.instance_id == eni_id} <= {(Bound.ENI, False)}
        assert told(api, eni_id) != told(right, eni_id), item
    for story in report.stories:
        if story.eni.eni_id not in api.asked:
            assert story.verdict.because


def told(api: ApiFact, eni_id: str | None) -> set[tuple[IPv4Address, Mode | None, str, IPv4Address | None]]:
    return {(eip.address, eip.mode, eip.status, eip.gateway) for eip in api.eips if eip.instance_id == eni_id}


@given(st.data())
@settings(max_examples=150)
def test_no_spoilt_metadata_takes_anything_away(data: st.DataObject) -> None:
    """But addresses of an ENI whose list of them is whole and lacks them, or in another subnet."""
    try:
        facts = decode_metadata(spoilt(data, TREE, TREE_PLACES))
    except MetadataError:
        return
    report = pass_(HELD, facts, decode_openapi(DOCUMENT, facts), REMEMBERED)
    spoken = {INDEX[one.mac]: one for one in facts.enis if one.mac in INDEX}
    right = {INDEX[one.mac]: one for one in CLOUD.enis}
    for index, item in cut(report.plan):
        assert index in spoken, f"{item}: of an ENI that is not listed"
        now, was = spoken[index], right[index]
        assert replace(now, unread=()) != replace(was, unread=()), item
        if family_of(item) == 4:
            assert None not in (now.private_ipv4s, now.subnet, now.gateway, now.ipv4_prefixes), item
        else:
            assert None not in (now.ipv6s, now.ipv6_prefixes), item


def family_of(item: object) -> int:
    return item.ip.version if isinstance(item, Address) else item.destination.version if isinstance(item, Route) else 4


@given(st.data())
@settings(max_examples=100)
def test_a_pass_on_both_spoilt_can_be_carried_out_and_never_raises(data: st.DataObject) -> None:
    try:
        facts = decode_metadata(spoilt(data, TREE, TREE_PLACES))
    except MetadataError:
        return
    api = decode_openapi(spoilt(data, DOCUMENT, API_PLACES), facts)
    remembers = Known(facts.instance_id, facts.primary_mac, {}, 0.0)
    before = decode_openapi(DOCUMENT, CLOUD)
    witnesses = Witnesses(api, OFFERED[1:], remembers, before, now=10.0, silent=data.draw(st.booleans()))
    report = conclude(facts, HELD, REMEMBERED, Settings(), witnesses)

    after(HELD, report.plan)
    if witnesses.silent:
        assert list(cut(report.plan)) == []
    assert all(isinstance(story, Story) and story.verdict.because for story in report.stories)
