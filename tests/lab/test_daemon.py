"""The daemon keeps it so, whatever is done to the instance, its cloud or itself.

::

      internet ──── streams ────► guest: eip-agent run ◄──── status, look
      router: the metadata fails in every way    │
      guest: rules, routes, addresses go; links come, go, have another name; somebody fights
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from eip_agent.core.facts import IPAddress
from eip_agent.core.numbers import table_of
from eip_agent.core.plain import decoded
from eip_agent.core.settings import Mode
from eip_agent.core.status import FightStatus, Status
from eip_agent.daemon import client
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.metadata import Fault, FaultKind
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.probe import reach
from eip_agent.lab.stream import Stream
from eip_agent.lab.topology import Eip, Eni, Topology, eni, public, vswitch
from tests.lab.daemon import Daemon, eventually
from tests.lab.mortal import at_rest, state
from tests.lab.mortal import difference as mortal_difference
from tests.lab.support import (
    BINDED,
    MULTI,
    Ear,
    broken,
    declared,
    dump,
    nat,
    needs_openapi,
    rules,
    seen_unbound,
    tables,
)
from tests.spoken import english

pytestmark = pytest.mark.lab

ETH0, ETH1 = nat(0, vswitch(0)), nat(3, vswitch(3), (10, 11))
ALL = Topology((ETH0, BINDED, MULTI, ETH1))
"""A link of each mode that is seen in the guest, and eth3 in NAT mode with two EIPs."""
NEW = nat(5, vswitch(5), (10, 11), first=90)
QUICK = "[metadata]\ntimeout = 0.3\ndeadline = 0.9\n"


STILL = QUICK + "[daemon]\npoll = 3600\nopenapi_poll = 3600\n"
"""Nobody in the cloud is asked but when told to."""


@contextlib.contextmanager
def kept(topology: Topology, settings: str | None = None) -> Iterator[tuple[Cloud, Daemon]]:
    """An instance with a daemon, which asks the cloud only when told to."""
    with Cloud(topology, peers=False) as cloud:
        cloud.settings(STILL + (declared(topology) if settings is None else settings))
        with Daemon(cloud) as daemon:
            assert daemon.settled(), daemon.log
            yield cloud, daemon


@contextlib.contextmanager
def taken_back(topology: Topology) -> Iterator[tuple[Cloud, Daemon]]:
    """The same, for a test that ends the daemon; then `revert` leaves the instance as it was before there was one."""
    with Cloud(topology, peers=False) as cloud:
        cloud.settings(STILL + declared(topology))
        at_rest(cloud.guest)
        before = state(cloud.guest)
        with Daemon(cloud) as daemon:
            assert daemon.settled(), daemon.log
            yield cloud, daemon
        assert cloud.agent("revert").returncode == 0
        assert mortal_difference(before, state(cloud.guest)) == []


@pytest.fixture(scope="module")
def whole() -> Iterator[tuple[Cloud, Daemon]]:
    with kept(ALL) as made:
        yield made


@pytest.fixture
def held(whole: tuple[Cloud, Daemon]) -> Iterator[tuple[Cloud, Daemon]]:
    """The shared instance, which every test leaves as it was."""
    cloud, daemon = whole
    cloud.metadata.faults.clear()
    before = held_by(cloud)
    yield cloud, daemon
    assert eventually(lambda: held_by(cloud) == before), "\n".join([*difference(before, held_by(cloud)), daemon.log])
    assert "Traceback" not in daemon.log


def held_by(cloud: Cloud) -> dict[str, list[str]]:
    """What the kernel holds; in which order it lists what is put back is no difference."""
    found = {what: sorted(lines) for what, lines in dump(cloud).items()}
    links = [json.loads(line) for line in found["addresses"]]
    # A label follows the name of its link, and gets a number on the way.
    addresses = [(link["ifname"], {**one, "label": ""}) for link in links for one in link["addr_info"]]
    found["addresses"] = sorted(f"{name} {json.dumps(one)}" for name, one in addresses)
    return found


def difference(before: dict[str, list[str]], now: dict[str, list[str]]) -> list[str]:
    """What is in one and not in the other."""
    return [line for what in now for line in sorted({*now[what]} ^ {*before[what]})]


def answered(cloud: Cloud, *addresses: IPAddress) -> bool:
    return all(reach(cloud.internet, address) for address in addresses)


def fights_for(daemon: Daemon, link: str) -> list[FightStatus]:
    """The fights for a link."""
    return [fight for fight in daemon.status().fights if fight.what == link]


def index_of(cloud: Cloud, link: str) -> int:
    """The kernel's number of a link."""
    return int(json.loads(cloud.guest.run(["ip", "-j", "link", "show", "dev", link]).stdout)[0]["ifindex"])


def named(cloud: Cloud, name: str, former: str) -> bool:
    """Whether the rules for sockets bound to a link name it, and not as it was called before."""
    text = "".join(rules(cloud))
    return f"oif {name} " in text and f"oif {former} " not in text


def every_eip(topology: Topology) -> list[IPAddress]:
    return [eip.address for one in topology.enis for eip in one.eips]


# --- it keeps it so ---------------------------------------------------------------------------------------------------


def test_it_is_ready_when_all_is_configured_and_says_what_it_did() -> None:
    with Cloud(ALL, boot="bare") as cloud:
        unbound = seen_unbound(cloud)
        cloud.settings(declared(ALL))
        cloud.reset_spoofs()
        with Daemon(cloud) as daemon:
            assert broken(cloud, unbound) == []
            first = daemon.log
            status = daemon.status()

            assert daemon.told.count("READY=1") == 1
            assert any(line.startswith("STATUS=as desired: 4 ENIs, ") for line in daemon.told)
            assert "<6>+ rule 24011: from 172.16.3.0/24 iif lo lookup " in first
            assert first.count("<6>+ address 172.16.3.11/24 dev eth3 noprefixroute") == 1
            assert {one.link: (one.mode, one.health) for one in status.enis} == {
                "eth0": ("nat", "right"),
                "eth1": ("eip-visible", "right"),
                "eth2": ("multi-eip-visible", "right"),
                "eth3": ("nat", "right"),
            }
            assert status.state == "as desired"
            assert [source.trouble for source in status.sources[:2]] == ["", ""]


@pytest.mark.parametrize(
    "harm",
    [
        "rule del priority 24020 oif eth3",
        "rule del priority 24011",
        "-6 rule del priority 24020 oif eth1",
        "route flush table {eth3}",
        "-6 route flush table {eth2}",
        "addr del 172.16.3.11/24 dev eth3",
        "addr flush dev eth2 scope global",
        "link set eth1 group 0",
        "link set eth3 down",
        "link set eth2 down\nlink set eth2 up",
    ],
)
def test_what_is_taken_away_is_put_back(held: tuple[Cloud, Daemon], harm: str) -> None:
    """Here and there: six times in a row from one link would be a fight."""
    cloud, daemon = held
    before, log = daemon.status(), len(daemon.log)
    ours = {link: table_of(index_of(cloud, link), 0) for link in ("eth2", "eth3")}
    for line in harm.format(**ours).splitlines():
        cloud.guest.run(["ip", *line.split()])

    assert eventually(lambda: daemon.status().repairs > before.repairs), daemon.log[log:]
    assert eventually(lambda: answered(cloud, *every_eip(ALL)))
    assert "<5>" in daemon.log[log:]
    assert ", which somebody had taken away" in daemon.log[log:]


def test_it_is_quiet_at_rest(held: tuple[Cloud, Daemon]) -> None:
    """Nothing is written, said or asked; and what it wrote itself is no reason to look again."""
    cloud, daemon = held
    cloud.guest.ip("rule del priority 24020 oif eth3")
    assert daemon.says("oif eth3 lookup .*, which somebody had taken away")
    assert daemon.settled()
    asked, log, status = len(cloud.metadata.requests), daemon.log, daemon.status()
    with Ear(cloud) as ear:
        assert ear.heard() == []

    assert (len(cloud.metadata.requests), daemon.log) == (asked, log)
    assert daemon.status().passes == status.passes


def test_what_does_not_concern_it_is_not_looked_at(held: tuple[Cloud, Daemon]) -> None:
    cloud, daemon = held
    before = daemon.status().passes
    lines = [f"route add 10.{n}.0.0/16 dev lo table 1234" for n in range(50)]
    lines += [f"route add 10.{n}.0.0/16 dev lo" for n in range(50)]
    cloud.guest.ip("\n".join([*lines, *(line.replace("add", "del") for line in lines)]))
    cloud.guest.ip("rule add from 10.0.0.1 lookup 1234 priority 1000\nrule del from 10.0.0.1 priority 1000")

    assert eventually(lambda: daemon.status().passes > before)
    assert daemon.status().passes <= before + 2


def test_an_address_that_somebody_adds_is_routed_and_one_that_he_removes_is_not(held: tuple[Cloud, Daemon]) -> None:
    """As keepalived does with a HAVIP."""
    cloud, daemon = held
    cloud.guest.ip("addr add 172.16.9.77/32 dev eth3")
    assert eventually(lambda: [one for one in rules(cloud) if "172.16.9.77 iif lo lookup 2" in one]), daemon.log
    cloud.guest.ip("addr del 172.16.9.77/32 dev eth3")

    assert eventually(lambda: "172.16.9.77" not in "".join(rules(cloud))), daemon.log


def test_an_eni_with_another_name_is_the_same(held: tuple[Cloud, Daemon]) -> None:
    cloud, daemon = held
    for old, new in (("eth1", "lan1"), ("lan1", "eth1")):
        cloud.guest.ip(f"link set {old} down\nlink set {old} name {new}\nlink set {new} up")
        assert eventually(partial(named, cloud, new, old)), daemon.log
        assert eventually(lambda: answered(cloud, *every_eip(ALL)))


def test_more_events_than_the_kernel_can_tell_are_no_harm(held: tuple[Cloud, Daemon]) -> None:
    cloud, daemon = held
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        flood = "\n".join(f"link set lo mtu {65536 - n % 2}" for n in range(1, 20001))
        cloud.guest.ip(flood)
        cloud.guest.ip("rule del priority 24011\naddr del 203.0.113.43/27 dev eth2")
    finally:
        daemon.process.send_signal(signal.SIGCONT)

    assert daemon.says("more changed at once than the kernel could tell")
    assert eventually(lambda: answered(cloud, *every_eip(ALL)))


# --- fights and others at work ----------------------------------------------------------------------------------------


def test_in_a_fight_it_backs_off_says_so_once_and_never_gives_up(held: tuple[Cloud, Daemon]) -> None:
    cloud, daemon = held
    loop, log = "while :; do ip rule del priority 24020 oif eth0 2>/dev/null; done", len(daemon.log)
    fighter = cloud.guest.start(["sh", "-c", loop])
    try:
        said = r"^<4>eth0: what eip-agent puts there is taken away again and again, by whom is not known"
        assert daemon.says(said, since=log), daemon.log
        repairs = daemon.status().repairs
        (fight,) = fights_for(daemon, "eth0")
        cloud.guest.ip("rule del priority 24020 oif eth2")
        assert eventually(lambda: [one for one in rules(cloud) if "oif eth2" in one]), "others do not wait for it"
        assert eventually(lambda: fights_for(daemon, "eth0")[0].rounds > fight.rounds), "it is tried again"
        assert daemon.status().repairs <= repairs + 4
        assert {one.link: one.health for one in daemon.status().enis}["eth0"] == "waits"
    finally:
        fighter.kill()
        fighter.wait()

    assert eventually(lambda: [one for one in rules(cloud) if "oif eth0" in one])
    assert len(re.findall("^<4>.*taken away again and again", daemon.log[log:], re.MULTILINE)) == 1


def test_what_the_kernel_refuses_keeps_nothing_else_waiting(held: tuple[Cloud, Daemon]) -> None:
    """Somebody's route stands where one of ours should."""
    cloud, daemon = held
    log = len(daemon.log)
    table = table_of(index_of(cloud, "eth3"), 0)
    cloud.guest.ip(f"route replace unreachable default table {table}\nrule del priority 24020 oif eth2")

    assert eventually(lambda: "oif eth2" in "".join(rules(cloud)))
    assert daemon.says(
        r"^<3>refused by the kernel: \+ route default via 172\.16\.3\.253 .*: File exists; all else is done"
    )
    assert daemon.log[log:].count("refused by the kernel: ") == 1
    assert any("refused by the kernel" in one for one in daemon.status().troubles)
    assert not fights_for(daemon, "eth3")
    cloud.guest.ip(f"route del unreachable default table {table}")
    assert eventually(lambda: answered(cloud, *every_eip(ALL)))
    assert daemon.says("^<6>over: refused by the kernel")


def test_it_waits_for_another_at_work(held: tuple[Cloud, Daemon]) -> None:
    cloud, daemon = held
    lock = Path(daemon.run) / "lock"
    with lock.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        cloud.guest.ip("rule del priority 24020 oif eth1")
        assert eventually(lambda: daemon.status().waits)
        assert "another eip-agent is at work" in daemon.status().waits[0]
        assert "oif eth1" not in "".join(rules(cloud))

    assert eventually(lambda: "oif eth1" in "".join(rules(cloud)))
    assert eventually(lambda: not daemon.status().waits)


def test_who_is_not_at_work_any_more_is_not_waited_for_where_something_else_is_wrong(
    held: tuple[Cloud, Daemon],
) -> None:
    cloud, daemon = held
    journal = Path(daemon.run) / "journal.json"
    known = journal.read_bytes()
    with (Path(daemon.run) / "lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        cloud.guest.ip("rule del priority 24020 oif eth1")
        assert eventually(lambda: daemon.status().waits)
        journal.write_bytes(b"damaged")
    assert eventually(lambda: daemon.status().state == "failed")
    assert not daemon.status().waits
    journal.write_bytes(known)
    assert daemon.settled()


def test_it_answers_in_the_language_that_it_is_asked_in(held: tuple[Cloud, Daemon]) -> None:
    """What it waits for and what it has found too, while the cloud is silent and somebody else is at work."""
    cloud, daemon = held
    cloud.metadata.faults.append(Fault("", FaultKind.STATUS, status=403))
    with (Path(daemon.run) / "lock").open("r+") as file:
        os.kill(daemon.process.pid, signal.SIGHUP)
        assert eventually(lambda: daemon.status().sources[1].trouble)
        fcntl.flock(file, fcntl.LOCK_EX)
        cloud.guest.ip("rule del priority 24020 oif eth1")
        assert eventually(lambda: daemon.status().waits)
        chinese, plain = cloud.agent("status", "--lang", "zh"), cloud.agent("status", "--format", "json")

    assert chinese.returncode == 0
    assert "元数据服务：上次读取：" in chinese.stdout  # noqa: RUF001  Chinese colons
    assert "等待      另一个eip-agent正在运行" in chinese.stdout
    assert english(chinese.stdout.replace("eip-agent run", "")) == [], chinese.stdout
    assert "另一个" not in plain.stdout
    assert "another eip-agent is at work" in plain.stdout
    cloud.metadata.faults.clear()
    assert daemon.settled()


def test_a_second_one_does_not_start(held: tuple[Cloud, Daemon]) -> None:
    cloud, daemon = held
    second = cloud.agent("run")

    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith(f"eip-agent: a daemon runs already (pid {daemon.process.pid})\nhint: ")
    assert daemon.settled()


def test_apply_and_explain_by_hand_work_beside_it(held: tuple[Cloud, Daemon]) -> None:
    cloud, _ = held

    assert cloud.agent("apply").stdout.startswith("as desired")
    assert cloud.agent("explain").returncode in (0, 3)


def test_what_is_reverted_beside_it_comes_back_and_revert_says_so(held: tuple[Cloud, Daemon]) -> None:
    cloud, daemon = held
    before = held_by(cloud)
    reverted = cloud.agent("revert")

    assert reverted.returncode == 0
    assert "the daemon runs, and puts everything back" in reverted.stderr
    assert eventually(lambda: held_by(cloud) == before)
    assert daemon.settled()


def test_nothing_is_tried_out_beside_it(held: tuple[Cloud, Daemon]) -> None:
    """What is undone because nobody confirmed it, it would write again: who was locked out would stay so."""
    cloud, daemon = held
    before, passes = held_by(cloud), daemon.status().passes
    text = (cloud.directory / "config.toml").read_text()
    cloud.settings(text + '[exclude]\naddresses = ["172.16.3.11"]\n')
    try:
        tried = cloud.agent("apply", "--confirm", "60")
        looked = cloud.agent("apply", "--confirm", "60", "--dry-run")
    finally:
        cloud.settings(text)

    assert (tried.returncode, tried.stdout) == (1, "")
    assert tried.stderr.startswith(
        "eip-agent: the daemon runs, and what `--confirm` undoes it would write again\nhint: "
    )
    assert "`systemctl stop eip-agent`" in tried.stderr
    assert (looked.returncode, "- address 172.16.3.11/24" in looked.stdout) == (3, True), "to look is no harm"
    assert (held_by(cloud), daemon.status().passes) == (before, passes)


def test_one_that_is_started_while_somebody_tries_waits_and_is_told_of() -> None:
    with Cloud(Topology((ETH0, ETH1)), peers=False) as cloud:
        cloud.settings(QUICK + declared(cloud.topology))
        process = cloud.guest.start(cloud.agent_command("apply", "--confirm", "60"), env=cloud.agent_environment)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("keep it?")
        with Daemon(cloud) as daemon:
            assert eventually(lambda: daemon.status().waits)
            process.terminate()
            out, err = process.communicate(timeout=20)
            assert (process.returncode, "not confirmed: " in out) == (1, True)
            assert "a daemon was started meanwhile, and writes again what was undone" in err
            assert daemon.settled()


def test_apply_is_made_by_it_where_both_have_the_same_settings(held: tuple[Cloud, Daemon]) -> None:
    """In the same words as alone, and the kernel's refusals with the same exit code."""
    cloud, daemon = held
    environment = {k: v for k, v in cloud.agent_environment.items() if "OPENAPI" not in k}
    command = [
        one for one in cloud.agent_command("apply") if one not in ("--config", str(cloud.directory / "config.toml"))
    ]
    alone, passes = cloud.agent("apply"), daemon.status().passes
    done = cloud.guest.run(command, env=environment, check=False)
    told = json.loads(cloud.guest.run([*command, "--format", "json"], env=environment, check=False).stdout)

    assert (done.returncode, done.stdout, done.stderr) == (0, alone.stdout, alone.stderr)
    assert daemon.status().passes == passes + 2
    assert (told["version"], told["outcome"]) == (1, "as desired")
    table = table_of(index_of(cloud, "eth3"), 0)
    cloud.guest.ip(f"route replace unreachable default table {table}")
    try:
        refused = cloud.guest.run(command, env=environment, check=False)
        assert refused.returncode == 1
        assert "refused by the kernel; everything this pass had done was undone" in refused.stdout
    finally:
        cloud.guest.ip(f"route del unreachable default table {table}")
    assert cloud.guest.run(command, env=environment, check=False).returncode == 0


def test_status_is_told_in_words_and_as_json(held: tuple[Cloud, Daemon]) -> None:
    cloud, daemon = held
    words, plain = cloud.agent("status"), cloud.agent("status", "--format", "json")

    assert (words.returncode, words.stderr) == (0, "")
    assert re.match(rf"eip-agent \S+, pid {daemon.process.pid}, has run for .*: as desired\n", words.stdout)
    assert re.search(
        r"^eth1 +eni-\w+ +secondary +eip-visible \(certain\) +right +203\.0\.113\.120", words.stdout, re.MULTILINE
    )
    assert (plain.returncode, json.loads(plain.stdout)["version"]) == (0, 1)
    assert decoded(Status, json.loads(plain.stdout)["status"]).enis == daemon.status().enis


# --- the cloud fails --------------------------------------------------------------------------------------------------


def test_no_outage_of_the_metadata_service_removes_anything(held: tuple[Cloud, Daemon]) -> None:
    """And while there is one, what is taken away is put back all the same."""
    cloud, daemon = held
    before = held_by(cloud)
    data = {FaultKind.MISSING, FaultKind.VALUE, FaultKind.NEWLINE}
    faults = [
        *(Fault("", kind, seconds=60, value="http://198.51.100.7/") for kind in FaultKind if kind not in data),
        *(Fault("", FaultKind.STATUS, status=status) for status in (401, 403, 404, 429)),
        Fault("meta-data/network/interfaces/macs", FaultKind.MISSING),
        Fault("meta-data/mac", FaultKind.MISSING),
        Fault(f"meta-data/network/interfaces/macs/{ETH1.mac}/private-ipv4s", FaultKind.VALUE, value="[]"),
    ]
    with Stream(cloud.internet, ETH1.eips[1].address) as stream:
        for fault in faults:
            cloud.metadata.faults[:] = [fault]
            cloud.metadata.forget_tokens()
            cloud.guest.ip("rule del priority 24020 oif eth3")
            daemon.look()
            assert eventually(lambda: held_by(cloud) == before), (fault, daemon.log)
        cloud.metadata.faults.clear()
        cloud.metadata.stop()
        cloud.guest.ip("addr del 172.16.3.11/24 dev eth3")
        assert daemon.look()["code"] == 4
        assert daemon.status().sources[1].trouble
        assert eventually(lambda: held_by(cloud) == before)
        cloud.metadata.start()
        assert daemon.settled()
        assert not daemon.status().sources[1].trouble
        assert stream.intact


# --- ENIs come and go -------------------------------------------------------------------------------------------------


def test_an_eni_comes_late_into_the_metadata_and_goes() -> None:
    with kept(Topology((ETH0, ETH1)), "") as (cloud, daemon), Stream(cloud.internet, ETH1.eips[0].address) as stream:
        before = held_by(cloud)
        cloud.become(cloud.topology.with_eni(replace(NEW, listed=False)))
        assert eventually(lambda: any("to list eth5" in one for one in daemon.status().waits))
        assert not tables(cloud, "eth5")
        cloud.become(cloud.topology.with_eni(NEW))
        assert eventually(lambda: answered(cloud, *(eip.address for eip in NEW.eips))), daemon.log
        assert daemon.settled()
        assert not daemon.status().waits
        cloud.become(cloud.topology.without("eth5"))
        assert eventually(lambda: held_by(cloud) == before), daemon.log
        assert stream.intact


def test_an_eni_whose_eip_is_visible_is_asked_before_it_is_configured() -> None:
    """Hot-plugged, down, and not declared: it must not have its private address even for a moment."""
    one = eni(5, vswitch(5), (10,), [Eip(public(150), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])
    with kept(Topology((ETH0, ETH1)), "") as (cloud, daemon):
        cloud.become(cloud.topology.with_eni(one))

        assert eventually(lambda: answered(cloud, public(150))), daemon.log
        assert "172.16.5.10" not in daemon.log


def test_links_that_are_taken_away_are_left_alone(held: tuple[Cloud, Daemon]) -> None:
    """Into a bridge, and into another namespace as Terway does with those of pods."""
    cloud, daemon = held
    cloud.guest.ip("link add br0 type bridge\nlink set eth3 master br0")
    assert daemon.look()["code"] in (0, 4)
    assert answered(cloud, *(eip.address for one in (ETH0, BINDED, MULTI) for eip in one.eips))
    cloud.guest.ip("link set eth3 nomaster\nlink del br0")
    assert eventually(lambda: answered(cloud, *every_eip(ALL))), daemon.log
    with Namespace("pod") as pod:
        cloud.guest.ip(f"link set eth3 netns /proc/self/fd/{pod.fd}", fds=[pod.fd])
        assert eventually(lambda: "172.16.3" not in "".join(rules(cloud))), daemon.log
        assert answered(cloud, *(eip.address for one in (ETH0, BINDED, MULTI) for eip in one.eips))
        pod.ip(f"link set eth3 netns /proc/self/fd/{cloud.guest.fd}", fds=[cloud.guest.fd])
    assert eventually(lambda: answered(cloud, *every_eip(ALL))), daemon.log


def test_a_mode_that_changes_is_followed() -> None:
    changed = eni(3, vswitch(3), (10,), [Eip(public(150), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])
    topology = Topology((ETH0, nat(3, vswitch(3))))
    with kept(topology, "") as (cloud, daemon):
        assert daemon.status().enis[1].mode == "nat"
        for one in (changed, nat(3, vswitch(3))):
            cloud.become(cloud.topology.with_eni(one))
            assert daemon.settled(), daemon.log
            assert answered(cloud, *(eip.address for eip in (*ETH0.eips, *one.eips)))


@needs_openapi
def test_the_openapi_is_asked_when_the_metadata_says_something_new_and_at_its_own_pace() -> None:
    multi = eni(3, vswitch(3), (10,), [Eip(public(150), Mode.MULTI_EIP_VISIBLE, gateway=public(129), prefix_length=27)])
    with Cloud(Topology((ETH0, ETH1)), peers=False) as cloud:
        cloud.settings(cloud.openapi_settings() + "[daemon]\npoll = 1\nopenapi_poll = 3600\n")
        with Daemon(cloud) as daemon:
            assert daemon.status().enis[1].certainty == "certain"
            asked, told = len(cloud.openapi.requests), len(cloud.metadata.requests)
            assert eventually(lambda: len(cloud.metadata.requests) > told + 2)
            assert len(cloud.openapi.requests) == asked, "nothing new was said"
            assert [path for _, path in cloud.metadata.requests[told:] if not path.endswith("/all")] == []
            cloud.become(cloud.topology.with_eni(multi))

            assert eventually(lambda: answered(cloud, public(150))), daemon.log
            assert len(cloud.openapi.requests) > asked
            assert daemon.status().sources[2].success


def test_an_address_that_goes_in_the_console_goes_after_two_answers() -> None:
    with kept(Topology((ETH0, ETH1)), "") as (cloud, daemon):
        fewer: Eni = nat(3, vswitch(3), (10,))
        cloud.become(cloud.topology.with_eni(fewer))
        asked = len(cloud.metadata.requests)

        assert daemon.look()["out"].startswith("plan: 0 to add")
        assert len(cloud.metadata.requests) - asked == 2
        assert daemon.log.count("- address 172.16.3.11/24") == 1
        assert daemon.settled()


# --- its own life -----------------------------------------------------------------------------------------------------


def test_it_lives_through_reloads_and_leaves_the_network_as_it_is() -> None:
    with kept(Topology((ETH0, ETH1))) as (cloud, daemon):
        good = (cloud.directory / "config.toml").read_text()
        cloud.settings("[daemon]\npoll = 0\n")
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.says(r"^<3>the settings stay as they were: .*daemon\.poll: 0 is out of range")
        assert daemon.settled()
        cloud.settings(good + '[exclude]\naddresses = ["172.16.3.11"]\n')
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.says(r"^<6>- address 172.16.3.11/24")
        assert [line.partition("\n")[0] for line in daemon.told if "STATUS" not in line] == [
            "READY=1", "RELOADING=1", "READY=1", "RELOADING=1", "READY=1",
        ]  # fmt: skip
        cloud.settings(good)
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.says(r"(?s)- address 172.16.3.11/24.*\+ address 172.16.3.11/24")
        assert daemon.settled()
        before = held_by(cloud)

        assert daemon.end() == 0
        assert held_by(cloud) == before
        assert daemon.told[-1] == "STOPPING=1"
        assert not (Path(daemon.run) / "control").exists()
        assert cloud.agent("status").returncode == 3


def test_killed_at_any_moment_it_goes_on_where_it_was() -> None:
    with kept(Topology((ETH0, ETH1))) as (cloud, daemon), Stream(cloud.internet, ETH1.eips[0].address) as stream:
        before = held_by(cloud)
        for number in range(4):
            cloud.guest.ip("rule del priority 24011\naddr del 172.16.3.11/24 dev eth3")
            if number % 2:
                assert eventually(lambda: "24011" in "".join(rules(cloud)))
            daemon.end(signal.SIGKILL)
            daemon.start()
            assert eventually(lambda: held_by(cloud) == before), daemon.log
        assert stream.intact
        assert daemon.end(signal.SIGINT) == 0


def emptied(daemon: Daemon) -> None:
    """Somebody clears away what he does not know."""
    shutil.rmtree(daemon.run)
    assert client.ask(daemon.run, "status") is None


def test_a_run_directory_that_was_removed_is_made_anew_and_nothing_is_forgotten() -> None:
    """Which links it has brought up, and whose group it has changed, no mark in the kernel tells."""
    with taken_back(Topology((ETH0, ETH1))) as (cloud, daemon):
        journal = (Path(daemon.run) / "journal.json").read_text()
        for way in ("rule del priority 24020 oif eth3", "addr del 172.16.3.11/24 dev eth3"):
            said = len(daemon.log)
            emptied(daemon)
            cloud.guest.ip(way)
            assert daemon.says("^<4>.*/run was emptied: what belongs there is put back", said), daemon.log
            assert daemon.settled()
            assert json.loads((Path(daemon.run) / "journal.json").read_text()) == json.loads(journal)
            second = cloud.agent("run")
            assert (second.returncode, "a daemon runs already" in second.stderr) == (1, True)
        assert daemon.end() == 0
        assert not (Path(daemon.run) / "control").exists()


def test_a_journal_that_was_removed_alone_is_made_anew() -> None:
    with taken_back(Topology((ETH0, ETH1))) as (_, daemon):
        journal = Path(daemon.run) / "journal.json"
        known = json.loads(journal.read_text())
        journal.unlink()
        assert daemon.settled()
        assert json.loads(journal.read_text()) == known
        assert daemon.end() == 0


def test_who_ends_before_it_could_put_things_back_writes_down_what_it_knows() -> None:
    with taken_back(Topology((ETH0, ETH1))) as (_, daemon):
        emptied(daemon)
        assert daemon.end() == 0


def test_a_run_directory_that_cannot_be_made_is_told_and_waited_for() -> None:
    with kept(Topology((ETH0, ETH1))) as (cloud, daemon):
        emptied(daemon)
        Path(daemon.run).touch()
        cloud.guest.ip("rule del priority 24020 oif eth3")
        assert daemon.says(
            "^<3>no pass could be made: .*/run: the directory cannot be made: File exists "
            r"\(`systemctl restart eip-agent` makes the directory anew\); it is tried again$"
        ), daemon.log
        Path(daemon.run).unlink()
        assert daemon.says("^<6>over: no pass could be made: "), daemon.log
        assert daemon.settled()
        assert daemon.log.count("no pass could be made") == 2
        assert "oif eth3" in "".join(rules(cloud))


def test_who_has_lost_its_place_to_another_one_says_so_and_ends() -> None:
    with taken_back(Topology((ETH0, ETH1))) as (cloud, first):
        emptied(first)
        with Daemon(cloud, name="2") as second:
            cloud.guest.ip("rule del priority 24020 oif eth3")
            assert first.process.wait(20) == 1
            other = f"a daemon runs already (pid {second.process.pid})"
            assert f"\neip-agent: the run directory was emptied, and {other}, so this one ends\n" in first.log
            assert first.told[-1] == "STOPPING=1"
            assert second.status().pid == second.process.pid
            assert second.settled()
            assert second.end() == 0


@pytest.mark.skipif(find_spec("prometheus_client") is None, reason="prometheus_client is not installed")
def test_metrics_are_told_on_loopback_and_in_a_file() -> None:
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9469/metrics').read().decode())"
    topology = Topology((ETH0, ETH1))
    with Cloud(topology, peers=False) as cloud:
        path = cloud.directory / "eip-agent.prom"
        text = f'{QUICK}[metrics]\nlisten = "127.0.0.1:9469"\ntextfile = "{path}"\n{declared(topology)}'
        cloud.settings(text)
        with Daemon(cloud) as daemon:
            cloud.guest.ip("rule del priority 24020 oif eth3")
            assert daemon.says("which somebody had taken away")
            told = cloud.guest.run([sys.executable, "-c", ask]).stdout
            for line in (
                'eip_agent_repairs_total{kind="rule"} 1.0',
                "eip_agent_as_desired 1.0",
                'eip_agent_request_errors_total{source="metadata"} 0.0',
                f'eip_agent_eni_health{{eni="{ETH1.eni_id}",health="right",link="eth3"}} 1.0',
            ):
                assert line in told
                assert line in path.read_text()
            cloud.settings(text.replace('listen = "127.0.0.1:9469"', "").replace(str(path), "/missing/x.prom"))
            daemon.process.send_signal(signal.SIGHUP)
            assert daemon.says("^<3>no metrics in /missing/x.prom: No such file or directory")
            assert cloud.guest.run([sys.executable, "-c", ask], check=False).returncode == 1, "nobody listens any more"
            assert daemon.settled()


def test_it_starts_without_a_cloud_and_needs_no_restart() -> None:
    with Cloud(Topology((ETH0, ETH1)), peers=False) as cloud:
        cloud.settings(QUICK)
        cloud.metadata.stop()
        with Daemon(cloud) as daemon:
            assert daemon.status().state == "facts missing"
            assert rules(cloud) == []
            cloud.metadata.start()

            assert eventually(lambda: answered(cloud, *(eip.address for eip in ETH1.eips))), daemon.log
            assert daemon.says("^<6>over: not read: metadata service")


def test_without_privilege_and_with_wrong_settings_it_says_so(held: tuple[Cloud, Daemon]) -> None:
    cloud, _ = held
    environment = {**cloud.agent_environment, "EIP_AGENT_DAEMON__POLL": "soon"}
    wrong = cloud.guest.run(cloud.agent_command("run"), env=environment, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("eip-agent: EIP_AGENT_DAEMON__POLL: a number is wanted")
    command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *cloud.agent_command("run")[2:]]
    poor = cloud.guest.run(command[:3] + command[command.index("-m") - 1 :], env=cloud.agent_environment, check=False)
    assert poor.returncode in (1, 2), poor
