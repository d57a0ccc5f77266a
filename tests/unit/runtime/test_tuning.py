"""Weights of the scheduler `least`: who has fewer connections for its weight gets more of the new ones."""

from __future__ import annotations

import random

import pytest

from controller.model import Backend, Draining, IPv4, Row, Service, Tuned
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.service_counters import Counts
from controller.runtime.tuning import Tuning, moved, tuned
from controller.state.engine import Engine
from controller.state.tables import Tx

A, B = IPv4("10.0.0.1"), IPv4("10.0.0.2")


class Fixed:
    """Counters that a test sets."""

    def __init__(self) -> None:
        self.readings = 0
        self.counts: dict[IPv4, Counts] = {}

    def of(self, service: str, address: IPv4) -> Counts:
        return self.counts.get(address, Counts())


class Lab:
    """A service of two backends, without bridges."""

    def __init__(self, scheduler: str = "least") -> None:
        self.engine = Engine()
        control = Control(self.engine, Journal(), remove_foreign=True)
        control.drive = lambda: None  # type: ignore[method-assign]
        self.counters = Fixed()
        self.tuning = Tuning(control, self.counters)  # type: ignore[arg-type]
        self.put(Service("web", "blue", IPv4("10.0.0.100"), scheduler), Backend("web", A, 1), Backend("web", B, 1))

    def put(self, *rows: Row) -> None:
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.put(row)
        self.engine.commit(tx)

    def after(self, a: int, b: int, active: tuple[int, int]) -> list[int]:
        """The weights in use when so many connections were opened, and so many are open."""
        self.counters.readings += 1
        self.counters.counts = {A: Counts(a, active[0]), B: Counts(b, active[1])}
        self.tuning.tune()
        return [row.weight for row in self.engine.tables.all(Tuned)]


def test_where_all_have_their_share_the_weights_are_their_own() -> None:
    assert tuned({"a": 3, "b": 1}, {"a": 30, "b": 10}, {"a", "b"}, 20) == {"a": 48, "b": 16}
    assert tuned({"a": 1, "b": 1}, {"a": 0, "b": 0}, {"a", "b"}, 0) == {"a": 32, "b": 32}
    assert tuned({}, {}, set(), 5) == {}


def test_who_has_fewer_gets_what_it_lacks() -> None:
    assert tuned({"a": 1, "b": 1}, {"a": 20, "b": 10}, {"a", "b"}, 20) == {"a": 16, "b": 48}
    none, all_of_it = tuned({"a": 1, "b": 1}, {"a": 100, "b": 0}, {"a", "b"}, 10).values()
    assert (none, all_of_it) == (2, 64)  # it is never left out, or nobody would see that it is free again


def test_who_takes_none_does_not_count_and_keeps_a_weight_for_later() -> None:
    assert tuned({"a": 1, "b": 1, "c": 2}, {"a": 10, "b": 10, "c": 900}, {"a", "b"}, 10) == {"a": 16, "b": 16, "c": 32}


def test_many_backends_have_enough_slots() -> None:
    assert sum(tuned(dict.fromkeys(range(100), 1), dict.fromkeys(range(100), 5), set(range(100)), 50).values()) >= 400


@pytest.mark.parametrize("life", [1, 8, 40])
def test_unequal_backends_come_to_have_as_many_as_their_weights_say(life: int) -> None:
    """A simulation: 60 connections an interval; those of `slow` last three times as long, and nothing swings."""
    rng, weights = random.Random(4), {"slow": 1, "fast": 1}
    held: dict[str, list[int]] = {"slow": [], "fast": []}
    use, seen = {"slow": 32, "fast": 32}, []
    for interval in range(400):
        for each, ends in held.items():
            held[each] = [end for end in ends if end > interval]
        for each in rng.choices(list(use), list(use.values()), k=60):
            held[each].append(interval + 1 + int(rng.expovariate(1 / (life * (3 if each == "slow" else 1)))))
        active = {each: len(ends) for each, ends in held.items()}
        use = tuned(weights, active, set(weights), 60)
        seen.append(active["slow"] / sum(active.values()))
    late = seen[200:]
    assert abs(sum(late) / len(late) - 0.5) < 0.08
    assert max(late) - min(late) < 0.5


def test_rows_follow_and_go_where_all_have_their_share() -> None:
    lab = Lab()
    assert lab.after(0, 0, (0, 0)) == []
    assert lab.after(40, 40, (40, 10)) == [20, 44]
    assert lab.after(45, 45, (41, 12)) == [2, 64]
    assert lab.after(45, 45, (41, 14)) == [2, 64]  # a small change is no news
    assert lab.after(50, 78, (43, 42)) == []


def test_other_schedulers_are_left_and_what_was_tuned_goes() -> None:
    lab = Lab()
    assert lab.after(9, 9, (9, 0))[1] > 32
    lab.put(Backend("web", A, 0))
    assert lab.after(10, 10, (9, 0)) == []
    lab.put(Backend("web", A, 1))
    assert lab.after(12, 12, (9, 0))[1] > 32
    lab.put(Service("web", "blue", IPv4("10.0.0.100"), "wrr"))
    assert lab.after(30, 30, (20, 1)) == []


def test_nothing_follows_from_a_reading_twice() -> None:
    lab = Lab()
    first = lab.after(40, 40, (40, 10))
    lab.counters.counts = {A: Counts(40, 0), B: Counts(40, 90)}
    lab.tuning.tune()
    assert [row.weight for row in lab.engine.tables.all(Tuned)] == first


def test_without_counters_nothing_is_tuned_and_a_draining_one_is_left_out() -> None:
    lab = Lab()
    lab.tuning.tune()
    assert lab.engine.tables.all(Tuned) == []
    lab.put(Draining("web", B, 1.0))
    assert lab.after(9, 9, (9, 0)) == []


def test_what_moved_is_a_part_of_the_whole() -> None:
    assert moved({"a": 1, "b": 1}, {"a": 32, "b": 32}) == 0.0
    assert moved({"a": 3, "b": 1}, {"a": 1, "b": 3}) == 0.5
    assert moved({}, {"a": 1}) == 1.0
