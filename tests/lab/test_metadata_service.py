"""The simulated metadata service answers as the cloud's documentation says, and fails only as it is told to."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic

import pytest

from eip_agent.core.settings import Mode, Settings
from eip_agent.lab.document import Binded, metadata_tree
from eip_agent.lab.metadata import TOKEN_HEADER, TTL_HEADER, Fault, FaultKind, MetadataService
from eip_agent.lab.namespace import Namespace
from eip_agent.lab.topology import DEMO
from eip_agent.sources.http import Connection, Origin
from eip_agent.sources.metadata import read

MACS = "/latest/meta-data/network/interfaces/macs/"
SECOND = f"{MACS}00:16:3e:00:00:01/"


@pytest.fixture
def service() -> Iterator[MetadataService]:
    with MetadataService(DEMO, None) as running:
        yield running


@pytest.fixture
def client(service: MetadataService) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=5)
    yield connection
    connection.close()


def ask(client: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    client.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = client.getresponse()
    return answer.status, answer.read().decode()


def token(client: http.client.HTTPConnection, ttl: str = "21600", **headers: str) -> tuple[int, str]:
    return ask(client, "/latest/api/token", "PUT", **{TTL_HEADER: ttl}, **headers)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", "2016-01-01\nlatest"),
        ("/latest/", "meta-data/"),
        (MACS, "\n".join(f"{eni.mac}/" for eni in DEMO.enis)),
        (f"{SECOND}private-ipv4s", '["172.16.1.10","172.16.1.11"]'),
        (f"{SECOND}ipv6s", "[2001:db8:100:1::100a,2001:db8:100:1::100b]"),
        (f"{SECOND}netmask", "255.255.255.0"),
        (f"{SECOND}gateway", "172.16.1.253"),
        ("/2016-01-01/meta-data/mac", "00:16:3e:00:00:00"),
        ("/latest/meta-data/eipv4", "203.0.113.10"),
        ("/latest/meta-data/sub-private-ipv4-list", ""),
        ("/latest/meta-data/dns-conf/nameservers", "100.100.2.136\n100.100.2.138"),
    ],
)
def test_an_item_is_told_as_documented(client: http.client.HTTPConnection, path: str, answer: str) -> None:
    assert ask(client, path) == (200, answer)


@pytest.mark.parametrize(
    "path",
    [
        "/other",
        "/latest/user-data",
        "/latest/meta-data/nothing",
        f"{SECOND}gateway/",
        f"{MACS}00:16:3e:00:00:04/ipv6s",
        f"{MACS}00:16:3e:00:00:04/ipv6-gateway",
        f"{MACS}00:16:3e:00:00:99/",
    ],
)
def test_what_is_not_there_is_404(client: http.client.HTTPConnection, path: str) -> None:
    assert ask(client, path)[0] == 404


def test_eipv4_needs_an_eip_on_the_primary(service: MetadataService, client: http.client.HTTPConnection) -> None:
    service.topology = DEMO.with_eni(replace(DEMO.primary, eips=()))

    assert ask(client, "/latest/meta-data/eipv4")[0] == 404


def test_the_whole_document_has_the_same_leaves(service: MetadataService, client: http.client.HTTPConnection) -> None:
    status, body = ask(client, "/latest/meta-data/all")
    whole = json.loads(body)

    assert status == 200
    assert whole["network"] == metadata_tree(DEMO)["network"]
    assert whole["dns-conf"]["nameservers"] == "100.100.2.136\r\n100.100.2.138"

    service.all_served = False
    assert ask(client, "/latest/meta-data/all")[0] == 404


@pytest.mark.parametrize("ttl", ["", "0", "21601", "-1", "6h", "\u00b2"])
def test_a_lifetime_out_of_range_is_400(client: http.client.HTTPConnection, ttl: str) -> None:
    assert token(client, ttl) == (400, "Missing or Invalid Parameters")


def test_a_token_is_not_given_through_a_proxy(client: http.client.HTTPConnection) -> None:
    assert token(client, X_Forwarded_For="192.0.2.1")[0] == 403


@pytest.mark.parametrize(
    ("hardened", "given", "status"),
    [(False, "", 200), (True, "", 403), (False, "bad", 401), (True, "bad", 401), (False, "ok", 200), (True, "ok", 200)],
)
def test_who_may_read(
    service: MetadataService,
    client: http.client.HTTPConnection,
    hardened: bool,  # noqa: FBT001 - a table
    given: str,
    status: int,
) -> None:
    service.hardened = hardened
    valid = token(client)[1]
    headers = {TOKEN_HEADER: valid if given == "ok" else given} if given else {}

    assert ask(client, "/latest/meta-data/mac", **headers)[0] == status


def test_a_token_expires(service: MetadataService, client: http.client.HTTPConnection) -> None:
    valid = token(client)[1]
    assert service.accepts(valid)
    assert not service.accepts(service.issue_token(0))

    service.forget_tokens()
    assert ask(client, "/latest/meta-data/mac", **{TOKEN_HEADER: valid})[0] == 401


def test_an_eni_is_there_once_it_is_listed(service: MetadataService, client: http.client.HTTPConnection) -> None:
    late = replace(DEMO.enis[1], listed=False)
    service.topology = DEMO.with_eni(late)
    assert ask(client, SECOND)[0] == 404

    service.topology = DEMO
    assert ask(client, SECOND)[0] == 200


@pytest.mark.parametrize(
    ("binded", "listed"),
    [(Binded.PRIVATE, '["172.16.2.10"]'), (Binded.EIP, '["203.0.113.20"]'), (Binded.MISSING, None)],
)
def test_an_eip_visible_eni_is_told_in_three_ways(
    service: MetadataService, client: http.client.HTTPConnection, binded: Binded, listed: str | None
) -> None:
    service.binded = binded

    assert ask(client, f"{MACS}00:16:3e:00:00:02/private-ipv4s") == ((200, listed) if listed else (404, "Not Found"))


def test_no_other_mode_shows_in_the_metadata() -> None:
    bare = DEMO
    for eni in DEMO.enis[1:]:
        bare = bare.with_eni(replace(eni, eips=()))

    assert metadata_tree(DEMO) == metadata_tree(bare)
    assert any(eip.mode is Mode.MULTI_EIP_VISIBLE for eni in DEMO.enis for eip in eni.eips)


def test_requests_are_counted_over_one_kept_connection(
    service: MetadataService, client: http.client.HTTPConnection
) -> None:
    ask(client, "/latest/meta-data/mac")
    kept = client.sock
    token(client)

    assert client.sock is kept
    assert service.requests == [("GET", "/latest/meta-data/mac"), ("PUT", "/latest/api/token")]


@pytest.mark.parametrize(
    ("fault", "first"),
    [
        (Fault("meta-data/mac", FaultKind.STATUS, 1, status=429), (429, "on demand")),
        (Fault("meta-data/", FaultKind.BODY, 1, value="junk"), (200, "junk")),
        (Fault("", FaultKind.REDIRECT, 1, value="http://192.0.2.1/"), (302, "")),
        (Fault("meta-data/mac", FaultKind.MISSING, 1), (404, "Not Found")),
        (Fault("meta-data/mac", FaultKind.VALUE, 1, value=["x"]), (200, '["x"]')),
        (Fault("meta-data/", FaultKind.NEWLINE, 1), (200, "00:16:3e:00:00:00\n")),
        (Fault("meta-data/zone-id", FaultKind.STATUS, 1), (200, "00:16:3e:00:00:00")),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else None,
)
def test_a_fault_happens_as_often_as_told(
    service: MetadataService, client: http.client.HTTPConnection, fault: Fault, first: tuple[int, str]
) -> None:
    service.faults.append(replace(fault))

    assert ask(client, "/latest/meta-data/mac") == first
    assert ask(client, "/latest/meta-data/mac") == (200, "00:16:3e:00:00:00")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.REFUSE, ConnectionResetError),
        (FaultKind.RESET, ConnectionResetError),
        (FaultKind.GARBAGE, http.client.BadStatusLine),
        (FaultKind.TRUNCATED, http.client.IncompleteRead),
        (FaultKind.HANG, TimeoutError),
    ],
)
def test_a_connection_breaks_in_every_way(service: MetadataService, kind: FaultKind, error: type[Exception]) -> None:
    service.faults.append(Fault("", kind))
    client = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=0.2)

    with pytest.raises(error):
        ask(client, "/latest/meta-data/mac")
    client.close()


def test_a_body_without_an_end_and_one_that_drips(service: MetadataService, client: http.client.HTTPConnection) -> None:
    service.faults += [Fault("", FaultKind.HUGE, 1), Fault("", FaultKind.SLOW, 1, seconds=0.3)]
    client.request("GET", "/latest/meta-data/mac")
    answer = client.getresponse()
    assert len(answer.read(1 << 23)) == 1 << 23
    answer.close()
    client.close()

    before = monotonic()
    assert ask(client, "/latest/meta-data/all")[0] == 200
    assert monotonic() - before >= 0.25


def test_a_stopped_service_refuses_and_comes_back_where_it_was(
    service: MetadataService, client: http.client.HTTPConnection
) -> None:
    url = service.url
    service.stop()
    with pytest.raises(ConnectionRefusedError):
        client.connect()

    service.start()
    assert service.url == url
    assert ask(client, "/")[0] == 200


@pytest.mark.lab
def test_in_a_namespace_it_has_the_cloud_s_address() -> None:
    with Namespace("router") as router:
        router.ip("address add 100.100.100.200/32 dev lo\n")
        with MetadataService(DEMO, router) as service, router.entered():
            assert service.url == Settings().metadata_url
            assert len(read(Settings()).enis) == len(DEMO.enis)
            with Connection(Origin.parse(service.url), 1, monotonic() + 1) as connection:
                assert connection.ask("GET", "/latest/meta-data/mac").body == DEMO.primary.mac.encode()
