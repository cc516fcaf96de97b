"""Why a source does not tell, told apart by what was seen of it."""

import enum


class Silence(enum.Enum):
    """One reason; the metadata service and the OpenAPI share them."""

    UNREACHABLE = "unreachable"
    """No connection, or no answer in time."""
    THROTTLED = "throttled"
    """It answers, and asks for patience to the last."""
    REFUSED = "refused"
    """It answers, and refuses whatever it is asked."""
    TOKEN = "token"  # noqa: S105 - the name of a reason
    """The metadata service wants a token, and gives or accepts none."""
    CREDENTIALS = "credentials"
    """Nobody who may ask: no RAM role and no key, or those that were found are refused."""
    UNTRUSTED = "untrusted"
    """What answers there has a certificate that nobody trusts."""
    ODD = "odd"
    """Anything else: an answer that is none, an error of its own."""
