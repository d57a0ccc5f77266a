"""Weights of the scheduler `least`: who has fewer connections for its weight gets more of the new ones."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from controller.model import Backend, Draining, IPv4, Row, Service, Tuned
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.service_counters import Counts
from controller.runtime.tuning import Load, Tuning, moved, tuned
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


def loads(**active: int) -> dict[str, Load]:
    """Backends with so many open connections; nothing was opened or closed of late."""
    return {name: Load(count) for name, count in active.items()}


def test_where_all_have_their_share_the_weights_are_their_own() -> None:
    own = {"a": 3, "b": 1}
    assert tuned(own, own, {"a": Load(30, 15, 15), "b": Load(10, 5, 5)}, {"a", "b"}) == {"a": 48, "b": 16}
    assert tuned({"a": 1, "b": 1}, {"a": 1, "b": 1}, loads(a=0, b=0), {"a", "b"}) == {"a": 32, "b": 32}
    assert tuned({}, {}, {}, set()) == {}


def test_who_has_fewer_gets_what_it_lacks_half_of_the_way_at_a_time() -> None:
    own, now, steps = {"a": 1, "b": 1}, {"a": 1, "b": 1}, []
    for _ in range(5):
        now = tuned(own, now, {"a": Load(20, 10), "b": Load(0, 10)}, {"a", "b"})
        steps.append(now["a"])
        assert sum(now.values()) == 64
    assert steps == [17, 9, 5, 3, 3]  # it is never left out, or nobody would see that it is free again


def test_who_takes_none_does_not_count_and_keeps_a_weight_for_later() -> None:
    own = {"a": 1, "b": 1, "c": 2}
    assert tuned(own, own, loads(a=10, b=10, c=900), {"a", "b"}) == {"a": 16, "b": 16, "c": 32}
    assert tuned(own, own, loads(a=10, b=10, c=900), set()) == {"a": 16, "b": 16, "c": 32}


@pytest.mark.parametrize(("number", "total"), [(1, 64), (16, 64), (17, 256), (100, 1024), (3000, 4096)])
def test_weights_add_up_to_the_slots_of_groups(number: int, total: int) -> None:
    own = dict.fromkeys(range(number), 1)
    weights = tuned(own, own, {each: Load(each) for each in own}, set(own))
    assert sum(weights.values()) == total
    assert min(weights.values()) >= 1


@pytest.mark.parametrize("life", [0.6, 1, 3, 10, 40])
def test_unequal_backends_come_to_have_as_many_as_their_weights_say(life: float) -> None:
    """A simulation: 150 connections an interval, which last `life` intervals, at one of four backends three times as long.

    By their own weights that one would have twice the mean. Weights come into use a third of an interval late.
    """
    rng, own = random.Random(1), dict.fromkeys("abcd", 1)
    held: dict[str, list[float]] = {each: [] for each in own}
    before, now, off = dict(own), dict(own), []
    for interval in range(300):
        opened, was = Counter[str](), {each: len(ends) for each, ends in held.items()}
        for number in range(150):
            (each,) = rng.choices(list(own), list((before if number < 50 else now).values()))
            opened[each] += 1
            held[each].append(interval + number / 150 + rng.expovariate(1 / (life * (3 if each == "a" else 1))))
        held = {each: [end for end in ends if end > interval + 1] for each, ends in held.items()}
        found = {each: Load(len(ends), opened[each], was[each] + opened[each] - len(ends)) for each, ends in held.items()}
        before, now = now, tuned(own, now, found, set(own))
        mean = sum(each.active for each in found.values()) / 4
        off.append(max(abs(each.active - mean) for each in found.values()) / mean)
    assert sum(off[100:]) / 200 < 0.3


def test_rows_follow_until_all_have_their_share() -> None:
    lab = Lab()
    assert lab.after(0, 0, (0, 0)) == [32, 32]
    assert lab.after(40, 40, (40, 10)) == [20, 44]
    assert lab.after(45, 45, (41, 12)) == [11, 53]
    assert lab.after(45, 45, (41, 12)) == [11, 53]  # nothing came or went: these bridges were not read, or nobody is there
    for opened in range(50, 250, 40):
        last = lab.after(opened, opened, (42, 42))
    assert last == [30, 34]


def test_other_schedulers_are_left_and_what_was_tuned_goes() -> None:
    lab = Lab()
    lab.after(0, 0, (0, 0))
    assert lab.after(9, 9, (9, 0))[1] > 32
    lab.put(Backend("web", A, 0))
    assert lab.after(10, 10, (9, 0)) == [64]
    lab.put(Backend("web", A, 1))
    assert len(lab.after(12, 12, (9, 0))) == 2
    lab.put(Service("web", "blue", IPv4("10.0.0.100"), "wrr"))
    assert lab.after(30, 30, (20, 1)) == []


def test_nothing_follows_from_a_reading_twice() -> None:
    lab = Lab()
    lab.after(0, 0, (0, 0))
    first = lab.after(40, 40, (40, 10))
    lab.counters.counts = {A: Counts(40, 0), B: Counts(40, 90)}
    lab.tuning.tune()
    assert [row.weight for row in lab.engine.tables.all(Tuned)] == first


def test_without_counters_weights_are_their_own_and_a_draining_one_is_left_out() -> None:
    lab = Lab()
    lab.tuning.tune()
    assert [row.weight for row in lab.engine.tables.all(Tuned)] == [32, 32]
    lab.put(Draining("web", B, 1.0))
    lab.after(0, 0, (0, 0))
    assert lab.after(9, 9, (9, 0)) == [32, 32]


def test_what_moved_is_a_part_of_the_whole() -> None:
    assert moved({"a": 1, "b": 1}, {"a": 32, "b": 32}) == 0.0
    assert moved({"a": 3, "b": 1}, {"a": 1, "b": 3}) == 0.5
    assert moved({}, {"a": 1}) == 1.0
