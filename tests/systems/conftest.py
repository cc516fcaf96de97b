"""Tests with real systems: collected only where `./run systems` gives a tree to boot, and never skipped then."""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.systems.machine import cannot
from tests.systems.support import Host

PROGRAM = """\
#!/opt/eip-agent/bin/python3
import sys
from eip_agent.cli import entry
entry()
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tree", help="a Debian tree made by tests/systems/make-tree")
    parser.addoption("--installed", help="a folder with eip-agent as pip has installed it from its wheel")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Nothing here without a tree, as in `./run test`."""
    if collection_path.name.startswith("test_") and not config.getoption("tree", None):
        return True
    return None


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("tree", None) and (reason := cannot()):
        raise pytest.UsageError(f"no system can be booted here: {reason}")


@pytest.fixture(scope="session")
def layers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The program in /opt/eip-agent over the tree, as README says to install it."""
    tree, installed = (Path(request.config.getoption(name)).resolve() for name in ("--tree", "--installed"))
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert (tree / "usr/bin" / python).exists(), f"the tree has no {python}, for which the packages of .venv were made"
    layer = tmp_path_factory.mktemp("program")
    home, site = layer / "opt/eip-agent", layer / "opt/eip-agent/lib" / python / "site-packages"
    (home / "bin").mkdir(parents=True)
    site.mkdir(parents=True)
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (home / "bin/python3").symlink_to(f"/usr/bin/{python}")
    (home / "bin/eip-agent").write_text(PROGRAM)
    (own,) = distributions(name="eip-agent", path=[str(installed)])
    for package in needed(own, {"openapi", "metrics"}, set()):
        copy(package, site)
    shutil.copytree(installed, site, dirs_exist_ok=True, ignore=shutil.ignore_patterns("bin"))
    for path in (layer, *layer.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return [layer, tree]


def needed(package: Distribution, extras: set[str], seen: set[str]) -> Iterator[Distribution]:
    """The packages that one needs, as they are installed beside this test; those of extras as far as they are."""
    for requirement in map(Requirement, package.requires or ()):
        marker = requirement.marker
        wanted = marker is None or any(marker.evaluate({"extra": extra}) for extra in (*extras, ""))
        if not wanted or requirement.name in seen:
            continue
        seen.add(requirement.name)
        with contextlib.suppress(PackageNotFoundError):
            found = distribution(requirement.name)
            yield found
            yield from needed(found, set(requirement.extras), seen)


def copy(package: Distribution, site: Path) -> None:
    """Put the files of an installed package elsewhere, but for its programs."""
    for file in package.files or ():
        place, original = site / file, Path(str(package.locate_file(file)))
        if ".." in file.parts or not original.is_file():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, place)


@pytest.fixture
def rest(host: Host) -> dict[str, object]:
    """What is so at rest, on the `host` of each file."""
    return host.rest()
