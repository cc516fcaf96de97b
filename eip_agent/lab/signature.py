"""Whether a request to the simulated OpenAPI is signed as documented: `ACS3-HMAC-SHA256` headers, or the older query.

"Request syntax and signature method V3" and "RPC signature (V1)" of the cloud's documentation (2026).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import Final
from urllib.parse import quote

from eip_agent.lab.account import Account, Issued
from eip_agent.lab.openapi_pages import RefusedError

_V3: Final = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)
_SIGNED: Final = frozenset({"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce"})
"""Headers without which a signature says nothing."""
_LATE: Final = 900
"""Seconds a request may be old."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was received; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    """Of the URL."""
    form: Mapping[str, str]
    """Of the body."""
    body: bytes


def check(request: Request, account: Account) -> str:
    """Give the nonce.  Raises RefusedError for whatever the cloud would not accept."""
    if "authorization" in request.headers:
        return _check_v3(request, account)
    return _check_v1(request, account)


def _check_v3(request: Request, account: Account) -> str:
    headers = request.headers
    found = _V3.fullmatch(headers["authorization"])
    if not found:
        raise RefusedError(400, "IncompleteSignature", "the Authorization header is not as documented")
    key_id, names, signature = found[1], found[2].split(";"), found[3]
    if names != sorted(set(names)) or not set(names) >= _SIGNED or not set(names) <= set(headers):
        raise RefusedError(400, "IncompleteSignature", "the list of signed headers is wrong")
    token = headers.get("x-acs-security-token", "")
    if token and "x-acs-security-token" not in names:
        raise RefusedError(400, "IncompleteSignature", "the security token is not signed")
    keys = _keys(account, key_id, token)
    if headers["x-acs-content-sha256"] != hashlib.sha256(request.body).hexdigest():
        raise RefusedError(400, "InvalidParameter.Body", "the hash of the body is wrong")
    canonical = "\n".join(
        (
            request.method,
            request.path,
            _canonical(request.query),
            "".join(f"{name}:{headers[name].strip()}\n" for name in names),
            ";".join(names),
            headers["x-acs-content-sha256"],
        )
    )
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    if not hmac.compare_digest(hmac.new(keys.secret.encode(), to_sign.encode(), "sha256").hexdigest(), signature):
        # As the cloud does: everything that was signed, the security token included.
        raise RefusedError(400, "SignatureDoesNotMatch", f"server string to sign is: {canonical}")
    _in_time(headers["x-acs-date"])
    return headers["x-acs-signature-nonce"]


def _check_v1(request: Request, account: Account) -> str:
    signed = {**request.query, **request.form}
    signature = signed.pop("Signature", "")
    wanted = {"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}
    if not signature or any(signed.get(name) != value for name, value in wanted.items()):
        raise RefusedError(400, "MissingParameter", "the request is not signed")
    keys = _keys(account, signed.get("AccessKeyId", ""), signed.get("SecurityToken", ""))
    to_sign = f"{request.method}&%2F&{quote(_canonical(signed), safe='~')}"
    mac = hmac.new(f"{keys.secret}&".encode(), to_sign.encode(), "sha1").digest()
    if not hmac.compare_digest(base64.b64encode(mac).decode(), signature):
        raise RefusedError(400, "SignatureDoesNotMatch", f"server string to sign is: {to_sign}")
    _in_time(signed.get("Timestamp", ""))
    return signed.get("SignatureNonce", "")


def _keys(account: Account, key_id: str, token: str) -> Issued:
    keys = account.find(key_id)
    if keys is None:
        raise RefusedError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    if not hmac.compare_digest(keys.token.encode(), token.encode()):
        raise RefusedError(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
    if keys.until is not None and keys.until <= time():
        raise RefusedError(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
    return keys


def _canonical(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query))


def _in_time(date: str) -> None:
    try:
        sent = datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        sent = 0.0
    if abs(time() - sent) > _LATE:
        raise RefusedError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
