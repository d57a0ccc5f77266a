"""Short words for tests of the state."""

from __future__ import annotations

from controller.app import App
from controller.model import Row
from controller.pipeline.text import flow_text
from controller.state.check import differences
from controller.state.engine import Engine
from controller.state.tables import Tx


def engine_of(*apps: App) -> Engine:
    """An engine with these apps."""
    engine = Engine()
    for app in apps:
        engine.enable(app)
    return engine


def put(engine: Engine, *rows: Row) -> int:
    """Put rows in one transaction and run what is due; how many times a rule ran."""
    return change(engine, rows, ())


def drop(engine: Engine, *rows: Row) -> int:
    """Drop rows in one transaction and run what is due; how many times a rule ran."""
    return change(engine, (), rows)


def change(engine: Engine, come: tuple[Row, ...], go: tuple[Row, ...]) -> int:
    """Drop and put rows in one transaction; a recompute must agree."""
    before = engine.runs
    tx = Tx(engine.tables)
    for row in go:
        tx.drop(row)
    for row in come:
        tx.put(row)
    engine.commit(tx)
    engine.run()
    runs = engine.runs - before
    assert differences(engine) == []
    return runs


def texts(engine: Engine, bridge: str) -> list[str]:
    """What should be on a bridge."""
    return sorted(flow_text(flow) for _, flow in engine.desired.view(bridge).values())
