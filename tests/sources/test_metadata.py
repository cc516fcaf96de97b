"""Reading the metadata service: in both modes, whole or leaf by leaf, and whatever it does wrong, in bounded time."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from time import monotonic

import pytest

from eip_agent.core.facts import CloudFact
from eip_agent.core.settings import Settings
from eip_agent.core.silence import Silence
from eip_agent.errors import MetadataError, SettingsError
from eip_agent.lab.document import metadata_tree
from eip_agent.lab.metadata import Fault, FaultKind, MetadataService
from eip_agent.lab.topology import DEMO
from eip_agent.sources import metadata
from eip_agent.sources.document import decode
from eip_agent.sources.metadata import Metadata, read

TOKEN = ("PUT", "/latest/api/token")
ALL = ("GET", "/latest/meta-data/all")
WHOLE = decode(metadata_tree(DEMO))
ENI = "meta-data/network/interfaces/macs/00:16:3e:00:00:01/"
PASSING = (
    FaultKind.REFUSE,
    FaultKind.RESET,
    FaultKind.HANG,
    FaultKind.SLOW,
    FaultKind.GARBAGE,
    FaultKind.TRUNCATED,
    FaultKind.HUGE,
    FaultKind.BODY,
    FaultKind.STATUS,
)
"""What may pass, so that it is asked again."""


BUSY = 3.0
"""Seconds that a machine with much else to do may take longer; what never ends takes longer than that."""


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "FIRST_DELAY", 0.05)


@pytest.fixture
def service() -> Iterator[MetadataService]:
    with MetadataService(DEMO, None) as running:
        yield running


def settings(service: MetadataService, deadline: float = 3.0, timeout: float = 0.2) -> Settings:
    return Settings(metadata_url=service.url, metadata_timeout=timeout, metadata_deadline=deadline)


def refused(service: MetadataService, deadline: float = 0.5, timeout: float = 0.2) -> MetadataError:
    """The error that reading ends with, within the deadline."""
    before = monotonic()
    with pytest.raises(MetadataError) as error:
        read(settings(service, deadline, timeout))
    assert monotonic() - before < deadline + BUSY
    assert service.url in str(error.value)
    return error.value


@pytest.mark.parametrize("hardened", [False, True])
def test_two_requests_tell_everything(service: MetadataService, hardened: bool) -> None:  # noqa: FBT001 - a table
    service.hardened = hardened

    assert read(settings(service)) == WHOLE
    assert service.requests == [TOKEN, ALL]


def test_a_token_is_kept_for_the_next_pass_and_replaced_when_it_expired(service: MetadataService) -> None:
    source = Metadata(settings(service))
    source.read()
    assert source.read() == WHOLE
    assert service.requests == [TOKEN, ALL, ALL]

    service.forget_tokens()
    assert source.read() == WHOLE
    assert service.requests[3:] == [ALL, TOKEN, ALL]


def test_an_old_host_is_walked_to_the_same_facts(service: MetadataService) -> None:
    service.all_served = False
    service.hardened = True

    assert read(settings(service)) == WHOLE
    assert service.requests[:2] == [TOKEN, ALL]
    assert len(service.requests) == len(set(service.requests))
    assert not [path for _, path in service.requests if path.endswith("00:16:3e:00:00:04/ipv6s")]


def test_an_old_host_with_newlines_and_no_public_address(service: MetadataService) -> None:
    service.all_served = False
    service.faults += [Fault("meta-data/", FaultKind.NEWLINE), Fault("meta-data/eipv4", FaultKind.MISSING)]
    fact = read(settings(service))

    assert (fact.enis, fact.eipv4, fact.unread) == (WHOLE.enis, None, ())


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_without_a_token_it_is_asked_all_the_same(service: MetadataService, status: int) -> None:
    service.faults.append(Fault("api/token", FaultKind.STATUS, status=status))

    assert read(settings(service)) == WHOLE
    assert service.requests[-1] == ALL


def test_a_token_that_is_none_is_not_used(service: MetadataService) -> None:
    service.faults.append(Fault("api/token", FaultKind.BODY, value="two\r\nlines"))

    assert read(settings(service)) == WHOLE


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *(("meta-data/all", kind) for kind in PASSING if kind is not FaultKind.REFUSE),
        *(("api/token", kind) for kind in PASSING if kind not in {FaultKind.REFUSE, FaultKind.BODY}),
        ("", FaultKind.REFUSE),
    ],
)
def test_what_fails_once_is_asked_again(service: MetadataService, path: str, kind: FaultKind) -> None:
    service.faults.append(Fault(path, kind, times=1, status=503, value="{"))

    assert read(settings(service)) == WHOLE


@pytest.mark.parametrize("status", [429, 503])
def test_patience_is_asked_for_and_given(service: MetadataService, status: int) -> None:
    service.faults.append(Fault("", FaultKind.STATUS, times=2, status=status))
    before = monotonic()

    assert read(settings(service)) == WHOLE
    assert monotonic() - before >= 0.05 + 0.1
    assert service.requests == [TOKEN, TOKEN, TOKEN, ALL]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FaultKind.REFUSE, "reset"),
        (FaultKind.RESET, "reset"),
        (FaultKind.HANG, "timed out"),
        (FaultKind.SLOW, "timed out"),
        (FaultKind.GARBAGE, "not HTTP"),
        (FaultKind.TRUNCATED, "ended before"),
        (FaultKind.HUGE, "more than|timed out"),
        (FaultKind.BODY, "no JSON"),
        (FaultKind.STATUS, "500"),
    ],
)
def test_what_never_ends_is_given_up_in_time(service: MetadataService, kind: FaultKind, reason: str) -> None:
    service.faults.append(Fault("" if kind is FaultKind.REFUSE else "meta-data/", kind, value='{"mac": '))
    error = refused(service, deadline=0.3, timeout=0.1)

    assert any(word in str(error) for word in reason.split("|")), str(error)
    assert "tried" in str(error)
    assert error.hint


def test_a_service_that_is_not_there_is_named_with_what_to_check(service: MetadataService) -> None:
    service.stop()
    error = refused(service)

    assert error.silence is Silence.UNREACHABLE
    assert "connection refused" in str(error)
    assert "ip route get 100.100.100.200" in error.hint


@pytest.mark.parametrize("body", ["[]", "7", "{}", '{"network": {}}', "[" * 100_000, '"\ud800"', "\x00"])
def test_a_document_that_tells_no_eni_is_refused(service: MetadataService, body: str) -> None:
    value = body if body.isascii() else json.dumps(body)
    service.faults.append(Fault("meta-data/all", FaultKind.BODY, value=value))

    refused(service, deadline=0.3)


def test_a_redirect_is_named_and_not_followed(service: MetadataService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0)
        url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
        service.faults.append(Fault("meta-data/", FaultKind.REDIRECT, value=url))
        error = refused(service)

        assert url in str(error)
        assert service.requests == [TOKEN, ALL]
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


def test_a_redirect_of_the_token_is_no_reason_to_go_without(service: MetadataService) -> None:
    service.faults.append(Fault("api/token", FaultKind.REDIRECT, value="http://192.0.2.1/"))

    assert "http://192.0.2.1/" in str(refused(service))
    assert service.requests == [TOKEN]


def test_a_service_that_is_switched_off_is_final_and_explained(service: MetadataService) -> None:
    service.faults.append(Fault("", FaultKind.STATUS, status=403))
    error = refused(service)

    assert "403, and 403 to the request for a token" in str(error)
    assert "HttpEndpoint" in error.hint
    assert service.requests == [TOKEN, ALL]


def test_a_hardened_service_without_a_token_is_explained(service: MetadataService) -> None:
    service.hardened = True
    service.faults.append(Fault("api/token", FaultKind.STATUS, status=404))

    assert "HttpTokens" in refused(service).hint


def test_a_token_that_is_never_accepted_is_final_and_kept_secret(
    service: MetadataService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "issue_token", lambda _: "SECRET")
    error = refused(service)

    assert "401" in str(error)
    assert "SECRET" not in f"{error}{error.hint}{error!r}{error.__cause__!r}{error.__context__!r}"
    assert service.requests == [TOKEN, ALL, TOKEN, ALL]


@pytest.mark.parametrize(
    ("faults", "hardened", "silence"),
    [
        ([("", FaultKind.STATUS, 403)], False, Silence.REFUSED),
        ([("meta-data", FaultKind.STATUS, 403)], False, Silence.REFUSED),
        ([("meta-data", FaultKind.STATUS, 401)], False, Silence.TOKEN),
        ([("api/token", FaultKind.STATUS, 404)], True, Silence.TOKEN),
        ([("api/token", FaultKind.STATUS, 429)], True, Silence.THROTTLED),
        ([("", FaultKind.STATUS, 429)], False, Silence.THROTTLED),
        ([("", FaultKind.STATUS, 503)], False, Silence.ODD),
        ([("", FaultKind.HANG, 0)], False, Silence.UNREACHABLE),
        ([("", FaultKind.RESET, 0)], False, Silence.UNREACHABLE),
        ([("", FaultKind.GARBAGE, 0)], False, Silence.ODD),
        ([("", FaultKind.TRUNCATED, 0)], False, Silence.ODD),
        ([("meta-data", FaultKind.STATUS, 404)], False, Silence.ODD),
        ([("meta-data/all", FaultKind.BODY, 0)], False, Silence.ODD),
    ],
)
def test_each_silence_is_told_from_the_others(
    service: MetadataService,
    faults: list[tuple[str, FaultKind, int]],
    hardened: bool,  # noqa: FBT001 - a table
    silence: Silence,
) -> None:
    service.hardened = hardened
    service.faults += [Fault(path, kind, status=status) for path, kind, status in faults]

    assert refused(service).silence is silence


def test_no_proxy_is_asked(service: MetadataService, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert read(settings(service)) == WHOLE


@pytest.mark.parametrize("url", ["https://100.100.100.200", "http://metadata.example.com", "ftp"])
def test_a_url_that_cannot_be_asked_is_the_operators(url: str) -> None:
    with pytest.raises(SettingsError, match="metadata_url"):
        read(Settings(metadata_url=url))


def only_the_second_suffers(fact: CloudFact, *unread: str) -> None:
    """Every ENI is as it is but the one of `ENI`, which says what is unread of it."""
    assert (fact.enis[0], *fact.enis[2:]) == (WHOLE.enis[0], *WHOLE.enis[2:])
    assert [entry.path for entry in fact.enis[1].unread] == list(unread)


@pytest.mark.parametrize("all_served", [True, False])
@pytest.mark.parametrize("value", [["172.16.1.10"], 7, None, {"a": "b"}, "172.16.1.10 and more"])
def test_a_leaf_of_the_wrong_type_stays_with_its_eni(
    service: MetadataService,
    value: object,
    all_served: bool,  # noqa: FBT001 - a table
) -> None:
    service.all_served = all_served
    service.faults.append(Fault(f"{ENI}gateway", FaultKind.VALUE, value=value))

    only_the_second_suffers(read(settings(service)), "macs/00:16:3e:00:00:01/gateway")


@pytest.mark.parametrize("all_served", [True, False])
def test_a_missing_leaf_stays_with_its_eni(service: MetadataService, all_served: bool) -> None:  # noqa: FBT001 - a table
    service.all_served = all_served
    service.faults.append(Fault(f"{ENI}private-ipv4s", FaultKind.MISSING))

    only_the_second_suffers(read(settings(service)), "macs/00:16:3e:00:00:01/private-ipv4s")


@pytest.mark.parametrize("all_served", [True, False])
def test_an_eni_that_is_not_listed_yet_is_not_there(service: MetadataService, all_served: bool) -> None:  # noqa: FBT001 - a table
    service.all_served = all_served
    service.faults.append(Fault(ENI, FaultKind.MISSING, times=None if all_served else 3))
    fact = read(settings(service))

    assert fact.enis == (WHOLE.enis[0], *WHOLE.enis[2:])
    assert fact.unread == ()


@pytest.mark.parametrize("kind", [FaultKind.STATUS, FaultKind.RESET, FaultKind.GARBAGE, FaultKind.HANG])
def test_a_leaf_of_the_walk_that_never_comes_stays_with_its_eni(service: MetadataService, kind: FaultKind) -> None:
    service.all_served = False
    service.faults.append(Fault(f"{ENI}gateway", kind))
    before = monotonic()
    fact = read(settings(service, deadline=1.2, timeout=0.4))

    only_the_second_suffers(fact, "macs/00:16:3e:00:00:01/gateway")
    assert monotonic() - before < 1.2 + BUSY


@pytest.mark.parametrize("status", [400, 403, 410])
def test_a_leaf_that_is_refused_is_not_asked_for_again(service: MetadataService, status: int) -> None:
    service.all_served = False
    service.faults.append(Fault(f"{ENI}gateway", FaultKind.STATUS, status=status))

    only_the_second_suffers(read(settings(service)), "macs/00:16:3e:00:00:01/gateway")
    assert service.requests.count(("GET", f"/latest/{ENI}gateway")) == 1


def test_a_leaf_of_the_walk_that_fails_once_is_read(service: MetadataService) -> None:
    service.all_served = False
    service.faults.append(Fault(f"{ENI}gateway", FaultKind.STATUS, times=1))

    assert read(settings(service)) == WHOLE


def test_a_directory_of_the_walk_that_never_comes_stays_with_its_eni(service: MetadataService) -> None:
    service.all_served = False
    service.faults.append(Fault(ENI, FaultKind.STATUS))

    only_the_second_suffers(read(settings(service, deadline=0.6)), "macs/00:16:3e:00:00:01/")


def test_a_walk_that_finds_no_listing_says_so(service: MetadataService) -> None:
    service.all_served = False
    service.faults.append(Fault("meta-data/network/", FaultKind.MISSING))

    assert "404" in str(refused(service))


def test_a_walk_that_runs_out_of_time_knows_what_it_did_not_see(service: MetadataService) -> None:
    service.all_served = False
    service.faults.append(Fault(ENI, FaultKind.SLOW, seconds=0.1))
    before = monotonic()
    fact = read(settings(service, deadline=0.5, timeout=1))

    assert monotonic() - before < 0.5 + BUSY
    assert fact.enis[1].unread
    assert len(fact.enis) == len(WHOLE.enis)


def test_the_import_pulls_in_nothing_heavy() -> None:
    script = "import sys, eip_agent.sources.metadata; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()

    assert not {"http.client", "urllib", "urllib.request", "ssl", "email", "asyncio", "logging", "threading"} & set(
        loaded
    )
