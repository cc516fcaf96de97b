"""`apply --confirm`: a change stays only if somebody says so in time; else everything is as before.

::

    terminal ──Enter──┐
    eip-agent confirm ┼─► apply --confirm 60 ─► kept: 0      a stream on a healthy address
    nobody, in time ──┤                      └► undone: 1    goes on in either case
    HUP, TERM, INT ───┘
"""

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.stream import Stream
from eip_agent.lab.topology import Topology, vswitch
from tests.lab.mortal import Mortal, at_rest, difference, leftovers, state, unchanged, unreached
from tests.lab.support import MULTI, declared, nat

pytestmark = pytest.mark.lab

SMALL = Topology((nat(0, vswitch(0)), nat(1, vswitch(1)), MULTI))
MORE = replace(SMALL, enis=(*SMALL.enis[:1], nat(1, vswitch(1), (10, 11)), *SMALL.enis[2:]))
"""The same with one address more."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(SMALL, peers=False) as made:
        made.settings(declared(SMALL))
        at_rest(made.guest)
        yield made


@pytest.fixture(scope="module")
def mortal(cloud: Cloud) -> Iterator[Mortal]:
    with Mortal(cloud) as made:
        yield made


@pytest.fixture(autouse=True)
def _as_before(cloud: Cloud, mortal: Mortal) -> Iterator[None]:
    with unchanged(cloud):
        yield
        mortal.run("revert")


class Waiting:
    """An `apply --confirm` that waits, with its output as it comes."""

    def __init__(self, cloud: Cloud, stdin: int, *options: str) -> None:
        self.process = cloud.guest.start(
            ["setsid", "--ctty", *cloud.agent_command("apply", "--confirm", *(options or ("60",)))]
            if os.isatty(stdin)
            else cloud.agent_command("apply", "--confirm", *(options or ("60",))),
            env=cloud.agent_environment,
            stdin=stdin,
        )
        assert self.process.stderr is not None
        self.asked = self.process.stderr.readline()

    def ended(self) -> tuple[int, str, str]:
        """Exit code and what was said since."""
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@contextmanager
def waiting(cloud: Cloud, *options: str) -> Iterator[Waiting]:
    """Without a terminal."""
    waits = Waiting(cloud, subprocess.DEVNULL, *options)
    assert waits.asked.startswith("keep it? press Enter, or run `eip-agent confirm`, within ")
    try:
        yield waits
    finally:
        waits.process.kill()


@contextmanager
def on_a_terminal(cloud: Cloud) -> Iterator[tuple[Waiting, int]]:
    """With a terminal of its own, and the master's end of it."""
    master, slave = pty.openpty()
    waits = Waiting(cloud, slave)
    os.close(slave)
    try:
        yield waits, master
    finally:
        waits.process.kill()
        os.close(master)


def test_enter_keeps_it(cloud: Cloud, mortal: Mortal) -> None:
    with on_a_terminal(cloud) as (waits, master):
        os.write(master, b"\n")

        code, out, err = waits.ended()

    assert (code, err) == (0, "kept\n")
    assert "verified" in out
    assert mortal.run("apply").out.startswith("as desired")
    assert unreached(cloud) == []


def test_confirm_from_elsewhere_keeps_it(cloud: Cloud, mortal: Mortal) -> None:
    with waiting(cloud) as waits:
        said = mortal.run("confirm")
        code, _, err = waits.ended()

    assert (said.code, said.out, said.err) == (0, "kept\n", "")
    assert (code, err) == (0, "kept\n")
    assert mortal.run("apply").out.startswith("as desired")
    assert "confirm" not in leftovers(cloud)


def test_time_that_is_up_undoes_it(cloud: Cloud) -> None:
    before = state(cloud.guest)
    with waiting(cloud, "1") as waits:
        assert unreached(cloud) == []
        code, out, err = waits.ended()

    assert (code, err) == (1, "")
    assert "not confirmed: " in out
    assert difference(before, state(cloud.guest)) == []
    assert leftovers(cloud) <= {"lock"}


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGINT", "SIGQUIT"])
def test_a_signal_undoes_it(cloud: Cloud, name: str) -> None:
    before = state(cloud.guest)
    with waiting(cloud) as waits:
        waits.process.send_signal(signal.Signals[name])
        code, out, err = waits.ended()

    assert (code, err) == (1, "")
    assert "not confirmed: " in out
    assert difference(before, state(cloud.guest)) == []


def test_a_terminal_that_dies_undoes_it(cloud: Cloud) -> None:
    before = state(cloud.guest)
    master, slave = pty.openpty()
    waits = Waiting(cloud, slave)
    os.close(slave)
    os.close(master)

    code, _, err = waits.ended()

    assert (code, err) == (1, "")
    assert difference(before, state(cloud.guest)) == []


def test_a_terminal_that_dies_with_all_output_on_it_undoes_it(cloud: Cloud) -> None:
    """The prompt itself meets a dead terminal; nothing is left to say it to."""
    before = state(cloud.guest)
    master, slave = pty.openpty()
    process = cloud.guest.start(
        ["setsid", "--ctty", *cloud.agent_command("apply", "--confirm", "60")],
        env=cloud.agent_environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    seen = b""
    while b"keep it?" not in seen:
        seen += os.read(master, 65536)
    os.close(master)

    assert process.wait(timeout=20) == 1
    assert difference(before, state(cloud.guest)) == []


def test_nobody_listening_to_the_question_can_still_be_confirmed(cloud: Cloud, mortal: Mortal) -> None:
    read, write = os.pipe()
    os.close(read)
    process = cloud.guest.start(
        cloud.agent_command("apply", "--confirm", "60"), env=cloud.agent_environment, stdout=write, stderr=write
    )
    os.close(write)
    end = time.monotonic() + 20
    while mortal.run("confirm").code:
        assert time.monotonic() < end
        select.select([], [], [], 0.05)

    process.wait(timeout=20)
    assert mortal.run("apply").out.startswith("as desired")


@pytest.mark.parametrize("closing", [">&-", "| :", ">/dev/full"])
def test_the_question_is_asked_where_the_output_is_not_heard(cloud: Cloud, mortal: Mortal, closing: str) -> None:
    script = f'set -o pipefail; "$@" {closing}'
    process = cloud.guest.start(
        ["bash", "-c", script, "bash", *cloud.agent_command("apply", "--confirm", "60")],
        env=cloud.agent_environment,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("keep it?")
    assert mortal.run("confirm").code == 0
    _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (0, "kept\n")


def test_ctrl_z_does_not_stop_the_clock(cloud: Cloud) -> None:
    before = state(cloud.guest)
    with waiting(cloud, "1") as waits:
        waits.process.send_signal(signal.SIGTSTP)
        waits.process.send_signal(signal.SIGTTIN)
        select.select([], [], [], 1.5)

        assert difference(before, state(cloud.guest)) == []


def test_what_is_typed_for_the_shell_is_no_yes_of_a_background_job(cloud: Cloud) -> None:
    """The terminal belongs to another process group: its Enter is not for us, and reading it would stop us."""
    before = state(cloud.guest)
    master, slave = pty.openpty()
    command = cloud.agent_command("apply", "--confirm", "2")
    shell = cloud.guest.start(
        ["setsid", "--ctty", "bash", "-c", 'set -m; "$@" & read line; wait', "bash", *command],
        env=cloud.agent_environment,
        stdin=slave,
    )
    os.close(slave)
    try:
        assert shell.stderr is not None
        while not shell.stderr.readline().startswith("keep it?"):
            """What bash says of its jobs."""
        os.write(master, b"\n")
        shell.wait(timeout=20)
        assert difference(before, state(cloud.guest)) == []
    finally:
        shell.kill()
        os.close(master)


@pytest.mark.parametrize("closing", ["</dev/null", "<&-"])
def test_without_standard_input_it_waits_for_the_command(cloud: Cloud, mortal: Mortal, closing: str) -> None:
    process = cloud.guest.start(
        ["sh", "-c", f'exec "$@" {closing}', "sh", *cloud.agent_command("apply", "--confirm", "60")],
        env=cloud.agent_environment,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("keep it?")
    assert mortal.run("confirm").code == 0
    assert process.wait(timeout=20) == 0


def test_confirm_without_a_waiter_says_so(mortal: Mortal) -> None:
    said = mortal.run("confirm")

    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "eip-agent: no pass waits for a confirmation\nhint: start one with `eip-agent apply --confirm SECONDS`\n"
    )


def test_a_second_apply_says_who_holds_the_lock(cloud: Cloud, mortal: Mortal) -> None:
    cloud.settings(f"lock_timeout = 0.2\n{declared(SMALL)}")
    try:
        with waiting(cloud) as waits:
            said = mortal.run("apply")
            other = mortal.run("revert")
            waits.process.terminate()
            waits.ended()
    finally:
        cloud.settings(declared(SMALL))

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"eip-agent: another eip-agent is at work (pid {waits.process.pid}, eip-agent apply)\n")
    assert "`eip-agent confirm`" in said.err
    assert (other.code, other.err) == (said.code, said.err)


def test_a_refused_pass_is_not_asked_about(cloud: Cloud, mortal: Mortal) -> None:
    cloud.guest.ip("route add 192.0.2.99 dev lo table 20000033")
    table = json.loads(cloud.guest.run(["ip", "-j", "link", "show", "eth1"]).stdout)[0]["ifindex"] * 16 + 20_000_000
    cloud.guest.ip(f"route add default dev lo table {table}")
    try:
        with unchanged(cloud):
            said = mortal.run("apply", "--confirm", "60")
    finally:
        cloud.guest.ip(f"route del default dev lo table {table}\nroute del 192.0.2.99 dev lo table 20000033")

    assert said.code == 1
    assert "keep it?" not in said.err
    assert "everything this pass had done was undone" in said.out


def test_nothing_to_change_needs_no_yes(cloud: Cloud, mortal: Mortal) -> None:
    assert mortal.run("apply").code == 0

    said = mortal.run("apply", "--confirm", "60")

    assert (said.code, said.err) == (0, "")
    assert unreached(cloud) == []


def test_the_question_that_cannot_be_asked_is_a_no(cloud: Cloud, mortal: Mortal) -> None:
    """The socket cannot be made: what nobody could confirm is undone at once."""
    place = cloud.directory / "run" / "confirm"
    place.mkdir()
    try:
        with unchanged(cloud):
            said = mortal.run("apply", "--confirm", "60")
    finally:
        place.rmdir()

    assert said.code == 1
    assert "not confirmed: " in said.out
    assert "not read confirmation: " in said.err


def test_as_json_it_is_one_document(mortal: Mortal) -> None:
    said = mortal.run("apply", "--confirm", "60", "--format", "json", pending=signal.SIGTERM)

    document = json.loads(said.out)
    assert said.code == 1
    assert document["outcome"] == "refused"
    assert document["result"]["undone"]


@pytest.mark.parametrize("answer", ["kept", "undone"])
def test_a_stream_on_a_healthy_address_goes_on(cloud: Cloud, mortal: Mortal, answer: str) -> None:
    assert mortal.run("apply").code == 0
    good = state(cloud.guest)
    with (
        Stream(cloud.internet, SMALL.enis[1].eips[0].address) as eip,
        Stream(cloud.internet, SMALL.enis[1].ipv6s[0]) as six,
        Stream(cloud.internet, SMALL.enis[2].eips[0].address) as other,
    ):
        cloud.become(MORE)
        cloud.settings(declared(MORE))
        with waiting(cloud) as waits:
            if answer == "kept":
                assert mortal.run("confirm").code == 0
            else:
                waits.process.terminate()
            waits.ended()
        select.select([], [], [], 0.1)
        for stream in (eip, six, other):
            assert stream.intact, stream.broken
            assert stream.lost() == 0
    if answer == "undone":
        assert difference(good, state(cloud.guest)) == []
    cloud.become(SMALL)
    cloud.settings(declared(SMALL))


def test_a_link_that_somebody_uses_by_now_stays_up(cloud: Cloud) -> None:
    """While it waits, a DHCP client finds the link that came up, and puts its address there."""
    with waiting(cloud) as waits:
        cloud.guest.ip("addr add 192.0.2.77/24 dev eth1 valid_lft 3600 preferred_lft 3600")
        waits.process.terminate()
        code, _, _ = waits.ended()

    link = json.loads(cloud.guest.run(["ip", "-j", "addr", "show", "eth1"]).stdout)[0]
    cloud.guest.ip("addr del 192.0.2.77/24 dev eth1\nlink set eth1 down")
    assert code == 1
    assert "UP" in link["flags"]
    assert [one["local"] for one in link["addr_info"] if one["family"] == "inet"] == ["192.0.2.77"]
