"""Asking the OpenAPI with the real libraries, on loopback: whatever it or the child does, in bounded time."""

import colorsys
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from time import monotonic

import pytest

from eip_agent.core.facts import Unread
from eip_agent.core.openapi import ALL_ACTIONS, ApiFact, Bound
from eip_agent.core.settings import DeclaredEip, Mode, Settings
from eip_agent.lab.account import Account
from eip_agent.lab.openapi import ApiFault, OpenApiService, Trouble
from eip_agent.lab.openapi_answers import Quirks
from eip_agent.lab.topology import DEMO, Eip, eni, public, vswitch
from eip_agent.sources import openapi
from eip_agent.sources.openapi_document import decode
from tests.openapi.support import CLOUD, RICH, document, wide

ENI = DEMO.enis[3].eni_id
WHOLE = decode(document(DEMO, everything=False), CLOUD)
"""What is read where nothing is wrong."""
BUSY = 3.0
"""Seconds that a machine with much else to do may take longer."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[OpenApiService]:
    with OpenApiService(DEMO, None, Account(), tmp_path) as running:
        yield running


def settings(service: OpenApiService, timeout: float = 5.0, deadline: float = 20.0) -> Settings:
    return Settings(
        openapi_endpoints=(("vpc", service.endpoint), ("ecs", service.endpoint)),
        openapi_ca_file=str(service.ca_file),
        openapi_timeout=timeout,
        openapi_deadline=deadline,
    )


def environment(service: OpenApiService) -> Mapping[str, str]:
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": service.account.user.key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": service.account.user.secret,
        # Nobody on loopback is the metadata service of this machine.
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
    }


def read(service: OpenApiService, timeout: float = 5.0, deadline: float = 20.0, *, everything: bool = False) -> ApiFact:
    return openapi.read(
        settings(service, timeout, deadline), CLOUD, everything=everything, environment=environment(service)
    )


def test_every_mode_is_told(service: OpenApiService) -> None:
    assert read(service) == WHOLE
    assert {eip.address: (eip.mode, eip.gateway, eip.prefix_length) for eip in WHOLE.eips} == {
        public(10): (Mode.NAT, None, None),
        public(11): (Mode.NAT, None, None),
        public(12): (Mode.NAT, None, None),
        public(20): (Mode.EIP_VISIBLE, None, None),
        public(42): (Mode.MULTI_EIP_VISIBLE, public(33), 27),
        public(43): (Mode.MULTI_EIP_VISIBLE, public(33), 27),
        public(70): (Mode.MULTI_EIP_VISIBLE, public(65), 26),
        IPv4Address("192.0.2.44"): (Mode.NAT, None, None),
    }
    assert (WHOLE.asked, WHOLE.unread) == (frozenset(eni.eni_id for eni in DEMO.enis), ())


def test_everything_else_is_told_when_it_is_asked_for(service: OpenApiService) -> None:
    service.topology = RICH
    service.quirks = Quirks(numbers_as_text=True, upper_ip=True, leading_blanks=True)
    declared = tuple(DeclaredEip(other.address, Mode.NAT, "here", eni=DEMO.enis[1].eni_id) for other in RICH.elsewhere)
    wanted = replace(settings(service), eips=declared)
    fact = openapi.read(wanted, CLOUD, everything=True, environment=environment(service))

    assert (fact.unread, fact.denied) == ((), ())
    assert (fact.static_ip, fact.network_type) == (public(250), "vpc")
    assert fact.dnat == RICH.dnat[:1]
    assert fact.havips == RICH.havips
    assert set(WHOLE.eips) < set(fact.eips)
    assert {(eip.address, eip.bound, eip.instance_id, eip.mode) for eip in set(fact.eips) - set(WHOLE.eips)} == {
        (other.address, other.bound, other.instance_id, Mode.NAT if other.bound is Bound.ECS else None)
        for other in RICH.elsewhere
    }


def test_more_eips_than_a_page_has_are_all_told(service: OpenApiService) -> None:
    many = [Eip(IPv4Address("198.18.0.0") + n, private_address=IPv4Address("172.16.1.10") + n) for n in range(130)]
    service.topology = DEMO.with_eni(eni(1, vswitch(1), range(10, 140), many))
    fact = read(service)

    assert fact.unread == ()
    assert sum(eip.instance_id == DEMO.enis[1].eni_id for eip in fact.eips) == 130


def test_throttling_is_waited_out(service: OpenApiService) -> None:
    service.faults.append(ApiFault(Trouble.THROTTLE, times=12))

    assert read(service) == WHOLE


def test_throttling_without_an_end_ends_at_the_deadline(service: OpenApiService) -> None:
    service.faults.append(ApiFault(Trouble.THROTTLE, "DescribeEipAddresses", ENI))
    began = monotonic()
    fact = read(service, deadline=4)

    assert monotonic() - began < 4 + BUSY
    assert [one.path for one in fact.unread] == [f"openapi/DescribeEipAddresses/{ENI}"]
    assert fact.asked == WHOLE.asked - {ENI}


@pytest.mark.parametrize(
    ("actions", "spoiled"),
    [
        (["DescribeNetworkInterfaces"], {"enis", "asked"}),
        (["DescribeEipAddresses"], {"eips", "asked"}),
        (["DescribeEipGatewayInfo", "DescribeInstanceAttribute", "DescribeHaVips"], {"eips", "havips", "network_type"}),
        (["DescribeNatGateways"], {"dnat"}),
        (["DescribeForwardTableEntries"], {"dnat"}),
    ],
)
def test_a_call_that_is_denied_spoils_no_other(service: OpenApiService, actions: list[str], spoiled: set[str]) -> None:
    service.topology = replace(RICH, static_ip=None)
    whole = decode(document(service.topology), CLOUD)
    service.faults += [ApiFault(Trouble.DENY, one, value="Forbbiden" if "Gateway" in one else None) for one in actions]
    fact = read(service, everything=True)

    assert {one.action.split(":")[1] for one in fact.denied} == set(actions)
    assert {one.action for one in fact.denied} <= set(ALL_ACTIONS)
    assert fact.unread == ()
    parts = ("enis", "eips", "asked", "static_ip", "network_type", "dnat", "havips")
    assert {part for part in parts if getattr(fact, part) != getattr(whole, part)} == spoiled


def test_what_fails_once_is_asked_again(service: OpenApiService) -> None:
    passing = (Trouble.STATUS, Trouble.GARBAGE, Trouble.TRUNCATED, Trouble.HANG, Trouble.RESET, Trouble.SLOW)
    service.topology = wide(len(passing))
    service.faults += [
        ApiFault(trouble, "DescribeEipAddresses", eni.eni_id, times=2, status=500, seconds=0.5)
        for trouble, eni in zip(passing, service.topology.enis, strict=True)
    ]
    fact = read(service, timeout=0.6)

    assert fact.unread == ()
    assert fact.asked == {eni.eni_id for eni in service.topology.enis}
    assert not any(fault.times for fault in service.faults if fault.trouble is not Trouble.SLOW)


def test_what_stays_bad_is_unread_and_the_rest_is_not(service: OpenApiService) -> None:
    bad: list[tuple[Trouble, object]] = [
        (Trouble.GARBAGE, None),
        (Trouble.RESET, None),
        (Trouble.STATUS, None),
        (Trouble.BODY, []),
        (Trouble.BODY, {"EipAddresses": None}),
        (Trouble.BODY, {"EipAddresses": {"EipAddress": {}}}),
        (Trouble.BODY, {"EipAddresses": {"EipAddress": ["203.0.113.9"]}}),
        (Trouble.BODY, {"EipAddresses": {"EipAddress": [{"IpAddress": "no address"}]}}),
        (Trouble.BODY, {"EipAddresses": {}, "PageNumber": 1, "TotalCount": 1}),
        (Trouble.BODY, {}),
    ]
    service.topology = wide(len(bad) + 2)
    enis = [eni.eni_id for eni in service.topology.enis]
    service.faults += [
        ApiFault(trouble, "DescribeEipAddresses", of, value=value)
        for of, (trouble, value) in zip(enis[2:], bad, strict=True)
    ]
    fact = read(service)

    assert {one.path for one in fact.unread} == {f"openapi/DescribeEipAddresses/{of}" for of in enis[2:]}
    assert len(fact.unread) == len(bad)
    assert fact.asked == set(enis[:2])
    assert len(fact.eips) == 2
    assert fact.enis is not None
    assert len(fact.enis) == len(enis)


def test_empty_lists_of_an_account_that_sees_nothing_prove_nothing(service: OpenApiService) -> None:
    service.faults.append(ApiFault(Trouble.EMPTY))
    fact = read(service)

    assert (fact.enis, fact.eips, fact.asked) == ((), (), frozenset())
    assert {one.reason for one in fact.unread} == {"these credentials do not see the ENI: is it another account's?"}


def test_when_nothing_answers_it_ends_at_the_deadline(service: OpenApiService) -> None:
    service.faults.append(ApiFault(Trouble.HANG))
    began = monotonic()
    fact = read(service, deadline=4)

    assert monotonic() - began < 4 + BUSY
    assert (fact.enis, fact.eips, fact.asked) == (None, (), frozenset())
    assert len(fact.unread) == len(DEMO.enis) + 2


def test_a_service_that_is_not_there_is_told_at_once(service: OpenApiService) -> None:
    service.stop()
    began = monotonic()
    fact = read(service)

    assert monotonic() - began < BUSY + 5
    assert {one.reason for one in fact.unread} == {f"Unreachable: no connection to {service.endpoint}"}


def test_a_certificate_of_somebody_else_is_not_trusted(service: OpenApiService) -> None:
    wanted = replace(settings(service), openapi_ca_file=None)
    fact = openapi.read(wanted, CLOUD, environment=environment(service))

    assert {one.reason for one in fact.unread} == {"Certificate: its certificate is not trusted"}
    assert service.requests == []


def test_certificates_that_are_not_there_are_told(service: OpenApiService) -> None:
    wanted = replace(settings(service), openapi_ca_file="/nowhere/ca.pem")
    fact = openapi.read(wanted, CLOUD, environment=environment(service))

    assert {one.reason for one in fact.unread} == {"Certificate: the file of certificates to trust cannot be read"}


def test_a_key_that_does_not_fit_is_told_without_what_was_signed(service: OpenApiService) -> None:
    wrong = {**environment(service), "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "w" * 30}
    fact = openapi.read(settings(service), CLOUD, environment=wrong)

    assert {one.reason for one in fact.unread} == {"SignatureDoesNotMatch"}


def test_no_credentials_are_told(service: OpenApiService, tmp_path: Path) -> None:
    without = {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "HOME": str(tmp_path)}

    assert [one.path for one in openapi.read(settings(service), CLOUD, environment=without).unread] == [
        "openapi/credentials"
    ]


def test_a_credentials_file_is_found(service: OpenApiService, tmp_path: Path) -> None:
    file = tmp_path / ".alibabacloud" / "credentials.ini"
    file.parent.mkdir()
    user = service.account.user
    file.write_text(f"[default]\ntype = access_key\naccess_key_id = {user.key_id}\naccess_key_secret = {user.secret}\n")
    home = {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "HOME": str(tmp_path)}

    assert openapi.read(settings(service), CLOUD, environment=home) == WHOLE


def test_nothing_secret_is_to_be_seen_while_it_asks(service: OpenApiService) -> None:
    service.faults.append(ApiFault(Trouble.HANG))
    facts: list[ApiFact] = []
    asking = threading.Thread(target=lambda: facts.append(read(service)))
    asking.start()
    end = monotonic() + 15
    while not service.requests and monotonic() < end:
        asking.join(0.02)
    children = [child for child in _children() if b"eip_agent.openapi" in (child / "cmdline").read_bytes()]
    seen = b"".join((child / "cmdline").read_bytes() for child in children)
    limits = [(child / "limits").read_text() for child in children]
    own = Path("/proc/self/environ").read_bytes()
    service.stop()
    asking.join()

    assert len(children) == 1
    assert re.search(r"Max core file size +0 +0 ", limits[0])
    for secret in service.account.secrets():
        assert secret.encode() not in seen + own
        assert secret not in repr(facts)
    assert not [child for child in _children() if child == children[0]]


def _children() -> list[Path]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        found += [Path("/proc", pid) for pid in (task / "children").read_text().split()]
    return found


# --- without anybody to ask -------------------------------------------------------------------------------------------


def test_switched_off_it_asks_nobody(service: OpenApiService) -> None:
    wanted = replace(settings(service), openapi=False)

    assert openapi.read(wanted, CLOUD).unread == (Unread("openapi", "switched off in the settings"),)


def test_without_the_libraries_it_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert openapi.available()
    monkeypatch.setattr(openapi, "LIBRARIES", ("there_is_no_such_module",))

    assert not openapi.available()
    assert "pip install 'eip-agent[openapi]'" in openapi.read(Settings(), CLOUD).unread[0].reason


@pytest.mark.parametrize("missing", ["region", "instance_id"])
def test_without_region_or_instance_nothing_can_be_asked(missing: str) -> None:
    unknown = replace(CLOUD, region=None) if missing == "region" else replace(CLOUD, instance_id=None)

    assert [one.path for one in openapi.read(Settings(), unknown).unread] == ["openapi"]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("print('neither', 'JSON')", "ended without an answer"),
        ("print('[' * 100000)", "ended without an answer"),
        ("print('{}')", "ended without an answer"),
        ("import os; os.kill(os.getpid(), 9)", "ended without an answer"),
        ("raise SystemExit('secret')", "ended without an answer"),
        ("while True: print('x' * 65536)", "ended without an answer"),
        ("import threading; threading.Event().wait()", "no answer within 1 s"),
        ("import os, threading; os.fork(); threading.Event().wait()", "no answer within 1 s"),
        ("""print('{"error": {"code": "Crash", "message": "KeyError at plan.py:1"}}')""", "KeyError at plan.py:1"),
    ],
)
def test_a_child_that_misbehaves_is_an_unread_fact(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, reason: str
) -> None:
    (tmp_path / "child.py").write_text(program)
    monkeypatch.setattr(openapi, "_HERE", str(tmp_path))
    monkeypatch.setattr(openapi, "CHILD", "child")
    monkeypatch.setattr(openapi, "LARGEST_ANSWER", 1 << 20)
    began = monotonic()
    fact = openapi.read(Settings(openapi_deadline=1), CLOUD)

    assert monotonic() - began < 1 + BUSY
    assert [one.path for one in fact.unread] == ["openapi"]
    assert reason in fact.unread[0].reason


def test_what_is_installed_beside_the_agent_does_not_stand_in_for_the_standard_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "colorsys.py").write_text("")
    (tmp_path / "child.py").write_text(
        "import colorsys, json, sys\n"
        "seen = f'{colorsys.__file__} {sys.flags.no_user_site} {any(\"packages\" in path for path in sys.path)}'\n"
        "print(json.dumps({'error': {'code': 'Crash', 'message': seen}}))\n"
    )
    monkeypatch.setattr(openapi, "_HERE", str(tmp_path))
    monkeypatch.setattr(openapi, "CHILD", "child")

    assert f"{colorsys.__file__} 1 True" in openapi.read(Settings(), CLOUD).unread[0].reason


def test_an_interpreter_that_cannot_be_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    assert "cannot be run" in openapi.read(Settings(), CLOUD).unread[0].reason


def test_the_agents_own_process_stays_as_light_as_it_was(service: OpenApiService) -> None:
    program = f"""
import sys, resource
from eip_agent.core.settings import Settings
from eip_agent.sources import openapi
from eip_agent.core.facts import CloudFact
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
wanted = {settings(service)!r}
cloud = CloudFact((), None, {DEMO.instance_id!r}, {DEMO.region!r})
fact = openapi.read(wanted, cloud, environment={environment(service)!r})
assert len(fact.enis) == {len(DEMO.enis)}, fact
heavy = ("alibabacloud", "Tea", "darabonba", "requests", "urllib3", "aiohttp", "cryptography", "apscheduler")
print([name for name in sys.modules if name.startswith(heavy)])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    environ = {"PYTHONPATH": os.fspath(Path(openapi.__file__).parent.parent.parent)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    modules, kilobytes = done.stdout.splitlines()
    assert modules == "[]"
    assert int(kilobytes) < 8192
