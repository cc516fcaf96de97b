"""The README against the program: what it shows is what there is, and what there is, it shows."""

import functools
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Final, get_args, get_origin

import pytest
from pydantic import BaseModel

from eip_agent import errors
from eip_agent.core import fight, judge, layout, numbers, openapi, pace
from eip_agent.core.openapi import ALL_ACTIONS, CORE_ACTIONS
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.verdict import Certainty
from eip_agent.openapi.endpoint import candidates
from eip_agent.schema import Document, check
from eip_agent.sinks.known import KnownStore
from eip_agent.sources import offers
from eip_agent.written import Written

ROOT: Final = Path(__file__).parent.parent
TEXT: Final = (ROOT / "README.md").read_text(encoding="utf-8")
COMMON: Final = "\nexit codes:"
"""Where the part of a help text begins that is the same for all; the README has it once."""

Row = Sequence[str]


# --- reading it -------------------------------------------------------------------------------------------------------


def section(title: str) -> str:
    """Give what stands below a heading, up to the next of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(title)}\n", TEXT, re.MULTILINE)
    assert found, f"the README has no section {title!r}"
    rest = TEXT[found.end() :]
    following = re.search(rf"^#{{1,{len(found[1])}}} ", without_code(rest), re.MULTILINE)
    return rest[: following.start()] if following else rest


def without_code(text: str) -> str:
    """Blank the blocks of code out, every character in its place."""
    return re.sub(r"^```.*?^```$", lambda code: re.sub(r"[^\n]", " ", code[0]), text, flags=re.MULTILINE | re.DOTALL)


def table(text: str, head: str) -> list[Row]:
    """Give the rows of the table whose first column has that head."""
    found = re.search(rf"^\| {re.escape(head)} \|.*\n\|[-|]+\|\n((?:\|.*\n?)+)", text, re.MULTILINE)
    assert found, f"the README has no table {head!r}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def names(text: str) -> list[str]:
    """Give what stands in backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


# --- commands ---------------------------------------------------------------------------------------------------------


@functools.cache
def help_of(command: str) -> str:
    """Ask the program; only words count, for every Python breaks the lines elsewhere."""
    arguments = [] if command == "eip-agent" else [command]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}  # noqa: TID251 handed on
    asked = [sys.executable, "-m", "eip_agent", *arguments, "--help"]
    return subprocess.run(asked, env=environment, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def pasted() -> dict[str, str]:
    pattern = r"^<!-- help:(\S+) -->\n```text\n(.*?)^```\n<!-- /help -->$"
    return dict(re.findall(pattern, TEXT, re.MULTILINE | re.DOTALL))


def commands() -> list[str]:
    return re.findall(r"^ {4}(\w+)(?: |$)", help_of("eip-agent").partition("COMMAND\n")[2], re.MULTILINE)


def test_every_command_stands_with_its_options() -> None:
    for command, *_, options in (rows := table(TEXT, "Command")):
        own = re.findall(r"^ {2}(--[a-z-]+)", help_of(command.strip("`")), re.MULTILINE)
        assert names(options) == own, command

    assert sorted(command.strip("`") for command, *_ in rows) == sorted(commands())


@pytest.mark.parametrize("command", pasted())
def test_help_is_what_the_program_says(command: str) -> None:
    own, _, common = help_of(command).partition(COMMON)
    expected = help_of(command) if command == "eip-agent" else own

    assert pasted()[command].split() == expected.split(), f"paste `eip-agent {command} --help` anew:\n{expected}"
    assert common in {"", help_of("eip-agent").partition(COMMON)[2]}


def test_exit_codes_are_those_of_the_program() -> None:
    rows = table(TEXT, "Exit code")
    exits = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    told = re.findall(r"^ {2}(\d) ", help_of("eip-agent").partition(COMMON)[2], re.MULTILINE)

    assert [row[0].strip("`") for row in rows] == sorted(map(str, exits)) == told


def test_commands_of_run_are_those_of_the_script() -> None:
    script = (ROOT / "run").read_text(encoding="utf-8")
    arms = set(re.findall(r"^ {4}(\w+)\)$", script, re.MULTILINE))
    mentioned = set(re.findall(r"\./run (\w+)", TEXT))

    assert mentioned == arms


def test_commands_of_the_agent_exist() -> None:
    shown = set(re.findall(r"(?:`|^\$ |sudo |bin/)eip-agent ([a-z]+)", TEXT, re.MULTILINE))

    assert len(shown) > 3
    assert shown <= set(commands())


# --- settings ---------------------------------------------------------------------------------------------------------


def keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Give every key that the schema knows, dotted."""
    for name, field in model.model_fields.items():
        inner = next((one for one in within(field.annotation) if issubclass(one, BaseModel)), None)
        if inner:
            yield from keys(inner, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def within(annotation: Any) -> Iterator[type]:
    """Give the classes that an annotation is made of."""
    if get_origin(annotation) is None and isinstance(annotation, type):
        yield annotation
    elif get_origin(annotation) in {list, UnionType}:
        for part in get_args(annotation):
            yield from within(part)


def written(values: Any, above: str = "") -> Iterator[str]:
    """Give every key of a settings file, dotted."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from written(value, f"{above}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for one in value:
                yield from written(one, f"{above}{name}.")
        else:
            yield f"{above}{name}"


@pytest.mark.parametrize("block", blocks("toml"))
def test_settings_shown_are_accepted(block: str) -> None:
    assert check(Written(file=tomllib.loads(block)))


def test_all_settings_are_shown_with_their_defaults() -> None:
    """Those without a default to show stand commented out."""
    block = max(blocks("toml"), key=len)
    told = tomllib.loads(block)
    whole = tomllib.loads(re.sub(r"^# (?=\w+ = )", "", block, flags=re.MULTILINE))
    assert set(written(whole)) == set(keys(Document))
    assert check(Written(file=whole))
    assert check(Written(file={name: told[name] for name in told if name not in {"eip", "exclude"}})) == Settings()


def test_environment_variables_name_settings() -> None:
    known = set(keys(Document)) | {"eip"}
    shown = re.findall(r"EIP_AGENT_([A-Z][A-Z0-9_]*)", TEXT)

    assert shown
    assert {name.lower().replace("__", ".") for name in shown} <= known


# --- words and numbers ------------------------------------------------------------------------------------------------


def test_numbers_are_those_of_the_program() -> None:
    flat = {
        numbers.PRIMARY_MAIN_FIRST,
        numbers.PRIMARY_TABLE,
        numbers.GROUP,
        numbers.MAIN_FIRST,
        numbers.TABLE,
        numbers.DEVICE,
        numbers.SKIP,
        numbers.END,
        numbers.ROUTE_PROTOCOL,
        numbers.RULE_PROTOCOL,
        numbers.DEVICE_GROUP,
    }
    blocks_end = numbers.BLOCKS[-1] + 1
    ends = {
        numbers.JUMPS.start,
        numbers.JUMPS.stop - 1,
        numbers.BLOCKS.start,
        blocks_end,
        numbers.TABLES.start,
        numbers.TABLES.stop - 1,
    }
    first_column = " ".join(row[0] for row in table(TEXT, "Number"))

    assert {int(number) for number in re.findall(r"\d+", first_column)} == flat | ends
    assert numbers.ADDRESS_PROTOCOL == numbers.ROUTE_PROTOCOL, "the README says they are one number"
    assert f"{numbers.TABLES.start} + {numbers.SLOTS} x ifindex + slot" in TEXT
    assert f"{numbers.PRIORITIES.start} to {numbers.PRIORITIES.stop - 1}" in TEXT


def test_rules_shown_carry_our_numbers() -> None:
    shown = re.findall(r"^(\d+):\s+from .*$", TEXT, re.MULTILINE)
    lengths = set(re.findall(r"suppress_prefixlength (\d+)", TEXT))

    assert len(shown) > 3
    for priority in map(int, shown):
        assert priority in numbers.PRIORITIES or priority in {0, 32766, 32767}
    assert lengths == {str(numbers.DEFAULT_LENGTHS[4])}
    assert f"for IPv6 `{numbers.DEFAULT_LENGTHS[6]}`" in TEXT


def test_modes_are_those_of_the_program() -> None:
    rows = table(section("How it decides"), "Mode")

    assert [row[0].strip("`") for row in rows] == [mode.value for mode in Mode if mode is not Mode.UNDECIDED]


def test_certainties_are_those_of_the_program() -> None:
    rows = table(TEXT, "Certainty")

    assert [row[0].strip("`") for row in rows] == [certainty.value for certainty in Certainty]


def test_policy_allows_what_is_asked() -> None:
    (policy,) = map(json.loads, blocks("json"))
    (statement,) = policy["Statement"]

    assert policy == json.loads(openapi.policy()), "the policy of the README is the one that a note gives"
    assert statement["Action"] == list(ALL_ACTIONS)
    assert list(CORE_ACTIONS) == statement["Action"][:3], "the README says that the first three are enough"


def test_sources_rank_as_the_judge_ranks_them() -> None:
    (told,) = re.findall(r"Sources rank: (.+?)\.\n", judge.__doc__ or "", re.DOTALL)
    ranked = [re.sub(r" \(.*|,", "", one).lower() for one in told.split(", ")]
    listed = re.findall(r"^- \*\*([^*]+)\*\*", section("How it decides"), re.MULTILINE)

    assert [name.lower() for name in listed] == ranked


def test_places_and_limits_are_those_of_the_program() -> None:
    assert f"`{KnownStore(Settings().state_directory).path}`" in TEXT
    assert f"{offers.TIMEOUT:g} s where nobody answers" in TEXT
    assert f"more than {layout.FLAT} rules would remain" in TEXT
    assert f"where they are at most {layout.FIRST}" in TEXT
    assert f"quiet for {pace.QUIET * 1000:g} ms, {pace.LONGEST * 1000:g} ms after the first" in TEXT
    assert f"{fight.LONGEST:g} seconds, for that link or rule alone" in TEXT
    assert (fight.FREE, pace.SHARE) == (5, 0.2), "the README says five times, and a fifth"
    for product, name in {"vpc": "vpc-vpc.REGION.aliyuncs.com", "ecs": "ecs-vpc.REGION.aliyuncs.com"}.items():
        assert candidates(product, "REGION", {})[0] == name
        assert f"`{name}`" in TEXT


def test_dependencies_are_those_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    rows = table(section("Dependencies"), "Package")
    declared = [package_of(line) for line in project["dependencies"]]
    extras = {name: [package_of(line) for line in lines] for name, lines in project["optional-dependencies"].items()}
    prose = section("Dependencies")

    assert [names(row[0])[0] for row in rows if "extra" not in row[0]] == declared
    for extra, packages in extras.items():
        assert {extra, *packages} <= set(names(prose)), f"the README does not tell what extra `{extra}` is"
    assert all(len(row) == 3 and row[1] and row[2] for row in rows), "each has a reason and a cost"


def package_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return found[0]


# --- links and form ---------------------------------------------------------------------------------------------------


def test_links_lead_somewhere() -> None:
    plain = without_code(TEXT)
    anchors = {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", plain, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", plain):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        assert not path or (ROOT / path).exists(), target
        assert not anchor or path or anchor in anchors, target


def test_paths_exist() -> None:
    mentioned = {name for name in names(without_code(TEXT)) if re.match(r"(eip_agent|tests|systemd)/", name)}

    assert len(mentioned) > 10
    assert not [path for path in mentioned if not (ROOT / path).exists()]


def test_a_sentence_has_a_line() -> None:
    prose = [line for line in without_code(TEXT).splitlines() if not line.startswith(("|", "#", "<"))]

    assert not [line for line in prose if re.search(r"[a-z0-9`)]\. (?=[A-Z`])", line)]
