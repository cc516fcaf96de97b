"""`explain` and its topics for real: in every form, both languages, and what the exit code says.

The page is looked at in a real browser where there is one.
"""

import fcntl
import json
import os
import pty
import re
import select
import struct
import termios
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import pytest

from eip_agent.core.openapi import Bound, DnatFact, HavipFact
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import DEMO, Elsewhere, Topology, public
from tests import browser
from tests.lab.support import TOPOLOGIES, agent, declared, needs_openapi
from tests.schema import faults_of

pytestmark = pytest.mark.lab
needs_browser = pytest.mark.skipif(browser.PROGRAM is None, reason="there is no chromium here: apt install chromium")

SECRET: Final = re.compile(r"203\.0\.113\.|192\.0\.2\.|2001:db8|00:16:3e|bp1lab")
"""Of what the instance has, what must not be posted."""
VIP: Final = IPv4Address("172.16.1.200")
WORLD: Final = replace(
    DEMO,
    elsewhere=(
        Elsewhere(public(150), Bound.SLB, "lb-bp1lab0001"),
        Elsewhere(public(151), Bound.IP_ADDRESS, "172.16.3.10"),
        Elsewhere(public(152)),
    ),
    dnat=(DnatFact(public(160), "80", IPv4Address("172.16.3.10"), "8080", "tcp", "ngw-bp1lab0001"),),
    havips=(HavipFact("havip-bp1lab001", VIP, "InUse", DEMO.instance_id, (DEMO.instance_id,), (public(170),)),),
)
"""The demo's instance, with EIPs on all else that they can be bound to."""
TOPICS: Final[Mapping[str, str]] = {
    "": "",
    "eip 203.0.113.12": "172.16.1.11",
    "eni eth3": "203.0.113.70",
    "finding EIP111": "EIP111",
    "path --from 172.16.1.10 --to 198.51.100.7": "172.16.0.253",
    "faq 11": "203.0.113.11",
}
"""Each with something that stands in its text."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """An instance before its first pass."""
    with Cloud(DEMO, boot="dhcp", peers=False) as made:
        made.settings(declared(DEMO))
        yield made


def explained(cloud: Cloud, *arguments: str, code: int = 3) -> str:
    return agent(cloud, "explain", *arguments, code=code)


def chain_of(told: str, eip: int) -> dict[str, Any]:
    (found,) = (chain for chain in json.loads(told)["chains"] if chain["eip"] == str(public(eip)))
    whole: dict[str, Any] = found
    return whole


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_every_topology_is_told_as_the_schema_says_and_all_of_it_is_there_after_apply(name: str) -> None:
    topology: Topology = TOPOLOGIES[name]
    with Cloud(topology, peers=False) as made:
        made.settings(declared(topology))
        before = explained(made, "--format", "json")
        agent(made, "apply")
        after = explained(made, "--format", "json", code=0)

    assert faults_of(before) == []
    assert faults_of(after) == []
    eips = {str(eip.address) for one in topology.enis for eip in one.eips}
    assert {chain["eip"] for chain in json.loads(after)["chains"] if chain["eip"]} == eips
    assert any(hop["state"] == "planned" for chain in json.loads(before)["chains"] for hop in _hops(chain))
    assert {hop["state"] for chain in json.loads(after)["chains"] for hop in _hops(chain)} == {"there"}
    assert json.loads(after)["summary"][1] == "nothing is wrong"


def _hops(chain: dict[str, Any]) -> list[dict[str, str]]:
    return [*chain["inward"], *chain["outward"]]


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_every_form(cloud: Cloud, tmp_path: Path, topic: str) -> None:
    words = topic.split()
    page = tmp_path / "page.html"
    code = 0 if words[:1] == ["faq"] else 3
    text = explained(cloud, *words, code=code)
    told = explained(cloud, "--format", "json", *words, code=code)
    written = cloud.agent("explain", "--output", str(page), *words)

    assert TOPICS[topic] in text
    assert faults_of(told) == []
    assert json.loads(told).get("topic", "") == (words[0] if words else "")
    assert (written.returncode, written.stdout) == (code, "")
    assert written.stderr == f"{page} is written\n"
    assert page.stat().st_mode & 0o777 == 0o600
    assert TOPICS[topic] in page.read_text(encoding="utf-8")


@needs_openapi
def test_an_eip_of_anything_is_explained() -> None:
    with Cloud(WORLD, boot="dhcp", peers=False) as made:
        made.settings(made.openapi_settings())
        made.guest.ip(f"addr add {VIP}/32 dev eth1")
        told = explained(made, "--format", "json")
        slb = explained(made, "eip", str(public(150)), "--format", "json", code=0)
        masked = explained(made, "eip", str(public(151)), "--redact")
    havip, dnat = chain_of(told, 170), chain_of(told, 160)

    assert faults_of(told) == faults_of(slb) == []
    assert (havip["link"], havip["address"]) == ("eth1", str(VIP))
    assert any("havip-bp1lab001" in hop["what"] for hop in havip["inward"])
    assert any("ngw-bp1lab0001" in hop["what"] and "8080" in hop["what"] for hop in dnat["inward"])
    assert chain_of(slb, 150)["inward"][-1]["what"] == "load balancer lb-bp1lab0001"
    assert "172.16.3.10" in masked
    assert not SECRET.search(masked)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("eip 203.0.113.99", "knows 203.0.113.99"),
        ("eip 2001:db8::1", "is no IPv4 address"),
        ("eni eth9", "eth9 is no ENI of this instance"),
        ("finding EIP999", "there is no finding 'EIP999'"),
        ("--output /nowhere/page.html", "/nowhere/page.html: it cannot be written"),
        ("--format json --output page.html", "`--output` writes HTML"),
    ],
)
def test_what_is_not_there_is_one_sentence_and_a_hint(cloud: Cloud, wrong: str, says: str) -> None:
    done = cloud.agent("explain", *wrong.split())

    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(rf"eip-agent: [^\n]*{re.escape(says)}[^\n]*\n(hint: [^\n]+\n)?", done.stderr), done.stderr


def test_nothing_that_could_be_posted_tells_whose_it_is(cloud: Cloud, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    agent(cloud, "explain", "--redact", "--output", str(page), code=3)
    topics = [["--format", "json"], *(words.split() for words in TOPICS)]
    forms = [page.read_text(encoding="utf-8")]
    forms += [cloud.agent("explain", "--redact", *words).stdout for words in topics]
    told = json.loads(forms[1])

    assert [found[0] for form in forms if (found := SECRET.search(form))] == []
    assert all("public4-" in form for form in forms[:3])
    assert faults_of(forms[1]) == []
    assert {chain["address"] for chain in told["chains"]} >= {"172.16.1.10"}, "private addresses stay"
    eni = told["stories"][1]["eni"]["eni_id"]
    assert eni.startswith("eni-x")
    assert all(eni in form for form in forms[:3]), "the same thing has the same mask in every form"


def test_it_speaks_the_language_of_the_locale_and_programs_get_english(cloud: Cloud) -> None:
    def said(*words: str, **environment: str) -> str:
        """What is said in an environment."""
        command = cloud.agent_command("explain", *words)
        return cloud.guest.run(command, env={**cloud.agent_environment, **environment}, check=False).stdout

    chinese, english = "块弹性网卡", "ENIs"
    assert chinese in said(LANG="zh_CN.UTF-8")
    assert chinese in said(LANG="en_US.UTF-8", LC_ALL="zh_CN.UTF-8")
    assert english in said(LANG="zh_CN.UTF-8", LC_MESSAGES="C.UTF-8")
    assert english in said("--lang", "en", LANG="zh_CN.UTF-8")
    assert chinese in said("--lang", "zh", LANG="C.UTF-8")
    assert english in json.loads(said("--format", "json", LANG="zh_CN.UTF-8"))["summary"][0]
    assert chinese in json.loads(said("--format", "json", "--lang", "zh"))["summary"][0]


def test_a_terminal_gets_its_width_and_colours_and_a_pipe_neither(cloud: Cloud) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    try:
        shown = {}
        for name, environment in (("coloured", {}), ("plain", {"NO_COLOR": "1"})):
            process = cloud.guest.start(
                cloud.agent_command("explain", "eip", "203.0.113.12"),
                env={**cloud.agent_environment, "TERM": "xterm", **environment},
                stdout=slave,
                stderr=slave,
            )
            text = b""
            while process.poll() is None or not _is_drained(master):
                text += os.read(master, 1 << 16) if not _is_drained(master) else b""
            shown[name] = text.decode().replace("\r\n", "\n")
    finally:
        os.close(master)
        os.close(slave)
    piped = explained(cloud, "eip", "203.0.113.12")

    assert "\x1b[31;1merror\x1b[0m" in shown["coloured"]
    assert "\x1b" not in shown["plain"] + piped
    assert re.sub("\x1b\\[[0-9;]*m", "", shown["coloured"]) == shown["plain"]
    prose = [line for line in shown["plain"].splitlines() if re.match(" +(means|because|needs) ", line)]
    assert prose
    assert max(map(len, prose)) <= 60 < max(map(len, piped.splitlines()))


def _is_drained(descriptor: int) -> bool:
    return not select.select([descriptor], [], [], 0.05)[0]


@needs_browser
def test_the_page_is_right_in_a_real_browser(cloud: Cloud, tmp_path: Path) -> None:
    """Nothing out of its box, one language at a time, nothing refused, light and dark."""
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    for lang in ("en", "zh"):
        agent(cloud, "explain", "--lang", lang, "--output", str(page), code=3)
        assert json.loads(browser.measured(page)) == {"faults": [], "shown": [lang]}
    assert browser.complaints(page, picture) == []
    assert browser.corner(picture) == (255, 255, 255)
    assert browser.complaints(page, picture, dark=True) == []
    assert max(browser.corner(picture)) < 64


# --- Chinese ----------------------------------------------------------------------------------------------------------

_SPELLED: Final = frozenset(
    [
        "all",
        "default",
        "dev",
        "from",
        "iif",
        "link",
        "lo",
        "local",
        "lookup",
        "main",
        "onlink",
        "scope",
        "table",
        "unreachable",
        "via",
    ]
)
"""Words of `ip`, which are the same in every language."""


def english(text: str) -> list[str]:
    """Runs of three English words that are no command, no change as `ip` spells it, and no proof."""
    found = []
    for line in text.splitlines():
        if re.match(r" +[-$+~] |  依据 +\S*(tests/|facts|cloud documentation|[a-z-]+\([0-9]\))", line):
            continue
        bare = re.sub("`[^`]*`", "", line)
        runs = re.findall(r"(?<![\w-])[A-Za-z][a-z']+(?: [A-Za-z][a-z']+){2,}", bare)
        found += [run for run in runs if not set(run.split()) <= _SPELLED]
    return found


@pytest.mark.parametrize("topic", TOPICS)
def test_no_english_is_left_in_chinese(cloud: Cloud, topic: str) -> None:
    assert english(cloud.agent("explain", "--lang", "zh", *topic.split()).stdout) == []


def test_english_would_be_seen() -> None:
    assert english("  影响    the link is down") == ["the link is down"]
    assert english("  处理    运行 `ip link set eth1 up`\n  + route a via b dev c\n  依据    tests/a b c") == []
    assert english("入 24011: from 10.0.0.0/8 iif lo lookup 7") == []
