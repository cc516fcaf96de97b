"""The metadata tree becomes facts; what is wrong with one ENI stays with it."""

import copy
import json
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.facts import CloudFact, Mac, Unread
from eip_agent.errors import MetadataError
from eip_agent.lab.document import INSTANCE_TYPE, Binded, metadata_tree, whole_document
from eip_agent.lab.topology import DEMO
from eip_agent.sources.document import ENI_LEAVES, TOP_LEAVES, Failed, as_mac, decode

MAC = Mac("00:16:3e:00:00:01")
PATH = f"macs/{MAC}/"


def document() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(whole_document(metadata_tree(DEMO)))
    return parsed


def macs(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tree["network"]["interfaces"]["macs"]
    return found


def with_leaf(name: str, value: object) -> dict[str, Any]:
    """The document with one leaf of the ENI `MAC` set, or removed where the value is None."""
    tree = document()
    macs(tree)[MAC][name] = value
    if value is None:
        del macs(tree)[MAC][name]
    return tree


@pytest.mark.parametrize("bad", ["", "a b", 7, {}, Failed("500")])
def test_what_only_explains_is_not_missed(bad: object) -> None:
    tree = document() | {"instance": {"instance-type": bad}, "zone-id": bad, "public-ipv4": bad}
    fact = decode(tree)

    assert (fact.instance_type, fact.zone, fact.public_ipv4, fact.unread) == (None, None, None, ())
    assert decode(document() | {"instance": "no folder"}).instance_type is None


def test_every_eni_of_the_demo_is_read_as_it_was_made() -> None:
    fact = decode(document())

    assert fact.unread == ()
    assert fact.primary_mac == DEMO.primary.mac
    assert fact.instance_id == DEMO.instance_id
    assert fact.region == DEMO.region
    assert fact.eipv4 == fact.public_ipv4 == DEMO.primary.eips[0].address
    assert (fact.instance_type, fact.zone) == (INSTANCE_TYPE, f"{DEMO.region}-j")
    assert [eni.mac for eni in fact.enis] == sorted(eni.mac for eni in DEMO.enis)
    for read in fact.enis:
        made = next(eni for eni in DEMO.enis if eni.mac == read.mac)
        assert read.unread == ()
        assert read.eni_id == made.eni_id
        assert read.primary == made.private[0]
        assert read.private_ipv4s == made.private
        assert read.subnet == made.vswitch.cidr
        assert read.gateway == made.vswitch.gateway
        assert (read.ipv6s, read.subnet6, read.gateway6) == (made.ipv6s, made.vswitch.cidr6, made.vswitch.gateway6)
        assert (read.ipv4_prefixes, read.ipv6_prefixes, read.vpc) == ((), (), DEMO.vpc)


@pytest.mark.parametrize(
    ("leaf", "value", "field", "expected"),
    [
        ("private-ipv4s", '["172.16.1.11","172.16.1.10"]\n', "private_ipv4s", ("172.16.1.10", "172.16.1.11")),
        ("private-ipv4s", '[ "172.16.1.11", "172.16.1.11" ]', "private_ipv4s", ("172.16.1.11",)),
        ("private-ipv4s", "172.16.1.10,172.16.1.12", "private_ipv4s", ("172.16.1.10", "172.16.1.12")),
        ("private-ipv4s", "[172.16.1.12]\r\nmore", "private_ipv4s", ("172.16.1.12",)),
        ("ipv6s", '["2001:DB8::1"]', "ipv6s", ("2001:db8::1",)),
        ("ipv6s", "[]", "ipv6s", ()),
        ("ipv6s", "", "ipv6s", ()),
        ("ipv4-prefixes", "[172.16.1.16/28]", "ipv4_prefixes", ("172.16.1.16/28",)),
        ("ipv4-prefixes", '["172.16.1.16/28","172.16.1.32/28"]', "ipv4_prefixes", ("172.16.1.16/28", "172.16.1.32/28")),
        ("ipv6-prefixes", "2001:db8:100:1:8000::/80", "ipv6_prefixes", ("2001:db8:100:1:8000::/80",)),
        ("gateway", " 172.16.1.253 \n", "gateway", "172.16.1.253"),
        ("ipv6-gateway", "fe80::1", "gateway6", "fe80::1"),
        ("vpc-cidr-block", None, "vpc", "None"),
    ],
)
def test_a_value_is_read_in_every_spelling(leaf: str, value: str | None, field: str, expected: object) -> None:
    eni = decode(with_leaf(leaf, value)).enis[1]
    read = getattr(eni, field)

    assert (tuple(map(str, read)) if isinstance(read, tuple) else str(read)) == expected
    assert eni.unread == ()


@pytest.mark.parametrize(
    ("leaf", "value", "field"),
    [
        ("network-interface-id", None, "eni_id"),
        ("network-interface-id", "<html>", "eni_id"),
        ("primary-ip-address", None, "primary"),
        ("primary-ip-address", "172.016.1.10", "primary"),
        ("primary-ip-address", "0.0.0.0", "primary"),  # noqa: S104 - refused here
        ("private-ipv4s", None, "private_ipv4s"),
        ("private-ipv4s", "", "private_ipv4s"),
        ("private-ipv4s", "[]", "private_ipv4s"),
        ("private-ipv4s", ["172.16.1.10"], "private_ipv4s"),
        ("private-ipv4s", '["172.16.1.10","172.16.1.1', "private_ipv4s"),
        ("private-ipv4s", '["172.16.1.10","172.16.1.1]', "private_ipv4s"),
        ("private-ipv4s", '["172.16.1.10",]', "private_ipv4s"),
        ("private-ipv4s", '["172.16.1.10","127.0.0.1"]', "private_ipv4s"),
        ("private-ipv4s", '["172.16.1.10","224.0.0.1"]', "private_ipv4s"),
        ("private-ipv4s", '["255.255.255.255"]', "private_ipv4s"),
        ("private-ipv4s", '["172.16.1.10/24"]', "private_ipv4s"),
        ("gateway", None, "gateway"),
        ("gateway", 2886729213, "gateway"),
        ("gateway", "fe80::1", "gateway"),
        ("vswitch-cidr-block", "0.0.0.0/0", "subnet"),
        ("vswitch-cidr-block", "172.16.1.10/24", "subnet"),
        ("vswitch-cidr-block", "172.16.1.0", "subnet"),
        ("vswitch-cidr-block", "172.16.1.0/255.255.255.0", "subnet"),
        ("vswitch-cidr-block", "128.0.0.0/1", "subnet"),
        ("vpc-cidr-block", "172.16.0.0/99", "vpc"),
        ("ipv4-prefixes", "[172.16.1.16]", "ipv4_prefixes"),
        ("ipv4-prefixes", {}, "ipv4_prefixes"),
        ("ipv6s", "[::1]", "ipv6s"),
        ("ipv6s", "[fe80::1]", "ipv6s"),
        ("ipv6s", "[2001:db8::1,2001:db8::1", "ipv6s"),
        ("ipv6s", "[2001:db8::1%eth0]", "ipv6s"),
        ("ipv6s", "[::ffff:172.16.1.10]", "ipv6s"),
        ("ipv6-prefixes", "junk", "ipv6_prefixes"),
        ("vswitch-ipv6-cidr-block", None, "subnet6"),
        ("vswitch-ipv6-cidr-block", "::/0", "subnet6"),
        ("ipv6-gateway", None, "gateway6"),
        ("ipv6-gateway", Failed("500"), "gateway6"),
    ],
)
def test_a_bad_or_missing_leaf_is_unread_and_the_rest_is_not(leaf: str, value: object, field: str) -> None:
    whole, fact = decode(document()), decode(with_leaf(leaf, value))

    assert getattr(fact.enis[1], field) is None
    assert [unread.path for unread in fact.enis[1].unread] == [f"{PATH}{leaf}"]
    assert (fact.enis[0], *fact.enis[2:]) == (whole.enis[0], *whole.enis[2:])
    assert fact.unread == ()


def test_a_subnet_that_is_absent_follows_from_the_mask() -> None:
    eni = decode(with_leaf("vswitch-cidr-block", None)).enis[1]

    assert eni.subnet == IPv4Network("172.16.1.0/24")
    assert eni.unread == ()


@pytest.mark.parametrize("mask", [None, "0.0.0.255", "255.0.255.0", "0.0.0.0", "24"])  # noqa: S104 - refused here
def test_a_subnet_does_not_follow_from_what_is_no_mask(mask: str | None) -> None:
    tree = with_leaf("vswitch-cidr-block", None)
    macs(tree)[MAC].pop("netmask")
    if mask is not None:
        macs(tree)[MAC]["netmask"] = mask
    eni = decode(tree).enis[1]

    assert eni.subnet is None
    assert len(eni.unread) == 1


def test_no_ipv6_is_nothing_unread() -> None:
    tree = document()
    for leaf in ("ipv6s", "ipv6-gateway", "vswitch-ipv6-cidr-block"):
        del macs(tree)[MAC][leaf]
    eni = decode(tree).enis[1]

    assert (eni.ipv6s, eni.subnet6, eni.gateway6, eni.unread) == ((), None, None, ())


@pytest.mark.parametrize(
    ("binded", "primary", "unread"),
    [(Binded.PRIVATE, "172.16.2.10", 0), (Binded.EIP, "203.0.113.20", 0), (Binded.MISSING, "None", 2)],
)
def test_whatever_is_told_of_an_eip_visible_eni_is_read(binded: Binded, primary: str, unread: int) -> None:
    eni = decode(metadata_tree(DEMO, binded)).enis[2]

    assert str(eni.primary) == primary
    assert len(eni.unread) == unread
    assert eni.subnet == IPv4Network("172.16.2.0/24")


def test_macs_are_spelt_one_way_and_strangers_among_them_noted() -> None:
    tree = document()
    macs(tree)[MAC.upper() + "/"] = macs(tree).pop(MAC)
    macs(tree)["eth1"] = macs(tree)["ff:ff:ff:ff:ff:ff"] = {}
    fact = decode(tree)

    assert fact.enis == decode(document()).enis
    assert [unread.path for unread in fact.unread] == ['macs/"eth1"', 'macs/"ff:ff:ff:ff:ff:ff"']


def test_an_eni_told_twice_is_noted() -> None:
    tree = document()
    macs(tree)[MAC.upper()] = {}

    assert decode(tree).unread == (Unread(f'macs/"{MAC.upper()}"', "listed twice"),)


@pytest.mark.parametrize("directory", ["text", [], None, Failed("timed out")])
def test_an_eni_that_is_no_directory_is_unread_as_a_whole(directory: object) -> None:
    tree = document()
    macs(tree)[MAC] = directory
    fact = decode(tree)
    eni = fact.enis[1]

    assert (eni.primary, eni.private_ipv4s, eni.ipv6s, eni.ipv4_prefixes, eni.ipv6_prefixes) == (None,) * 5
    assert [unread.path for unread in eni.unread] == [PATH]
    assert len(fact.enis) == len(DEMO.enis)


@pytest.mark.parametrize(("leaf", "field"), [("mac", "primary_mac"), ("instance-id", "instance_id")])
def test_what_is_missing_beside_the_enis_is_noted_there(leaf: str, field: str) -> None:
    tree = document()
    del tree[leaf]
    fact = decode(tree)

    assert getattr(fact, field) is None
    assert fact.unread == (Unread(leaf, "absent"),)
    assert fact.enis == decode(document()).enis


def test_no_public_address_is_nothing_unread() -> None:
    tree = document()
    del tree["eipv4"]

    assert (decode(tree).eipv4, decode(tree).unread) == (None, ())


def test_a_primary_that_is_not_listed_is_noted() -> None:
    tree = document()
    del macs(tree)[DEMO.primary.mac]
    fact = decode(tree)

    assert fact.primary_mac == DEMO.primary.mac
    assert [unread.path for unread in fact.unread] == ["mac"]


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        "text",
        {},
        {"network": "x"},
        {"network": {"interfaces": []}},
        {"network": {"interfaces": {"macs": {}}}},
        {"network": {"interfaces": {"macs": "x"}}},
        {"network": {"interfaces": {"macs": Failed("timed out")}}},
    ],
)
def test_where_no_eni_can_be_told_it_says_where(tree: object) -> None:
    with pytest.raises(MetadataError, match="meta-data/"):
        decode(tree)


@pytest.mark.parametrize(
    "text", ["", "00:00:00:00:00:00", "01:16:3e:00:00:01", "00:16:3e:00:00", "00-16-3e-00-00-01", 7]
)
def test_what_is_no_mac_of_a_device(text: object) -> None:
    assert as_mac(text) is None


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=30),
    st.text('0123456789abcdef:.,/[]" \n%', max_size=40),
    st.lists(st.text("0123456789.", max_size=15), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    st.sampled_from(["0.0.0.0/0", "::/0", "[]", '["172.16.1.10","172.16.1.1', "224.0.0.1", "[10.0.0.1,,]", "::"]),
    st.builds(Failed, st.text(max_size=5)),
)
REMOVED = object()
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from([None, *(eni.mac for eni in DEMO.enis)]),
        st.sampled_from([*ENI_LEAVES, *TOP_LEAVES, "network", ""]),
        st.one_of(st.just(REMOVED), JUNK, st.integers(0, 30).map(lambda cut: ("cut", cut))),
    ),
    max_size=8,
)


@given(mutations=MUTATIONS)
def test_no_document_is_too_strange_and_no_address_is_invented(mutations: list[tuple[Mac | None, str, object]]) -> None:
    tree = document()
    for mac, leaf, value in mutations:
        mutate(tree, mac, leaf, value)
    before = copy.deepcopy(tree)
    try:
        fact = decode(tree)
    except MetadataError:
        return

    assert tree == before
    assert addresses_of(fact) <= set(addresses_in(tree))
    for eni in fact.enis:
        assert eni.subnet is None or str(eni.subnet) in set(addresses_in(tree)) or eni.primary in eni.subnet
        mandatory = (eni.eni_id, eni.primary, eni.private_ipv4s, eni.subnet, eni.gateway)
        assert eni.unread or None not in (*mandatory, eni.ipv4_prefixes, eni.ipv6s, eni.ipv6_prefixes)
        assert eni.private_ipv4s != ()


def mutate(tree: dict[str, Any], mac: Mac | None, leaf: str, value: object) -> None:
    place: Any = tree
    if mac:
        for folder in ("network", "interfaces", "macs"):
            place = place.get(folder) if isinstance(place, dict) else None
        if isinstance(place, dict) and leaf:
            place = place.get(mac)
    if not isinstance(place, dict):
        return
    name = leaf or str(mac)
    if value is REMOVED:
        place.pop(name, None)
    elif isinstance(value, tuple) and value[:1] == ("cut",):
        if isinstance(place.get(name), str):
            place[name] = place[name][: value[1]]
    else:
        place[name] = value


def addresses_of(fact: CloudFact) -> set[str]:
    found: set[object] = {fact.eipv4}
    for eni in fact.enis:
        found |= {eni.primary, eni.gateway, eni.gateway6, eni.subnet6, eni.vpc}
        found |= {*(eni.private_ipv4s or ()), *(eni.ipv6s or ())}
        found |= {*(eni.ipv4_prefixes or ()), *(eni.ipv6_prefixes or ())}
    return {str(address) for address in found if address is not None}


def addresses_in(tree: object) -> Iterator[str]:
    """Every address and block that the texts of the document spell, canonically."""
    if isinstance(tree, dict):
        for below in tree.values():
            yield from addresses_in(below)
    elif isinstance(tree, str):
        for word in re.split(r"[\s,\[\]\"]+", tree):
            for kind in (IPv4Address, IPv6Address, IPv4Network, IPv6Network):
                try:
                    yield str(kind(word))
                except ValueError:
                    continue
