"""Why EIPs are hidden, as text."""

from eip_agent.core.message import say
from eip_agent.core.nat import Choice, Hidden, Want
from eip_agent.core.settings import Mode
from eip_agent.render.nat import TITLE, lines, want
from eip_agent.render.paper import Paper
from tests.builders import ip4

CHOICE = Choice(
    Mode.SECONDARY_CIDR,
    say("recommended"),
    say("the EIP"),
    (Want(say("a block")), Want(say("a region"), here=True), Want(say("luck"), here=False)),
    (say("make it"), say("bind it")),
)
HIDDEN = Hidden(
    ((ip4("203.0.113.11"), ip4("192.168.1.10")),), (say("it is translated"),), (say("bind to it"),), (CHOICE,)
)


def test_all_of_it_is_told_in_order() -> None:
    assert list(lines(HIDDEN, Paper())) == [
        str(TITLE),
        "  because  it is translated",
        "  means    bind to it",
        "  modes in which an EIP is seen on the link:",
        "  secondary-cidr: recommended",
        "    shows    the EIP",
        "    needs    a block",
        "    needs    a region (here: yes)",
        "    needs    luck (here: no)",
        "    steps    1. make it",
        "             2. bind it",
    ]


def test_what_is_not_known_from_here_is_neither_yes_nor_no() -> None:
    assert want(CHOICE.wants[0], Paper()) == "a block"
