"""Large transactions, taken over in slices between which everybody else gets a turn.

No rule runs before all of it is there, and bridges are told nothing before all rules have run: so it comes true as one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from controller.state.engine import Engine
from controller.state.tables import Tx

SLICE = 256  # rows


class Bulk:
    """Transactions that wait, in order; `drive` calls `take` before it runs rules, and `finish` after."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._left: deque[tuple[Iterator[Any], Callable[[], None]]] = deque()
        self._taken: list[Callable[[], None]] = []

    @property
    def busy(self) -> bool:
        """Something is not taken over, or not finished."""
        return bool(self._left or self._taken)

    def add(self, tx: Tx, then: Callable[[], None]) -> None:
        """Take over a transaction; `then` is called when its rules have run, and may change rows as well."""
        self._left.append((iter(tx.changes.items()), then))

    def take(self, more: Callable[[], bool]) -> bool:
        """Go on until nothing is left (True), or until `more()` is False after a slice."""
        while self._left:
            changes, then = self._left[0]
            tx = Tx(self._engine.tables)
            tx.changes = dict(islice(changes, SLICE))
            if tx.changes:
                self._engine.commit(tx)
            else:
                self._left.popleft()
                self._taken.append(then)
            if not more():
                return False
        return True

    def finish(self) -> bool:
        """All rules have run: end what was taken over. True where there was something, so that rules are to run again."""
        taken, self._taken = self._taken, []
        for then in taken:
            then()
        return bool(taken)
