"""Weights as buckets of groups and as slots of a table: how near the shares come, and what moves when a backend goes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.maglev import fill, slots_for, spares_for
from apps.spreading import GROUPS, NOTICEABLE, SLOTS, apportion, groups, mixed_groups

WEIGHTS = st.dictionaries(st.integers(1, 10_000), st.integers(1, 65535), min_size=1, max_size=40)
HOSTS = st.integers(2, 12).map(lambda count: {f"10.0.0.{n}": 1 for n in range(1, count + 1)})


FEWEST = 16  # slots of a group whatever its weights


def slots_of(buckets: list[tuple[int, int]]) -> dict[int, int]:
    """What Open vSwitch makes of the buckets of a group (Webster's method over a power of two of slots, lib/ofproto)."""
    total, least = sum(weight for _, weight in buckets), min(weight for _, weight in buckets)
    count = max(FEWEST, 1 << ((total + least - 1) // least - 1).bit_length())
    assert count <= SLOTS, "Open vSwitch would send all to one backend"
    assert count == SLOTS, "and entries of its datapath would overlap with those of other weights"
    given_, divisors = [0] * len(buckets), [1] * len(buckets)
    for _ in range(count):
        winner = max(range(len(buckets)), key=lambda i: buckets[i][1] / divisors[i])
        given_[winner] += 1
        divisors[winner] += 2
    found: Counter[int] = Counter()
    for (key, _), number in zip(buckets, given_, strict=True):
        found[key] += number
    return {key: number * SLOTS // count for key, number in found.items()}


def shares(weights: dict[int, int]) -> dict[int, float]:
    """The share of each, over all groups."""
    made = groups(weights)
    found: Counter[int] = Counter()
    for buckets in made:
        found.update(slots_of(buckets))
    return {key: number / (SLOTS * len(made)) for key, number in found.items()}


@settings(max_examples=60, deadline=None)
@given(WEIGHTS)
def test_every_backend_has_a_share_and_each_group_the_same_number_of_slots(weights: dict[int, int]) -> None:
    made = groups(weights)
    assert len(made) in GROUPS
    found = shares(weights)
    assert found.keys() == weights.keys()
    assert sum(found.values()) == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(1, 10_000), st.integers(1, 50), min_size=1, max_size=30))
def test_shares_are_as_near_to_the_weights_as_chance_in_ten_thousand_connections(weights: dict[int, int]) -> None:
    total, found = sum(weights.values()), shares(weights)
    wanted = {key: weight / total for key, weight in weights.items()}
    assert (
        sum((found[key] - share) ** 2 / share for key, share in wanted.items()) <= NOTICEABLE * 1.001
        or len(groups(weights)) == 64
    )


@pytest.mark.parametrize(
    ("weights", "groups_made"),
    [
        ((3, 1), 1),
        ((1,), 1),
        ((1, 1, 1), 4),
        ((2, 4, 2), 1),
        ((1,) * 10, 16),
        ((43, 21), 1),
        ((60_000, 20_000), 1),
        ((1,) * 200, 64),
    ],
)
def test_how_many_groups_are_needed(weights: tuple[int, ...], groups_made: int) -> None:
    assert len(groups(dict(enumerate(weights)))) == groups_made


def test_what_fits_is_exact() -> None:
    assert [slots_of(buckets) for buckets in groups({1: 60_000, 2: 20_000})] == [{1: 48, 2: 16}]
    assert [slots_of(buckets) for buckets in groups({1: 7})] == [{1: 64}]


@given(WEIGHTS, st.data())
def test_the_number_of_groups_stays_when_backends_fail(weights: dict[int, int], data: st.DataObject) -> None:
    left = data.draw(st.sets(st.sampled_from(sorted(weights)), min_size=1))
    assert len(groups({key: weights[key] for key in left}, weights)) == len(groups(weights))


@settings(max_examples=20, deadline=None)
@given(WEIGHTS)
def test_groups_that_differ_have_the_same_shares(weights: dict[int, int]) -> None:
    plain, mixed = groups(weights), mixed_groups(weights, weights)
    assert [sum(slots_of(buckets).values()) for buckets in mixed] == [SLOTS] * max(16, len(plain))
    found: Counter[int] = Counter()
    for buckets in mixed:
        found.update(slots_of(buckets))
    assert found == apportion(weights, SLOTS * len(mixed))


def test_in_groups_that_differ_a_slot_has_many_backends() -> None:
    """A client whose datagrams all have one hash is spread by the groups."""
    mixed = mixed_groups({"a": 3, "b": 1}, {"a": 3, "b": 1})
    at_slot = [Counter(buckets[slot][0] for buckets in mixed) for slot in range(SLOTS)]
    assert at_slot == [Counter(a=12, b=4)] * SLOTS


def test_a_thousand_backends_all_have_a_share() -> None:
    assert len(shares(dict.fromkeys(range(1000), 1))) == 1000


def test_no_backends() -> None:
    assert groups({}) == []


@given(WEIGHTS, st.integers(64, 4096))
def test_slots_are_given_out_to_the_last(weights: dict[int, int], slots: int) -> None:
    found = apportion(weights, slots)
    assert sum(found.values()) == slots
    assert min(found.values()) >= 1


@settings(max_examples=40, deadline=None)
@given(HOSTS)
def test_the_table_is_even(hosts: dict[str, int]) -> None:
    counts = Counter(fill(hosts, 1021)).values()
    assert max(counts) - min(counts) <= 1


def test_the_table_goes_by_weights() -> None:
    counts = Counter(fill({"a": 3, "b": 1}, 1021))
    assert counts["a"] / counts["b"] == pytest.approx(3, rel=0.02)


@settings(max_examples=20, deadline=None)
@given(HOSTS, st.data())
def test_who_is_absent_moves_no_slot_of_others(hosts: dict[str, int], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(hosts)))
    before, after = fill(hosts, 1021), fill(hosts, 1021, frozenset({gone}))
    assert [b for a, b in zip(before, after, strict=True) if a != gone] == [a for a in before if a != gone]
    assert gone not in after
    counts = Counter(after).values()
    assert max(counts) - min(counts) <= 2


@pytest.mark.parametrize("count", [3, 6, 10, 100])
def test_who_is_removed_moves_less_than_a_hundredth_of_the_slots_of_others(count: int) -> None:
    hosts = {f"10.0.{n // 250}.{n % 250}": 1 for n in range(count)}
    slots = slots_for(count)
    before = fill(hosts, slots)
    for gone in list(hosts)[:2]:
        after = fill({host: 1 for host in hosts if host != gone}, slots)
        moved = sum(a != b and a != gone for a, b in zip(before, after, strict=True))
        assert moved / slots < 0.01


def test_all_absent() -> None:
    assert set(fill({"a": 1, "b": 1}, 1021, frozenset({"a", "b"}))) == {"a", "b"}


@pytest.mark.parametrize("count", [1, 3, 4, 40, 41, 1000])
def test_the_number_of_slots_is_prime(count: int) -> None:
    slots, spares = slots_for(count), spares_for(count)
    assert all(number % n for number in (slots, spares) for n in range(2, int(number**0.5) + 1))
    assert slots > 60 * count
    assert spares > 10 * count
