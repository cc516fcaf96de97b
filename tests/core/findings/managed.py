"""Scenes with other programs that configure links: those that run, and what was read of them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from eip_agent.core.claims import Case
from eip_agent.core.conclude import NOBODY_ELSE
from eip_agent.core.facts import Remembered
from eip_agent.core.finding import Finding
from eip_agent.core.host import HostFact, Manager
from eip_agent.core.judge import judge
from eip_agent.core.neighbours import ManagedLink, Neighbours
from eip_agent.core.pairing import Port
from eip_agent.core.report import Report, Story
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode, Settings
from eip_agent.core.surroundings import Surroundings
from tests.builders import cloud, declared, device, exit_of, kernel, port

ETH0, ETH1 = device(0).index, device(1).index
NETWORKD, NM = Manager("systemd-networkd", 1), Manager("NetworkManager", 2)
MANAGED = (ManagedLink(ETH1, managed=True),)
PROFILE = (ManagedLink(ETH1, managed=True, asks=True),)


def story(of: Port, mode: Mode = Mode.NAT, **more: Any) -> Story:
    """An ENI with something to carry."""
    verdict = judge(Case(of, declared=[declared("203.0.113.10", mode)]))
    return replace(Story(of.eni, of.link, of.primary, verdict, (exit_of(1, "192.168.1.10"),)), **more)


PRIMARY, SECONDARY = story(port(0)), story(port(1))
VISIBLE = story(port(1), Mode.EIP_VISIBLE)


def scene(*managers: Manager, stories: tuple[Story, ...] = (PRIMARY, SECONDARY), **told: Any) -> Scene:
    """`told` is what was read, of `Neighbours`, and `settings`."""
    settings = told.pop("settings", Settings())
    around = Surroundings(neighbours=Neighbours(**told))
    report = Report(cloud(), stories)
    bare = Scene(report, kernel(), NOBODY_ELSE, settings, Remembered())
    return replace(bare, surroundings=around, host=HostFact(managers))


def codes(findings: Iterable[Finding]) -> list[str]:
    """The codes, once every text has been said."""
    found = list(findings)
    assert all(one.subject and one.saw and one.means and one.do for one in found)
    return [one.code for one in found]
