"""The catalogues: complete, current, right, and what they are compiled from."""

import ast
import re
import string
from collections.abc import Iterator
from typing import Final

import pytest
from babel.messages.catalog import Catalog

from eip_agent import errors
from eip_agent.errors import AgentError, LabError
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


# --- what is still English --------------------------------------------------------------------------------------------

ERRORS: Final = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, AgentError) and kind is not LabError
}
MADE: Final = frozenset(("say", "text", "verbatim", "Message", "said"))
"""What makes a text for people; `text` only marks it for the catalogue, and `said` hands on what was made so."""
TOLD: Final = frozenset(("put", "talk", "show", "complain", "write"))
"""What brings it to them."""
NAME: Final = "eip-agent: "
SENTENCE: Final = re.compile(r"[a-z]{2,} [a-z]{2,}")
"""Words as only a text for people has them."""

ENGLISH: Final = {
    "cli.py": "argparse, which speaks English",
    "core/findings/": "commands, which are the same in every language, and references",
    "core/chain.py": "a route as `ip route` spells it",
    "core/changes.py": "a reason in JSON and in the log",
    "core/firewall.py": "words of nftables",
    "core/firewall_match.py": "words of nftables",
    "core/items.py": "routes and rules as `ip` spells them",
    "core/outside.py": "a word of JSON",
    "core/plain.py": "what is wrong with a file of ours, in the words of a programmer",
    "core/probed.py": "a word of JSON",
    "core/report.py": "words of JSON",
    "config.py": "commands, and what `tomllib` says",
    "commands/explain_path.py": "HTML",
    "daemon/asker.py": "the name of a thread",
    "daemon/chronicle.py": "the log",
    "daemon/control.py": "an answer to what is not understood, nor in which language it is asked",
    "daemon/herald.py": "the log",
    "daemon/loop.py": "the log",
    "daemon/metrics.py": "descriptions of metrics",
    "daemon/reader.py": "a program",
    "daemon/state.py": "words of JSON",
    "install.py": "the first line of a file",
    "openapi/caller.py": "what a library says",
    "render/explanation_page.py": "HTML",
    "render/html.py": "HTML",
    "render/svg.py": "SVG",
    "sources/document.py": "no text",
    "sources/firewall_": "words of nftables",
    "sources/openapi.py": "a command, and a program",
}
"""Where sentences stand that nobody translates, each with the reason."""


def spoken() -> Iterator[tuple[str, ast.Module]]:
    """The modules that may speak to people: all but the simulated cloud."""
    for path in sorted(messages.PACKAGE.rglob("*.py")):
        place = str(path.relative_to(messages.PACKAGE))
        if not place.startswith("lab/"):
            yield place, ast.parse(path.read_text(encoding="utf-8"))


def called(node: ast.AST) -> str:
    """The name of what is called."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def bare(node: ast.AST) -> Iterator[ast.AST]:
    """The texts in it that no catalogue knows, f-strings whole; names of keys are none."""
    if called(node) in MADE or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return  # made for people, or a docstring
    inside = list(ast.iter_child_nodes(node))
    match node:
        case ast.JoinedStr():
            yield node
            inside = [part for part in inside if not isinstance(part, ast.Constant)]
        case ast.Constant(value=str()):
            yield node
        case ast.Assert():
            inside = [node.test]
        case ast.Subscript():
            inside = [node.value]
        case ast.Dict():
            inside = [*node.values]
    for one in inside:
        yield from bare(one)


def words(node: ast.AST) -> str:
    """What a text says, values left out."""
    if isinstance(node, ast.JoinedStr):
        return "".join(words(part) or "{}" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""


def untold(tree: ast.Module) -> Iterator[ast.AST]:
    """The texts that an error, or a function that speaks to people, is given as they are."""
    for function in ast.walk(tree):
        if called(function) in ERRORS.keys() | TOLD and isinstance(function, ast.Call):
            for argument in (*function.args, *function.keywords):
                yield from (one for one in bare(argument) if re.search("[a-z]{3,}", words(one).replace(NAME, "")))


def unmade(tree: ast.Module) -> Iterator[ast.Call]:
    """The errors whose text or hint is neither made for people nor called by a name."""
    for node in ast.walk(tree):
        if called(node) in ERRORS and isinstance(node, ast.Call):
            given = [*node.args[:2], *(one.value for one in node.keywords if one.arg == "hint")]
            if any(isinstance(one, ast.JoinedStr | ast.BinOp | ast.Constant | ast.Subscript) for one in given):
                yield node


def test_whatever_an_error_or_a_command_says_can_be_said_in_another_language() -> None:
    wrong = [f"{place}:{node.lineno}" for place, tree in spoken() for node in (*untold(tree), *unmade(tree))]  # type: ignore[attr-defined]  # expressions have a line

    assert wrong == []


def test_sentences_that_nobody_translates_are_known() -> None:
    found = [(place, node) for place, tree in spoken() for node in bare(tree) if SENTENCE.search(words(node))]
    wrong = [f"{place}: {words(node)!r}" for place, node in found if not any(map(place.startswith, ENGLISH))]
    idle = [known for known in ENGLISH if not any(place.startswith(known) for place, _ in found)]

    assert wrong == []
    assert idle == [], "these have no such sentences any more"


@pytest.mark.parametrize(
    "source",
    [
        'raise SettingsError(f"{path}: not there")',
        'raise BusyError(say("busy"), "wait for it")',
        'raise BusyError(say("busy"), hint=answer["hint"])',
        'put(["as desired"])',
        'talk([f"kept for {seconds} s" if seconds else ""])',
        'sys.stdout.write("kept\\n")',
    ],
)
def test_english_that_is_told_is_seen(source: str) -> None:
    tree = ast.parse(source)

    assert [*untold(tree), *unmade(tree)]


@pytest.mark.parametrize(
    "source",
    [
        'message = say("{path}: not there", path=path)\nraise SettingsError(message, verbatim(f"rm {path}"))',
        'raise AgentError(say("{what} (and {number} more)", what=say("missing"), number=len(errors) - 1))',
        'put(language(say("as desired")) for _ in steps)',
        'sys.stdout.write("".join(parts) + "\\n")',
    ],
)
def test_what_can_be_translated_is_not(source: str) -> None:
    tree = ast.parse(source)

    assert not [*untold(tree), *unmade(tree)]
