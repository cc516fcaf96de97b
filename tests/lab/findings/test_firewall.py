"""The local firewall, with real rules, and with packets that they stop.

::

      internet ──► eth0 172.16.0.10   nft
      internet ──► eth1 172.16.1.10   nft
                        172.16.1.11
"""

import re
from ipaddress import IPv4Address

import pytest

from eip_agent.lab.cloud import Cloud
from eip_agent.lab.echo import PORT
from eip_agent.lab.probe import reach
from eip_agent.lab.topology import Topology, vswitch
from tests.lab.findings.support import codes, findings, gone, heal, see
from tests.lab.support import ETH0, WEB, agent, declared, nat

pytestmark = pytest.mark.lab

ETH1 = nat(1, vswitch(1), (10, 11))
PAIR = Topology((ETH0, ETH1))
FIRST, SECOND, THIRD = (eip.address for one in PAIR.enis for eip in one.eips)
TABLE = "flush ruleset\ntable inet filter {{\n{}\n}}\n"
INPUT = "chain input {{ type filter hook input priority filter; policy {}; {}; }}"
"""Policy and rules."""

OPEN = f"chain open {{ th dport {{ 22, {PORT} }} accept; return; }}"
OUTPUT = "chain output {{ type filter hook output priority filter; policy accept; {}; }}"
PREROUTING = "chain prerouting {{ type filter hook prerouting priority mangle; policy accept; {}; }}"
KNOWN = 'ct state vmap { invalid : drop, established : accept, related : accept }; iifname { "lo", "eth0" } accept'


def closed(cloud: Cloud, *eips: IPv4Address) -> bool:
    """Whether none of them answers."""
    return not any(reach(cloud.internet, eip, timeout=0.3) for eip in eips)


def load(cloud: Cloud, *chains: str) -> None:
    """These rules and no others."""
    cloud.guest.run(["nft", "-f", "-"], input=TABLE.format("\n".join(chains)))


def test_what_the_firewall_stops_is_told_and_what_it_lets_through_is_not() -> None:
    with Cloud(PAIR, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(PAIR))
        agent(cloud, "apply")
        assert all(reach(cloud.internet, eip) for eip in (FIRST, SECOND, THIRD))
        healthy = codes(cloud)

        load(cloud, INPUT.format("accept", 'ip saddr 10.0.0.0/8 accept; iifname "eth1" counter drop'))
        assert reach(cloud.internet, FIRST)
        assert closed(cloud, SECOND, THIRD)
        assert not reach(cloud.guest, WEB, source=ETH1.private[0], timeout=0.3), "not even answers come in"
        heal(cloud, see(cloud, "EIP251"))
        assert reach(cloud.internet, SECOND)
        gone(cloud, "EIP251")

        load(cloud, INPUT.format("drop", f"{KNOWN}; ip saddr 172.16.0.0/12 accept; ip daddr {ETH1.private[0]} accept"))
        assert reach(cloud.internet, FIRST)
        assert reach(cloud.internet, SECOND)
        assert closed(cloud, THIRD)
        assert reach(cloud.guest, WEB, source=ETH1.private[1]), "what is begun here works"
        see(cloud, "EIP252")
        cloud.guest.run(["nft", "add", "rule", "inet", "filter", "input", "tcp", "dport", str(PORT), "accept"])
        assert reach(cloud.internet, THIRD)
        assert codes(cloud) == healthy

        load(cloud, OUTPUT.format('oifname vmap { "eth1" : drop }'))
        assert reach(cloud.internet, FIRST)
        assert closed(cloud, SECOND)
        heal(cloud, see(cloud, "EIP254"))
        assert reach(cloud.internet, SECOND)
        gone(cloud, "EIP254")

        load(cloud, INPUT.format("drop", f"{KNOWN}; fib daddr type local accept"))
        assert all(reach(cloud.internet, eip) for eip in (FIRST, SECOND, THIRD)), "it may be so, and is not"
        see(cloud, "EIP253")

        by_mark = INPUT.format("drop", f"{KNOWN}; meta mark 0x1 accept; ct mark and 0xff == 0x10 accept")
        load(cloud, by_mark)
        assert closed(cloud, SECOND), "nobody gives that mark"
        see(cloud, "EIP253", golden="EIP253_mark")
        for gives in ("meta mark set 0x1", "ct mark set 0x110", "ct mark set 0x10 meta mark set ct mark"):
            load(cloud, PREROUTING.format(f"th dport {PORT} {gives}"), by_mark)
            assert all(reach(cloud.internet, eip) for eip in (FIRST, SECOND, THIRD)), gives
            assert codes(cloud) == healthy, gives
        load(cloud, PREROUTING.format(f"th dport {PORT} meta mark set 0x2"), by_mark)
        assert closed(cloud, SECOND), "another mark"
        assert "EIP253" in codes(cloud)

        load(cloud, INPUT.format("drop", f"{KNOWN}; iifgroup 20000 meta l4proto {{ tcp, udp }} jump open"), OPEN)
        assert all(reach(cloud.internet, eip) for eip in (FIRST, SECOND, THIRD))
        assert codes(cloud) == healthy


def test_a_firewall_that_is_wanted_so_is_told_and_counts_for_nothing() -> None:
    with Cloud(PAIR, boot="dhcp", peers=False) as cloud:
        cloud.settings(declared(PAIR))
        agent(cloud, "apply")
        load(cloud, INPUT.format("drop", f"{KNOWN}; ip saddr 172.16.0.0/12 accept"))
        assert closed(cloud, SECOND, THIRD)
        agent(cloud, "explain", code=3)
        agent(cloud, "explain", "finding", "EIP252", code=3)
        for accepted in ("EIP252", "EIP252:eth1"):
            cloud.settings(f'[findings]\naccepted = ["{accepted}"]\n{declared(PAIR)}')
            told = agent(cloud, "explain")
            assert re.search(r"^nothing is wrong; .*1 that is accepted$", told, re.MULTILINE)
            assert re.search(r"^EIP252 note .*\n(.+\n)*?  accepted by the settings", told, re.MULTILINE)
            agent(cloud, "explain", "finding", "EIP252")
            assert [one["code"] for one in findings(cloud) if one["accepted"]] == ["EIP252"]
            assert findings(cloud)[-1]["code"] == "EIP252"
        cloud.settings(f'[findings]\naccepted = ["EIP252:eth0", "EIP251"]\n{declared(PAIR)}')
        agent(cloud, "explain", code=3)

        cloud.settings(f'[findings]\naccepted = ["EIP252", "EIP111"]\n{declared(PAIR)}')
        cloud.guest.ip("rule del priority 24011")
        agent(cloud, "explain", code=3)
        agent(cloud, "apply")
        cloud.metadata.stop()
        agent(cloud, "explain", code=4)
