"""A way as a picture: every hop a box, every step an arrow, nothing outside of it."""

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from eip_agent.core.chain import chains
from eip_agent.core.ends import Ends
from eip_agent.core.trace import trace
from eip_agent.render.language import ENGLISH, language
from eip_agent.render.svg import Box, chain, path, picture
from tests.builders import kernel, link
from tests.core.findings.support import nat_eip, scene_of, told
from tests.core.following import BEFORE, OWN, WEB, Instance


def tree(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314  of our own making


def boxes(text: str) -> list[tuple[int, int, int, int]]:
    found = list(tree(text).iter("rect"))
    return [tuple(int(one.get(name, "")) for name in ("x", "y", "width", "height")) for one in found]  # type: ignore[misc]


def row(number: int) -> list[Box]:
    return [Box(f"label {n}", f"text {n} " * n) for n in range(number)]


@pytest.mark.parametrize(("inward", "outward"), [(5, 5), (6, 4), (3, 6), (4, 0), (2, 1), (1, 5)])
def test_every_hop_is_a_box_inside_the_picture_and_beside_the_others(inward: int, outward: int) -> None:
    text = picture(row(inward), row(outward), "way")
    _, _, width, height = map(int, tree(text).get("viewBox", "").split())
    found = boxes(text)

    assert len(found) == inward + outward
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in found)
    for (x, y, w, h), (x2, y2, w2, h2) in combinations(found, 2):
        assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
    assert text.count('class="arrow"') == text.count('class="head"') == inward + outward - 1


@pytest.mark.parametrize("code", ["en", "zh"])
def test_a_chain_shows_what_it_says(code: str) -> None:
    scene = scene_of(told(nat_eip()), holds=kernel(link(0), link(1)))
    (found,) = chains(scene)
    text = chain(found, language(code), "the <way>")
    words = " ".join("".join(one.itertext()) for one in tree(text).iter("text"))

    assert tree(text).findtext("title") == "the <way>"
    assert "203.0.113.11" in words
    assert "+ 24011: from" in words
    assert len(boxes(text)) == len(found.hops)
    assert text.count('class="hop planned"') == sum(hop.state.value == "planned" for hop in found.hops)
    assert tree(text).get("role") == "img"


@pytest.mark.parametrize(
    ("instance", "ends", "missing"),
    [(Instance(BEFORE), Ends(WEB, OWN), 1), (Instance(), Ends(WEB, OWN, incoming=True), 0)],
)
def test_the_way_of_a_packet_is_drawn_too(instance: Instance, ends: Ends, missing: int) -> None:
    found = trace(instance.scene, ends, instance.look)
    text = path(found, ENGLISH, "way")

    assert len(boxes(text)) == len(found.request.stops) + len(found.reply.stops if found.reply else ())
    assert text.count('class="hop missing"') == missing
    assert "192.168.1.10" in text


def test_what_is_too_long_for_a_box_is_cut_into_lines() -> None:
    text = picture([Box("", "x" * 100)], [], "way")
    lines = ["".join(one.itertext()) for one in tree(text).iter("text")]

    assert "".join(lines) == "x" * 100
    assert max(map(len, lines)) * 7.3 <= 196


def test_names_are_no_markup() -> None:
    assert "<b>" not in picture([Box("<b>", "<b>&")], [], "<b>")
    assert ENGLISH.code == "en"
