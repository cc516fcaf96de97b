"""`explain path` beside real packets: what it says of a way is what becomes of a packet."""

import json
from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest

from eip_agent import inquiry
from eip_agent.config import load
from eip_agent.core.ends import Ends, ends_of
from eip_agent.core.facts import IPAddress
from eip_agent.core.outside import State
from eip_agent.core.path import Path, Place
from eip_agent.core.scene import Scene
from eip_agent.lab.cloud import Cloud
from eip_agent.lab.echo import PORT
from eip_agent.lab.guest import CONTAINER, FAR_END, docker_bridge, vpn
from eip_agent.lab.probe import reach, seen_source
from eip_agent.lab.topology import DEMO, public
from eip_agent.reconcile import Agent
from tests.lab.support import SERVICE, SERVICE_PORT, STRANGER, WAIT, WEB, WEB6, agent, declared

pytestmark = pytest.mark.lab


def told(cloud: Cloud, source: object, destination: object, port: int = 0) -> Path:
    """What is told of a way; in this process, for it is asked often."""

    def question(scene: Scene) -> Ends:
        ends = ends_of(scene, str(source), str(destination))
        assert isinstance(ends, Ends), ends
        return replace(ends, port=port)

    settings = load(str(cloud.settings(declared(cloud.topology))), environ=cloud.agent_environment)
    with cloud.guest.entered():
        _, path = inquiry.trace(Agent(settings), question)
    assert all(leg.agrees for leg in (path.request, path.reply) if leg), path
    return path


@dataclass(frozen=True)
class Way:
    """A packet out of the guest, and as whom the other side saw it; None: it did not."""

    source: IPAddress
    destination: IPAddress
    port: int = PORT

    def seen(self, cloud: Cloud) -> IPAddress | None:
        return seen_source(cloud.guest, self.destination, source=self.source, port=self.port, timeout=1)

    def check(self, cloud: Cloud) -> Path:
        """What is told must be so; where nothing is claimed, either may be."""
        cloud.reset_spoofs()
        seen = self.seen(cloud)
        path = told(cloud, self.source, self.destination)
        states = {leg.state for leg in (path.request, path.reply) if leg is not None}
        if seen is None:
            assert states != {State.PASSES}, (self, path)
        else:
            assert State.STOPS not in states, (self, path)
        if path.request.state is State.PASSES:
            assert path.seen == seen, (self, path)
        if any(cloud.spoofs().values()):
            last = path.request.stops[-1]
            assert (last.place, last.state) == (Place.ENI, State.STOPS), (self, path)
        return path


def outward(cloud: Cloud) -> list[Way]:
    """From every kind of address to every kind of place."""
    nat, visible, multi, secondary, cidr = (
        ip_address(ip) for ip in ("172.16.1.10", "203.0.113.20", "203.0.113.42", "172.16.1.11", "192.0.2.44")
    )
    peer = next(v.peer for v in cloud.topology.vswitches if v.name == "vsw-lab9")
    first, primary = ip_address("172.16.3.10"), ip_address("172.16.0.10")
    own6 = cloud.topology.eni("eth1").ipv6s[0]
    return [
        *(Way(one, WEB) for one in (primary, nat, visible, multi, secondary, cidr)),
        *(Way(one, peer) for one in (nat, visible, cidr, first)),
        *(Way(one, SERVICE, SERVICE_PORT) for one in (primary, nat, visible)),
        Way(own6, WEB6),
    ]


def test_what_is_told_is_what_packets_do_before_and_after_the_first_pass() -> None:
    with Cloud(DEMO, boot="dhcp") as cloud:
        for way in outward(cloud):
            way.check(cloud)
        cloud.settings(declared(DEMO))
        agent(cloud, "apply")
        for way in outward(cloud):
            path = way.check(cloud)
            if way.destination in (WEB, WEB6):
                assert path.request.state is State.PASSES, (way, path)


@pytest.mark.parametrize("strict", [False, True], ids=["loose", "strict"])
def test_requests_from_outside_and_where_their_replies_are_lost(*, strict: bool) -> None:
    eips = [public(11), public(20), public(42)]
    with Cloud(DEMO, boot="dhcp", strict_rp_filter=strict) as cloud:
        for eip in eips:
            assert not reach(cloud.internet, eip, source=WEB)
            path = told(cloud, WEB, eip, PORT)
            # The EIP of the multi-EIP-visible ENI is not on its link yet; replies of the others leave by eth0.
            assert path.reply is not None
            assert path.reply.state is State.STOPS
            dropped = strict or eip == public(42)
            assert path.request.state is (State.STOPS if dropped else State.PASSES), (eip, path)
        cloud.settings(declared(DEMO))
        agent(cloud, "apply")
        for eip in eips:
            assert reach(cloud.internet, eip, source=STRANGER)
            path = told(cloud, STRANGER, eip, PORT)
            assert path.reply is not None
            assert (path.request.state, path.reply.state) == (State.PASSES, State.PASSES), (eip, path)


def links(path: Path) -> list[str]:
    return [stop.name for stop in path.request.stops if stop.place is Place.LINK]


def test_bridges_tunnels_and_rules_of_others() -> None:
    with Cloud(DEMO, boot="dhcp") as cloud:
        cloud.settings(declared(DEMO))
        agent(cloud, "apply")
        with docker_bridge(cloud.guest), vpn(cloud.guest):
            assert links(told(cloud, "172.16.1.10", CONTAINER)) == ["docker0"]
            assert links(told(cloud, "172.16.1.10", FAR_END)) == ["tun0"]
            cloud.guest.ip("route add 0.0.0.0/1 dev tun0\nroute add 128.0.0.0/1 dev tun0")
            assert links(told(cloud, "172.16.1.10", WEB)) == ["eth1"]
            assert links(told(cloud, "10.8.0.2", WEB)) == ["tun0"]
        cloud.guest.ip("rule add priority 100 from 172.16.1.10 lookup main")
        path = told(cloud, "172.16.1.10", WEB)

        assert path.request.state is State.STOPS
        assert not reach(cloud.guest, WEB, source="172.16.1.10")
        assert path.request.walk is not None
        assert path.request.walk.steps[-1].rule.priority == 100


def test_the_ends_may_be_named_in_many_ways() -> None:
    peer = next(v.peer for v in DEMO.vswitches if v.name == "vsw-lab9")
    with Cloud(DEMO, boot="dhcp") as cloud:
        cloud.settings(declared(DEMO))
        agent(cloud, "apply")
        one = cloud.topology.eni("eth1")
        seen = seen_source(cloud.guest, peer, device="eth1", timeout=WAIT)
        for name in ("eth1", one.eni_id, one.mac):
            assert told(cloud, name, peer).near == seen, name
        assert told(cloud, "203.0.113.12", WEB).near == ip_address("172.16.1.11")
        for wrong in (
            ["eth9", "198.51.100.7"],
            ["172.16.1.10", "example.com"],
            ["8.8.8.8", "9.9.9.9"],
            ["eth1", "8.8.8.8", "--dport", "70000"],
            ["eth1", "8.8.8.8", "--proto", "icmp", "--dport", "80"],
        ):
            done = cloud.agent("explain", "path", "--from", wrong[0], "--to", *wrong[1:])
            assert (done.returncode, done.stdout) == (2, ""), done
            first, second = done.stderr.splitlines()
            assert (first[:11], second[:6]) == ("eip-agent: ", "hint: "), done
        text = agent(cloud, "explain", "path", "--from", "172.16.1.10", "--to", str(WEB))
        assert "seen as 203.0.113.11" in text
        lost = cloud.agent("explain", "path", "--from", "203.0.113.20", "--to", str(SERVICE), "--format", "json")
        assert lost.returncode == 3
        assert json.loads(lost.stdout)["request"]["state"] == "stops"
