"""Rows that follow from rows: there as long as their cause, whoever else yields or puts the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import pytest

from controller.app import App, Reader, derives, rules
from controller.model import Row, key
from controller.pipeline import POLICY, Flow, output
from controller.state import status
from controller.state.engine import Engine
from tests.unit.state.lab import drop, engine_of, put, texts


class Cause(Row):
    """Yields effects."""

    name: str = key()
    effects: tuple[str, ...] = ()
    value: int = 0
    needs: str = ""


class Effect(Row, kept=True):
    """Follows from a cause, or is put."""

    name: str = key()
    value: int = 0


class Chain(App, stages=(POLICY,)):
    """Effects from causes, flows from effects."""

    @derives(each=Cause)
    def follow(self, cause: Cause, rows: Reader) -> Iterator[Row]:
        if cause.needs:
            rows.need(Effect, cause.needs)
        for name in cause.effects:
            if name == "raise":
                raise RuntimeError("no")
            yield name if name == "text" else Effect(name, cause.value)  # type: ignore[misc]

    @rules(each=Effect)
    def flow(self, effect: Effect) -> Iterator[Flow]:
        yield POLICY.flow(output(effect.value), network=effect.value).on("s1")


def values(engine: Engine) -> dict[str, int]:
    return {effect.name: effect.value for effect in engine.tables.all(Effect)}


def test_rows_and_their_flows_come_and_go_with_their_cause() -> None:
    engine = engine_of(Chain())
    put(engine, Cause("a", ("x", "y"), 3))
    assert values(engine) == {"x": 3, "y": 3}
    assert len(texts(engine, "s1")) == 1  # both want the same slot
    put(engine, Cause("a", ("y", "z"), 4))
    assert values(engine) == {"y": 4, "z": 4}
    drop(engine, Cause("a"))
    assert values(engine) == {}
    assert texts(engine, "s1") == []


def test_a_row_that_follows_from_several_is_the_same_in_any_order() -> None:
    causes = [Cause(name, ("x",), value) for value, name in enumerate("abcd")]
    found = set()
    for order in permutations(causes):
        engine = engine_of(Chain())
        for cause in order:
            put(engine, cause)
        found.add(values(engine)["x"])
    assert len(found) == 1
    engine = engine_of(Chain())
    put(engine, *causes)
    for cause in causes:
        assert "x" in values(engine)
        drop(engine, cause)
    assert values(engine) == {}


def test_a_row_that_somebody_put_is_hidden_and_comes_back() -> None:
    engine = engine_of(Chain())
    put(engine, Effect("x", 9))
    put(engine, Cause("a", ("x",), 1))
    assert values(engine) == {"x": 1}
    put(engine, Effect("x", 8))
    assert values(engine) == {"x": 1}
    drop(engine, Cause("a"))
    assert values(engine) == {"x": 8}


def test_what_follows_cannot_be_dropped() -> None:
    engine = engine_of(Chain())
    put(engine, Cause("a", ("x",), 1))
    drop(engine, Effect("x"))
    assert values(engine) == {"x": 1}


def test_only_what_was_put_is_saved() -> None:
    engine = engine_of(Chain())
    put(engine, Cause("a", ("x", "y"), 1))
    assert not any(row for (cls, _), row in engine.unsaved.items() if cls is Effect)
    put(engine, Effect("x", 5), Effect("z", 6))
    saved = {row for (cls, _), row in engine.unsaved.items() if cls is Effect}
    assert saved == {Effect("x", 5), Effect("z", 6)}


def test_a_rule_that_waits_or_raises() -> None:
    engine = engine_of(Chain())
    put(engine, Cause("a", ("x",), 1, needs="q"))
    assert values(engine) == {}
    assert status.of_row(engine, Cause("a")) == "waits for Effect q"
    put(engine, Effect("q"))
    assert values(engine) == {"q": 0, "x": 1}
    put(engine, Cause("a", ("y", "raise"), 2))
    assert values(engine) == {"q": 0, "x": 1}
    assert status.of_row(engine, Cause("a")).endswith(": RuntimeError: no")
    drop(engine, Cause("a"))
    assert values(engine) == {"q": 0}


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        (("text",), "TypeError: chain.follow yields 'text'; a rule marked @derives yields rows"),
        (("x", "x"), "ValueError: chain.follow yields two rows with the same key for Cause a"),
    ],
)
def test_what_is_no_row(effects: tuple[str, ...], said: str) -> None:
    engine = engine_of(Chain())
    put(engine, Cause("a", effects))
    assert status.of_row(engine, Cause("a")) == f"failed: {said}"
    assert values(engine) == {}


def test_an_app_that_goes_takes_its_rows_along() -> None:
    engine = engine_of(Chain())
    put(engine, Cause("a", ("x",), 1), Effect("y", 2))
    engine.disable("chain")
    assert values(engine) == {"y": 2}
    engine.enable(Chain())
    engine.run()
    assert values(engine) == {"x": 1, "y": 2}
