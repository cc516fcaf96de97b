"""When a list is whole."""

from typing import Any

import pytest

from eip_agent.sources.openapi_call import Call


def call(*answers: Any, error: dict[str, Any] | None = None) -> Call:
    return Call({"product": "vpc", "action": "ListThings", "of": "vpc-1", "answers": list(answers), "error": error})


@pytest.mark.parametrize(
    ("answers", "whole"),
    [
        ([{"Things": []}], True),
        ([{"Things": [{}]}, {"Things": [{}], "NextToken": ""}], True),
        ([{"Things": [{}], "NextToken": "more"}], False),
        ([{"TotalCount": "0"}], True),
        ([{"TotalCount": 0}], True),
        ([{"TotalCount": "1"}], False),
        ([{}], False),
        ([{"Things": None, "TotalCount": "0"}], False),
        ([{"Things": [None]}], False),
        ([[]], False),
        ([], False),
    ],
)
def test_a_list_without_a_wrapper_is_there_or_said_to_be_empty(answers: list[Any], whole: bool) -> None:  # noqa: FBT001
    assert call(*answers).is_whole("Things") is whole


@pytest.mark.parametrize(
    ("answers", "whole"),
    [
        ([{"Things": {"Thing": []}}], True),
        ([{"Things": {}}], True),
        ([{}], False),
        ([{"Things": {"Thing": [{}]}, "PageNumber": 1, "TotalCount": 2}], False),
        ([{"Things": {"Thing": {}}}], False),
    ],
)
def test_a_wrapper_may_be_empty_and_not_missing(answers: list[Any], whole: bool) -> None:  # noqa: FBT001
    assert call(*answers).is_whole("Things", "Thing") is whole


def test_what_failed_is_not_whole_whatever_came_before() -> None:
    failed = call({"Things": []}, error={"code": "Timeout", "message": "late"})

    assert (failed.failed, failed.denied, failed.is_whole("Things")) == (True, False, False)
    assert call(error={"code": "Forbidden.RAM", "message": "no"}).denied
    assert failed.path == "openapi/ListThings/vpc-1"
