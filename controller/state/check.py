"""The promise that a recompute from scratch gives the same flows, as a function that tests call after every step."""

from __future__ import annotations

from controller.state.desired import Layer
from controller.state.engine import Engine
from controller.state.tables import Tx


def recompute(engine: Engine) -> Engine:
    """A fresh engine with the same apps and rows, all rules run. What failed rules had yielded is put in their place."""
    fresh = Engine()
    tx = Tx(fresh.tables)
    for rows in engine.tables.rows.values():
        for key, row in rows.items():
            if (type(row), key) not in engine.derived:
                tx.put(row)
    for row in engine.derived.hidden.values():
        tx.put(row)
    fresh.commit(tx)
    for number, state in engine.apps.items():
        fresh._admit(state.app, number)
    fresh.run()
    for cookie, owner in engine.failed.items():
        if owner.rule.derives and cookie in fresh.failed:
            fresh._put_derived(fresh.failed[cookie], owner.rows)
    fresh.run()
    return fresh


def differences(engine: Engine) -> list[tuple[Layer, bytes]]:
    """(layer, slot) in which a recompute differs; owners whose rule raises are exempt, they keep what they had."""
    mine, fresh = engine.desired.snapshot(), recompute(engine).desired.snapshot()
    found = []
    for layer in mine.keys() | fresh.keys():
        a, b = mine.get(layer, {}), fresh.get(layer, {})
        for slot in a.keys() | b.keys():
            ours = a.get(slot)
            if ours != b.get(slot) and (ours is None or ours[0] not in engine.failed):
                found.append((layer, slot))
    return found
