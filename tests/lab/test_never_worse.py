"""Whatever the metadata service, the settings or the kernel do: what works goes on working.

::

      internet ──── three streams, never cut ──── guest: as desired
                                                    │ eip-agent apply, again and again
      metadata: every fault, everywhere ────────────┤
      settings: wrong in every way ─────────────────┤  nothing changes, and it says what is missing
      kernel: strangers in our place, links gone ───┘
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from eip_agent.core.facts import IPAddress  # noqa: TC001 it costs nothing here
from eip_agent.core.numbers import table_of
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.guest import Boot
from eip_agent.lab.metadata import Fault, FaultKind
from eip_agent.lab.probe import reach
from eip_agent.lab.stream import Stream
from eip_agent.lab.topology import Topology, eni, vswitch
from tests.lab.mortal import Ended, Mortal, at_rest, difference, state, unchanged, unreached
from tests.lab.support import BINDED, MULTI, declared, nat

pytestmark = pytest.mark.lab

DEADLINE = 0.4
ONE = Topology((nat(0, vswitch(0)), BINDED, MULTI, nat(3, vswitch(3), (10, 11))))
ENI = f"meta-data/network/interfaces/macs/{ONE.enis[3].mac}/"
LEAVES = (
    "network-interface-id",
    "primary-ip-address",
    "private-ipv4s",
    "netmask",
    "vswitch-cidr-block",
    "gateway",
    "vswitch-ipv6-cidr-block",
    "ipv6-gateway",
    "vpc-cidr-block",
)
"""Without `ipv6s`: that one is absent wherever an ENI has none."""


def short(topology: Topology, more: str = "") -> str:
    """Settings that do not wait long."""
    return f"{more}\n[metadata]\ntimeout = 0.1\ndeadline = {DEADLINE}\n{declared(topology)}"


@contextmanager
def instance(topology: Topology, boot: Boot = "bare") -> Iterator[tuple[Cloud, Mortal]]:
    with Cloud(topology, boot=boot, peers=False) as cloud, Mortal(cloud) as mortal:
        cloud.settings(short(topology))
        at_rest(cloud.guest)
        yield cloud, mortal


@pytest.fixture(scope="module")
def good() -> Iterator[tuple[Cloud, Mortal]]:
    """After a good pass, with a stream for each mode and family."""
    with instance(ONE) as (cloud, mortal):
        assert mortal.run("apply").code == 0
        ends: list[IPAddress] = [
            *(eni.eips[0].address for eni in ONE.enis),
            ONE.enis[3].eips[1].address,
            ONE.enis[3].ipv6s[0],
        ]
        streams = [Stream(cloud.internet, end) for end in ends]
        yield cloud, mortal
        for stream in streams:
            stream.close()
        assert [stream.broken for stream in streams if not stream.intact] == []


@pytest.fixture(autouse=True)
def _healed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "good" in request.fixturenames:
        cloud, mortal = request.getfixturevalue("good")
        cloud.metadata.faults.clear()
        cloud.metadata.all_served, cloud.metadata.hardened = True, False
        cloud.settings(short(ONE))
        assert mortal.run("apply").out.startswith("as desired")


@contextmanager
def never_worse(cloud: Cloud) -> Iterator[None]:
    """Nothing changes, and all of it within the deadline."""
    began = time.monotonic()
    with unchanged(cloud):
        yield
        assert time.monotonic() - began < DEADLINE + 2, "the deadline, and a busy machine"


def failed(cloud: Cloud, mortal: Mortal, *faults: Fault) -> Ended:
    """A pass with these faults."""
    cloud.metadata.faults[:] = faults
    cloud.metadata.forget_tokens()
    ended = mortal.run("apply")
    assert "Traceback" not in ended.err
    return ended


def says_so(ended: Ended) -> None:
    """It says what could not be read, what that means, and changes nothing."""
    assert ended.code == 4, ended
    assert re.search(r"^not read \S.*: \S", ended.err, re.MULTILINE), ended
    assert "nothing is removed because of it" in ended.err


WAYS = (
    *(
        Fault("", kind, value="http://198.51.100.7/", seconds=60)
        for kind in FaultKind
        if kind not in {FaultKind.STATUS, FaultKind.MISSING, FaultKind.VALUE, FaultKind.NEWLINE}
    ),
    *(Fault("", FaultKind.STATUS, status=status) for status in (400, 401, 403, 404, 410, 429, 500, 503)),
    *(Fault("", FaultKind.BODY, value=text) for text in ("null", "[]", "{}", '{"network": 5}', "\x00", "[" * 99999)),
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.kind.value} {way.status} {str(way.value)[:9]!r}")
def test_a_service_that_fails_everywhere_changes_nothing(good: tuple[Cloud, Mortal], way: Fault) -> None:
    cloud, mortal = good
    with never_worse(cloud):
        says_so(failed(cloud, mortal, replace(way)))


def test_a_service_that_is_not_there_changes_nothing(good: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = good
    cloud.metadata.stop()
    try:
        with never_worse(cloud):
            ended = failed(cloud, mortal)
    finally:
        cloud.metadata.start()

    says_so(ended)
    assert "100.100.100.200" in ended.err


@pytest.mark.parametrize(("path", "hardened"), [("api/token", True), ("api/token", False), ("meta-data/all", False)])
def test_a_fault_of_the_token_or_the_whole_changes_nothing(
    good: tuple[Cloud, Mortal], path: str, *, hardened: bool
) -> None:
    """Without a token the normal mode still answers, and without the whole document its leaves do."""
    cloud, mortal = good
    cloud.metadata.hardened = hardened
    with unchanged(cloud):
        for way in WAYS[:-6:2]:
            ended = failed(cloud, mortal, replace(way, path_prefix=path))
            if ended.code:
                says_so(ended)
            else:
                assert ended.out.startswith("as desired")


@pytest.mark.parametrize(
    ("leaf", "all_served"),
    [
        *((leaf, True) for leaf in ("meta-data/mac", *(f"{ENI}{leaf}" for leaf in LEAVES))),
        *((leaf, False) for leaf in ("meta-data/mac", f"{ENI}gateway", f"{ENI}private-ipv4s")),
    ],
)
def test_an_item_that_is_missing_or_wrong_changes_nothing(
    good: tuple[Cloud, Mortal], leaf: str, *, all_served: bool
) -> None:
    cloud, mortal = good
    cloud.metadata.all_served = all_served
    values: tuple[object, ...] = ("", "[]", "999.1.1.1", "0.0.0.0/0", "x" * 9999, {}, None)
    faults = [Fault(leaf, FaultKind.MISSING), *(Fault(leaf, FaultKind.VALUE, value=value) for value in values)]
    if not all_served:
        # Of what differs only when it is one document, one is enough.
        faults = [*faults[:2], Fault(leaf, FaultKind.STATUS, status=500)]
    with unchanged(cloud):
        for fault in faults:
            ended = failed(cloud, mortal, fault)
            if ended.code:
                says_so(ended)
                assert Path(leaf).name in ended.err or ended.err.count("not read"), (fault, ended)
            else:
                assert ended.out.startswith("as desired"), (fault, ended)


def test_an_eni_that_is_not_listed_keeps_all_it_has(good: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = good
    with never_worse(cloud):
        for eni in ONE.enis[1:]:
            ended = failed(cloud, mortal, Fault(f"meta-data/network/interfaces/macs/{eni.mac}", FaultKind.MISSING))
            assert ended.code == 4
            assert eni.mac in ended.err


@pytest.mark.parametrize("leaf", ["ipv6s", "private-ipv4s"])
def test_one_answer_that_lacks_addresses_removes_none(good: tuple[Cloud, Mortal], leaf: str) -> None:
    cloud, mortal = good
    value = f'["{ONE.enis[3].private[0]}"]' if leaf == "private-ipv4s" else "[]"
    with unchanged(cloud):
        ended = failed(cloud, mortal, Fault(f"{ENI}{leaf}", FaultKind.VALUE, value=value, times=1))

    assert ended.code == (0 if leaf == "ipv6s" else 4), "an EIP is declared for the private address"


def test_two_answers_that_contradict_each_other_remove_nothing(good: tuple[Cloud, Mortal]) -> None:
    """First the addresses of eth3 are gone, a moment later those of eth1."""
    cloud, mortal = good
    eth1 = f"meta-data/network/interfaces/macs/{ONE.enis[1].mac}/"
    with unchanged(cloud):
        ended = failed(
            cloud,
            mortal,
            Fault(f"{ENI}ipv6s", FaultKind.VALUE, value=f"[{ONE.enis[3].ipv6s[0]}]", times=1),
            Fault(f"{eth1}ipv6s", FaultKind.VALUE, value="[]"),
            Fault(f"{eth1}ipv6s", FaultKind.VALUE, value=f"[{ONE.enis[1].ipv6s[0]}]", times=1),
        )

    says_so(ended)
    assert "each leaves out other addresses" in ended.err


@pytest.mark.parametrize("newlines", [True, False])
@pytest.mark.parametrize("hardened", [True, False])
@pytest.mark.parametrize("all_served", [True, False])
def test_a_service_of_any_kind_says_the_same(
    good: tuple[Cloud, Mortal], *, newlines: bool, hardened: bool, all_served: bool
) -> None:
    cloud, mortal = good
    cloud.metadata.hardened, cloud.metadata.all_served = hardened, all_served
    with unchanged(cloud):
        ended = failed(cloud, mortal, *([Fault("", FaultKind.NEWLINE)] if newlines else []))

    assert (ended.code, ended.err) == (0, "")


BAD_SETTINGS = (
    "[",
    "nonsense = 1",
    "lock_timeout = -1",
    "[metadata]\nurl = 5",
    '[metadata]\nurl = "https://198.51.100.7/"',
    '[metadata]\ndeadline = "soon"',
    "[[eip]]",
    '[[eip]]\naddress = "203.0.113.9"\nmode = "nat"',
    '[[eip]]\naddress = "203.0.113.999"\nmode = "nat"\neni = "eni-1"',
    '[[eip]]\naddress = "203.0.113.9"\nmode = "unheard-of"\neni = "eni-1"',
    '[[eip]]\naddress = "203.0.113.9"\nmode = "nat"\neni = "eni-1"\nmac = "00:16:3e:00:00:01"',
    '[[eip]]\naddress = "203.0.113.9"\nmode = "multi-eip-visible"\neni = "eni-1"',
    '[exclude]\naddresses = ["0.0.0.0/33"]',
    '[leave]\nprimary = "perhaps"',
    declared(ONE) + declared(ONE),
)


@pytest.mark.parametrize("text", BAD_SETTINGS, ids=lambda text: text[-40:])
def test_wrong_settings_change_nothing(good: tuple[Cloud, Mortal], text: str) -> None:
    cloud, mortal = good
    cloud.settings(text)
    with never_worse(cloud):
        ended = mortal.run("apply")

    assert ended.code == 2, ended
    assert ended.out == ""
    assert re.fullmatch(r"(eip-agent: [^\n]+\n)([^\n]+\n)*", ended.err), ended.err
    assert "config.toml" in ended.err


@pytest.mark.parametrize(
    "contradiction",
    [
        '[[eip]]\naddress = "203.0.113.9"\nmode = "nat"\nprivate_address = "172.16.3.99"\neni = "{eni}"',
        '[[eip]]\naddress = "203.0.113.9"\nmode = "nat"\neni = "eni-bp1lab99999999999999"',
    ],
)
def test_settings_that_contradict_the_cloud_change_nothing(good: tuple[Cloud, Mortal], contradiction: str) -> None:
    cloud, mortal = good
    less = replace(ONE, enis=ONE.enis[:3])
    cloud.settings(short(less) + contradiction.format(eni=ONE.enis[3].eni_id))
    with never_worse(cloud):
        ended = mortal.run("apply")

    assert ended.code == 4
    assert "203.0.113.9" in ended.err + ended.out


# --- the kernel -------------------------------------------------------------------------------------------------------

TWO = Topology((nat(0, vswitch(0)), nat(1, vswitch(1), (10, 11)), nat(2, vswitch(2))))


@pytest.fixture
def fresh() -> Iterator[tuple[Cloud, Mortal]]:
    """Before any pass."""
    with instance(TWO) as made:
        yield made


def index(cloud: Cloud, link: str) -> int:
    return int(json.loads(cloud.guest.run(["ip", "-j", "link", "show", link]).stdout)[0]["ifindex"])


@pytest.mark.parametrize(("family", "destination"), [(4, "default"), (6, "default"), (4, "172.16.1.0/24")])
def test_a_strangers_route_in_our_table_is_not_overwritten(
    fresh: tuple[Cloud, Mortal], family: int, destination: str
) -> None:
    cloud, mortal = fresh
    cloud.guest.run(
        ["ip", f"-{family}", "route", "add", destination, "dev", "lo", "table", str(table_of(index(cloud, "eth1"), 0))]
    )
    with unchanged(cloud):
        ended = mortal.run("apply")

    assert ended.code == 1
    assert "refused by the kernel" in ended.out
    assert "File exists" in ended.out


def test_a_strangers_rule_in_our_band_stays_and_is_told(fresh: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = fresh
    cloud.guest.ip("rule add from 198.51.100.99 lookup main priority 24011 protocol static")
    before = state(cloud.guest)

    ended = mortal.run("apply")

    assert ended.code == 0
    assert "24011" in ended.err
    assert unreached(cloud) == []
    assert mortal.run("apply").out.startswith("as desired")
    assert mortal.run("revert").code == 0
    assert difference(before, state(cloud.guest)) == []


def test_a_strangers_rule_that_says_what_ours_would_is_left_and_enough(fresh: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = fresh
    table = table_of(index(cloud, "eth1"), 0)
    cloud.guest.ip(f"rule add from all oif eth1 lookup {table} priority 24020 protocol static")
    before = state(cloud.guest)

    assert mortal.run("apply").code == 0
    assert mortal.run("apply").out.startswith("as desired")

    assert unreached(cloud) == []
    assert mortal.run("revert").code == 0
    assert difference(before, state(cloud.guest)) == []


def test_a_strangers_address_is_left_where_it_is(fresh: tuple[Cloud, Mortal]) -> None:
    """One of eth1's on eth2, and one of eth1's on eth1 with another mask."""
    cloud, mortal = fresh
    cloud.guest.ip(
        "link set eth1 up\nlink set eth2 up\n"
        f"addr add {TWO.enis[1].private[1]}/32 dev eth2\naddr add {TWO.enis[1].private[0]}/16 dev eth1"
    )
    before = state(cloud.guest)

    assert mortal.run("apply").code == 0
    assert mortal.run("apply").out.startswith("as desired")

    assert unreached(cloud) == []
    assert mortal.run("revert").code == 0
    assert difference(before, state(cloud.guest)) == []


@pytest.mark.parametrize("number", range(1, 7))
def test_a_link_that_vanishes_in_the_middle_undoes_the_pass(number: int) -> None:
    """It goes after the n-th batch.  What was undone stays undone, and the next pass does without it.

    After the first one, which only wakes the links, the pass looks again and sees it gone; after the last one all is
    written.
    """
    with instance(TWO) as (cloud, mortal):
        before = [line for line in state(cloud.guest) if "eth2" not in line]
        ended = mortal.run("apply", vanishing=f"{number}:eth2")
        if 1 < number < 6:
            assert ended.code == 1
            assert "refused by the kernel; everything this pass had done was undone" in ended.out
            assert "would not take back" not in ended.out
            assert difference(before, state(cloud.guest)) == []
        else:
            assert "refused" not in ended.out
        cloud.settings(short(TWO.without("eth2")))
        assert mortal.run("apply").code == 0
        assert unreached(cloud, TWO.without("eth2")) == []
        assert mortal.run("revert").code == 0
        assert difference(before, state(cloud.guest)) == []


def test_a_link_in_another_group_keeps_it(fresh: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = fresh
    cloud.guest.ip("link set eth1 group 7")
    before = state(cloud.guest)

    ended = mortal.run("apply")

    assert ended.code == 0
    assert "device group 7" in ended.err
    assert unreached(cloud) == []
    assert mortal.run("revert").code == 0
    assert difference(before, state(cloud.guest)) == []


def test_an_enslaved_link_is_left_alone(fresh: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = fresh
    cloud.guest.ip("link add br0 type bridge\nlink set eth1 master br0")
    before = state(cloud.guest)

    ended = mortal.run("apply")

    assert ended.code == 4, "an EIP is declared for it"
    assert "bridge, bond or failover" in ended.err
    assert not [line for line in difference(before, state(cloud.guest)) if '"eth1"' in line]
    assert unreached(cloud, TWO.without("eth1")) == []
    assert mortal.run("revert").code == 0
    assert difference(before, state(cloud.guest)) == []


def test_a_device_on_top_with_the_same_mac_is_no_eni(fresh: tuple[Cloud, Mortal]) -> None:
    """A bridge stands for the VLANs and bonds that not every kernel has."""
    cloud, mortal = fresh
    cloud.guest.ip(f"link add top type bridge\nlink set top address {TWO.enis[1].mac} up")
    before = state(cloud.guest)

    assert mortal.run("apply").code == 0

    assert unreached(cloud) == []
    assert mortal.run("apply").out.startswith("as desired")
    assert mortal.run("revert").code == 0
    changed = difference(before, state(cloud.guest))
    assert [line for line in changed if "_timer" not in line] == [], "a bridge has clocks"


def test_of_two_links_with_one_mac_neither_is_touched(fresh: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = fresh
    twin = f"link add twin address {TWO.enis[1].mac} type veth peer name other netns /proc/self/fd/{cloud.router.fd}"
    cloud.guest.ip(twin, fds=[cloud.router.fd])
    before = state(cloud.guest)

    ended = mortal.run("apply")

    assert ended.code == 4, "an EIP is declared for it"
    assert "several links have its MAC address: " in ended.err
    assert not [line for line in difference(before, state(cloud.guest)) if "eth1" in line or "twin" in line]
    assert unreached(cloud, TWO.without("eth1")) == []
    assert mortal.run("revert").code == 0
    assert difference(before, state(cloud.guest)) == []


def test_a_link_that_is_renamed_keeps_all_but_its_name(fresh: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = fresh
    assert mortal.run("apply").code == 0
    with Stream(cloud.internet, TWO.enis[1].eips[0].address) as stream:
        cloud.guest.ip("link property add dev eth1 altname spare\nlink set eth1 name ens9")
        renamed = mortal.run("apply")
        assert renamed.code == 0, renamed
        assert stream.intact, stream.broken
    assert mortal.run("apply").out.startswith("as desired")
    assert reach(cloud.guest, "198.51.100.7", "udp", device="ens9")
    assert mortal.run("revert").code == 0
    assert not [line for line in state(cloud.guest) if "20000" in line]


@pytest.mark.parametrize("scope", ["eth1", "all"])
def test_a_link_without_ipv6_gets_all_of_ipv4(fresh: tuple[Cloud, Mortal], scope: str) -> None:
    cloud, mortal = fresh
    cloud.guest.sysctl({f"net/ipv6/conf/{scope}/disable_ipv6": 1})
    before = state(cloud.guest)

    ended = mortal.run("apply")

    assert ended.code == 0, ended
    assert "eth1" in ended.err
    assert "IPv6 is switched off" in ended.err
    silent = set(unreached(cloud))
    assert silent == {str(ip) for one in TWO.enis for ip in one.ipv6s if scope in {"all", one.link}}
    assert mortal.run("apply").out.startswith("as desired")
    assert mortal.run("revert").code == 0
    assert difference(before, state(cloud.guest)) == []


def test_ipv6_that_is_switched_off_later_takes_no_ipv4_with_it(fresh: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = fresh
    assert mortal.run("apply").code == 0
    with Stream(cloud.internet, TWO.enis[1].eips[0].address) as stream:
        cloud.guest.sysctl({"net/ipv6/conf/eth1/disable_ipv6": 1})
        assert mortal.run("apply").code == 0
        cloud.guest.sysctl({"net/ipv6/conf/eth1/disable_ipv6": 0})
        assert mortal.run("apply").code == 0
        assert stream.intact, stream.broken
        assert stream.lost() == 0
    assert unreached(cloud) == []


def test_a_link_without_carrier_is_configured_all_the_same(fresh: tuple[Cloud, Mortal]) -> None:
    cloud, mortal = fresh
    cloud.router.ip("link set eth1 down")

    assert mortal.run("apply").code == 0
    assert mortal.run("apply").out.startswith("as desired")

    assert unreached(cloud, TWO.without("eth1")) == []


def test_an_address_that_moves_to_another_eni_moves(fresh: tuple[Cloud, Mortal]) -> None:
    """It is on both for no moment, and one pass is enough."""
    cloud, mortal = fresh
    shared = vswitch(1)
    first = Topology((TWO.enis[0], eni(1, shared, (10, 11)), eni(2, shared, (20,))))
    second = Topology((TWO.enis[0], eni(1, shared, (10,)), eni(2, shared, (20, 11))))
    cloud.settings(short(first))
    cloud.become(replace(TWO, enis=TWO.enis[:1]))
    cloud.become(first)
    assert mortal.run("apply").code == 0
    cloud.become(second)

    ended = mortal.run("apply")

    assert ended.code == 0, ended
    assert mortal.run("apply").out.startswith("as desired")
    assert IPv4Address("172.16.1.11") in second.enis[2].private
    assert reach(cloud.guest, "198.51.100.7", "udp", source=TWO.enis[0].private[0])
    assert set(cloud.spoofs().values()) == {0}
