"""The credentials of the simulated cloud: given out by its metadata service, wanted by its OpenAPI."""

import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_VALIDITY: Final = 6 * 3600.0
"""Seconds that the credentials of a RAM role live, from the documentation's sample."""


@dataclass(frozen=True, slots=True)
class Issued:
    """One set of credentials; a long-lived key has no token and no end."""

    key_id: str
    secret: str
    token: str = ""
    until: float | None = None
    """Seconds since the epoch."""


class Account:
    """Who may ask.  `role` and `validity` may be set at any time."""

    def __init__(self) -> None:
        self.role: str | None = "EipAgentRole"
        """The instance's RAM role; None for an instance without one."""
        self.validity = _VALIDITY
        """Seconds, for credentials issued from now on; less than none for some that have expired and stay."""
        self.user = Issued(f"LTAI{secrets.token_hex(10)}", secrets.token_hex(15))
        """A key of a RAM user, for an environment or a credentials file."""
        self._lock = threading.Lock()
        self._role_keys: Issued | None = None

    def role_credentials(self) -> str:
        """What the metadata service answers for the role: the last ones issued, new ones when those have expired."""
        with self._lock:
            keys = self._role_keys
            if keys is None or (self.validity > 0 and (keys.until or 0) <= time.time()):
                keys = self._role_keys = Issued(
                    f"STS.{secrets.token_hex(10)}",
                    secrets.token_hex(22),
                    # Characters that a URL, a header and JSON each treat in another way.
                    f"CAIS/{secrets.token_hex(100)}+lab==",
                    time.time() + self.validity,
                )
        return json.dumps(
            {
                "AccessKeyId": keys.key_id,
                "AccessKeySecret": keys.secret,
                "Expiration": _utc(keys.until or 0),
                "SecurityToken": keys.token,
                "LastUpdated": _utc(time.time()),
                "Code": "Success",
            }
        )

    def rotate(self) -> None:
        """Make what was issued for the role worthless."""
        with self._lock:
            self._role_keys = None

    def find(self, key_id: str) -> Issued | None:
        """The credentials of a key id that are good now or have expired."""
        with self._lock:
            known = (self.user, self._role_keys)
        return next((keys for keys in known if keys and hmac.compare_digest(keys.key_id, key_id)), None)

    def secrets(self) -> list[str]:
        """Everything nobody may ever see."""
        with self._lock:
            known = (self.user, self._role_keys)
        return [secret for keys in known if keys for secret in (keys.secret, keys.token) if secret]


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
