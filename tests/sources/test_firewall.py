"""Rules that the real `nft` has loaded into a namespace, read by netlink."""

import sys
from pathlib import Path

import pytest

from eip_agent.core.surroundings import Ruleset
from eip_agent.lab.namespace import Namespace
from eip_agent.sources import firewall

RULES = """
table inet filter {
  set links { type ifname; elements = { "eth1", "eth2" }; }
  set blocked { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 }; }
  chain input {
    type filter hook input priority -5; policy drop;
    ct state vmap { established : accept, invalid : drop }
    iifname @links ip saddr @blocked counter drop
    ip saddr { 10.0.0.0/8, 192.168.0.0/16 } accept
    ip daddr 172.16.1.0/24 meta l4proto { tcp, udp } th dport { 22, 80-90 } jump open
    ip6 daddr 2001:db8::/32 reject
    fib daddr type local accept
    ip daddr != 172.16.1.10 udp sport 67 udp dport 68 accept
    limit rate 5/second accept
  }
  chain open { accept; }
  chain before { type nat hook prerouting priority dstnat; tcp dport 8080 redirect to :80; }
}
table ip asleep { flags dormant; chain input { type filter hook input priority 0; drop; }; }
table netdev early { chain every { type filter hook ingress device "lo" priority 7; drop; }; }
"""


@pytest.mark.lab
def test_rules_are_read_as_nft_has_written_them() -> None:
    with Namespace("guest") as guest:
        with guest.entered():
            assert firewall.read() == Ruleset(), "there is no table"
        guest.run(["nft", "-f", "-"], input=RULES)
        with guest.entered():
            ruleset = firewall.read()

    assert ruleset is not None
    chains = {chain.name: chain for chain in ruleset.chains}
    assert set(chains) == {"input", "open", "before", "every"}, "a dormant table drops nothing"
    told = [str(rule) for rule in chains["input"].rules]
    assert told == [
        "ct state invalid drop",
        "ct state established accept",
        "",
        'iifname { "eth1", "eth2" } meta nfproto ipv4 ip saddr @blocked drop',
        "meta nfproto ipv4 ip saddr { 10.0.0.0/8, 192.168.0.0/16 } accept",
        "meta nfproto ipv4 ip daddr 172.16.1.0/24 meta l4proto { tcp, udp } th dport { 22, 80-90 } jump open",
        "meta nfproto ipv6 ip6 daddr 2001:db8::/32 reject",
        "... accept",
        "meta nfproto ipv4 ip daddr != 172.16.1.10 meta l4proto udp th sport 67 th dport 68 accept",
        "limit ... accept",
    ]
    bare = {name: (one.family, one.hook, one.priority, one.kind, one.drops) for name, one in chains.items()}
    assert bare == {
        "input": ("inet", "input", -5, "filter", True),
        "open": ("inet", "", 0, "filter", False),
        "before": ("inet", "prerouting", -100, "nat", False),
        "every": ("netdev", "ingress", 7, "filter", False),
    }
    assert chains["every"].devices == {"lo"}
    assert chains["before"].rules[0].verdict == "other"


@pytest.mark.lab
def test_without_the_capability_the_firewall_is_unread() -> None:
    script = "from eip_agent.sources import firewall; print(firewall.read())"
    strip = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]
    with Namespace("guest") as guest:
        done = guest.run([*strip, sys.executable, "-c", script], env={"PYTHONPATH": str(Path(__file__).parents[2])})

    assert done.stdout == "None\n"


@pytest.mark.parametrize(
    ("modules", "builtin", "expected"),
    [
        (None, "", True),
        ("nf_tables 376832 0 - Live 0x0\n", "", True),
        ("overlay 1 0 - Live 0x0\nnf_tables 376832 0\n", "", True),
        ("nft_ct 24576 0 - Live 0x0\n", "kernel/net/netfilter/nfnetlink.ko\n", False),
        ("overlay 1 0 - Live 0x0\n", "kernel/net/netfilter/nf_tables.ko\n", True),
        ("overlay 1 0 - Live 0x0\n", None, True),
    ],
)
def test_a_module_that_is_not_loaded_is_not_loaded_by_asking(
    tmp_path: Path, modules: str | None, builtin: str | None, *, expected: bool
) -> None:
    for name, text in (("modules", modules), ("builtin", builtin)):
        if text is not None:
            (tmp_path / name).write_text(text)

    assert firewall.is_loaded(str(tmp_path / "modules"), str(tmp_path / "builtin")) is expected


@pytest.mark.lab
def test_tables_of_iptables_legacy_are_told(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("filter\nnat\n")
    with Namespace("guest") as guest, guest.entered():
        found = firewall.read((str(tmp_path / "names"), str(tmp_path / "none")))

    assert found == Ruleset(legacy=("filter", "nat"))
