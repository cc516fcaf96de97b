"""The catalogues: complete, current, right, and what they are compiled from."""

import ast
import string
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Catalog

from eip_agent.render.language import LANGUAGES as SPOKEN
from tests import messages


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of `say` and `text` in the package that is one of a message, with where it stands."""
    for path in sorted(messages.PACKAGE.rglob("*.py")):
        place = str(path.relative_to(messages.ROOT))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "eip_agent.core.message"
            for alias in node.names
            if alias.name in ("say", "text")
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                yield f"{place}:{node.lineno}", node


def test_every_message_is_a_literal_that_is_collected() -> None:
    """One in an f-string, or under another name, is not found by the usual tools, and would stay English."""
    collected = {message.id for message in messages.messages(messages.said())}
    lost = []
    for place, call in calls():
        first = call.args[0] if call.args else None
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
            lost.append(f"{place}: not a literal")
        elif first.value not in collected:
            lost.append(f"{place}: not collected: {first.value!r}")

    assert not lost, "\n".join(lost)


def test_what_only_looks_like_a_call_is_no_message() -> None:
    source = 'text[0] in "[{"\ndef say(one: str) -> str:\n    """Nothing."""\nsay("b")\nsay(text("a"), "c")\n'

    assert messages.literals(source) == ["b", "a"]


def test_every_value_of_a_message_is_given() -> None:
    """A message with a value that is not given raises when it is said, which may be late."""
    wrong = []
    for place, call in calls():
        if isinstance(call.func, ast.Name) and call.func.id == "text":
            continue
        template = call.args[0].value if isinstance(call.args[0], ast.Constant) else ""
        wanted = {name for _, name, _, _ in string.Formatter().parse(str(template)) if name is not None}
        given = {keyword.arg for keyword in call.keywords}
        if wanted != given and not (None in given and given - {None} <= wanted):
            wrong.append(f"{place}: {template!r} with {sorted(map(str, given))}")

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_no_translation_is_wrong(language: str) -> None:
    assert messages.faults(messages.translations(language)) == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_what_the_program_reads_is_what_people_translated(language: str) -> None:
    read = messages.mo_of(language).read_bytes()

    assert read == messages.compiled(messages.as_translated(language)), "run `./run messages`"


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_nothing_is_missing_or_left_over(language: str) -> None:
    file = messages.po_of(language).read_bytes()

    assert messages.untranslated(messages.merged(language)) == []
    assert file == messages.spelled(messages.merged(language)), "run `./run messages`"


def test_every_language_has_its_catalogue() -> None:
    assert set(SPOKEN) == {"en", *messages.LANGUAGES}


@pytest.mark.parametrize(
    ("translated", "flags", "fault"),
    [
        ("{link} 已断开", (), ""),
        ("", (), ""),
        ("{lnk} 已断开", (), "other values"),
        ("已断开", (), "other values"),
        ("{link} 已断开", ("fuzzy",), "fuzzy"),
    ],
)
def test_a_wrong_translation_is_seen(translated: str, flags: tuple[str, ...], fault: str) -> None:
    catalogue = Catalog(locale="zh")
    catalogue.add("{link} is down", translated, flags=flags)

    assert [found.partition(":")[0] for found in messages.faults(catalogue)] == ([fault] if fault else [])
    assert messages.untranslated(catalogue) == ([] if translated else ["{link} is down"])


def test_what_is_not_said_any_more_is_left_out_and_what_is_stays() -> None:
    old = Catalog(locale="zh")
    old.add("said by nobody", "没有人说")
    old.add("client", "客户端")
    old.add("gateway", "猜的", flags=("fuzzy",))
    catalogue = messages.merged("zh", old)

    assert catalogue.get("said by nobody") is None
    assert {name: catalogue[name].string for name in ("client", "gateway")} == {"client": "客户端", "gateway": ""}


def test_a_catalogue_says_neither_when_nor_by_whom() -> None:
    text = messages.spelled(messages.merged("zh")).decode()

    assert "Date" not in text
    assert "Translator" not in text
    assert text == messages.spelled(messages.merged("zh")).decode()
