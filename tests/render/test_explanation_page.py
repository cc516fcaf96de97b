"""An explanation as a page: the same as its text, whole, and with a picture for every way."""

import re
from dataclasses import replace

import pytest

from eip_agent.core.explanation import about_eip, explanation, summary
from eip_agent.core.facts import Unread
from eip_agent.core.finding import Kind, Severity
from eip_agent.core.kind_page import page
from eip_agent.render.explanation_page import body, excerpt, of_kind
from eip_agent.render.language import ENGLISH, language
from tests.builders import ip4, kernel, link
from tests.core.findings.support import direct_eip, nat_eip, scene_of, told
from tests.render.test_html import Reader

KIND = Kind("EIP998", Severity.ERROR, "odd", "{link} is <odd>", "it limps", "make it even", ("even",), "a proof")
SCENE = scene_of(told(direct_eip(), nat_eip()), holds=kernel(link(0), link(1)), now=86400.0)
TOLD = explanation(
    replace(
        SCENE,
        report=replace(
            SCENE.report,
            findings=tuple(KIND.on(name, about=(name,), link=name) for name in ("eth0", "eth1")),
            unread=(Unread("metadata service", "timed out"),),
            advice="see the route",
        ),
    )
)


@pytest.mark.parametrize("code", ["en", "zh"])
def test_it_has_all_that_the_text_has(code: str) -> None:
    spoken = language(code)
    whole = "".join(body(TOLD, spoken))
    texts = "".join(Reader(f"<div>{whole}</div>").texts)

    assert whole.count("<svg") == len(TOLD.chains) == 2
    assert whole.count(spoken("it limps")) == 1, "what several mean is said once"
    assert all(word in texts for word in ("eth0 is <odd>", "eth1 is <odd>", "timed out", "see the route", "even"))
    assert all(str(change) in texts for change in TOLD.report.plan)
    assert all(spoken(line).replace("`", "") in texts for line in summary(TOLD))
    assert "1970-01-02 00:00:00 UTC" in texts
    assert "secondary-cidr" in texts


def test_a_part_has_its_part_only() -> None:
    found = about_eip(TOLD, ip4("203.0.113.11"))
    assert found is not None
    texts = "".join(Reader(f"<div>{''.join(excerpt(found, ENGLISH))}</div>").texts)

    assert "eth1 is <odd>" in texts
    assert "eth0" not in re.sub(r"fe80\S*", "", texts)


def test_the_page_of_a_kind() -> None:
    found = page(KIND, (KIND, replace(KIND, code="EIP997")), (KIND.on("eth1", link="eth1"),))
    texts = "".join(Reader(f"<div>{''.join(of_kind(found, ENGLISH))}</div>").texts)

    assert "LINK is <odd>" in texts
    assert "eth1 is <odd>" in texts


def test_nothing_wrong_needs_no_card() -> None:
    calm = explanation(replace(SCENE, report=replace(SCENE.report, plan=(), findings=())))
    whole = "".join(body(calm, ENGLISH))

    assert "card error" not in whole
    assert "nothing is wrong" in whole


def test_what_is_accepted_is_a_note_that_says_so() -> None:
    one = replace(KIND.on("eth1", link="eth1"), accepted=True)
    whole = "".join(body(explanation(replace(SCENE, report=replace(SCENE.report, findings=(one,)))), ENGLISH))

    assert '<section class="card note"><span class="badge note">EIP998' in whole
    assert "<dt>accepted</dt><dd>by the settings: it is known, and asks for nothing</dd>" in whole
    assert "accepted</dt>" not in "".join(body(TOLD, ENGLISH))
