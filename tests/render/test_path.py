"""The picture of a way, whole; and the same for programs."""

import json
from typing import Any

from eip_agent.core.ends import Ends, Protocol
from eip_agent.core.surroundings import RuleSeen
from eip_agent.core.trace import trace
from eip_agent.render.json import spelled
from eip_agent.render.paper import Paper
from eip_agent.render.path import lines, parts, title
from tests.builders import net4
from tests.core.following import APPLIED, BEFORE, EIP, LOCAL_RULE, MAIN_RULE, OWN, WEB, Instance
from tests.schema import faults_of

NAMES = {2: "eth0", 3: "eth1"}


def text(instance: Instance, paper: Paper | None = None, **ends: Any) -> str:
    path = trace(instance.scene, Ends(WEB, OWN, **ends), instance.look)
    return "\n".join(lines(path, NAMES, paper or Paper()))


def test_a_packet_that_is_lost_and_nothing_comes_back() -> None:
    assert (
        text(Instance(BEFORE))
        == """\
tcp from 192.168.1.10 to 198.51.100.7
  note     security groups, network ACLs and local firewalls are not looked at

request  it does not arrive
      192.168.1.10  a socket that is bound to this address
    → default via 192.168.0.253 dev eth0
                    by the rule priority 32766 from all lookup main
    → eth0          the link of eni-0
  ! → eni-0         192.168.1.10 belongs to eni-1 (eth1): dropped, for the cloud takes from an ENI only what is its own

reply  none: there is nothing to reply to

rules that the request meets
  priority 0 from all lookup local
      finds no route
  priority 32766 from all lookup main
      finds default via 192.168.0.253 dev eth0"""
    )


def test_a_request_that_is_answered() -> None:
    shown = text(Instance(), incoming=True, named=EIP, port=443)

    assert shown.startswith("tcp from 198.51.100.7 to 203.0.113.11, port 443\n")
    assert shown.count("nothing that can be seen from here stops it") == 2
    assert "rules that the reply meets" in shown
    assert "rules that the request meets" not in shown


def test_many_rules_that_do_not_match_are_counted() -> None:
    others = tuple(RuleSeen(4, n, table=7, source=net4(f"10.0.{n}.0/24")) for n in range(1, 31))
    shown = text(Instance((LOCAL_RULE, *others, *APPLIED[1:])))

    assert "and 27 more that do not match" in shown
    assert shown.count("it is for other sources") == 3


def test_a_narrow_paper_is_not_overrun() -> None:
    shown = text(Instance(BEFORE), Paper(width=60))
    picture = shown.split("rules that")[0]

    assert max(map(len, picture.splitlines())) <= 60
    assert "only what is its own" in " ".join(picture.split())


def test_ink_and_plain_signs() -> None:
    assert "\x1b[31;1m!" in text(Instance(BEFORE), Paper(colour=True))
    assert "→" not in text(Instance(), Paper(ascii=True))


def test_a_program_gets_every_rule_and_stop() -> None:
    instance = Instance((LOCAL_RULE, RuleSeen(4, 9, table=7, outgoing="eth0"), *APPLIED[1:], MAIN_RULE))
    path = trace(instance.scene, Ends(WEB, OWN, protocol=Protocol.UDP, port=53), instance.look)
    told = spelled(parts(path, NAMES))
    found = json.loads(told)

    assert faults_of(told) == []
    assert (found["protocol"], found["port"], found["address"], found["seen_as"]) == ("udp", 53, str(OWN), str(EIP))
    assert [rule["outcome"] for rule in found["request"]["rules"]] == ["nothing", "passed", "found"]
    assert found["request"]["rules"][1]["differs_in"] == "oif"
    assert found["request"]["kernel"]["gateway"] == "192.168.1.253"
    assert next(stop["place"] for stop in found["reply"]["stops"]) == "peer"
    assert found["reply"]["rules"] is None


def test_the_title_names_what_was_named() -> None:
    assert title(Ends(WEB, None, link="eth1", protocol=Protocol.ICMP)) == "icmp from eth1 to 198.51.100.7"
