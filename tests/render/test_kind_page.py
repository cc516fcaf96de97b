"""The page of a kind, as text and JSON."""

import json
from dataclasses import replace
from typing import Final

import pytest

from eip_agent.core.finding import Kind, Severity
from eip_agent.core.findings.all import KINDS
from eip_agent.core.kind_page import page
from eip_agent.render.json import spelled
from eip_agent.render.kind_page import lines, parts
from eip_agent.render.language import ENGLISH, language
from eip_agent.render.paper import Paper

CAUSE: Final = Kind("EIP990", Severity.ERROR, "a cause", "c", "c", "c", caused_by=frozenset(("EIP991",)))
KIND: Final = Kind(
    "EIP991",
    Severity.WARNING,
    "a link is odd",
    "{link} is {how}",
    "it limps",
    "make {link} even",
    ("ip link set {link} even",),
    "a proof",
    frozenset(("EIP990",)),
)


def test_values_are_words_and_the_rest_is_as_where_it_is_found() -> None:
    assert list(lines(page(KIND, (CAUSE, KIND), (KIND.on("eth1", link="eth1", how="odd"),)), Paper())) == [
        "EIP991 warning  a link is odd",
        "  saw      LINK is HOW",
        "  means    it limps",
        "  do       make LINK even",
        "           $ ip link set LINK even",
        "  proof    a proof",
        "  silence  not told where EIP990 is found for the same: a cause",
        "  silence  where it is found, EIP990 is not told for the same: a cause",
        "",
        "it is found here now:",
        "  eth1: eth1 is odd",
    ]


def test_what_is_accepted_says_so() -> None:
    one = replace(KIND.on("eth1", link="eth1", how="odd"), accepted=True)

    assert list(lines(page(KIND, (KIND,), (one,)), Paper()))[-1] == "  eth1: eth1 is odd (accepted)"


def test_what_is_not_found_says_so() -> None:
    assert list(lines(page(KIND, (KIND,), ()), Paper()))[-1] == "it is not found here now"


@pytest.mark.parametrize("code", ["en", "zh"])
def test_every_kind_has_a_page(code: str) -> None:
    for kind in KINDS.values():
        found = page(kind, KINDS.values(), ())
        whole = "\n".join(lines(found, Paper(language(code))))
        assert "{" not in whole.replace("${", "")
        assert spelled(parts(found, language(code)))


def test_as_json_it_names_codes() -> None:
    found = json.loads(spelled(parts(page(KIND, (CAUSE, KIND), ()), ENGLISH)))

    assert (found["code"], found["severity"]) == ("EIP991", "warning")
    assert (found["silenced_by"], found["silences"], found["found"]) == (["EIP990"], ["EIP990"], [])
    assert found["commands"] == ["ip link set LINK even"]
