"""Findings: the worst first, none twice, and no consequence beside its cause."""

from dataclasses import replace
from typing import Final

from eip_agent.core.finding import Finding, Kind, Severity, told

CAUSE: Final = Kind("EIP991", Severity.WARNING, "down", "{link} is down", "m", "d", ("ip link set {link} up",), "p")
EFFECT: Final = Kind("EIP992", Severity.ERROR, "lost", "{link} lost", "m", "d", caused_by=frozenset({"EIP991"}))
NOTE: Final = Kind("EIP990", Severity.NOTE, "note", "note", "m", "d")


def down(link: str) -> Finding:
    return CAUSE.on(link, about=(link,), link=link)


def lost(link: str) -> Finding:
    return EFFECT.on(link, about=(link,), link=link)


def test_a_finding_puts_its_values_into_the_texts_and_commands_of_its_kind() -> None:
    found = down("eth1")

    assert (found.saw, found.commands) == ("eth1 is down", ("ip link set eth1 up",))
    assert CAUSE.on("eth1", commands=("true",), link="eth1").commands == ("true",)
    assert found.saw.template == "{link} is down"


def test_a_cause_silences_its_consequence_on_the_same_link_only() -> None:
    assert told([lost("eth1"), down("eth1")]) == (down("eth1"),)
    assert told([lost("eth1"), down("eth2")]) == (lost("eth1"), down("eth2"))


def test_a_cause_of_the_whole_host_silences_everywhere() -> None:
    everywhere = CAUSE.on("host", link="all")

    assert told([lost("eth1"), lost("eth2"), everywhere]) == (everywhere,)


def test_the_worst_comes_first_and_nothing_twice() -> None:
    note = NOTE.on("x")

    assert told([note, down("eth2"), lost("eth1"), note]) == (lost("eth1"), down("eth2"), note)


def test_what_is_accepted_is_a_note_and_comes_last() -> None:
    note = NOTE.on("x")
    first, second = told([down("eth1"), note, down("eth2")], {"EIP991:eth1", "EIP990:y"})[0::2]

    assert (first, first.severity) == (down("eth2"), Severity.WARNING)
    assert (second, second.severity) == (replace(down("eth1"), accepted=True), Severity.NOTE)
    assert [one.accepted for one in told([down("eth1"), note, down("eth2")], {"EIP991"})] == [False, True, True]
    assert told(told([lost("eth2"), note], {"EIP992"}), {"EIP992"}) == told(
        [lost("eth2"), note, lost("eth2")], {"EIP992"}
    )


def test_only_its_own_code_and_its_whole_subject_accept_it() -> None:
    for near in ("EIP99", "EIP9911", "EIP991:eth", "EIP991:eth10", "EIP991:", "EIP992:eth1", "eth1"):
        assert not told([down("eth1")], {near})[0].accepted, near


def test_what_follows_from_what_is_accepted_is_not_told_either() -> None:
    assert [one.code for one in told([lost("eth1"), down("eth1")], {"EIP991"})] == ["EIP991"]
    assert [one.accepted for one in told([lost("eth1"), down("eth1")], {"EIP992"})] == [False]
