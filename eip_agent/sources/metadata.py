"""Ask the metadata service what this instance has.

Token first, always: it is answered in either mode of the service and needed in the hardened one.  Then
`meta-data/all`, one request for everything; hosts that answer 404 to it are walked, leaf by leaf, over one connection.
"""

import json
import select
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final, TypeVar

from eip_agent.core.facts import CloudFact
from eip_agent.core.message import Message, said, say
from eip_agent.core.settings import Settings
from eip_agent.core.silence import Silence
from eip_agent.errors import MetadataError, SettingsError
from eip_agent.sources.document import ENI_LEAVES, MACS, TOP_LEAVES, Failed, as_mac, decode
from eip_agent.sources.http import Answer, Connection, HttpError, Origin

TOKEN_PATH: Final = "/latest/api/token"  # noqa: S105 - the name of a path
ROOT: Final = "/latest/meta-data/"
TOKEN_HEADER: Final = "X-aliyun-ecs-metadata-token"  # noqa: S105 - the name of a header
TTL_HEADER: Final = "X-aliyun-ecs-metadata-token-ttl-seconds"
TTL: Final = 21600
"""Seconds a token lives, the most that is granted; it is used for half of it."""
TOKEN_TRIES: Final = 3
"""After so many 429 or 5xx for a token it is tried without: in the normal mode of the service nobody needs one."""
LEAF_ROUNDS: Final = 4
"""How often a leaf of the walk is asked for before it counts as unread; the others are not kept waiting for it."""
FIRST_DELAY: Final = 0.25
LONGEST_DELAY: Final = 4.0
"""Seconds between two tries: doubled each time, up to here."""

_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429
_UNREACHABLE: Final = say(
    "the instance must reach 100.100.100.200 by a link whose ENI is not in EIP-visible mode: "
    "see `ip route get 100.100.100.200`"
)
_PATIENCE: Final = say("it asks for patience (429): who else on this instance asks it without an end?")
_REFUSED: Final = say(
    "is the metadata service switched off for this instance (HttpEndpoint=disabled), "
    "or are tokens required (HttpTokens=required) and none was given? ModifyInstanceMetadataOptions changes both"
)

T = TypeVar("T")


def read(settings: Settings) -> CloudFact:
    """Ask once.  Raises as `Metadata.read`."""
    return Metadata(settings).read()


class Metadata:
    """Asks any number of times, keeping the token in between: two requests the first time, then one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token: str | None = None
        self._token_until = 0.0

    def read(self) -> CloudFact:
        """What the service says now, within `metadata_deadline` seconds.

        An item that is bad or stays out of reach is `unread` in its ENI.  Raises MetadataError, naming the path,
        where the service is out of reach or lists no ENI, and SettingsError for a URL that cannot be asked.
        """
        settings = self._settings
        try:
            origin = Origin.parse(settings.metadata_url)
        except ValueError as error:
            hint = say("the service of the cloud is http://100.100.100.200")
            url = repr(settings.metadata_url)
            message = say("metadata_url {url} cannot be asked: {error}", url=url, error=said(error))
            raise SettingsError(message, hint) from error
        deadline = monotonic() + settings.metadata_deadline
        with Connection(origin, settings.metadata_timeout, deadline) as connection:
            return _Pass(self, settings.metadata_url, connection, deadline).read()

    def token(self) -> str | None:
        """The token that is still good."""
        return self._token if monotonic() < self._token_until else None

    def keep(self, token: str | None, until: float) -> None:
        """Remember a token, or that none is to be had, until a time of `monotonic`."""
        self._token, self._token_until = token, until


class _AgainError(Exception):
    """This try was of no use, the next one may be."""

    silence = Silence.ODD


class _NothingError(_AgainError):
    """No connection, or no answer."""

    silence = Silence.UNREACHABLE


class _StatusError(_AgainError):
    """The server asks for patience (429) or has a trouble of its own (5xx)."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status
        self.silence = Silence.THROTTLED if status == _TOO_MANY else Silence.ODD


class _Pass:
    """Everything that is asked within one deadline."""

    def __init__(self, service: Metadata, url: str, connection: Connection, deadline: float) -> None:
        self._service = service
        self._url = url
        self._connection = connection
        self._deadline = deadline
        self._refused_token: int | None = None

    def read(self) -> CloudFact:
        fact = self._until_done(f"GET {ROOT}all", self._whole)
        return decode(self._walk()) if fact is None else fact

    def _whole(self) -> CloudFact | None:
        """What `meta-data/all` says; None where this host does not have it."""
        path = f"{ROOT}all"
        answer = self._get(path)
        if answer.status == _NOT_FOUND:
            return None
        body = self._sound(path, answer)
        try:
            return decode(json.loads(body))
        except (ValueError, RecursionError) as error:
            raise _AgainError(say("the answer is no JSON")) from error
        except MetadataError as error:
            raise _AgainError(said(error)) from error

    def _walk(self) -> dict[str, object]:
        """The same document as `meta-data/all`, of the leaves that are read."""
        path = f"{ROOT}{'/'.join(MACS)}/"
        listing = self._until_done(f"GET {path}", lambda: self._text(path))
        if listing is None:
            raise self._error(say("GET {path}: 404, absent", path=path), say("is this an ECS instance in a VPC?"))
        entries = [f"{entry.rstrip('/')}/" for entry in listing.split()]
        inside = self._all([f"{path}{entry}" for entry in entries if as_mac(entry)])
        wanted = [f"{ROOT}{leaf}" for leaf in TOP_LEAVES]
        for folder, names in inside.items():
            wanted += [f"{folder}{leaf}" for leaf in ENI_LEAVES if isinstance(names, str) and leaf in names.split()]
        leaves = self._all(wanted)
        macs: dict[str, object] = {}
        for entry in entries:
            names = inside.get(f"{path}{entry}", Failed("no MAC address"))
            found = {leaf: leaves.get(f"{path}{entry}{leaf}") for leaf in ENI_LEAVES}
            macs[entry] = names or Failed("404, absent") if not isinstance(names, str) else _present(found)
        document = _present({leaf: leaves.get(f"{ROOT}{leaf}") for leaf in TOP_LEAVES})
        return document | {MACS[0]: {MACS[1]: {MACS[2]: macs}}}

    def _all(self, paths: list[str]) -> dict[str, str | Failed | None]:
        """The text at each path; None for 404.  What fails is asked again in rounds, after all others."""
        found: dict[str, str | Failed | None] = {}
        for tries in range(LEAF_ROUNDS):
            failed = False
            for path in paths:
                if path not in found or isinstance(found[path], Failed):
                    try:
                        found[path] = self._text(path)
                    except _AgainError as error:
                        found[path] = Failed(said(error))
                        failed = True
                    except MetadataError as error:
                        found[path] = Failed(said(error))
            if not failed or not self._wait(tries):
                break
        return found

    def _text(self, path: str) -> str | None:
        answer = self._get(path)
        if answer.status == _NOT_FOUND:
            return None
        try:
            return self._sound(path, answer).decode()
        except UnicodeDecodeError as error:
            raise _AgainError(say("the answer is no text")) from error

    def _get(self, path: str) -> Answer:
        """Ask with the token, once more with another where it has expired.  Raises _AgainError."""
        answer = self._ask("GET", path, self._authorization())
        if answer.status == _UNAUTHORIZED:
            self._service.keep(None, 0.0)
            answer = self._ask("GET", path, self._authorization())
        return answer

    def _sound(self, path: str, answer: Answer) -> bytes:
        """The body of a 200.  Raises MetadataError for what asking again cannot change."""
        if answer.status == _OK:
            return answer.body
        reason = say("GET {path}: {status}", path=path, status=answer.status)
        if self._refused_token and answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
            reason = say("{reason}, and {status} to the request for a token", reason=reason, status=self._refused_token)
        if 300 <= answer.status < 400:
            raise self._redirected(reason, answer)
        if answer.status not in {_UNAUTHORIZED, _FORBIDDEN}:
            raise self._error(reason)
        raise self._error(reason, _REFUSED, self._refusal(answer.status))

    def _refusal(self, status: int) -> Silence:
        """What it is that the service refuses: everything, or what comes without a token of its own."""
        if self._refused_token is None:
            return Silence.TOKEN if status == _UNAUTHORIZED else Silence.REFUSED
        if self._refused_token == _TOO_MANY:
            return Silence.THROTTLED
        return Silence.REFUSED if self._refused_token in {_UNAUTHORIZED, _FORBIDDEN} else Silence.TOKEN

    def _authorization(self) -> Mapping[str, str]:
        token = self._service.token()
        if token is None and self._refused_token is None:
            token = self._until_done(f"PUT {TOKEN_PATH}", self._new_token, TOKEN_TRIES)
        return {} if token is None else {TOKEN_HEADER: token}

    def _new_token(self) -> str | None:
        """A token; None where the service gives none and a request without is what is left."""
        answer = self._ask("PUT", TOKEN_PATH, {TTL_HEADER: str(TTL)})
        token = answer.body.strip().decode("latin-1")
        if 300 <= answer.status < 400:
            raise self._redirected(say("PUT {path}: {status}", path=TOKEN_PATH, status=answer.status), answer)
        if answer.status != _OK or not token or not token.isascii() or not token.isprintable():
            self._refused_token = answer.status
            return None
        self._service.keep(token, monotonic() + TTL / 2)
        return token

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        try:
            answer = self._connection.ask(method, path, dict(headers))
        except HttpError as error:
            kind = _AgainError if error.answered else _NothingError
            raise kind(said(error)) from error
        if answer.status == _TOO_MANY or answer.status >= 500:
            raise _StatusError(answer.status)
        return answer

    def _until_done(self, what: str, once: Callable[[], T], most_statuses: int | None = None) -> T | None:
        """Try until it succeeds or time is up; None after so many 429 or 5xx."""
        tries = statuses = 0
        while True:
            try:
                return once()
            except _AgainError as error:
                if isinstance(error, _StatusError):
                    statuses += 1
                    if most_statuses is not None and statuses >= most_statuses:
                        self._refused_token = error.status
                        return None
                if not self._wait(tries):
                    reason = (
                        say("{what}: {why} (tried once)", what=what, why=said(error))
                        if tries == 0
                        else say("{what}: {why} (tried {times} times)", what=what, why=said(error), times=tries + 1)
                    )
                    hint = _PATIENCE if error.silence is Silence.THROTTLED else _UNREACHABLE
                    raise self._error(reason, hint, error.silence) from error
                tries += 1

    def _wait(self, tries: int) -> bool:
        """Let the time before the next try pass; False, at once, where there would be none left for it."""
        # The clock's low digits keep the agents of many instances out of step; `random` is dear to import.
        jitter = 1 + monotonic() * 1e6 % 256 / 1024
        delay = min(FIRST_DELAY * 2**tries, LONGEST_DELAY) * jitter
        if monotonic() + delay >= self._deadline:
            return False
        # A wait for no descriptor: one system call, and `select` is loaded with `socket` anyway.
        select.select([], [], [], delay)
        return True

    def _redirected(self, reason: str, answer: Answer) -> MetadataError:
        where = answer.headers.get("location", "nowhere")[:100]
        return self._error(
            say("{reason}, redirected to {where}", reason=reason, where=repr(where)),
            say("the metadata service never does: who answers there?"),
        )

    def _error(self, reason: str, hint: Message | None = None, silence: Silence = Silence.ODD) -> MetadataError:
        return MetadataError(say("metadata service at {url}: {reason}", url=self._url, reason=reason), hint, silence)


def _present(leaves: Mapping[str, str | Failed | None]) -> dict[str, object]:
    return {name: value for name, value in leaves.items() if value is not None}
