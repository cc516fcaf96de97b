"""Numbers come as text, flags as words, ids with blanks, and addresses as anything."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from eip_agent.sources.openapi_fields import (
    address6_of,
    address_of,
    as_list,
    as_mapping,
    id_of,
    is_true,
    lowered,
    names_at,
    objects_at,
    quoted,
    text_of,
    words_of,
)


def test_what_is_no_object_or_list_is_an_empty_one() -> None:
    assert (as_mapping([1]), as_list({"a": 1})) == ({}, [])
    assert (as_mapping({"a": 1}), as_list([1])) == ({"a": 1}, [1])


def test_the_objects_at_a_path_leave_out_what_is_none() -> None:
    answer = {"Eips": {"Eip": [{"a": 1}, None, 7, {"b": 2}]}}

    assert list(objects_at(answer, "Eips", "Eip")) == [{"a": 1}, {"b": 2}]
    assert list(objects_at(answer, "Eips", "missing")) == []
    assert list(objects_at(None, "Eips")) == []


def test_names_are_told_once_without_blanks() -> None:
    assert names_at({"Ids": {"Id": [" a", "a", "", None, "b"]}}, "Ids", "Id") == ("a", "b")


def test_a_field_may_be_spelt_in_any_case() -> None:
    assert lowered({"IP": 1, "IpMask": 2}) == {"ip": 1, "ipmask": 2}


@pytest.mark.parametrize(
    ("value", "says"), [(" cn-hangzhou ", "cn-hangzhou"), (5, "5"), (True, ""), (None, ""), ("a\x1b[31mb", "a[31mb")]
)
def test_text_has_nothing_in_it_that_a_terminal_would_obey(value: object, says: str) -> None:
    assert text_of({"Name": value}, "Name") == says


@pytest.mark.parametrize("value", ["", "two words", "x" * 200, None, ["eip-1"]])
def test_what_cannot_be_an_id_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="AllocationId"):
        id_of({"AllocationId": value}, "AllocationId")


@pytest.mark.parametrize("value", ["", "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", 3405803786, None])  # noqa: S104
def test_what_is_nobodys_address_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="IpAddress"):
        address_of({"IpAddress": value}, "IpAddress")


def test_an_address_may_have_blanks_around_it() -> None:
    assert address_of({"IpAddress": " 203.0.113.10 "}, "IpAddress") == IPv4Address("203.0.113.10")


@pytest.mark.parametrize(("value", "flag"), [("true", True), ("True", True), (1, True), ("0", False), ([1], False)])
def test_a_flag_may_be_spelt_in_many_ways(value: object, flag: bool) -> None:  # noqa: FBT001
    assert is_true(value) is flag


def test_a_value_in_a_message_is_never_long() -> None:
    assert len(quoted("x" * 1000)) <= 61
    assert quoted({"secret": 1}) == "dict"


@pytest.mark.parametrize(
    "odd", [{"template": 7}, {"template": "{"}, {"template": "{a}", "values": []}, {"template": "{0}"}, {}], ids=str
)
def test_a_message_that_cannot_be_made_is_what_it_says(odd: dict[str, object]) -> None:
    assert words_of({"message": "no answer", **odd}) == "no answer"
    assert words_of({"message": "x", "template": "{a} late", "values": {"a": 5}}) == "5 late"


def test_an_ipv6_address_may_have_blanks_around_it_and_nothing_else() -> None:
    assert address6_of({"Ipv6Address": " 2001:db8::10 "}, "Ipv6Address") == IPv6Address("2001:db8::10")
    for value in ("", "203.0.113.10", "2001:db8::10/64", 7, None):
        with pytest.raises(ValueError, match="Ipv6Address"):
            address6_of({"Ipv6Address": value}, "Ipv6Address")
