"""The simulated OpenAPI answers whom it knows and checks what was signed; metadata gives out who may ask."""

import base64
import hmac
import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from eip_agent.lab.account import Account
from eip_agent.lab.metadata import TOKEN_HEADER, MetadataService
from eip_agent.lab.openapi import ApiFault, OpenApiService, Trouble
from eip_agent.lab.openapi_pages import RefusedError
from eip_agent.lab.signature import Request, check
from eip_agent.lab.topology import DEMO, Eni

ROLE = "/latest/meta-data/ram/security-credentials/"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[OpenApiService]:
    with OpenApiService(DEMO, None, Account(), tmp_path) as running:
        yield running


def signed(account: Account, nonce: str = "n1", secret: str = "", **query: str) -> dict[str, str]:
    """A query with a signature of version 1, as RPC clients have sent it for ten years."""
    query = {
        "Action": "DescribeEipAddresses",
        "Version": "2016-04-28",
        "RegionId": DEMO.region,
        "AccessKeyId": account.user.key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": nonce,
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **query,
    }
    canonical = "&".join(f"{name}={quote(value, safe='~')}" for name, value in sorted(query.items()))
    to_sign = f"GET&%2F&{quote(canonical, safe='~')}"
    mac = hmac.new(f"{secret or account.user.secret}&".encode(), to_sign.encode(), "sha1").digest()
    return {**query, "Signature": base64.b64encode(mac).decode()}


def ask(service: OpenApiService, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
    host, port = service.endpoint.split(":")
    context = ssl.create_default_context(cafile=str(service.ca_file))
    connection = http.client.HTTPSConnection(host, int(port), timeout=5, context=context)
    try:
        connection.request("GET", f"/?{urlencode(query)}")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def code(service: OpenApiService, query: dict[str, str]) -> str:
    return str(ask(service, query)[1].get("Code"))


def test_a_signed_query_is_answered(service: OpenApiService) -> None:
    status, answer = ask(service, signed(service.account, AssociatedInstanceType="EcsInstance", PageSize="20"))

    assert status == 200
    assert answer["TotalCount"] == sum(len(eni.eips) for eni in DEMO.enis)


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"Signature": "AAAA"}, "SignatureDoesNotMatch"),
        ({"Signature": ""}, "MissingParameter"),
        ({"SignatureVersion": "2.0"}, "MissingParameter"),
        ({"AccessKeyId": "LTAInobody"}, "InvalidAccessKeyId.NotFound"),
        ({"SecurityToken": "x"}, "InvalidSecurityToken.Malformed"),
        ({"PageSize": "50"}, "SignatureDoesNotMatch"),
    ],
)
def test_what_is_signed_wrongly_is_refused(service: OpenApiService, change: dict[str, str], refused: str) -> None:
    assert code(service, {**signed(service.account), **change}) == refused


def test_a_nonce_is_good_once_and_a_date_for_a_while(service: OpenApiService) -> None:
    query = signed(service.account)

    assert code(service, query) == "None"
    assert code(service, query) == "SignatureNonceUsed"
    assert code(service, signed(service.account, Timestamp="2020-01-01T00:00:00Z")) == "InvalidTimeStamp.Expired"


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ({"Action": "DescribeNothing"}, "InvalidAction.NotFound"),
        ({"Version": "2014-05-26"}, "InvalidVersion"),
        ({"RegionId": "cn-nowhere"}, "Forbidden.RegionNotFound"),
        ({"PageSize": "101"}, "InvalidParameter"),
        ({"EipAddress": ",".join(["192.0.2.1"] * 51)}, "InstanceIdLength.Exceed"),
    ],
)
def test_what_cannot_be_answered_is_refused(service: OpenApiService, query: dict[str, str], refused: str) -> None:
    assert code(service, signed(service.account, **query)) == refused


def test_an_eni_matches_nothing_without_its_kind(service: OpenApiService) -> None:
    of = DEMO.enis[1].eni_id
    without = ask(service, signed(service.account, "a", AssociatedInstanceId=of))[1]
    kind = {"AssociatedInstanceType": "NetworkInterface", "AssociatedInstanceId": of}

    assert without["EipAddresses"]["EipAddress"] == []
    assert len(ask(service, signed(service.account, "b", **kind))[1]["EipAddresses"]["EipAddress"]) == 2


def test_a_fault_is_counted_down_and_concerns_whom_it_names(service: OpenApiService) -> None:
    service.faults.append(ApiFault(Trouble.THROTTLE, "DescribeEipAddresses", "eni-x", times=1))
    plain = [code(service, signed(service.account, "a"))]
    named = [code(service, signed(service.account, n, AssociatedInstanceId="eni-x")) for n in "bc"]

    assert (plain, named) == (["None"], ["Throttling.User", "None"])


def v3(account: Account, **changes: str) -> Request:
    """A request with the headers of a signature of version 3, which says nothing yet."""
    headers = {
        "host": "192.0.2.1",
        "x-acs-action": "DescribeEipAddresses",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": "n1",
    }
    names = ";".join(sorted(headers))
    given = f"ACS3-HMAC-SHA256 Credential={account.user.key_id},SignedHeaders={names},Signature={'0' * 64}"
    return Request("POST", "/", {**headers, "authorization": given, **changes}, {}, {}, b"")


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, "SignatureDoesNotMatch"),
        ({"authorization": "Basic x"}, "IncompleteSignature"),
        (
            {"authorization": f"ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature={'0' * 64}"},
            "IncompleteSignature",
        ),
        ({"x-acs-content-sha256": "00"}, "InvalidParameter.Body"),
        ({"x-acs-security-token": "unsigned"}, "IncompleteSignature"),
    ],
)
def test_headers_that_prove_nothing_are_refused(changes: dict[str, str], refused: str) -> None:
    account = Account()
    with pytest.raises(RefusedError) as error:
        check(v3(account, **changes), account)

    assert error.value.code == refused


# --- who may ask ------------------------------------------------------------------------------------------------------


def get(service: MetadataService, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_role_is_named_and_its_credentials_are_given_out() -> None:
    account = Account()
    with MetadataService(DEMO, None, account) as service:
        assert get(service, ROLE) == (200, "EipAgentRole")
        first = json.loads(get(service, f"{ROLE}EipAgentRole")[1])
        assert set(first) == {
            "AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration", "LastUpdated", "Code"
        }  # fmt: skip
        assert first["Code"] == "Success"
        assert json.loads(get(service, f"{ROLE}EipAgentRole")[1])["SecurityToken"] == first["SecurityToken"]
        assert get(service, f"{ROLE}Other")[0] == 404
        assert "SecurityToken" not in get(service, "/latest/meta-data/all")[1]

        account.rotate()
        assert json.loads(get(service, f"{ROLE}EipAgentRole")[1])["SecurityToken"] != first["SecurityToken"]
        assert account.find(first["AccessKeyId"]) is None


def test_without_a_role_there_is_nothing() -> None:
    account = Account()
    account.role = None
    with MetadataService(DEMO, None, account) as service:
        assert get(service, ROLE)[0] == get(service, f"{ROLE}EipAgentRole")[0] == 404
    with MetadataService(DEMO, None) as service:
        assert get(service, ROLE)[0] == 404


def test_a_hardened_service_wants_a_token_for_credentials_too() -> None:
    with MetadataService(DEMO, None, Account()) as service:
        service.hardened = True

        assert get(service, ROLE)[0] == 403
        assert get(service, ROLE, **{TOKEN_HEADER: service.issue_token(60)}) == (200, "EipAgentRole")


def test_credentials_that_have_expired_open_nothing() -> None:
    account = Account()
    account.validity = -1
    keys = json.loads(account.role_credentials())
    query = {**signed(account), "AccessKeyId": keys["AccessKeyId"], "SecurityToken": keys["SecurityToken"]}
    with pytest.raises(RefusedError) as error:
        check(Request("GET", "/", {}, query, {}, b""), account)

    assert error.value.code == "InvalidSecurityToken.Expired"


def test_an_eni_that_metadata_does_not_list_yet_is_known(service: OpenApiService) -> None:
    late: Eni = replace(DEMO.enis[1], listed=False)
    service.topology = DEMO.with_eni(late)
    query = signed(service.account, Action="DescribeNetworkInterfaces", Version="2014-05-26")
    enis = ask(service, query)[1]["NetworkInterfaceSets"]["NetworkInterfaceSet"]

    assert late.eni_id in {eni["NetworkInterfaceId"] for eni in enis}
