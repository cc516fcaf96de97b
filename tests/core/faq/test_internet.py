"""Questions 13 and 15."""

from dataclasses import replace

from eip_agent.core.faq.answer import Sign
from eip_agent.core.faq.internet import firewall_origin, internet
from eip_agent.core.scene import Scene
from eip_agent.core.settings import Mode
from eip_agent.core.surroundings import Surroundings
from tests.builders import declared, kernel, link
from tests.core.faq.support import WHOLE, explained, says, unseen
from tests.core.findings.support import nat_eip, told


def settled(scene: Scene) -> Scene:
    """After a pass."""
    return replace(scene, report=replace(scene.report, plan=(), findings=()))


def test_what_is_missing_is_said_first_and_healed_by_apply() -> None:
    answer = internet(explained(holds=kernel(link(0), link(1, up=False))))

    assert "`eip-agent apply` adds" in says(answer, Sign.WRONG)
    assert "the link of eth1 (eni-1) is down" in says(answer, Sign.WRONG)
    assert "causes that hold here, of those that can be checked: " in answer.short


def test_a_healthy_instance_has_no_cause_here() -> None:
    answer = internet(settled(explained()))

    assert says(answer, Sign.WRONG) == ""
    assert answer.short == "nothing that can be checked here stands in the way"
    assert "security groups" in unseen(answer)
    assert "IPv4 gateway" in unseen(answer)


def test_where_nothing_is_known_nothing_is_called_right() -> None:
    of = explained()
    answer = internet(replace(of, report=replace(of.report, cloud=None, stories=())))

    assert answer.short == "nothing can be checked here, for nothing is known of the instance"
    assert not answer.here


def test_findings_count_and_notes_do_not() -> None:
    locked = internet(explained(told(nat_eip(locks=("security",)))))
    (point,) = [point for point in locked.here if "EIP407" in point.codes]
    assert point.sign is Sign.WRONG

    coming = internet(explained(told(nat_eip(status="Associating"))))
    assert not [point for point in coming.here if "EIP404" in point.codes]


def test_what_was_not_read_is_unknown_and_not_fine() -> None:
    blind = internet(settled(explained(None)))
    assert "whether an EIP is bound at all is not known" in says(blind, Sign.UNKNOWN)
    assert "the state of EIPs and ENIs in the cloud: not all of it could be read" in says(blind, Sign.UNKNOWN)
    assert "links and routes on this host: not all" in says(blind, Sign.UNKNOWN)
    assert "other programs and the firewall on this host: not all" in says(blind, Sign.UNKNOWN)

    read = replace(settled(explained()), surroundings=Surroundings(rules=(), routes=()))
    assert "links and routes on this host: nothing was found" in says(internet(read), Sign.FINE)


def test_no_eip_is_a_cause_where_that_is_known() -> None:
    assert "no EIP is bound" in says(internet(settled(explained(told()))), Sign.WRONG)


def test_an_origin_is_any_eip_with_the_address_to_listen_on() -> None:
    assert "203.0.113.11 could be an origin: the server listens on 192.168.1.10" in says(firewall_origin(explained()))
    visible = (declared("203.0.113.20", Mode.EIP_VISIBLE),)
    assert "the server listens on 203.0.113.20" in says(firewall_origin(explained(None, declared=visible)))
    assert firewall_origin(explained(None)).here[0].sign is Sign.UNKNOWN
    assert "any of the 2 EIPs" in firewall_origin(explained(WHOLE)).short
