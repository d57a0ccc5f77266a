"""What follows from links and hosts, in step with them: what links cost, then paths, then flood trees.

To compute a tree costs what the fabric is large, however small the change. So all changes that arrive together are followed
once, in a round of its own; and where a round takes long, the next one waits, so that most of the time is for everybody else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.costs import Costs
from controller.topology.flooding import Flooding, unconfirmed
from controller.topology.paths import Paths

PACE = 2.0  # times as long as a round took, until the next one
BRIEF = 0.002  # seconds; after a shorter round the next one does not wait


class Following:
    """Rounds in which costs, paths and trees are brought up to date; `drive` runs rules, and calls `step` when all have run."""

    def __init__(self, engine: Engine, drive: Callable[[], None]) -> None:
        self._engine, self._drive = engine, drive
        self.costs = Costs(engine)
        self.paths = Paths(engine)
        self.flooding = Flooding(engine, self.paths.trees)
        self.due = False  # a round is under way, or begins as soon as what has arrived is taken
        self._asked = False  # a round will begin
        self._running = False
        self._began = 0.0
        self._next = 0.0  # when the next one may begin

    def step(self) -> bool:
        """All rules have run: take the next step of the round. True where rows changed, so that rules are to run again."""
        if not self._running:
            self._ask()
            return False
        tx = Tx(self._engine.tables)
        if self.costs.stale:
            self.costs.update(tx)  # first of all: paths and trees go by what links cost
        if self.paths.changed and not tx.changes:
            self.paths.update(tx)
        if self.flooding.busy and not tx.changes:
            self.flooding.update(tx, partial(unconfirmed, self._engine.desired))
        changed = self._engine.commit(tx)
        if not changed:
            self._end()
        return changed

    def _ask(self) -> None:
        """Let a round begin, if there is anything to do."""
        if self._asked or not (self.costs.stale or self.paths.changed or self.flooding.busy):
            return
        self._asked = True
        loop, wait = asyncio.get_running_loop(), self._next - time.perf_counter()
        if wait > 0:
            loop.call_later(wait, self._begin)
        else:
            self.due = True
            loop.call_soon(self._begin)  # after all that has arrived by now

    def _begin(self) -> None:
        self._asked, self._running, self.due = False, True, True
        self._began = time.perf_counter()
        self._drive()

    def _end(self) -> None:
        self._running = self.due = False
        now = time.perf_counter()
        took = now - self._began
        self._next = now + (PACE * took if took > BRIEF else 0.0)
