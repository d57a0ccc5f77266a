"""Rows that change, for tests of what follows from them."""

from collections.abc import Iterable

from controller.model import Row
from controller.state.engine import Engine
from controller.state.tables import Tx


def commit(engine: Engine, rows: Iterable[Row], drop: Iterable[Row] = ()) -> None:
    """Put and drop rows in one transaction."""
    tx = Tx(engine.tables)
    for row in rows:
        tx.put(row)
    for row in drop:
        tx.drop(row)
    engine.commit(tx)
