"""What the sources say, when they last said it, and what the agent keeps of it on disk.

::

      metadata ─ silent            disk ─ damaged, another instance's, closed
      DHCP ───── silent, new offer      journal ─ closed
      OpenAPI ── not asked, another mode
"""

import re
import sys
import time

import pytest

from eip_agent.core.settings import Mode
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import Eip, Topology, eni, public, vswitch
from tests.lab.findings.support import gone, heal, see
from tests.lab.support import agent, nat, needs_openapi

pytestmark = [
    pytest.mark.lab,
    needs_openapi,
]

PAIR = Topology((nat(0, vswitch(0)), nat(1, vswitch(1))))
VISIBLE = PAIR.with_eni(
    eni(1, vswitch(1), (10,), [Eip(public(120), Mode.EIP_VISIBLE, gateway=public(1), prefix_length=24)])
)
SHORT = "[metadata]\ntimeout = 1\ndeadline = 3\n"
ALONE = SHORT + "[openapi]\nenabled = false\n"


def test_what_cannot_be_known_without_the_openapi_and_what_dhcp_says() -> None:
    with Cloud(PAIR, peers=False) as cloud:
        cloud.settings(ALONE)
        see(cloud, "EIP304")
        heal(cloud, see(cloud, "EIP305"))
        gone(cloud, "EIP305")

        cloud.dhcp.stop()
        see(cloud, "EIP306")
        cloud.settings(SHORT + cloud.openapi_settings())
        gone(cloud, "EIP304")
        gone(cloud, "EIP306")


def test_a_lease_that_is_older_than_the_mode() -> None:
    with Cloud(PAIR, boot="dhcp", peers=False) as cloud:
        cloud.settings(ALONE)
        agent(cloud, "apply")
        cloud.become(VISIBLE)
        see(cloud, "EIP302")

        # What renewing the lease does, whichever client has it.
        cloud.guest.ip(
            "addr del 172.16.1.10/24 dev eth1\naddr add 203.0.113.120/24 dev eth1 valid_lft 9999 preferred_lft 9999"
        )
        gone(cloud, "EIP302")

        # The default route of the old lease; the address has no connected route by which to find the gateway.
        agent(cloud, "apply")
        cloud.guest.ip("addr del 203.0.113.120/24 dev eth1\naddr add 203.0.113.120/24 dev eth1 noprefixroute")
        cloud.guest.ip("route replace default via 172.16.1.253 dev eth1 onlink metric 200")
        heal(cloud, see(cloud, "EIP124", golden="EIP124-visible"))
        gone(cloud, "EIP124")


def test_a_mode_that_changed_since_the_last_pass() -> None:
    with Cloud(PAIR, peers=False) as cloud:
        cloud.settings(SHORT + cloud.openapi_settings())
        agent(cloud, "apply")
        two_hours_ago(cloud)
        cloud.become(VISIBLE)
        see(cloud, "EIP303")
        agent(cloud, "apply")
        gone(cloud, "EIP303")


def test_a_silent_metadata_service_and_a_memory_that_is_of_no_use() -> None:
    with Cloud(PAIR, peers=False) as cloud:
        cloud.settings(SHORT + cloud.openapi_settings())
        agent(cloud, "apply")
        two_hours_ago(cloud)
        cloud.metadata.stop()
        see(cloud, "EIP321")
        cloud.metadata.start()
        gone(cloud, "EIP321")

        kept = cloud.directory / "state" / "last-known-good.json"
        whole = kept.read_text(encoding="utf-8")
        hide = [(str(cloud.directory), "/var/lib")]
        kept.write_text("{", encoding="utf-8")
        see(cloud, "EIP331", hide=hide)
        agent(cloud, "apply")
        gone(cloud, "EIP331")

        kept.write_text(whole.replace(PAIR.instance_id, "i-bp1another0000000000"), encoding="utf-8")
        see(cloud, "EIP333", hide=hide)
        agent(cloud, "apply")
        gone(cloud, "EIP333")

        cloud.directory.chmod(0o755)
        (cloud.directory / "config.toml").chmod(0o644)
        stranger = Stranger(cloud)
        see(stranger, "EIP332", hide=hide)
        see(stranger, "EIP334", hide=hide)
        gone(cloud, "EIP332")
        gone(cloud, "EIP334")


def two_hours_ago(cloud: Cloud) -> None:
    """The last pass was that long ago, so that its age is the same in every run."""
    kept = cloud.directory / "state" / "last-known-good.json"
    text, found = re.subn(
        r'"saved_at": ?[0-9.]+', f'"saved_at": {time.time() - 7260}', kept.read_text(encoding="utf-8")
    )
    assert found == 1
    kept.write_text(text, encoding="utf-8")


class Stranger(Cloud):
    """The same cloud; the agent runs without privilege."""

    spawner = None

    def __init__(self, cloud: Cloud) -> None:
        self.__dict__.update(cloud.__dict__)

    def agent_command(self, *arguments: str) -> list[str]:
        command = super().agent_command(*arguments)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--"]
        return [*nobody, *command[command.index(sys.executable) :]]
