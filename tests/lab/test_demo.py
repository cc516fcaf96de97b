"""The demo, run as people run it: what it prints, how it ends, and that it leaves nothing and touches nothing."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from eip_agent import config
from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.demo import declared
from eip_agent.lab.page import aligned, shortened
from eip_agent.lab.topology import DEMO
from tests.lab.support import needs_openapi

pytestmark = pytest.mark.lab

COMMAND = [sys.executable, "-m", "eip_agent", "demo"]
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
"""Root by name, without a capability: not even a user namespace can be had."""
EIPS = [str(eip.address) for eni in DEMO.enis for eip in eni.eips]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes somebody else")


def run(command: Sequence[str] = COMMAND, encoding: str = "utf-8") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "", "PYTHONIOENCODING": encoding, "TMPDIR": "/tmp"},  # noqa: S108, TID251 - every user's
        capture_output=True,
        encoding=encoding,
        check=False,
        timeout=60,
    )


def network() -> str:
    """The configuration of the network this test runs in."""
    return "".join(
        subprocess.run(["ip", *what], capture_output=True, text=True, check=True).stdout
        for what in (["-o", "link"], ["rule"], ["-6", "rule"], ["route", "show", "table", "all"])
    ) + "".join(sorted(os.listdir("/run/netns")) if Path("/run/netns").exists() else "")


@pytest.fixture(scope="module", params=["dhcp", "bare"])
def shown(request: pytest.FixtureRequest) -> list[str]:
    """The lines of a demo that went well, seen by a pipe, and that asked the OpenAPI where it could."""
    before = network()
    done = run([*COMMAND, "--boot", request.param])
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert network() == before
    return done.stdout.splitlines()


def part(lines: list[str], title: str) -> list[str]:
    """What stands below a title, up to the next one."""
    start = next(n for n, line in enumerate(lines) if line.startswith(title)) + 1
    end = next((n for n in range(start, len(lines)) if lines[n] and not lines[n].startswith(" ")), len(lines))
    return lines[start:end]


def test_only_the_primary_answers_before(shown: list[str]) -> None:
    rows = {
        line.split()[0]: line.split()[4:]
        for line in part(shown, "Before")
        if line.split()[:1] and line.split()[0] in EIPS
    }

    assert list(rows) == EIPS
    assert rows.pop(EIPS[0]) == ["✓", "✓", "✓", "eth0"]
    assert {tuple(row[:3]) for row in rows.values()} == {("✗", "✗", "✗")}


def test_every_eip_answers_by_its_own_eni_after(shown: list[str]) -> None:
    rows = [line.split() for line in part(shown, "After")]

    assert [row for row in rows if row and row[0] in EIPS] == [
        [str(eip.address), mode, f"eni-…{eni.eni_id[-4:]}", eni.link, "✓", "✓", "✓", eni.link]
        for eni in DEMO.enis
        for eip in eni.eips
        for mode in [Mode.SECONDARY_CIDR.value if eni.link == "eth4" else eip.mode.value]
    ]
    assert "  IPv6: 5 of 5 addresses answer all three  ✓" in part(shown, "After")


def test_a_bound_socket_is_seen_as_the_eip(shown: list[str]) -> None:
    rows = [line.split() for line in part(shown, "From inside") if line.endswith("✓")]

    assert ["nothing", EIPS[0], "eth0", "✓"] in rows
    assert ["172.16.1.11", "203.0.113.12", "eth1", "✓"] in rows
    assert ["device", "eth1", "203.0.113.11", "eth1", "✓"] in rows
    assert len(rows) == len(EIPS) + 2


def verdicts(lines: list[str], title: str) -> dict[str, list[str]]:
    """The table of verdicts below a title: link, then mode, certainty, known by, right."""
    rows = [line.split() for line in part(lines, title) if line.startswith("  eni-")]
    return {row[1]: row[2:] for row in rows}


def test_what_cannot_be_known_from_inside_is_shown(shown: list[str]) -> None:
    found = verdicts(shown, "What the agent finds told nothing")

    assert list(found) == [eni.link for eni in DEMO.enis]
    assert found["eth0"] == ["nat", "probable", "metadata", "✓"]
    assert found["eth3"][:2] == ["nat", "probable"]
    assert found["eth3"][-1] == "✗"


@needs_openapi
def test_the_openapi_is_shown_to_know(shown: list[str]) -> None:
    found = verdicts(shown, "The same, asking the OpenAPI")

    assert found["eth3"] == ["multi-eip-visible", "certain", "OpenAPI", "✓"]
    assert {row[1] for link, row in found.items() if link != "eth2"} == {"certain"}
    # Its gateway is the DHCP server's to say, which a link that is down cannot hear.
    assert found["eth2"][0] in {"eip-visible", "undecided"}


def test_without_the_libraries_the_eips_are_declared_and_a_terminal_of_few_letters_gets_words() -> None:
    script = "import sys; from eip_agent.lab import demo; demo.can_ask_openapi = bool; sys.exit(demo.demo(inside=True))"
    done = run(["unshare", "--net", "--mount", "--", sys.executable, "-c", script], encoding="ascii")
    lines = done.stdout.splitlines()

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert any(line.startswith("  (the OpenAPI cannot be asked here: pip install") for line in lines)
    found = verdicts(lines, "The same, told in the settings")
    assert {link: (row[1], row[-1]) for link, row in found.items()} == dict.fromkeys(found, ("certain", "yes"))
    assert found["eth3"][2].startswith("settings")
    assert "eth4  yes  yes  yes   eth4" in done.stdout


def test_the_agent_is_shown_at_work(shown: list[str]) -> None:
    once, again, back = part(shown, "So it does"), part(shown, "Once more"), part(shown, "And back")

    assert once[1] == "  $ eip-agent apply"
    assert once[2].startswith("  plan: ")
    assert any(re.fullmatch(r"    \+ rule … \d+ more", line) for line in once)
    assert "  verified: a second look finds nothing left to do" in once
    assert any(line.startswith("  as desired: 5 ENIs") for line in again)
    assert any(line.startswith("  as desired: 5 ENIs") for line in part(shown, "Told in the settings instead"))
    assert "  verified: a second look finds nothing left to do" in back


def test_the_result_says_it_all(shown: list[str]) -> None:
    result = [line for line in part(shown, "Result") if line]

    assert result[0] == f"  ✓  {len(EIPS)} of {len(EIPS)} EIPs answer TCP, UDP and ICMP by their own ENI"
    assert len(result) == 6
    assert all(line.startswith("  ✓  ") for line in result)
    assert "0 packets with a wrong source after the agent" in result[2]


def test_a_pipe_gets_no_colour(shown: list[str]) -> None:
    assert "\x1b" not in "".join(shown)


@as_root
def test_anybody_may_run_it_where_the_kernel_allows() -> None:
    if run([*NOBODY, "env", *COMMAND, "--help"]).returncode:
        pytest.skip("nobody may not read this interpreter or this checkout")
    if run([*NOBODY, "unshare", "--user", "--map-root-user", "--net", "ip", "link", "set", "lo", "up"]).returncode:
        pytest.skip("this kernel gives nobody a user namespace")
    done = run([*NOBODY, *COMMAND])

    assert (done.returncode, done.stderr) == (0, "")
    assert f"✓  {len(EIPS)} of {len(EIPS)} EIPs" in done.stdout


@as_root
def test_without_any_way_it_says_so() -> None:
    done = run([*POWERLESS, *COMMAND])

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "eip-agent: no network namespace can be made here: not root, and the kernel allows no user namespaces",
        "hint: run it as root: sudo ./run demo",
    ]


def test_a_missing_tool_is_one_sentence() -> None:
    nft = shutil.which("nft", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/bin")
    hidden = 'mount --bind /dev/null "$0" && exec "$@"'
    done = run(["unshare", "--mount", "--", "sh", "-c", hidden, str(nft), *COMMAND])

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == ["eip-agent: `nft` is missing", "hint: apt install nftables"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_interrupts_it_finds_nothing_left(number: signal.Signals, code: int, tmp_path: Path) -> None:
    before = network()
    with subprocess.Popen(
        # A test run in the background of a shell was told to ignore Ctrl-C, and would hand that on.
        ["env", "--default-signal=INT", *COMMAND],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # noqa: TID251
    ) as process:
        assert process.stdout is not None
        assert next(line for line in process.stdout if line.startswith("Before"))
        assert list(tmp_path.iterdir())
        process.send_signal(number)
        process.communicate(timeout=20)

    assert process.returncode == code
    assert list(tmp_path.iterdir()) == []
    assert network() == before


def test_declares_what_the_settings_understand() -> None:
    with Cloud(DEMO, peers=False) as cloud:
        settings = config.load(str(cloud.settings(declared(DEMO))), {}, {})

    assert [str(eip.address) for eip in settings.eips] == EIPS


def test_many_changes_of_a_kind_are_cut() -> None:
    lines = ["plan: 6 to add", *(f"  + route {n}" for n in range(4)), "  + -6 route 4", "  ~ link x", "done"]

    assert list(shortened(lines, "...")) == [*lines[:4], "  + route ... 2 more", "  ~ link x", "done"]


def test_colours_take_no_room() -> None:
    assert list(aligned([["a", "b", "c"], ["\x1b[1mlong\x1b[0m", "d"]])) == ["a     b  c", "\x1b[1mlong\x1b[0m  d"]


@pytest.mark.parametrize(("environ", "unwanted"), [({}, False), ({"NO_COLOR": ""}, False), ({"NO_COLOR": "1"}, True)])
def test_no_color_is_respected(environ: dict[str, str], *, unwanted: bool) -> None:
    assert config.is_colour_unwanted(environ) is unwanted
