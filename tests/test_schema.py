"""What settings may say, and how every wrong value is named."""

import json
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent import schema, schema_tables
from eip_agent.core.facts import Mac
from eip_agent.core.settings import DeclaredEip, Mode, Settings
from eip_agent.errors import SettingsError
from eip_agent.written import Written
from tests.spoken import english, in_chinese

PATH = "/etc/eip-agent/config.toml"
ENI = "eni-bp1x"
OTHER = "eni-bp1y"
VISIBLE: dict[str, Any] = {"gateway": "203.0.113.33", "prefix_length": 27}


def eip(
    address: str = "203.0.113.42", mode: str | None = "nat", eni: str | None = ENI, **others: Any
) -> dict[str, Any]:
    given = {"address": address, "mode": mode, "eni": eni, **others}
    return {key: value for key, value in given.items() if value is not None}


def check(**values: Any) -> Settings:
    return schema.check(Written(path=PATH, file=values))


def refused(**values: Any) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        check(**values)
    assert str(caught.value).startswith(f"{PATH}: ")
    assert english(in_chinese(caught.value)) == []
    return caught.value


def said(**values: Any) -> str:
    return str(refused(**values)).removeprefix(f"{PATH}: ")


def test_everything_can_be_said() -> None:
    settings = check(
        run_directory="/run/other",
        state_directory="/var/other",
        lock_timeout=3,
        openapi={
            "enabled": True,
            "timeout": 2,
            "deadline": 9,
            "endpoints": {"vpc": "192.0.2.1:8443", "ecs": "ecs-vpc.cn-hangzhou.aliyuncs.com"},
            "ca_file": "/etc/ssl/other.pem",
            "ram_role": "EipAgentRole",
        },
        dhcp={"offers": False},
        daemon={"poll": 5, "openapi_poll": 3600},
        probe={"target": "[2001:db8::7]:443", "echo": "https://echo.example.com/ip"},
        findings={"accepted": ["EIP252", "eip253: eth1", "EIP111:eth1 203.0.113.11", "EIP252"]},
        metrics={"listen": "[::1]:09469", "textfile": "/var/lib/x.prom"},
        metadata={"url": "http://192.0.2.1:8080/", "timeout": 0.5, "deadline": 4},
        exclude={
            "enis": [OTHER],
            "macs": ["00-16-3E-00-00-0A"],
            "addresses": ["172.16.3.10", "172.16.4.0/24", "2001:db8::10", "172.16.3.10"],
        },
        leave={"primary": True, "addresses": True, "links": True, "ipv6": True},
        eip=[
            eip("203.0.113.11", private_address="172.16.1.11"),
            eip("203.0.113.42", "multi-eip-visible", eni=None, mac="00:16:3E:00:00:01", **VISIBLE),
            eip("203.0.113.20", "eip-visible", OTHER),
            eip("192.0.2.44", "secondary-cidr", "eni-bp1z"),
        ],
    )

    assert settings == Settings(
        run_directory="/run/other",
        state_directory="/var/other",
        lock_timeout=3.0,
        openapi=True,
        openapi_timeout=2.0,
        openapi_deadline=9.0,
        openapi_endpoints=(("vpc", "192.0.2.1:8443"), ("ecs", "ecs-vpc.cn-hangzhou.aliyuncs.com")),
        poll=5.0,
        openapi_poll=3600.0,
        probe_target="[2001:db8::7]:443",
        probe_echo="https://echo.example.com/ip",
        accepted=frozenset({"EIP252", "EIP253:eth1", "EIP111:eth1 203.0.113.11"}),
        metrics_listen="[::1]:9469",
        metrics_textfile="/var/lib/x.prom",
        openapi_ca_file="/etc/ssl/other.pem",
        openapi_ram_role="EipAgentRole",
        dhcp_offers=False,
        metadata_url="http://192.0.2.1:8080",
        metadata_timeout=0.5,
        metadata_deadline=4.0,
        exclude_enis=frozenset({OTHER}),
        exclude_macs=frozenset({Mac("00:16:3e:00:00:0a")}),
        exclude_addresses=(
            IPv4Network("172.16.3.10/32"),
            IPv4Network("172.16.4.0/24"),
            IPv6Network("2001:db8::10/128"),
        ),
        leave_primary=True,
        leave_addresses=True,
        leave_links=True,
        leave_ipv6=True,
        eips=(
            DeclaredEip(
                IPv4Address("203.0.113.11"),
                Mode.NAT,
                f"{PATH}: eip[1]",
                ENI,
                private_address=IPv4Address("172.16.1.11"),
            ),
            DeclaredEip(
                IPv4Address("203.0.113.42"),
                Mode.MULTI_EIP_VISIBLE,
                f"{PATH}: eip[2]",
                mac=Mac("00:16:3e:00:00:01"),
                gateway=IPv4Address("203.0.113.33"),
                prefix_length=27,
            ),
            DeclaredEip(IPv4Address("203.0.113.20"), Mode.EIP_VISIBLE, f"{PATH}: eip[3]", OTHER),
            DeclaredEip(IPv4Address("192.0.2.44"), Mode.SECONDARY_CIDR, f"{PATH}: eip[4]", "eni-bp1z"),
        ),
    )


def test_the_same_can_be_said_by_variables() -> None:
    environment = {
        ("lock_timeout",): "3",
        ("leave", "ipv6"): "TRUE",
        ("openapi", "enabled"): "False",
        ("openapi", "endpoints", "vpc"): "192.0.2.1",
        ("dhcp", "offers"): "false",
        ("exclude", "enis"): f"{ENI}, {OTHER}",
        ("exclude", "macs"): '["00:16:3e:00:00:01"]',
        ("eip",): json.dumps([eip()]),
    }

    settings = schema.check(Written(environment=environment))

    assert settings == Settings(
        lock_timeout=3.0,
        leave_ipv6=True,
        openapi=False,
        openapi_endpoints=(("vpc", "192.0.2.1"),),
        dhcp_offers=False,
        exclude_enis=frozenset({ENI, OTHER}),
        exclude_macs=frozenset({Mac("00:16:3e:00:00:01")}),
        eips=(DeclaredEip(IPv4Address("203.0.113.42"), Mode.NAT, "EIP_AGENT_EIP: [1]", ENI),),
    )


def test_saying_nothing_gives_the_defaults() -> None:
    assert check() == Settings()
    assert check(metadata={}, openapi={"endpoints": {}}, dhcp={}, exclude={}, leave={}, eip=[]) == Settings()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"metadata": {"timeout": "2"}}, "metadata.timeout: a number is wanted, not the text '2'"),
        ({"metadata": {"timeout": True}}, "metadata.timeout: a number is wanted, not true or false"),
        ({"metadata": {"timeout": 0}}, "metadata.timeout: 0 is out of range"),
        ({"metadata": {"timeout": 61}}, "metadata.timeout: 61 is out of range"),
        ({"metadata": {"deadline": float("inf")}}, "metadata.deadline: inf is out of range"),
        ({"lock_timeout": float("nan")}, "lock_timeout: nan is out of range"),
        ({"metadata": {"url": 5}}, "metadata.url: text in quotes is wanted, not a number"),
        ({"metadata": 5}, "metadata: a table is wanted, not a number"),
        ({"leave": {"ipv6": 1}}, "leave.ipv6: true or false is wanted, not a number"),
        ({"leave": {"ipv6": "yes"}}, "leave.ipv6: true or false is wanted, not the text 'yes'"),
        ({"exclude": {"enis": ENI}}, f"exclude.enis: a list is wanted, not the text '{ENI}'"),
        ({"exclude": {"enis": ["eth1"]}}, "exclude.enis[1]: 'eth1' is not an ENI id"),
        ({"exclude": {"macs": [ENI]}}, f"exclude.macs[1]: '{ENI}' is not a MAC address"),
        (
            {"exclude": {"macs": ["01:00:5e:00:00:01"]}},
            "exclude.macs[1]: 01:00:5e:00:00:01 is not the MAC address of one link",
        ),
        ({"exclude": {"addresses": ["::1"]}}, "exclude.addresses[1]: ::1/128 is not what an ENI can have"),
        ({"exclude": {"addresses": ["fe80::1%eth1"]}}, "exclude.addresses[1]: 'fe80::1%eth1' names a link"),
        ({"exclude": {"addresses": ["x"]}}, "exclude.addresses[1]: 'x' is neither an address nor a subnet"),
        ({"run_directory": "run"}, "run_directory: 'run' is not an absolute path"),
        ({"state_directory": "/var/../x"}, "state_directory: '/var/../x' is not an absolute path"),
        ({"openapi": {"enabled": "yes"}}, "openapi.enabled: true or false is wanted, not the text 'yes'"),
        ({"openapi": {"deadline": 0}}, "openapi.deadline: 0 is out of range"),
        ({"openapi": {"ca_file": "ca.pem"}}, "openapi.ca_file: 'ca.pem' is not an absolute path"),
        ({"openapi": {"ram_role": "a/b"}}, "openapi.ram_role: 'a/b' is not the name of a RAM role"),
        ({"openapi": {"who": {}}}, "openapi.who: unknown key `who`"),
        ({"daemon": {"poll": 0.5}}, "daemon.poll: 0.5 is out of range"),
        ({"daemon": {"openapi_poll": 3601}}, "daemon.openapi_poll: 3601 is out of range"),
        ({"probe": {"target": "www.example.com"}}, "probe.target: 'www.example.com' is neither host:port nor the URL"),
        ({"probe": {"target": "http://me:pw@example.com"}}, "probe.target: a user or password is not accepted"),
        ({"probe": {"echo": "www.example.com:80"}}, "probe.echo: 'www.example.com:80' is no http:// or https:// URL"),
        ({"findings": {"accepted": "EIP252"}}, "findings.accepted: a list is wanted, not the text 'EIP252'"),
        ({"findings": {"accepted": ["EIP252:"]}}, "findings.accepted[1]: 'EIP252:' names no subject"),
        ({"findings": {"accepted": ["all"]}}, "findings.accepted[1]: 'all' is no finding"),
        ({"metrics": {"listen": "0.0.0.0:9469"}}, "metrics.listen: 0.0.0.0 is reached by others, who must not know "),
        ({"metrics": {"listen": "[::]:9469"}}, "metrics.listen: :: is reached by others"),
        ({"metrics": {"listen": "localhost:9469"}}, "metrics.listen: 'localhost:9469' is not an address and a port"),
        ({"metrics": {"listen": "127.0.0.1"}}, "metrics.listen: '127.0.0.1' is not an address and a port"),
        ({"metrics": {"listen": "127.0.0.1:0"}}, "metrics.listen: '127.0.0.1:0' has no port from 1 to 65535"),
        ({"metrics": {"textfile": "x.prom"}}, "metrics.textfile: 'x.prom' is not an absolute path"),
        ({"metrics": {"textfile": "/x.txt"}}, "metrics.textfile: '/x.txt' does not end in .prom"),
        ({"openapi": {"endpoints": {"slb": "x"}}}, "openapi.endpoints.slb: unknown key `slb`"),
        *(
            (
                {"openapi": {"endpoints": {"vpc": bad}}},
                f"openapi.endpoints.vpc: {bad!r} is neither a host nor host:port",
            )
            for bad in ("", "https://vpc.aliyuncs.com", "a b", "a:0", "a:65536", "a:", ":443", "a/", "a@b", "::1")
        ),
        ({"dhcp": {"offers": 1}}, "dhcp.offers: true or false is wanted, not a number"),
        ({"eip": eip()}, "eip: a list is wanted, not a table"),
        ({"eip": [5]}, "eip[1]: a table is wanted, not a number"),
        ({"eip": [eip(mode="undecided")]}, "eip[1].mode: 'undecided' is not a binding mode"),
        ({"eip": [eip(mode=None)]}, "eip[1].mode: missing"),
        ({"eip": [eip("203.0.113")]}, "eip[1].address: '203.0.113' is not an IPv4 address"),
        ({"eip": [eip("2001:db8::1")]}, "eip[1].address: '2001:db8::1' is not an IPv4 address"),
        ({"eip": [eip("224.0.0.1")]}, "eip[1].address: 224.0.0.1 is a multicast address"),
        ({"eip": [eip("127.0.0.1")]}, "eip[1].address: 127.0.0.1 is a loopback address"),
        ({"eip": [eip("0.0.0.0")]}, "eip[1].address: 0.0.0.0 is a reserved address"),  # noqa: S104
        ({"eip": [eip("255.255.255.255")]}, "eip[1].address: 255.255.255.255 is a reserved address"),
        ({"eip": [eip("169.254.1.1")]}, "eip[1].address: 169.254.1.1 is a link-local address"),
        ({"eip": [eip(mode="eip-visible", prefix_length=7)]}, "eip[1].prefix_length: 7 is out of range"),
        ({"eip": [eip(mode="eip-visible", prefix_length=33)]}, "eip[1].prefix_length: 33 is out of range"),
        ({"eip": [eip(mode="eip-visible", prefix_length="27")]}, "eip[1].prefix_length: a whole number is wanted"),
    ],
)
def test_wrong_values_are_named_by_their_place(values: dict[str, Any], message: str) -> None:
    error = refused(**values)

    assert str(error).startswith(f"{PATH}: {message}")
    assert error.hint.startswith("accepted: ")


@pytest.mark.parametrize(
    "url",
    [
        "https://100.100.100.200",
        "100.100.100.200",
        "http://",
        "http://:80",
        "http://host:0",
        "http://host:70000",
        "http://[::1",
        "http://host/latest",
        "http://host?x",
        "http://host#x",
        "http://ho st",
        "http://host\r\nX: y",
        "http://höst",
        "",
    ],
)
def test_only_the_http_url_of_a_host_reaches_the_metadata_service(url: str) -> None:
    assert said(metadata={"url": url}).startswith("metadata.url: ")


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    error = refused(metadata={"url": "http://me:secret@100.100.100.200"})

    assert "password" in str(error)
    assert "secret" not in str(error) + error.hint


@pytest.mark.parametrize("url", ["http://[2001:db8::1]:80", "http://metadata.example", "http://192.0.2.1/"])
def test_every_host_can_be_named(url: str) -> None:
    assert check(metadata={"url": url}).metadata_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        ({"metdata": {}}, "metdata: unknown key `metdata`", "did you mean `metadata`?"),
        ({"leave": {"ip6": True}}, "leave.ip6: unknown key `ip6`", "did you mean `ipv6`?"),
        ({"eip": [eip(gatway="203.0.113.33")]}, "eip[1].gatway: unknown key `gatway`", "did you mean `gateway`?"),
        ({"leave": {"zzz": 1}}, "leave.zzz: unknown key `zzz`", "accepted: primary, addresses, links, ipv6"),
    ],
)
def test_an_unknown_key_suggests_the_nearest(values: dict[str, Any], message: str, hint: str) -> None:
    error = refused(**values)

    assert str(error) == f"{PATH}: {message}"
    assert error.hint == hint


def test_a_subnet_with_bits_beyond_its_mask_asks_what_was_meant() -> None:
    error = refused(exclude={"addresses": ["172.16.4.5/24"]})

    assert error.hint == "did you mean 172.16.4.0/24 or 172.16.4.5?"


def test_of_several_errors_the_first_is_told_and_the_others_counted() -> None:
    assert said(lock_timeout=-1, leave={"ipv6": 3, "links": 3}) == "lock_timeout: -1 is out of range (and 2 more)"


def test_long_values_are_cut_and_escaped() -> None:
    message = said(eip=[eip("\x1b[31m" + "x" * 500)])

    assert "\x1b" not in message
    assert len(message) < 120


# --- one EIP


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (eip(eni=None), "eip[1]: neither `eni` nor `mac` is given"),
        (eip(mac="00:16:3e:00:00:01"), "eip[1]: both `eni` and `mac` are given"),
        (
            eip(mode="secondary-cidr", private_address="172.16.0.9"),
            "eip[1].private_address: not with mode secondary-cidr",
        ),
        (
            eip(mode="multi-eip-visible", private_address="172.16.0.9", **VISIBLE),
            "eip[1].private_address: not with mode multi-eip-visible",
        ),
        (eip(gateway="203.0.113.33"), "eip[1].gateway: not with mode nat"),
        (eip(mode="secondary-cidr", prefix_length=24), "eip[1].prefix_length: not with mode secondary-cidr"),
        (
            eip(mode="multi-eip-visible", prefix_length=27),
            "eip[1].gateway: missing, and mode multi-eip-visible needs it",
        ),
        (
            eip(mode="multi-eip-visible", gateway="203.0.113.33"),
            "eip[1].prefix_length: missing, and mode multi-eip-visible needs it",
        ),
        (eip(mode="eip-visible", gateway="203.0.113.42"), "eip[1].gateway: 203.0.113.42 is the EIP itself"),
        (eip(private_address="203.0.113.42"), "eip[1].private_address: 203.0.113.42 is the EIP itself"),
    ],
)
def test_what_does_not_fit_the_mode_is_refused(declared: dict[str, Any], message: str) -> None:
    assert said(eip=[declared]) == message


def test_the_gateway_may_lie_outside_the_mask() -> None:
    settings = check(eip=[eip(mode="multi-eip-visible", gateway="198.51.100.1", prefix_length=32)])

    assert settings.eips[0].gateway == IPv4Address("198.51.100.1")


# --- several EIPs


def test_an_address_declared_twice_names_both_places() -> None:
    assert said(eip=[eip(), eip("203.0.113.9", eni=OTHER), eip(eni=OTHER)]) == (
        "eip[3].address: 203.0.113.42 is declared twice; see eip[1]"
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("nat", "multi-eip-visible"),
        ("multi-eip-visible", "nat"),
        ("secondary-cidr", "multi-eip-visible"),
        ("eip-visible", "eip-visible"),
        ("eip-visible", "nat"),
        ("multi-eip-visible", "eip-visible"),
        ("secondary-cidr", "eip-visible"),
    ],
)
def test_modes_that_the_cloud_does_not_mix_are_refused_on_one_eni(one: str, two: str) -> None:
    extra: dict[str, dict[str, Any]] = {mode: VISIBLE if mode == "multi-eip-visible" else {} for mode in (one, two)}
    declared = [eip("203.0.113.9", one, **extra[one]), eip("203.0.113.42", two, **extra[two])]

    assert said(eip=declared).startswith(f"eip[2].mode: {ENI} has an")
    assert len(check(eip=[declared[0], {**declared[1], "eni": OTHER}]).eips) == len(declared)


@pytest.mark.parametrize("mode", ["nat", "multi-eip-visible"])
def test_several_eips_of_one_mode_share_an_eni(mode: str) -> None:
    extra: dict[str, Any] = VISIBLE if mode == "multi-eip-visible" else {}

    assert len(check(eip=[eip("203.0.113.9", mode, **extra), eip("203.0.113.42", mode, **extra)]).eips) == 2


def test_an_eni_known_by_its_mac_is_the_same_in_either_spelling() -> None:
    declared = [
        eip("203.0.113.9", "eip-visible", None, mac="00:16:3e:00:00:0A"),
        eip("203.0.113.42", "nat", None, mac="00-16-3E-00-00-0a"),
    ]

    assert said(eip=declared) == "eip[2].mode: 00:16:3e:00:00:0a has another EIP; see eip[1]"


# --- laws

words = st.text("ab[]{},.:%\"'\\0129 é\n", max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=3,
)
keys = st.sampled_from(
    [*schema.Document.model_fields, *schema_tables.Eip.model_fields, *schema_tables.Metadata.model_fields, "other"]
)
tables = st.dictionaries(keys, json_values, max_size=3)


def message_of(written: Written) -> str | None:
    try:
        schema.check(written)
    except SettingsError as error:
        return str(error)
    return None


@given(values=tables, metadata=tables, eips=st.lists(tables, max_size=2))
def test_whatever_a_file_says_gives_settings_or_one_line(
    values: dict[str, Any], metadata: dict[str, Any], eips: list[dict[str, Any]]
) -> None:
    message = message_of(Written(path=PATH, file={**values, "metadata": metadata, "eip": eips}))

    assert message is None or (message.startswith(f"{PATH}: ") and message.count("\n") == 0)


@given(texts=st.dictionaries(st.lists(keys, min_size=1, max_size=3).map(tuple), words, min_size=1, max_size=3))
def test_whatever_variables_say_gives_settings_or_one_line(texts: dict[tuple[str, ...], str]) -> None:
    message = message_of(Written(environment=texts))

    assert message is None or (message.startswith("EIP_AGENT_") and message.count("\n") == 0)


@pytest.mark.parametrize(("written", "near"), [("EPI252", "EIP252"), ("EIP25", "EIP25"), ("EIP2522:eth1", "EIP252")])
def test_a_finding_that_is_none_is_told_with_those_like_it(written: str, near: str) -> None:
    error = refused(findings={"accepted": ["EIP252", written]})

    assert str(error).startswith(f"{PATH}: findings.accepted[2]: {written!r} is no finding")
    assert error.hint.startswith("findings with a like code: EIP")
    assert near in error.hint
