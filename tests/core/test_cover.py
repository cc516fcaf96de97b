"""The cover: few prefixes, and never one too wide."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from itertools import chain, combinations

from hypothesis import given, settings

from eip_agent.core.cover import Claim, cover
from eip_agent.core.facts import IPNetwork
from tests.builders import net4
from tests.strategies import Claims, claims, odd_claims

SUBNET = net4("192.168.1.0/24")


def span(net: IPNetwork) -> tuple[int, int]:
    low = int(net.network_address)
    return low, low + net.num_addresses - 1


def within(one: IPNetwork, other: IPNetwork) -> bool:
    (low, high), (start, end) = span(one), span(other)
    return start <= low and high <= end


def overlap(one: IPNetwork, other: IPNetwork) -> bool:
    return within(one, other) or within(other, one)


def test_an_eni_with_a_subnet_of_its_own_is_one_prefix() -> None:
    hosts = [(net4(f"192.168.1.{host}/32"), 7) for host in (1, 10, 200)]

    assert cover(hosts, [], [SUBNET]) == ((SUBNET, 7),)


def test_two_enis_in_one_subnet_share_it_by_halves() -> None:
    found = cover([(net4("192.168.1.10/32"), 1), (net4("192.168.1.200/32"), 2)], [], [SUBNET])

    assert found == ((net4("192.168.1.0/25"), 1), (net4("192.168.1.128/25"), 2))


def test_a_foreign_address_keeps_its_place() -> None:
    found = cover([(net4("192.168.1.10/32"), 1)], [net4("192.168.1.200/32")], [SUBNET])

    assert found == ((net4("192.168.1.0/25"), 1),)


def test_a_foreign_network_is_not_entered() -> None:
    found = cover([(net4("192.168.1.10/32"), 1)], [net4("192.168.1.64/26")], [SUBNET])

    assert found == ((net4("192.168.1.0/26"), 1),)


def test_what_lies_in_no_bound_is_not_widened() -> None:
    assert cover([(net4("192.0.2.1/32"), 1)], [], [SUBNET]) == ((net4("192.0.2.1/32"), 1),)


def test_the_widest_of_nested_bounds_counts() -> None:
    assert cover([(net4("192.168.1.9/32"), 1)], [], [net4("192.168.1.8/29"), SUBNET]) == ((SUBNET, 1),)


def test_a_delegated_prefix_stays_whole() -> None:
    found = cover([(net4("192.168.1.16/28"), 1), (net4("192.168.1.32/32"), 2)], [], [SUBNET])

    assert found == ((net4("192.168.1.0/27"), 1), (net4("192.168.1.32/27"), 2)) or (
        found[0] == (net4("192.168.1.0/27"), 1) and within(net4("192.168.1.32/32"), found[1][0])
    )


def test_nothing_is_covered_by_nothing() -> None:
    assert cover([], [SUBNET], [SUBNET]) == ()


@given(claims())
def test_every_claim_is_matched_by_one_prefix_and_that_is_its_own(given_: Claims) -> None:
    labelled, foreign, bounds = given_
    found = cover(labelled, foreign, bounds)

    for net, label in labelled:
        assert [own for prefix, own in found if overlap(net, prefix)] == [label]


@given(claims())
def test_nothing_foreign_is_touched(given_: Claims) -> None:
    labelled, foreign, bounds = given_

    for prefix, _ in cover(labelled, foreign, bounds):
        assert not [net for net in foreign if overlap(net, prefix)]


@given(claims())
def test_there_are_never_more_prefixes_than_claims(given_: Claims) -> None:
    labelled, foreign, bounds = given_
    found = cover(labelled, foreign, bounds)

    assert len(found) <= len(labelled)
    assert list(found) == sorted(found, key=lambda claim: span(claim[0]))


@given(claims())
def test_no_prefix_leaves_its_bound(given_: Claims) -> None:
    labelled, foreign, bounds = given_

    for prefix, _ in cover(labelled, foreign, bounds):
        assert prefix in dict(labelled) or any(within(prefix, bound) for bound in bounds)


@given(claims())
def test_the_order_of_the_claims_does_not_matter(given_: Claims) -> None:
    labelled, foreign, bounds = given_

    assert cover(labelled, foreign, bounds) == cover(labelled[::-1], foreign[::-1], bounds[::-1])


def is_allowed(prefix: IPNetwork, label: int, given_: Claims) -> bool:
    """Whether a prefix is pure and in bounds, by trying."""
    labelled, foreign, bounds = given_
    return (
        not any(overlap(prefix, net) for net in foreign)
        and not any(overlap(prefix, net) for net, other in labelled if other != label)
        and (prefix in dict(labelled) or any(within(prefix, bound) for bound in bounds))
    )


def fewest(prefix: IPNetwork, label: int, given_: Claims) -> int:
    """The fewest allowed prefixes for the claims of a label inside a prefix: it, or the best of its halves."""
    mine = [net for net, own in given_[0] if own == label and within(net, prefix)]
    if not mine:
        return 0
    if is_allowed(prefix, label, given_):
        return 1
    return sum(fewest(half, label, given_) for half in prefix.subnets())


@given(claims())
def test_no_set_of_pure_prefixes_is_smaller(given_: Claims) -> None:
    labelled, _, _ = given_
    if not labelled:
        return
    whole = labelled[0][0].supernet(new_prefix=labelled[0][0].max_prefixlen - 5)

    assert len(cover(*given_)) == sum(fewest(whole, label, given_) for label in {label for _, label in labelled})


@given(claims(bits=3))
@settings(max_examples=60)
def test_no_smaller_set_is_found_by_trying_all(given_: Claims) -> None:
    labelled, _, _ = given_
    found = cover(*given_)
    if not labelled:
        return
    whole = labelled[0][0].supernet(new_prefix=labelled[0][0].max_prefixlen - 3)
    every: list[IPNetwork] = [net for length in range(4) for net in whole.subnets(length)]
    for label in {label for _, label in labelled}:
        allowed = [prefix for prefix in every if is_allowed(prefix, label, given_)]
        mine = [net for net, own in labelled if own == label]
        size = sum(own == label for _, own in found)
        smaller = chain.from_iterable(combinations(allowed, fewer) for fewer in range(size))

        assert not [chosen for chosen in smaller if covers(chosen, mine)]


def covers(chosen: Sequence[IPNetwork], nets: Sequence[IPNetwork]) -> bool:
    return all(any(within(net, prefix) for prefix in chosen) for net in nets)


@given(odd_claims(), odd_claims(), odd_claims())
def test_claims_that_contradict_each_other_are_survived(
    given_: list[tuple[IPv4Network, int]], foreign: list[tuple[IPv4Network, int]], bounds: list[tuple[IPv4Network, int]]
) -> None:
    labelled: dict[IPNetwork, int] = dict(given_)
    found: tuple[Claim, ...] = cover(given_, [net for net, _ in foreign], [net for net, _ in bounds])

    assert len(found) <= len(labelled)
    for net, label in labelled.items():
        alone = not [other for other, own in labelled.items() if own != label and overlap(net, other)]
        if alone and not any(overlap(net, other) for other, _ in foreign):
            assert any(within(net, prefix) and own == label for prefix, own in found)
