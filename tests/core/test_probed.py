"""Whom the settings name, and what an echo service says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.probed import Target, seen_in, target_of
from tests.builders import ip4, ip6


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("www.example.com:443", Target("www.example.com", 443)),
        ("198.51.100.7:80", Target("198.51.100.7", 80)),
        ("[2001:db8::7]:80", Target("2001:db8::7", 80)),
        ("http://example.com", Target("example.com", 80, "http")),
        ("https://example.com/ip?x=1", Target("example.com", 443, "https", "/ip?x=1")),
        ("https://[2001:db8::7]:8443/", Target("2001:db8::7", 8443, "https")),
    ],
)
def test_a_target(text: str, target: Target) -> None:
    assert target_of(text) == target
    assert target_of(str(target)) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com",
        "example.com:0",
        "example.com:65536",
        "example.com:80/path",
        "ftp://example.com",
        "http://",
        "http://me:secret@example.com",
        "http://example.com/a b",
        "2001:db8::7:80",
        "[2001:db8::zz]:80",
        "[fe80::1%eth0]:80",
        "http://example.com\r\nX: y",
    ],
)
def test_no_target(text: str) -> None:
    assert target_of(text) is None


@given(st.text())
def test_any_text_is_a_target_or_none(text: str) -> None:
    target = target_of(text)

    assert target is None or target_of(str(target)) == target


def test_a_target_may_have_an_ip_version() -> None:
    assert [Target(host, 1).version for host in ("198.51.100.7", "2001:db8::7", "example.com")] == [4, 6, None]


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("203.0.113.11\n", ip4("203.0.113.11")),
        ('{"ip": "203.0.113.11", "port": 4711}', ip4("203.0.113.11")),
        ("<b>Your address is 203.0.113.11.</b>", ip4("203.0.113.11")),
        ("2001:db8::7 and 203.0.113.11", ip4("203.0.113.11")),
        ("version 1.2.3", None),
        ("", None),
    ],
)
def test_who_an_echo_service_sees(body: str, seen: object) -> None:
    assert seen_in(body, 4) == seen


def test_of_the_right_ip_version() -> None:
    assert seen_in("2001:db8::7 and 203.0.113.11", 6) == ip6("2001:db8::7")


@given(st.text())
def test_nonsense_names_nobody_and_breaks_nothing(body: str) -> None:
    found = seen_in(body, 4)

    assert found is None or str(found) in body
