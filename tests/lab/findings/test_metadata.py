"""The metadata service silent in every way, told apart; a service that comes back heals each."""

from typing import Final

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.metadata import Fault, FaultKind
from eip_agent.lab.topology import Eip, Topology, eni, public, vswitch
from tests.lab.findings.support import codes, gone, see

pytestmark = pytest.mark.lab

INSTANCE: Final = Topology((eni(0, vswitch(0), (10,), [Eip(public(10))]),))
SILENCES: Final = {
    "EIP322": Fault("", FaultKind.STATUS, status=403),
    "EIP323": Fault("api/token", FaultKind.STATUS, status=404),
    "EIP324": Fault("", FaultKind.STATUS, status=429),
    "EIP325": Fault("", FaultKind.HANG),
    "EIP326": Fault("meta-data", FaultKind.STATUS, status=404),
}


def test_each_silence_is_told_by_itself_with_and_without_a_last_answer() -> None:
    with Cloud(INSTANCE, boot="dhcp", peers=False) as cloud:
        cloud.settings("[metadata]\ntimeout = 0.3\ndeadline = 0.8\n")
        for code, fault in SILENCES.items():
            cloud.metadata.hardened = code == "EIP323"
            cloud.metadata.faults.append(fault)
            see(cloud, code)
            cloud.metadata.faults.clear()

        cloud.metadata.hardened = False
        assert cloud.agent("apply").returncode == 0
        cloud.metadata.faults.append(SILENCES["EIP322"])
        done = cloud.agent("explain")
        assert "EIP321" in done.stdout + done.stderr
        assert "what it last said is used" in done.stdout + done.stderr
        assert codes(cloud) == ["EIP322", "EIP321"]
        cloud.metadata.faults.clear()
        gone(cloud, "EIP322")
