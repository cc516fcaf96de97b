"""What the cloud would give a DHCP client, link by link.  An address that is an EIP proves EIP-visible mode."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from eip_agent.core.facts import Unread


@dataclass(frozen=True, slots=True)
class OfferFact:
    """A DHCP OFFER, which nobody took."""

    link: int
    """Index of the link that was asked on."""
    address: IPv4Address
    prefix_length: int
    """32 where the server tells no mask: the claim that promises least."""
    router: IPv4Address | None = None
    server: IPv4Address | None = None
    lease_seconds: int | None = None


Offers = Mapping[int, OfferFact | Unread | None]
"""By link index.  None: asked, and nobody answered.  Unread: not asked, or the answers cannot be used."""
