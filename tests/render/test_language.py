"""Saying a message in another language."""

from pathlib import Path

import pytest

from eip_agent.core.message import say
from eip_agent.render.language import CATALOGUES, ENGLISH, language, language_of


def test_english_is_the_message_itself() -> None:
    assert ENGLISH(say("{links} are down", links=("eth1", "eth2"))) == "eth1, eth2 are down"


def test_a_locale_names_a_language() -> None:
    assert [language_of(one) for one in ("zh_CN.UTF-8", "zh", "C", "", "de_DE")] == ["zh", "zh", "en", "en", "en"]


def test_what_is_no_message_stays_as_it_is() -> None:
    assert language("zh")(("eth1", 7)) == "eth1、7"


def test_a_catalogue_that_is_gone_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert language("zh").code == "zh"
    assert language("zh", str(tmp_path)) is ENGLISH


@pytest.mark.parametrize("size", [0, 3, 10, 30, 1000])
def test_nor_is_one_of_which_a_part_is_there(tmp_path: Path, size: int) -> None:
    path = tmp_path / "zh" / "LC_MESSAGES" / "eip_agent.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes((Path(CATALOGUES) / "zh" / "LC_MESSAGES" / "eip_agent.mo").read_bytes()[:size])

    assert language("zh", str(tmp_path)) is ENGLISH


def test_a_document_is_said_with_all_that_is_in_it() -> None:
    plain = {"why": say("unknown"), "kernel": [say("hint: {hint}", hint=say("unknown")), "unknown", 7, True, None]}

    assert ENGLISH.document(plain) == plain
    assert language("zh").document(plain) == {"why": "未知", "kernel": ["提示：未知", "unknown", 7, True, None]}  # noqa: RUF001
