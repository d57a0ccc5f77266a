"""Tracked reads: a rule reruns when something changes that it read, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from controller.app import App, Reader, rules
from controller.model import Bridge, Member, Number, Row, key, scope_of
from controller.pipeline import DROP, POLICY, Flow, bucket, output
from controller.state import status
from controller.state.check import differences
from controller.state.engine import Engine
from tests.unit.state.lab import drop, engine_of, put, texts


class Item(Row):
    """A row that rules read."""

    name: str = key()
    shelf: str = ""
    size: int = 0
    colour: str = ""


class Watch(Row):
    """A row that has a rule which reads."""

    name: str = key()
    how: str = ""
    what: str = ""


class Watcher(App, stages=(POLICY,)):
    """One rule that reads in the way that its row says."""

    @rules(each=Watch)
    def look(self, watch: Watch, rows: Reader) -> Iterator[Flow]:
        seen: object = None
        if watch.how == "get":
            seen = rows.get(Item, watch.what)
        elif watch.how == "need":
            seen = rows.need(Item, watch.what).size
        elif watch.how == "value":
            seen = rows.value(Item, watch.what, field="size")
        elif watch.how == "where":
            seen = len(rows.where(Item, shelf=watch.what))
        elif watch.how == "where two":
            seen = len(rows.where(Item, shelf=watch.what, size=1))
        elif watch.how == "all":
            seen = len(rows.where(Item))
        yield POLICY.flow(DROP, network=len(str(seen))).on("s1")


def watched(how: str, what: str = "x") -> Engine:
    """An engine with one such rule, and rows of which x is one."""
    engine = engine_of(Watcher())
    put(engine, Item("x", "top", 1), Item("y", "top", 1), Item("z", "low", 1), Watch("w", how, what))
    return engine


@pytest.mark.parametrize(
    ("how", "what", "item", "runs"),
    [
        ("get", "x", Item("x", "low", 1), 1),
        ("get", "x", Item("y", "low", 1), 0),
        ("get", "q", Item("q"), 1),
        ("need", "x", Item("x", "top", 2), 1),
        ("need", "x", Item("x", "top", 1, "red"), 1),
        ("need", "x", Item("z", "top", 2), 0),
        ("value", "x", Item("x", "top", 2), 1),
        ("value", "x", Item("x", "low", 1, "red"), 0),
        ("value", "x", Item("y", "top", 2), 0),
        ("where", "top", Item("z", "top", 1), 1),
        ("where", "top", Item("x", "low", 1), 1),
        ("where", "top", Item("x", "top", 9), 1),
        ("where", "top", Item("z", "low", 9), 0),
        ("where", "mid", Item("q", "mid"), 1),
        ("where", "mid", Item("q", "low"), 0),
        ("where two", "top", Item("x", "top", 2), 1),
        ("where two", "top", Item("q", "top", 2), 0),
        ("where two", "top", Item("q", "top", 1), 1),
        ("all", "", Item("q"), 1),
        ("all", "", Item("x", "top", 7), 1),
        ("", "x", Item("x", "low", 7), 0),
    ],
)
def test_who_reruns_when_a_row_changes(how: str, what: str, item: Item, runs: int) -> None:
    assert put(watched(how, what), item) == runs


@pytest.mark.parametrize(
    ("how", "what", "runs"),
    [("get", "x", 1), ("need", "x", 1), ("value", "x", 1), ("where", "top", 1), ("where", "low", 0), ("get", "y", 0)],
)
def test_who_reruns_when_a_row_goes(how: str, what: str, runs: int) -> None:
    assert drop(watched(how, what), Item("x")) == runs


def test_a_row_that_comes_back_reruns_again() -> None:
    engine = watched("need", "x")
    assert drop(engine, Item("x")) == 1
    assert status.of_row(engine, Watch("w")) == "waits for Item x"
    assert texts(engine, "s1") == []
    assert put(engine, Item("x", "top", 1)) == 1
    assert status.of_row(engine, Watch("w")) == "pending"
    assert drop(engine, Item("x")) == 1
    assert put(engine, Item("y", "top", 5)) == 0


def test_what_is_read_no_more_reruns_nobody() -> None:
    engine = watched("get", "x")
    assert put(engine, Watch("w", "get", "y")) == 1
    assert put(engine, Item("x", "low")) == 0
    assert put(engine, Item("y", "low")) == 1
    assert drop(engine, Watch("w")) == 0
    assert put(engine, Item("y", "top")) == 0
    assert not any(any(owners) for owners in engine._readers[Item].values())


def test_exactly_the_owners_that_read_it() -> None:
    engine = engine_of(Watcher())
    items = [Item(f"i{n}", f"shelf{n % 10}") for n in range(100)]
    put(engine, *items, *[Watch(f"w{n}", "get", f"i{n}") for n in range(100)])
    put(engine, *[Watch(f"s{n}", "where", f"shelf{n}") for n in range(10)])
    assert put(engine, Item("i7", "shelf7", 9)) == 2
    assert put(engine, Item("i7", "shelf8", 9)) == 3
    assert put(engine, Item("i7", "shelf8", 9)) == 0
    assert put(engine, *[Item(f"i{n}", f"shelf{n % 10}", 4) for n in range(3)]) == 6


def test_a_rule_runs_once_for_a_transaction_that_changes_all_it_read() -> None:
    engine = watched("where", "top")
    assert put(engine, Item("x", "top", 4), Item("y", "top", 4), Item("q", "top", 4), Watch("w", "where", "top")) == 1


class Raiser(App, stages=(POLICY,)):
    """Reads, then raises for items of size 13."""

    @rules(each=Watch)
    def look(self, watch: Watch, rows: Reader) -> Iterator[Flow]:
        item = rows.get(Item, watch.what)
        if item and item.size == 13:
            raise ValueError("thirteen")
        yield POLICY.flow(DROP, network=item.size if item else 0).on("s1")


def test_a_rule_that_raised_keeps_its_flows_and_reruns_when_what_it_read_changes() -> None:
    engine = engine_of(Raiser())
    put(engine, Item("x", size=1), Watch("w", "", "x"), Watch("v", "", "y"))
    before = texts(engine, "s1")
    assert put(engine, Item("x", size=13)) == 1
    assert texts(engine, "s1") == before
    assert status.of_row(engine, Watch("w")).endswith(": ValueError: thirteen")
    assert status.of_row(engine, Watch("v")) == "pending"
    (failed,) = engine.failed.values()
    assert (failed.key, "raise ValueError" in failed.error) == (("w",), True)
    assert put(engine, Item("y", size=3)) == 1
    assert put(engine, Item("x", size=2)) == 1
    assert not engine.failed
    assert "POLICY priority=100,reg0=0x2 actions=drop" in texts(engine, "s1")


def test_a_failed_row_that_goes_takes_its_flows_along() -> None:
    engine = engine_of(Raiser())
    put(engine, Item("x", size=1), Watch("w", "", "x"))
    put(engine, Item("x", size=13))
    drop(engine, Watch("w"))
    assert texts(engine, "s1") == []
    assert not engine.failed


class Numbers(App, stages=(POLICY,)):
    """Ids by name."""

    @rules(each=Watch)
    def numbered(self, watch: Watch, rows: Reader) -> Iterator[Flow]:
        group = rows.group("all", watch.name, buckets=[bucket(output(1))])
        meter = rows.meter(watch.name, pps=5)
        yield group.on("s1")
        yield meter.on("s1")
        yield POLICY.flow(group.use, network=rows.number("zone", watch.name, size=100)).on("s1")


def test_numbers_are_given_once_and_kept() -> None:
    engine = engine_of(Numbers())
    put(engine, Watch("a"), Watch("b"))
    flows, numbers = texts(engine, "s1"), {(n.space, n.name): n.number for n in engine.tables.all(Number)}
    assert {space for space, _ in numbers} == {"app", "group", "meter", "zone"}
    assert sorted(n for (space, _), n in numbers.items() if space == "meter") == [1, 2]
    assert all(0 < n < 100 for (space, _), n in numbers.items() if space == "zone")
    assert {(cls, row) for (cls, _), row in engine.unsaved.items()} == {(Number, row) for row in engine.tables.all(Number)}
    drop(engine, Watch("a"), Watch("b"))
    put(engine, Watch("b"), Watch("a"))
    assert texts(engine, "s1") == flows


def test_numbers_that_nobody_reads_any_more_are_given_back() -> None:
    engine = engine_of(Numbers())
    put(engine, *(Watch(f"w{number}") for number in range(9)))
    drop(engine, *(Watch(f"w{number}") for number in range(1, 9)))
    flows = texts(engine, "s1")
    engine.give_back("meter")
    assert [(n.name, n.number) for n in engine.tables.where(Number, space="meter")] == [(("w0",), 1)]
    assert texts(engine, "s1") == flows
    assert engine.unsaved[Number, ("meter", ("w5",))] is None
    put(engine, Watch("new"))
    assert {n.number for n in engine.tables.where(Number, space="meter")} == {1, 2}


def test_the_same_numbers_after_a_restart_whatever_comes_first() -> None:
    engine = engine_of(Numbers())
    put(engine, Watch("a"), Watch("b"))
    again = Engine()
    put(again, *engine.tables.all(Number))
    again.enable(Numbers())
    put(again, Watch("b"))
    put(again, Watch("a"))
    assert texts(again, "s1") == texts(engine, "s1")


def test_a_space_that_is_full_says_so() -> None:
    engine = Engine()
    for name in ("a", "b", "c"):
        engine.allocate("small", (name,), 4)
    assert sorted(n.number for n in engine.tables.where(Number, space="small")) == [1, 2, 3]
    with pytest.raises(ValueError, match=r"all 3 numbers of 'small' are taken"):
        engine.allocate("small", ("d",), 4)


def test_the_lowest_free_number() -> None:
    engine = Engine()
    put(engine, Number("meter", ("old",), 2))
    assert [engine.allocate("meter", (name,), 0) for name in "abc"] == [1, 3, 4]


# ---------------------------------------------------------------- what a rule may say


class Wrong(App, stages=(POLICY,)):
    """Says what the row tells it to."""

    @rules(each=Watch)
    def say(self, watch: Watch) -> Iterator[Flow]:
        flow = POLICY.flow(DROP, network=1)
        if watch.how == "nowhere":
            yield flow
        elif watch.how == "elsewhere":
            yield Flow(b"\x28" + flow.slot[1:], flow.body, flow.opts, "s1", "")
        elif watch.how == "twice":
            yield flow.on("s1")
            yield POLICY.flow(output(1), network=1).on("s1")
        elif watch.how == "two bridges":
            yield flow.on("s1")
            yield flow.on("s2")
        elif watch.how == "bridge row":
            yield flow.on(Bridge("s1", 7))
        elif watch.how == "scope":
            yield flow.on(watch)
        elif watch.how == "number":
            yield cast(Flow, 5)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("nowhere", "ValueError: wrong.say: say on which bridge, flow.on(bridge) or flow.on(EVERYWHERE)"),
        (
            "elsewhere",
            "ValueError: wrong.say wrote table 40, which is no stage of the app; name the stage in class X(App, stages=...)",
        ),
        ("number", "TypeError: wrong.say yields 5; a rule yields flows, groups and meters"),
        ("twice", "ValueError: wrong.say yields two flows with the same table, priority and match for Watch w"),
    ],
)
def test_what_a_rule_may_not_say(how: str, said: str) -> None:
    engine = engine_of(Wrong())
    put(engine, Watch("w", how))
    assert status.of_row(engine, Watch("w")) == f"failed: {said}"
    assert texts(engine, "s1") == []


def test_where_flows_stand() -> None:
    engine = engine_of(Wrong())
    put(engine, Watch("w", "two bridges"))
    assert texts(engine, "s1") == texts(engine, "s2") != []
    put(engine, Watch("w", "bridge row"))
    assert (len(texts(engine, "s1")), len(texts(engine, "s2"))) == (1, 0)
    put(engine, Watch("w", "scope"))
    assert texts(engine, "s1") == []
    assert put(engine, Member(scope_of(Watch("w")), "s1")) == 0
    assert len(texts(engine, "s1")) == 1
    put(engine, Watch("w", "scope", "changed"))
    assert len(texts(engine, "s1")) == 1
    drop(engine, Member(scope_of(Watch("w")), "s1"))
    assert texts(engine, "s1") == []
    assert differences(engine) == []
