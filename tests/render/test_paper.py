"""Text of any width, with and without colours."""

from eip_agent.core.finding import Severity
from eip_agent.render.paper import Paper, columns


def test_without_a_width_a_line_is_a_line() -> None:
    assert list(Paper().field("means", "a " * 99)) == ["  means    " + "a " * 98 + "a"]


def test_a_paragraph_is_wrapped_beside_its_label() -> None:
    rows = list(Paper(width=40).field("means", "the quick brown fox jumps over the lazy dog"))

    assert rows == ["  means    the quick brown fox jumps", "           over the lazy dog"]


def test_chinese_takes_two_columns_and_breaks_anywhere_but_before_a_closing_mark() -> None:
    rows = Paper(width=30).wrapped("弹性公网地址绑定在辅助弹性网卡上，因此网卡上看不到它。")  # noqa: RUF001  Chinese

    assert columns("网卡") == 4
    assert all(columns(row) <= 32 for row in rows)
    assert not any(row[0] in "，。" for row in rows)  # noqa: RUF001  Chinese


def test_colours_are_only_on_paper_that_has_them() -> None:
    assert Paper().severity(Severity.ERROR) == "error    "
    assert Paper(colour=True).severity(Severity.ERROR) == "\x1b[31;1merror\x1b[0m    "
