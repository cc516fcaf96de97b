"""What a verdict is made of."""

import pytest

from eip_agent.core.verdict import gateway_by, is_private, undecided
from tests.builders import eni, ip4, main_route


def test_the_best_default_route_tells_the_router() -> None:
    routes = [
        main_route("0.0.0.0/0", gateway="203.0.113.2", metric=300),
        main_route("0.0.0.0/0", gateway="203.0.113.1", metric=200),
        main_route("10.0.0.0/8", gateway="203.0.113.3"),
        main_route("0.0.0.0/0"),
        main_route("::/0", gateway="fe80::1"),
    ]

    assert gateway_by(routes) == ip4("203.0.113.1")
    assert gateway_by(routes[2:]) is None


@pytest.mark.parametrize("private", ["10.1.1.1", "172.31.255.255", "192.168.0.1", "100.100.100.200", "169.254.1.1"])
def test_a_vswitchs_own_address_looks_private(private: str) -> None:
    assert is_private(ip4(private))


@pytest.mark.parametrize("public", ["203.0.113.10", "172.32.0.1", "11.0.0.1", "100.128.0.1"])
def test_an_eip_does_not(public: str) -> None:
    assert not is_private(ip4(public))


def test_an_undecided_verdict_says_what_to_do() -> None:
    verdict = undecided(eni(1), (), "one says this, another that", "correct one")

    assert not verdict.decided
    assert (verdict.contradiction, verdict.remedy) == ("one says this, another that", "correct one")
