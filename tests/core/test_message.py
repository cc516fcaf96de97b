"""A message is its English text, and can be made again in another language."""

import pytest

from eip_agent.core.message import Message, say, text, verbatim


def test_a_message_is_its_text_and_knows_its_parts() -> None:
    inner = say("the link {link} is down", link="eth1")
    found = say("{what}, on {links}", what=inner, links=("eth1", 7))

    assert found == "the link eth1 is down, on eth1, 7"
    assert found.template == "{what}, on {links}"
    assert found.values["what"] is inner


def test_a_missing_value_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        say("{link} is down")


def test_a_value_is_never_a_template() -> None:
    assert say("{name}", name="{other}") == "{other}"
    assert Message(text("{a}"), {"a": "100 %"}) == "100 %"
    assert verbatim("chmod {mode}") == "chmod {mode}"
