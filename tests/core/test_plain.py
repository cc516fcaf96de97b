"""Facts survive the way to JSON and back, and nothing else does."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_agent.core.facts import CloudFact
from eip_agent.core.known import ModeSeen
from eip_agent.core.openapi import ApiFact, Bound, EipFact
from eip_agent.core.plain import decoded, encoded
from eip_agent.core.settings import Mode
from tests.builders import cloud, eni6, ip4, mac


@dataclass(frozen=True)
class Both:
    """Facts of every kind."""

    cloud: CloudFact
    saved_at: float
    api: ApiFact
    modes: tuple[ModeSeen, ...]


KNOWN = Both(
    cloud(eni6(0), eni6(1)),
    12.5,
    ApiFact(
        eips=(EipFact(ip4("203.0.113.1"), "eip-1", Bound.ENI, "eni-1", Mode.NAT),), asked=frozenset(("eni-1", "eni-2"))
    ),
    (ModeSeen(mac(1), Mode.NAT),),
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_fact_comes_back_as_it_was() -> None:
    assert decoded(Both, json.loads(json.dumps(encoded(KNOWN)))) == KNOWN


def test_equal_facts_are_spelled_alike() -> None:
    other = ApiFact(asked=frozenset(("eni-2", "eni-1")))

    assert encoded(ApiFact(asked=frozenset(("eni-1", "eni-2")))) == encoded(other)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("cloud", "enis", 0, "subnet"), "nonsense"),
        (("cloud", "enis", 0, "private_ipv4s"), "192.168.0.10"),
        (("cloud", "enis", 0, "mac"), 5),
        (("saved_at",), True),
        (("modes", 0, "mode"), "sideways"),
        (("modes", 0), ["00:16:3e:00:00:01", "nat"]),
        (("api", "eips", 0, "address"), None),
    ],
)
def test_a_wrong_value_is_named_by_its_place(path: tuple[Any, ...], value: object) -> None:
    document = encoded(KNOWN)
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value

    with pytest.raises(ValueError, match=str(path[-1] if isinstance(path[-1], str) else path[-2])):
        decoded(Both, document)


def test_a_missing_value_is_named() -> None:
    document = encoded(KNOWN)
    del document["cloud"]

    with pytest.raises(ValueError, match="cloud"):
        decoded(Both, document)


@given(JSON)
def test_anything_else_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  any place
        decoded(Both, value)
