"""What is tried out, against a cloud in which something is broken on purpose."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.topology import DEMO, Eip, public
from eip_agent.lab.web import PORT, WebEcho
from tests.lab.findings.support import codes, findings, gone, see
from tests.lab.support import WEB, agent, declared, outside

pytestmark = pytest.mark.lab

TRY = "--probe"
ASKED = f'[probe]\ntarget = "{WEB}:{PORT}"\necho = "http://{WEB}:{PORT}/"\n'
SILENT = "[dhcp]\noffers = false\n"
"""Nobody is asked what takes a while."""


def settings(cloud: Cloud) -> None:
    cloud.settings(declared(DEMO) + ASKED + SILENT)


@contextlib.contextmanager
def broken(cloud: Cloud, rule: str, family: str = "inet", hook: str = "prerouting") -> Iterator[None]:
    """The router drops what this rule of nft matches."""
    chain = f"table {family} broken {{\nchain arrive {{\ntype filter hook {hook} priority -400;\n{rule} drop\n}}\n}}\n"
    cloud.router.run(["nft", "-f", "-"], input=chain)
    try:
        yield
    finally:
        cloud.router.run(["nft", "delete", "table", family, "broken"])


def test_everything_is_tried_before_and_after_the_first_pass_and_nobody_is_disturbed() -> None:
    with Cloud(DEMO, boot="dhcp") as cloud, WebEcho(cloud.internet):
        settings(cloud)
        assert not [code for code in codes(cloud, TRY) if code.startswith("EIP5")]
        agent(cloud, "apply")
        told = json.loads(cloud.agent("explain", TRY, "--format", "json").stdout)
        rows = {row["address"]: row for row in told["probes"]["rows"]}
        text = cloud.agent("explain", TRY).stdout

        assert not [found["code"] for found in told["findings"] if found["code"].startswith("EIP5")]
        for one in DEMO.enis:
            for address in (*one.owned, *one.ipv6s):
                assert rows[str(address)]["arp"]["reply"] == "answered", rows[str(address)]
            for source, eip in outside(one).items():
                if eip.version == 4:
                    assert rows[str(source)]["seen"]["seen"] == str(eip), rows[str(source)]
                    assert rows[str(source)]["outside"]["reply"] == "answered"
        assert rows[str(public(20))]["metadata"] is None, "it cannot reach it, and is not asked to"
        assert rows["172.16.1.11"]["metadata"]["reply"] == "answered"
        assert "tried out" in text
        assert "tried out" not in cloud.agent("explain").stdout
        assert not any(cloud.spoofs().values())


def test_what_is_broken_is_found() -> None:
    with Cloud(DEMO, boot="dhcp") as cloud, WebEcho(cloud.internet) as web:
        settings(cloud)
        agent(cloud, "apply")

        with broken(cloud, "arp daddr ip 172.16.1.253", "arp", "input"):
            cloud.guest.ip("neigh flush dev eth1")
            see(cloud, "EIP501", TRY)
            cloud.guest.ip("neigh flush dev eth1")
            told = cloud.agent("explain", TRY, "--format", "json").stdout
            rows = {row["address"]: row for row in json.loads(told)["probes"]["rows"]}
            assert rows["172.16.1.10"]["metadata"]["reply"] == "silent"
            assert '"EIP502"' not in told, "the gateway is the cause"
        gone(cloud, "EIP501", TRY)

        with broken(cloud, "ip saddr 172.16.1.10 ip daddr 100.100.100.200"):
            see(cloud, "EIP502", TRY)
        with broken(cloud, "ip saddr 203.0.113.42 tcp dport 8080"):
            see(cloud, "EIP503", TRY)
        with broken(cloud, "tcp dport 8080"):
            see(cloud, "EIP504", TRY)
        assert not [code for code in codes(cloud, TRY) if code.startswith("EIP5")]

        del web
        one = DEMO.eni("eth1")
        moved = replace(one, eips=(Eip(public(99)), *one.eips[1:]))
        cloud.become(DEMO.with_eni(moved))
        see(cloud, "EIP505", TRY)
        cloud.become(DEMO)
        gone(cloud, "EIP505", TRY)
        assert not any(cloud.spoofs().values())


def test_ipv6_gateways_are_asked_too() -> None:
    with Cloud(DEMO, boot="dhcp", peers=False) as cloud:
        settings(cloud)
        agent(cloud, "apply")
        gateway = DEMO.eni("eth1").vswitch.gateway6
        cloud.router.ip(f"addr del {gateway}/128 dev eth1")

        told = [one for one in findings(cloud, TRY) if one["code"] == "EIP501"]

        assert [one["subject"] for one in told] == [f"eth1 {gateway}"]
