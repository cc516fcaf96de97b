"""Making a call by Alibaba's libraries, as often as it takes and time allows."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

from alibabacloud_credentials.client import Client as CredentialClient
from alibabacloud_credentials.provider import DefaultCredentialsProvider, EcsRamRoleCredentialsProvider
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from eip_agent.core.message import Message, plain, say
from eip_agent.openapi.plan import VERSIONS, Answer, Call, Request, first_page, next_page

FIRST_DELAY: Final = 0.25
LONGEST_DELAY: Final = 4.0
"""Seconds between two tries: doubled each time, up to here, and anything from half of it."""
TRIES: Final = 4
"""For everything but throttling, which is waited out as long as there is time."""
MOST_PAGES: Final = 200
LONGEST_MESSAGE: Final = 200

T = TypeVar("T")


class Failure(NamedTuple):
    """How a call failed: `code` is the cloud's own, or one of ours, in which case there is no status."""

    code: str
    message: str
    """Ours is a `Message`."""
    status: int | None = None

    def told(self) -> dict[str, Any]:
        """As it crosses to the agent: with what our own message is made of, so that it can be said in any language."""
        made = self._asdict()
        if isinstance(self.message, Message):
            values = {name: plain(value) for name, value in self.message.values.items()}
            made |= {"template": self.message.template, "values": values}
        return made


class CallError(Exception):
    """A call that stays without an answer."""

    def __init__(self, failure: Failure, wait: float = 0.0) -> None:
        super().__init__(failure.code)
        self.failure = failure
        self.wait = wait
        """Seconds the cloud asks to wait."""

    @property
    def throttled(self) -> bool:
        """Whether patience is all it takes."""
        return "Throttling" in self.failure.code

    @property
    def passing(self) -> bool:
        """Whether it is worth another try."""
        code, status = self.failure.code, self.failure.status or 0
        return self.throttled or code in {"ServiceUnavailable", "Unreachable", "Timeout", "Garbage"} or status >= 500


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Credentials as they are now; a round is shorter than they live."""

    key_id: str
    secret: str
    token: str

    def redact(self, said: str) -> str:
        """A text without them: an error about a signature quotes what was signed."""
        for secret in filter(None, (self.secret, self.token)):
            said = said.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return said


def credentials(request: Request, deadline: float) -> Keys:
    """From the RAM role that was named, else from wherever the libraries look.  Raises CallError."""
    role = request["ram_role"]

    def once() -> Keys:
        try:
            if role:
                provider = EcsRamRoleCredentialsProvider(role_name=role, async_update_enabled=False)
            else:
                provider = DefaultCredentialsProvider()
            model = CredentialClient(provider=provider).get_credential()
        except Exception:  # noqa: BLE001 they raise anything, and their texts may quote a credentials file
            of_role = say("no credentials of RAM role `{role}`", role=role)
            nowhere = say("no credentials in the environment, in a credentials file or of a RAM role")
            raise CallError(Failure("Credentials", of_role if role else nowhere)) from None
        if not model.access_key_id or not model.access_key_secret:
            raise CallError(Failure("Credentials", say("the credentials have no key")))
        return Keys(model.access_key_id, model.access_key_secret, model.security_token or "")

    return again(once, deadline, lambda error, tries: error.failure.code == "Credentials" and tries < 2)


def again(once: Callable[[], T], deadline: float, worth: Callable[[CallError, int], bool]) -> T:
    """Try until it succeeds, it is not worth it, or the time of `monotonic` is up.  Raises the last CallError."""
    tries = 0
    while True:
        try:
            return once()
        except CallError as error:
            tries += 1
            delay = min(FIRST_DELAY * 2 ** (tries - 1), LONGEST_DELAY)
            delay = max(delay / 2 + random.random() * delay / 2, error.wait)  # noqa: S311 only so that not all come at once
            if not worth(error, tries) or monotonic() + delay >= deadline:
                raise
            threading.Event().wait(delay)


class Caller:
    """Calls by one set of credentials, from any thread."""

    def __init__(self, request: Request, keys: Keys, hosts: dict[str, str], deadline: float) -> None:
        self._request = request
        self._keys = keys
        self._deadline = deadline
        self._clients = {product: self._client(host) for product, host in hosts.items()}

    def _client(self, host: str) -> Client:
        milliseconds = int(self._request["timeout"] * 1000)
        return Client(
            Config(
                access_key_id=self._keys.key_id,
                access_key_secret=self._keys.secret,
                security_token=self._keys.token or None,
                endpoint=host,
                region_id=self._request["region"],
                protocol="HTTPS",
                ca=self._request["ca_file"],
                connect_timeout=milliseconds,
                read_timeout=milliseconds,
                user_agent="eip-agent",
            )
        )

    def ask(self, call: Call, answers: list[Answer]) -> None:
        """Append each page to `answers`.  Raises CallError; the pages before stay."""
        page: dict[str, str] | None = first_page(call)
        while page is not None and len(answers) < MOST_PAGES:
            query = {"RegionId": self._request["region"], **call.query, **page}
            answers.append(again(lambda query=query: self._once(call, query), self._deadline, _worth))  # type: ignore[misc]
            page = next_page(call, answers)

    def _once(self, call: Call, query: dict[str, str]) -> Answer:
        params = Params(
            action=call.action,
            version=VERSIONS[call.product],
            protocol="HTTPS",
            pathname="/",
            method="POST",
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        try:
            answer = self._clients[call.product].call_api(params, OpenApiRequest(query=query), RuntimeOptions())
        except AlibabaCloudException as error:
            wait = (error.retry_after or 0) / 1000
            raise CallError(self._said(error), wait) from None
        except Exception as error:  # noqa: BLE001 they wrap everything, and the texts quote whole requests
            raise CallError(_failed(error, self._request["timeout"])) from None
        body = answer.get("body")
        if not isinstance(body, dict):
            raise CallError(Failure("Garbage", say("the answer is no JSON object")))
        return body

    def _said(self, error: AlibabaCloudException) -> Failure:
        data: Any = error.data if isinstance(error.data, dict) else {}
        code = str(data.get("Code") or data.get("code") or error.code)
        message = "" if "Signature" in code else str(data.get("Message") or data.get("message") or "")
        status = error.status_code if isinstance(error.status_code, int) else None
        return Failure(self._keys.redact(code), self._keys.redact(message)[:LONGEST_MESSAGE], status)


def _worth(error: CallError, tries: int) -> bool:
    return error.throttled or (error.passing and tries < TRIES)


def _failed(error: Exception, timeout: float) -> Failure:
    """What an error of the libraries means; their own words stay here."""
    inner = getattr(error, "inner_exception", error)
    if type(inner).__name__ != "RetryError":
        return Failure("Garbage", say("the answer cannot be read ({why})", why=type(inner).__name__))
    said = str(inner)
    if "timed out" in said:
        return Failure("Timeout", say("no answer within {seconds} s", seconds=f"{timeout:g}"))
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return Failure("Certificate", say("its certificate is not trusted"))
    if "CA certificate" in said or "CA_BUNDLE" in said:
        return Failure("Certificate", say("the file of certificates to trust cannot be read"))
    return Failure("Unreachable", say("the connection was refused or cut"))
