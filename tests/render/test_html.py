"""A page that needs nothing from elsewhere, and in which nothing that was read becomes markup."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.render.html import block, escape, fields, page, preformatted, prose
from eip_agent.render.language import ENGLISH

EMPTY = frozenset(("meta", "input", "br"))


class Reader(HTMLParser):
    """What a page holds; raises where elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def whole(body: str = "<p>x</p>") -> str:
    return page({"en": "A & B", "zh": "甲"}, {"en": body, "zh": body}, "zh")


def test_nothing_comes_from_elsewhere_and_nothing_runs() -> None:
    found = Reader(whole())

    assert not [one for one in found.attributes if one[1] in ("src", "href", "srcset", "action") or one[1][:2] == "on"]
    assert "script" not in {tag for tag, _, _ in found.attributes}
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes
    assert "url(" not in whole()
    assert "@import" not in whole()


def test_one_language_is_shown_at_a_time() -> None:
    found = Reader(whole())
    text = whole()

    assert [value for tag, name, value in found.attributes if (tag, name) == ("main", "lang")] == ["en", "zh"]
    assert 'id="zh" checked' in text
    assert 'id="en" checked' not in text
    assert "#zh:checked~main.en{display:none}" in text
    assert text.startswith('<!DOCTYPE html>\n<html lang="zh">')
    assert "<title>甲</title>" in text


def test_it_is_light_and_dark() -> None:
    assert "prefers-color-scheme:dark" in whole()
    assert "color-scheme:light dark" in whole()


@given(st.text())
def test_text_is_never_markup(text: str) -> None:
    found = Reader(f"<p>{escape(text)}</p>")
    shown = "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)

    assert "".join(found.texts) == shown
    assert Reader(f'<p title="{escape(text)}"></p>').attributes == [("p", "title", shown)]
    Reader(f"<div>{prose(text)}{block([text])}</div>")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("run `a <b>` now", "run <code>a &lt;b&gt;</code> now"), ("one ` only", "one ` only"), ("\x1b[31m", "\ufffd[31m")],
)
def test_what_stands_in_backticks_is_code(text: str, shown: str) -> None:
    assert prose(text) == shown


def test_labels_are_said_in_the_language_of_the_page() -> None:
    assert fields([("do", "<b>it</b>")], ENGLISH) == "<dl><dt>do</dt><dd><b>it</b></dd></dl>"


def test_what_has_no_better_form_is_its_text() -> None:
    assert list(preformatted(["a", "<b>"])) == ["<pre>a\n&lt;b&gt;</pre>"]
