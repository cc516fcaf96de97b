"""Who else manages links and addresses on this host."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manager:
    """A running program that configures links, addresses or routes by itself."""

    name: str
    """By what operators call it: `NetworkManager`, `dhclient`, `terway`."""
    pid: int
    link: str | None = None
    """The one link it was started for; None when it was started for none or several."""
    certain: bool = True
    """False: it may live in another network namespace, for its own could not be read."""
    version: int | None = None
    """The one version of IP that a DHCP client asks for; None when it was not told one."""


@dataclass(frozen=True, slots=True)
class HostFact:
    """What runs on this host."""

    managers: tuple[Manager, ...] | None
    """By name and process id; None means not read, empty means none runs."""

    def on(self, link: str) -> tuple[Manager, ...]:
        """Give those that may manage the link: started for it, or for no link in particular."""
        return tuple(manager for manager in self.managers or () if manager.link in {None, link})
