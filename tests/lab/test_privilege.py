"""Without the right to do it: one sentence, an exit code, nothing half done; and looking works as far as it can."""

import os
import re
import sys
from collections.abc import Iterator
from subprocess import CompletedProcess  # noqa: TC003 it costs nothing here

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import Topology, vswitch
from tests.lab.mortal import Mortal, at_rest, leftovers, unchanged
from tests.lab.support import declared, nat

pytestmark = pytest.mark.lab

SMALL = Topology((nat(0, vswitch(0)), nat(1, vswitch(1))))
NOBODY = 65534
STRIPPED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--")
"""Root in name only."""
STRANGER = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", "--")
OTHERS_ROOT = ("unshare", "--user", "--map-root-user", "--")
"""Root of a user namespace, with all capabilities there and none over this network namespace."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(SMALL, peers=False) as made:
        made.directory.chmod(0o755)
        made.settings(declared(SMALL)).chmod(0o644)
        at_rest(made.guest)
        yield made


def run(cloud: Cloud, how: tuple[str, ...], *arguments: str) -> "CompletedProcess[str]":
    """Run the agent as somebody else, without the mount for which the lab's command line needs privilege."""
    command = cloud.agent_command(*arguments)
    agent = command[command.index(sys.executable) :]
    if cloud.guest.run([*how, *agent[:3], "--version"], env=cloud.agent_environment, check=False).returncode:
        pytest.skip("whoever that is cannot even read the program here")
    return cloud.guest.run([*how, *agent], env=cloud.agent_environment, check=False)


def one_sentence(done: "CompletedProcess[str]", code: int, says: str) -> None:
    assert (done.returncode, done.stdout) == (code, ""), done
    assert re.fullmatch(rf"eip-agent: [^\n]*{says}[^\n]*\n(hint: [^\n]+\n)?", done.stderr), done.stderr


@pytest.mark.parametrize("how", [STRIPPED, STRANGER], ids=["no capabilities", "nobody"])
@pytest.mark.parametrize("command", ["apply", "revert"])
def test_writing_without_the_capability_is_one_sentence(cloud: Cloud, how: tuple[str, ...], command: str) -> None:
    files = leftovers(cloud)
    with unchanged(cloud):
        done = run(cloud, how, command)

    one_sentence(done, 1, f"`eip-agent {command}` changes the network configuration, which needs root")
    assert leftovers(cloud) == files


def test_a_root_of_another_user_namespace_is_refused_by_the_kernel_and_leaves_nothing(cloud: Cloud) -> None:
    """It has the capability, only not here: the kernel refuses the first phase, before anything is done."""
    if cloud.guest.run([*OTHERS_ROOT, "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    with unchanged(cloud):
        done = run(cloud, OTHERS_ROOT, "apply")

    assert done.returncode == 1, done
    assert "refused by the kernel; everything this pass had done was undone" in done.stdout
    assert "Operation not permitted" in done.stdout
    assert leftovers(cloud) <= {"lock"}


@pytest.mark.parametrize("how", [STRIPPED, STRANGER], ids=["no capabilities", "nobody"])
@pytest.mark.parametrize("applied", [False, True])
def test_looking_needs_no_privilege(cloud: Cloud, how: tuple[str, ...], *, applied: bool) -> None:
    with Mortal(cloud) as mortal:
        if applied:
            assert mortal.run("apply").code == 0
        with unchanged(cloud):
            done = run(cloud, how, "explain")
        assert mortal.run("revert").code == 0

    assert "Traceback" not in done.stderr
    assert SMALL.enis[1].eni_id in done.stdout
    assert done.returncode == (0 if applied else 3)
    if how is STRANGER:
        assert re.search("^EIP[0-9]{3} note +journal: ", done.stdout, re.MULTILINE), "the run directory is root's alone"


@pytest.mark.parametrize("command", ["apply --dry-run", "revert --dry-run", "confirm", "explain --format json"])
def test_nothing_else_ends_in_a_traceback_either(cloud: Cloud, command: str) -> None:
    with unchanged(cloud):
        done = run(cloud, STRANGER, *command.split())

    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 3, 4)


def test_a_run_directory_of_somebody_else_is_not_trusted(cloud: Cloud) -> None:
    """What he writes there would tell root what to remove."""
    place = cloud.directory / "his"
    place.mkdir(mode=0o700)
    try:
        os.chown(place, NOBODY, NOBODY)
    except OSError:
        pytest.skip("there is nobody else in this user namespace")
    with unchanged(cloud), Mortal(cloud) as mortal:
        said = mortal.run("apply", "--run-directory", str(place))

    assert (said.code, said.out) == (4, "")
    assert "belongs to or may be written by somebody else" in said.err
    assert list(place.iterdir()) == []
