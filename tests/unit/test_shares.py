"""Shares of backends against their weights: Pearson's test against known quantiles, and the rows that a person reads."""

import math
import random
from collections import Counter

import pytest

from topologies.shares import LEVEL, Shares, upper_tail


@pytest.mark.parametrize(
    ("statistic", "freedom", "probability"),
    [  # quantiles of tables of chi-square
        (6.635, 1, 0.01),
        (3.841, 1, 0.05),
        (9.210, 2, 0.01),
        (11.345, 3, 0.01),
        (7.815, 3, 0.05),
        (13.277, 4, 0.01),
        (30.578, 15, 0.01),
        (135.807, 100, 0.01),
        (134.642, 99, 0.01),
        (0.0, 5, 1.0),
        (math.inf, 5, 0.0),
        (5000.0, 99, 0.0),
    ],
)
def test_the_upper_tail(statistic: float, freedom: int, probability: float) -> None:
    assert upper_tail(statistic, freedom) == pytest.approx(probability, rel=2e-3)


def test_good_samples_follow_their_weights_and_others_do_not() -> None:
    weights = {"a": 3, "b": 2, "c": 2, "d": 1}
    chance = random.Random(1)

    def sample(drawn: dict[str, int]) -> Shares:
        return Shares(Counter(chance.choices(list(drawn), list(drawn.values()), k=10_000)), weights)

    odd = sum(not sample(weights).follow for _ in range(200))
    assert odd <= 10, odd  # two are expected
    assert not sample({"a": 27, "b": 20, "c": 20, "d": 13}).follow
    assert sum(not sample({**weights, "d": 2}).follow for _ in range(20)) == 20


def test_exact_shares_are_no_chance() -> None:
    shares = Shares({"a": 300, "b": 100}, {"a": 3, "b": 1})
    assert (shares.statistic, shares.probability, shares.follow) == (0.0, 1.0, True)
    assert (shares.share("a"), shares.expected("b"), shares.share("nobody")) == (0.75, 0.25, 0.0)


def test_who_must_have_none_has_none() -> None:
    weights = {"a": 1, "b": 1, "c": 0}
    assert Shares({"a": 500, "b": 500}, weights).follow
    assert not Shares({"a": 500, "b": 500, "c": 1}, weights).follow
    assert not Shares({"a": 500, "b": 500, "stranger": 1}, weights).follow
    assert Shares({"a": 7}, {"a": 1}).follow
    assert not Shares({}, weights).follow
    assert LEVEL == 0.01


def test_rows_for_a_person() -> None:
    assert Shares({"w1": 760, "w2": 240}, {"w1": 3, "w2": 1}).lines("web") == [
        "web         w1            3   75.0 %   76.0 %          760  ███████████████",
        "            w2            1   25.0 %   24.0 %          240  █████",
    ]
