"""What follows from links and hosts, in step with them: what links cost, then paths, then flood trees.

To compute a tree costs what the fabric is large, however small the change. So all changes that arrive together are followed
once, in a round of its own; and where a round takes long, the next one waits, so that most of the time is for everybody else.
Paths do not wait for flood trees that take long, nor for any in a large fabric: what they change is sent first. Links that
are down leave the next hops towards those destinations that do not mind in rounds of their own, a few destinations in each.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from controller.model import Link
from controller.state.engine import Engine
from controller.state.tables import Tx
from controller.topology.costs import Costs
from controller.topology.flooding import Flooding, unconfirmed
from controller.topology.paths import Paths

PACE = 2.0  # times as long as a round took, until the next one; but no longer than
LONGEST = {"paths": 0.05, "trees": 0.25, "shed": 0.05}  # seconds
BRIEF = 0.002  # seconds; after a shorter round the next one does not wait
LARGE = 2000  # directions of links; with more, what paths change is sent before trees are looked at


class _Part:
    """A part of the work: whether there is some, how to do it, and when it may be done again."""

    def __init__(self, name: str, busy: Callable[[], bool], update: Callable[[Tx], None]) -> None:
        self.name, self.busy, self.update = name, busy, update
        self.asked = False  # a round of it will begin
        self.fresh = False  # nothing was done in this round yet
        self.began = self.took = self.next = 0.0

    @property
    def brief(self) -> bool:
        """Nobody minds waiting for it."""
        return self.took <= BRIEF

    def end(self) -> None:
        """A round is over."""
        now = time.perf_counter()
        self.took = now - self.began
        self.next = now + (0.0 if self.brief else min(LONGEST[self.name], PACE * self.took))


class Following:
    """Rounds in which costs, paths and trees are brought up to date; `drive` runs rules, and calls `step` when all have run."""

    def __init__(self, engine: Engine, drive: Callable[[], None]) -> None:
        self._engine, self._drive = engine, drive
        self.costs = Costs(engine)
        self.paths = Paths(engine)
        self.flooding = Flooding(engine, self.paths.trees)
        self.due = False  # a round is under way, or one that is brief begins as soon as what has arrived is taken
        self._shortest = _Part("paths", lambda: self.costs.stale or self.paths.changed, self._update_paths)
        self._trees = _Part("trees", lambda: self.flooding.busy, self._update_trees)
        self._shed = _Part("shed", lambda: self.paths.due is not None, self._update_shed)
        self._alarm: asyncio.TimerHandle | None = None  # when the next round of it begins
        self._running: _Part | None = None

    def _update_paths(self, tx: Tx) -> None:
        if self.costs.stale:
            self.costs.update(tx)  # first of all: paths and trees go by what links cost
        if self.paths.changed and not tx.changes:
            self.paths.update(tx)

    def _update_trees(self, tx: Tx) -> None:
        self.flooding.update(tx, partial(unconfirmed, self._engine.desired))

    def _update_shed(self, tx: Tx) -> None:
        if self._shed.fresh:  # once a round: the next one waits until what came of this is sent
            self._shed.fresh = False
            self.paths.shed(tx)

    @property
    def busy(self) -> bool:
        """A round is due, or will begin when the time has come."""
        return self.due or self._shortest.asked or self._trees.asked or self._shed.asked

    def step(self) -> bool:
        """All rules have run: take the next step of the round. True where rows changed, so that rules are to run again."""
        ended = None
        while self._running is not None:
            tx = Tx(self._engine.tables)
            self._running.update(tx)
            if self._engine.commit(tx):
                return True
            ended = self._running
            ended.end()
            self._running = self._next_at_once(ended)
        self.due = False
        self._ask(self._shortest)
        if ended is not self._trees:  # else what is left waits for bridges to confirm
            self._ask(self._trees)
        self._ask_shed()
        return False

    def _next_at_once(self, ended: _Part) -> _Part | None:
        """After paths the trees, in the same round where they are brief."""
        trees = self._trees
        if ended is self._shortest and trees.busy() and self._goes_along(trees):
            trees.began = time.perf_counter()
            return trees
        return None

    def _goes_along(self, part: _Part) -> bool:
        """What it changes is sent together with all else."""
        return part.brief and not (part is self._trees and self._large)

    @property
    def _large(self) -> bool:
        return len(self._engine.tables.rows[Link]) > LARGE

    def _ask(self, part: _Part) -> None:
        """Let a round begin, if there is anything to do."""
        if not part.busy():
            return
        wait = part.next - time.perf_counter()
        self.due |= wait <= 0 and (part is self._shortest or self._goes_along(part))
        if part.asked:
            return
        part.asked = True
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._begin, part)
        else:
            asyncio.get_running_loop().call_soon(self._begin, part)  # after all that has arrived by now

    def _ask_shed(self) -> None:
        """Let a round begin when its time has come, which may be earlier than was thought."""
        due = self.paths.due
        if due is None:
            return
        loop, now = asyncio.get_running_loop(), time.perf_counter()
        when = loop.time() + max(0.0, max(due, self._shed.next) - now)
        if not self._shed.asked or (self._alarm is not None and when < self._alarm.when()):
            if self._alarm is not None:
                self._alarm.cancel()
            self._shed.asked = True
            self._alarm = loop.call_at(when, self._begin, self._shed)

    def _begin(self, part: _Part) -> None:
        if part is self._trees and self._large and self._engine.desired.dirty:
            asyncio.get_running_loop().call_soon(self._begin, part)  # bridges are being sent to, in slices
            return
        part.asked = False
        if self._running is None:
            part.fresh = True
            self._running, self.due = part, True
            part.began = time.perf_counter()
        self._drive()
