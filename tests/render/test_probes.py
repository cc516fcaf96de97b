"""The table of what was tried out, whole."""

from dataclasses import replace

from eip_agent.core.probed import Probed, Probes, Reply, Said, Target
from eip_agent.core.report import Report
from eip_agent.render.json import document
from eip_agent.render.paper import Paper
from eip_agent.render.probes import lines
from tests.builders import ip4, ip6
from tests.schema import faults_of

YES, NO = Said(Reply.ANSWERED), Said(Reply.SILENT)
EIP, OTHER = ip4("203.0.113.11"), ip4("203.0.113.99")
ROWS = (
    Probed(ip4("172.16.1.10"), "eth1", ip4("172.16.1.253"), YES, YES, YES, Said(Reply.ANSWERED, seen=EIP), EIP),
    Probed(ip4("172.16.1.11"), "eth1", ip4("172.16.1.253"), YES, NO, NO, Said(Reply.ANSWERED, seen=OTHER), EIP),
    Probed(ip6("2001:db8::1"), "eth1", ip6("2001:db8::2"), Said(Reply.UNSENT, "CAP_NET_RAW is missing")),
    Probed(ip6("2001:db8::3"), "eth1", ip6("2001:db8::2"), Said(Reply.UNSENT, "CAP_NET_RAW is missing")),
)
PROBES = Probes(ROWS, Target("100.100.100.200", 80, "http"), Target("www.example.com", 443), Target("e", 80, "http"))


def text(probes: Probes | None, paper: Paper | None = None) -> str:
    return "\n".join(lines(paper or Paper(), probes))


def test_a_table() -> None:
    assert (
        text(PROBES)
        == """\
tried out
  address      link  gateway    metadata         www.example.com:443  seen as
  172.16.1.10  eth1  answers    answers          answers              203.0.113.11
  172.16.1.11  eth1  answers    does not answer  does not answer      203.0.113.99, not 203.0.113.11
  2001:db8::1  eth1  not tried  -                -                    -
  2001:db8::3  eth1  not tried  -                -                    -
  not tried: CAP_NET_RAW is missing: 2001:db8::1, 2001:db8::3"""
    )


def test_what_was_not_tried_is_not_shown_but_said() -> None:
    assert not text(None)
    bare = text(Probes(tuple(replace(row, outside=None, seen=None) for row in ROWS), left_out=3))
    assert "seen as" not in bare
    assert "`probe.target`" in bare
    assert "3 more addresses were not tried" in bare
    assert "no address of an ENI is here yet" in text(Probes(()))


def test_a_program_gets_it_as_the_schema_says() -> None:
    assert faults_of(document(Report(None, probes=PROBES))) == []
    assert faults_of(document(Report(None, probes=Probes(())))) == []
    assert faults_of(document(Report(None, probes=replace(PROBES, left_out=-1))))


def test_ink() -> None:
    assert "\x1b[31;1mdoes not answer" in text(PROBES, Paper(colour=True))
