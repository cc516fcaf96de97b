"""What the agent finds out by itself: how each EIP is bound, how it knows, and what it does when that changes.

::

      metadata ──┐
      OpenAPI ───┤      explain: every mode, and by whose word
      DHCP ──────┼────► apply: configured so, packets proven
      disk ──────┘      later: moved, turned, released, forgotten
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

import pytest

from eip_agent.core.facts import IPAddress, Mac
from eip_agent.core.settings import Mode
from eip_agent.dhcp_message import Kind
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import Boot
from eip_agent.lab.stream import Stream
from eip_agent.lab.topology import DEMO, Eip, Eni, Topology, eni, public, vswitch
from tests.lab.mortal import Ended, Mortal, at_rest, unchanged, unreached
from tests.lab.support import ELSEWHERE, agent, broken, nat, needs_openapi, seen_unbound

pytestmark = pytest.mark.lab

CERTAIN: Final = {
    "eth0": ("nat", "certain"),
    "eth1": ("nat", "certain"),
    "eth2": ("eip-visible", "certain"),
    "eth3": ("multi-eip-visible", "certain"),
    "eth4": ("secondary-cidr", "certain"),
}
"""The modes of the demo."""


def verdicts(document: str) -> dict[str, tuple[str, str]]:
    """Mode and certainty of each link, of a report in JSON."""
    stories = json.loads(document)["stories"]
    return {
        story["link"]["link"]["name"]: (story["verdict"]["mode"], story["verdict"]["certainty"]) for story in stories
    }


def evidence(document: str, link: str) -> list[str]:
    """Who said what of a link's mode, of a report in JSON."""
    stories = json.loads(document)["stories"]
    (story,) = (story for story in stories if story["link"]["link"]["name"] == link)
    return [f"{one['source']}: {one['says']}" for one in story["verdict"]["because"]]


# --- what is found ----------------------------------------------------------------------------------------------------


@needs_openapi
@pytest.mark.parametrize("boot", ["bare", "dhcp"])
def test_with_the_openapi_every_mode_is_certain_and_works(boot: Boot) -> None:
    with Cloud(DEMO, boot=boot, strict_rp_filter=boot == "dhcp") as cloud:
        unbound = seen_unbound(cloud)
        cloud.settings(cloud.openapi_settings())
        cloud.reset_spoofs()
        agent(cloud, "apply")
        explained = agent(cloud, "explain", "--format", "json")

        assert verdicts(explained) == CERTAIN
        assert all(evidence(explained, link)[0].startswith("OpenAPI: ") for link in CERTAIN)
        assert broken(cloud, unbound) == []


def test_without_the_openapi_what_dhcp_and_metadata_tell_is_found_and_works() -> None:
    """The link of the EIP-visible ENI is brought up and asked before anything is put on it."""
    known = DEMO.without("eth3")
    with Cloud(known) as cloud, heard(cloud) as addresses:
        unbound = seen_unbound(cloud)
        cloud.settings("")
        cloud.reset_spoofs()
        sleeping = cloud.agent("explain")
        assert sleeping.returncode == 3
        assert "eth2: the link is down, so it cannot be asked what the cloud offers it by DHCP" in sleeping.stdout

        agent(cloud, "apply")
        explained = agent(cloud, "explain", "--format", "json")

        assert verdicts(explained) == {
            "eth0": ("nat", "probable"),
            "eth1": ("nat", "probable"),
            "eth2": ("eip-visible", "certain"),
            "eth4": ("secondary-cidr", "probable"),
        }
        assert evidence(explained, "eth2")[0].startswith("DHCP offer: 203.0.113.20/24 by 203.0.113.1")
        assert broken(cloud, unbound) == []
        assert {kind for _, kind in cloud.dhcp.messages} == {Kind.DISCOVER}, "a lease was asked for"
    assert "203.0.113.20/24" in addresses.text
    assert str(known.eni("eth2").private[0]) not in addresses.text, "the dead address was on the link"


class Heard:
    """What a process said, once it has ended."""

    text = ""


@contextlib.contextmanager
def heard(cloud: Cloud) -> Iterator[Heard]:
    """All addresses that come and go in the guest within."""
    said = Heard()
    monitor = cloud.guest.start(["ip", "monitor", "address"], stdout=subprocess.PIPE)
    try:
        yield said
    finally:
        monitor.terminate()
        said.text = monitor.communicate()[0]


def test_without_the_openapi_it_is_told_that_multi_eip_cannot_be_known() -> None:
    with Cloud(DEMO, peers=False) as cloud:
        cloud.settings("")
        done = cloud.agent("apply")

        assert done.returncode == 0
        assert "eth1, eth3, eth4: whether EIPs are bound in multi-EIP-visible mode cannot be known" in done.stderr
        assert "declare those EIPs in the settings" in done.stderr
        assert unreached(cloud) == [str(eip.address) for eip in DEMO.eni("eth3").eips]
        assert verdicts(agent(cloud, "explain", "--format", "json"))["eth3"] == ("nat", "probable")


# --- what changes -----------------------------------------------------------------------------------------------------


def multi(index: int, *hosts: int) -> Eni:
    """An ENI with multi-EIP-visible EIPs 203.0.113.`hosts`, all by 203.0.113.33."""
    eips = [Eip(public(host), Mode.MULTI_EIP_VISIBLE, gateway=public(33), prefix_length=27) for host in hosts]
    return eni(index, vswitch(index), (10,), eips)


def visible(index: int, host: int) -> Eni:
    """An ENI with an EIP-visible EIP."""
    return eni(index, vswitch(index), (10,), [Eip(public(host), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])


BASE: Final = Topology(
    (nat(0, vswitch(0)), nat(1, vswitch(1), (10, 11)), visible(2, 120), multi(3, 42, 43), multi(4, 45)),
    extra_vswitches=ELSEWHERE,
)


SHORT: Final = "[metadata]\ntimeout = 0.5\ndeadline = 1.5\n"
"""Do not wait long for a service that is silent."""


@contextlib.contextmanager
def running(
    topology: Topology = BASE, boot: Boot = "bare", more: str = "", *, openapi: bool = True
) -> Iterator[tuple[Cloud, Mortal]]:
    """An instance, not yet configured, and the agent in it."""
    with Cloud(topology, boot=boot, peers=False) as cloud:
        cloud.settings(more + SHORT + (cloud.openapi_settings() if openapi else "[openapi]\nenabled = false\n"))
        at_rest(cloud.guest)
        with Mortal(cloud) as mortal:
            yield cloud, mortal


def passed(mortal: Mortal, code: int = 0, *arguments: str) -> Ended:
    """One pass, expecting an exit code."""
    ended = mortal.run("apply", *arguments)
    assert ended.code == code, ended
    assert "Traceback" not in ended.err
    return ended


@contextlib.contextmanager
def alive(cloud: Cloud, *addresses: IPAddress) -> Iterator[None]:
    """Streams from the Internet to these addresses outlive the block and lose nothing."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Stream(cloud.internet, address)) for address in addresses]
        yield
        assert [stream.broken for stream in streams if not stream.intact] == []
        assert [stream.lost() for stream in streams] == [0] * len(streams)


@needs_openapi
def test_every_change_of_a_binding_is_right_with_the_next_pass_and_disturbs_nobody_else() -> None:
    """An EIP moves; NAT turns into EIP-visible and back; EIPs are released, bound, unbound."""
    with running() as (cloud, mortal), contextlib.ExitStack() as stack:
        passed(mortal)
        assert unreached(cloud) == []
        stack.enter_context(alive(cloud, public(10), public(42), BASE.enis[3].ipv6s[0], BASE.enis[1].ipv6s[0]))

        now = BASE.with_eni(multi(3, 42)).with_eni(multi(4, 43, 45))
        cloud.become(now)
        moved = passed(mortal)
        assert f"eth3 203.0.113.43: the EIP is no longer bound to {now.enis[3].eni_id}" in moved.err
        assert f"it is bound to {now.enis[4].eni_id} now" in moved.err
        assert unreached(cloud) == []

        now = now.with_eni(visible(1, 20))
        cloud.become(now)
        turned = passed(mortal)
        assert f"eth1 {now.enis[1].eni_id}: its binding mode was nat" in turned.err
        assert "and is eip-visible" in turned.err
        assert "203.0.113.21: the EIP is no longer bound" in turned.err
        assert unreached(cloud) == []

        now = now.with_eni(BASE.enis[1]).with_eni(replace(BASE.enis[2], eips=())).with_eni(multi(4, 43, 44, 45))
        cloud.become(now)
        back = passed(mortal)
        assert "and is nat" in back.err
        assert "eth2 203.0.113.120: the EIP is no longer bound" in back.err
        assert "it is bound to nothing here" in back.err
        assert unreached(cloud) == []

        assert passed(mortal).out.startswith("as desired")
        assert passed(mortal).err == "", "what is told once is not told again"


@needs_openapi
def test_a_lease_older_than_the_change_of_mode_is_told_and_not_followed() -> None:
    """Both ways at once: one ENI was NAT and has its private address leased, the other one its EIP."""
    with running(boot="dhcp") as (cloud, mortal):
        passed(mortal)
        with alive(cloud, public(10), public(42)):
            cloud.become(BASE.with_eni(visible(1, 20)).with_eni(nat(2, vswitch(2), first=120)))
            turned = passed(mortal)

        assert "eth1: the DHCP client holds 172.16.1.10, while the cloud now offers 203.0.113.20" in turned.err
        assert "eth2: the DHCP client holds 203.0.113.120, while the cloud now offers 172.16.2.10" in turned.err
        assert "networkctl renew eth2" in turned.err
        assert unreached(cloud) == []


# --- what is remembered -----------------------------------------------------------------------------------------------


def state_file(cloud: Cloud) -> Path:
    return cloud.directory / "state" / "last-known-good.json"


@contextlib.contextmanager
def silence(cloud: Cloud, *, dhcp: bool = False) -> Iterator[None]:
    """No metadata, no OpenAPI, and no DHCP if that is wanted too."""
    cloud.metadata.stop()
    cloud.openapi.stop()
    if dhcp:
        cloud.dhcp.stop()
    try:
        yield
    finally:
        cloud.metadata.start()
        cloud.openapi.start()
        if dhcp:
            cloud.dhcp.start()


@pytest.fixture(scope="module")
def remembering() -> Iterator[tuple[Cloud, Mortal]]:
    """An instance with a last known good."""
    with running() as (cloud, mortal):
        passed(mortal)
        yield cloud, mortal


@needs_openapi
@pytest.mark.parametrize("dhcp", [False, True], ids=["with DHCP", "without DHCP"])
def test_a_boot_without_metadata_and_openapi_configures_what_was_last_known(
    remembering: tuple[Cloud, Mortal], *, dhcp: bool
) -> None:
    """All of it: the gateway of an EIP-visible EIP is what DHCP offers, or what it last offered."""
    cloud, mortal = remembering
    assert mortal.run("revert").code == 0
    with silence(cloud, dhcp=dhcp):
        ended = passed(mortal, 4)

        assert "metadata service: it tells nothing now, so what it said " in ended.err
        assert " ago is used" in ended.err
        assert "nothing is removed by it" in ended.err
        assert "not read metadata service: " in ended.err
        assert unreached(cloud) == []
        told = mortal.run("explain", "--format", "json")
        assert verdicts(told.out)["eth3"] == ("multi-eip-visible", "probable")
        assert "OpenAPI, as it was " in evidence(told.out, "eth3")[-1]
        assert verdicts(told.out)["eth2"] == ("eip-visible", "probable" if dhcp else "certain")
        assert passed(mortal, 4).out == ""
    assert passed(mortal).out.startswith("as desired")


@needs_openapi
def test_nothing_is_removed_by_what_was_last_known() -> None:
    """It lacks an EIP, an address, and the mode that an ENI has had since."""
    before = BASE.with_eni(multi(3, 42)).with_eni(nat(1, vswitch(1))).with_eni(nat(2, vswitch(2), first=120))
    with running(before) as (cloud, mortal):
        passed(mortal)
        old = state_file(cloud).read_bytes()
        cloud.become(BASE)
        passed(mortal)
        state_file(cloud).write_bytes(old)
        with silence(cloud), alive(cloud, *(eip.address for one in BASE.enis for eip in one.eips)):
            passed(mortal, 4)
            assert unreached(cloud) == []


@needs_openapi
def test_what_was_last_known_is_the_owners_alone_and_holds_no_secret(remembering: tuple[Cloud, Mortal]) -> None:
    cloud, _ = remembering
    path = state_file(cloud)

    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.parent.stat().st_mode & 0o7777 == 0o700
    assert [secret for secret in cloud.account.secrets() if secret in path.read_text()] == []


OTHER: Final = Topology(
    tuple(replace(one, mac=Mac(f"00:16:3e:77:00:{number:02x}")) for number, one in enumerate(BASE.enis)),
    instance_id="i-bp1other",
)


@needs_openapi
@pytest.mark.parametrize("same_macs", [False, True])
def test_another_instance_never_uses_it(remembering: tuple[Cloud, Mortal], *, same_macs: bool) -> None:
    """A clone of the disk: other MACs tell while the metadata service is silent, the instance id when it is not."""
    clone = replace(BASE, instance_id=OTHER.instance_id) if same_macs else OTHER
    with running(clone, openapi=False) as (cloud, mortal):
        shutil.copytree(state_file(remembering[0]).parent, state_file(cloud).parent)
        if not same_macs:
            cloud.metadata.stop()
            with unchanged(cloud):
                ended = passed(mortal, 4)
            assert "saved on another instance" in ended.err
            assert "ago is used" not in ended.err
            cloud.metadata.start()

        ended = passed(mortal)
        assert "saved on another instance" in ended.err
        silent = [str(eip.address) for link in ("eth3", "eth4") for eip in clone.eni(link).eips]
        assert unreached(cloud) == silent, "what only the OpenAPI knew was taken from the other instance"
        assert json.loads(state_file(cloud).read_text())["known"]["instance_id"] == clone.instance_id
        assert "another instance" not in passed(mortal).err


DAMAGES: Final[tuple[bytes, ...]] = (b"", b"\xff\x00", b'{"version": 1, "known": {"instance_id"', b"[" * 99999)


@needs_openapi
def test_a_damaged_file_is_put_aside_and_told(remembering: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = remembering
    path = state_file(cloud)
    passed(mortal)
    good = path.read_bytes()
    document: dict[str, Any] = json.loads(good)
    document["known"]["saved_at"] = "yesterday"
    for bad in (*DAMAGES, json.dumps(document).encode(), good.replace(b'"version": 1', b'"version": 2')):
        path.write_bytes(bad)
        with silence(cloud), unchanged(cloud):
            silent = passed(mortal, 4)
        assert "last-known-good.json: " in silent.err
        assert "not used" in silent.err
        assert path.read_bytes() == bad, "it stays for the one who looks"
    with unchanged(cloud):
        told = passed(mortal)
    assert "not used" in told.err
    assert path.with_suffix(".damaged").read_bytes() == bad
    assert json.loads(path.read_text())["known"]["instance_id"] == BASE.instance_id
    assert passed(mortal).err == ""


@needs_openapi
def test_what_was_last_known_is_not_believed_against_a_live_source(remembering: tuple[Cloud, Mortal]) -> None:
    """While the OpenAPI is silent a mode changes: what DHCP offers now says so."""
    cloud, mortal = remembering
    passed(mortal)
    cloud.openapi.stop()
    try:
        with alive(cloud, public(10), public(42)):
            cloud.become(BASE.with_eni(visible(1, 20)).with_eni(nat(2, vswitch(2), first=120)))
            turned = passed(mortal, 4)
            assert "eth1 " in turned.err
            assert "its binding mode was nat" in turned.err
            assert "its binding mode was eip-visible" in turned.err
            assert "not read openapi" in turned.err
            assert unreached(cloud) == []
            cloud.become(BASE)
            passed(mortal, 4)
            assert unreached(cloud) == []
    finally:
        cloud.openapi.start()
        cloud.become(BASE)
    passed(mortal)
    assert passed(mortal).err == ""


def test_a_first_boot_without_anything_known_configures_nothing() -> None:
    with running(openapi=False) as (cloud, mortal):
        cloud.metadata.stop()
        with unchanged(cloud):
            ended = passed(mortal, 4)
        assert "not read metadata service" in ended.err
        assert not state_file(cloud).exists()
        assert IPv4Address("203.0.113.10") in {eip.address for eip in BASE.primary.eips}
