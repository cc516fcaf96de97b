"""The shape of the package: who imports whom, what is documented, what is tested."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "eip_agent"
MODULES: Final = sorted(PACKAGE.rglob("*.py"))

PURE: Final = frozenset(
    {"bisect", "collections", "dataclasses", "enum", "functools", "ipaddress", "itertools", "operator", "re", "typing"}
)
"""What core may use of the standard library: nothing with a clock, a file, a socket or chance in it."""

LAYERS: Final = ("sources", "sinks", "render")

TESTED: Final = {("core",), *((layer,) for layer in LAYERS)}
"""Folders in which every module has a test file of its own."""

SHARED: Final = ("eip_agent.errors", "eip_agent.netlink", "eip_agent.datagram", "eip_agent.dhcp_message")
"""What sources, sinks and render may import beside core; these import core and errors, and nobody else of ours."""

ALIBABA: Final = frozenset({"alibabacloud_credentials", "alibabacloud_tea_openapi", "Tea", "darabonba"})
"""The libraries for credentials and signatures, and those they bring along."""

UNTESTED: Final = {
    "eip_agent.core.facts": "values without behaviour",
    "eip_agent.core.faq.answer": "values without behaviour",
    "eip_agent.core.findings.memory": "kinds only; test_lookout and test_reconcile make them",
    "eip_agent.core.host": "values without behaviour",
    "eip_agent.core.neighbours": "values without behaviour",
    "eip_agent.core.offers": "values without behaviour",
    "eip_agent.core.scene": "values without behaviour",
    "eip_agent.core.settings": "values without behaviour",
    "eip_agent.core.status": "values without behaviour",
    "eip_agent.core.silence": "names of reasons",
    "eip_agent.core.surroundings": "values without behaviour",
}
"""Modules without a test file of their own, each with the reason."""


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, module: str = "", *, is_package: bool = False) -> Iterator[str]:
    """Give every imported name, absolute: `import a.b` gives a.b, `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")
            above = above[: len(above) - node.level + is_package] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def root_of(name: str) -> str:
    return name.partition(".")[0]


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def why_forbidden(importer: str, imported: str) -> str:
    """Say why a module must not import another; empty when it may."""
    ours = within(imported, "eip_agent")
    if within(importer, "eip_agent.core") and not (
        within(imported, "eip_agent.core") if ours else root_of(imported) in PURE
    ):
        return "core is pure: values in, values out, so that every decision can be tested without a kernel or a cloud"
    if root_of(imported) == "pyroute2" and not within(importer, "eip_agent.sinks.kernel"):
        return "importing pyroute2 costs more than a whole pass without changes; only what writes may pay it"
    if root_of(imported) in ALIBABA and not within(importer, "eip_agent.openapi"):
        return "these libraries are five times the agent; only the process that asks the OpenAPI may load them"
    if within(imported, "eip_agent.openapi") and not within(importer, "eip_agent.openapi"):
        return "the process that asks the OpenAPI is run, never imported"
    if within(imported, "eip_agent.lab") and not within(importer, "eip_agent.lab", "eip_agent.commands.demo"):
        return "the agent must not know whether its cloud is simulated; only `eip-agent demo` builds one"
    if within(importer, *SHARED) and ours and not within(imported, "eip_agent.core", "eip_agent.errors"):
        return "everybody may import errors, and sources and sinks the wire format of netlink: neither knows its users"
    for layer in LAYERS:
        allowed = ("eip_agent.core", *SHARED, f"eip_agent.{layer}", "eip_agent.__version__")
        if within(importer, f"eip_agent.{layer}") and ours and not within(imported, *allowed):
            return "sources read, sinks write, render says; they meet in eip_agent.reconcile and nowhere else"
    return ""


def reads_environment(source: str) -> bool:
    """Whether a module uses the environment of the process."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    tree = ast.parse(source)
    used = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return any(f"os.{name}" in used | set(imports(source)) for name in names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    module = name_of(path)
    wrong = {
        f"{module} imports {imported}: {why}"
        for imported in imports(path.read_text(), module, is_package=path.stem == "__init__")
        if (why := why_forbidden(module, imported))
    }

    assert not wrong, "\n".join(sorted(wrong))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_config_reads_the_environment(path: Path) -> None:
    assert path == PACKAGE / "config.py" or not reads_environment(path.read_text()), (
        f"{name_of(path)} uses the environment; only eip_agent.config does, so that every setting has one place"
    )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_why_it_exists(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), (
        f"{name_of(path)}: a reader starts at the docstring of a module"
    )


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.parent.relative_to(PACKAGE).parts[:1] in TESTED and path.stem != "__init__"],
    ids=name_of,
)
def test_every_module_has_its_tests(path: Path) -> None:
    test = ROOT / "tests" / path.parent.relative_to(PACKAGE) / f"test_{path.stem}.py"

    assert test.exists() or name_of(path) in UNTESTED, (
        f"{test.relative_to(ROOT)} is missing; a rule nobody broke on purpose is a rule nobody knows to hold "
        "(or give the reason in UNTESTED)"
    )


def test_exceptions_are_still_needed() -> None:
    known = {name_of(path): path for path in MODULES}

    for module, reason in UNTESTED.items():
        assert reason
        assert module in known, f"{module} is gone; so should be its exception"
        path = known[module]
        test = ROOT / "tests" / path.parent.relative_to(PACKAGE) / f"test_{path.stem}.py"
        assert not test.exists(), f"{module} has tests now"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("eip_agent.core.plan", "import os"),
        ("eip_agent.core.plan", "from random import random"),
        ("eip_agent.core.plan", "from eip_agent.errors import AgentError"),
        ("eip_agent.core.plan", "from eip_agent import errors"),
        ("eip_agent.core.plan", "from ..sources import kernel"),
        ("eip_agent.core.plan", "def late():\n    import socket"),
        ("eip_agent.errors", "from eip_agent.sinks import kernel"),
        ("eip_agent.netlink", "from eip_agent.sources import kernel"),
        ("eip_agent.sources.kernel", "from eip_agent.sinks.kernel import apply"),
        ("eip_agent.sources.kernel", "from eip_agent import config"),
        ("eip_agent.sinks.kernel", "import eip_agent.render.text"),
        ("eip_agent.render.text", "from eip_agent.reconcile import look"),
        ("eip_agent.sources.kernel", "from pyroute2 import IPRoute"),
        ("eip_agent.reconcile", "import pyroute2.netlink"),
        ("eip_agent.sources.openapi", "from alibabacloud_credentials import client"),
        ("eip_agent.sources.openapi", "from eip_agent.openapi import plan"),
        ("eip_agent.reconcile", "from eip_agent.lab import topology"),
    ],
)
def test_a_wrong_import_is_seen(module: str, source: str) -> None:
    assert any(why_forbidden(module, imported) for imported in imports(source, module))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("eip_agent.core.plan", "from collections.abc import Iterable\nfrom eip_agent.core.facts import Mac"),
        ("eip_agent.sources.kernel", "import socket\nfrom eip_agent.errors import AgentError"),
        ("eip_agent.sources.kernel", "from .metadata import decode"),
        ("eip_agent.sinks.kernel", "import pyroute2"),
        ("eip_agent.openapi.caller", "from alibabacloud_credentials import client"),
        ("eip_agent.commands.demo", "from eip_agent.lab import demo\nfrom eip_agent.sources import kernel"),
    ],
)
def test_a_right_import_is_not(module: str, source: str) -> None:
    assert not [why for imported in imports(source, module) if (why := why_forbidden(module, imported))]


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['X']", "from os import environ", "import os\nos.getenv('X')"]
)
def test_a_look_at_the_environment_is_seen(source: str) -> None:
    assert reads_environment(source)


def test_the_pure_modules_exist() -> None:
    assert set(sys.stdlib_module_names) >= PURE
