"""What the cloud offers a link by DHCP: asked, and never taken."""

from dataclasses import dataclass
from ipaddress import IPv4Address


@dataclass(frozen=True, slots=True)
class OfferFact:
    """One DHCP offer."""

    link: int
    """Index of the link it was made to."""
    address: IPv4Address
    prefix_length: int
    router: IPv4Address | None = None
    server: IPv4Address | None = None
    lease_seconds: int | None = None
