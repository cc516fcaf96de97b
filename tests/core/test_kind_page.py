"""The page of a kind, with words in place of values."""

from eip_agent.core.finding import Kind, Severity
from eip_agent.core.kind_page import page, words

CAUSE = Kind("EIP990", Severity.ERROR, "cause", "c", "c", "c")
KIND = Kind("EIP991", Severity.ERROR, "kind", "{link_name} is {state}", "m", "d", caused_by=frozenset(("EIP990",)))


def test_values_are_words() -> None:
    assert words(KIND.saw) == {"link_name": "LINK-NAME", "state": "STATE"}
    assert KIND.saw.format(**words(KIND.saw)) == "LINK-NAME is STATE"


def test_causes_and_consequences_are_named() -> None:
    kinds = (CAUSE, KIND)

    assert page(KIND, kinds, ()).causes == (CAUSE,)
    assert page(CAUSE, kinds, ()).consequences == (KIND,)


def test_it_says_where_it_is_found_here() -> None:
    here, other = KIND.on("eth1", link_name="eth1", state="odd"), CAUSE.on("eth2")

    assert page(KIND, (CAUSE, KIND), (other, here)).found == (here,)
