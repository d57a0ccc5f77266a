"""Draining backends: when the time for their old connections is over, these are forgotten by the bridges.

The deadline is that of the service, counted from when somebody said that the backend drains. It holds over a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from controller.model import Drained, Draining, IPv4, IPv6, Row, Service
from controller.runtime.dispatch import Dispatch
from controller.runtime.journal import Journal
from controller.state.engine import Engine
from controller.state.tables import Tx

LONGEST = 3600.0  # seconds until it is looked at again: the clock on the wall may be set


class Drains:
    """Waits for deadlines. `end` is told of each backend whose time is over."""

    def __init__(self, engine: Engine, dispatch: Dispatch, journal: Journal, end: Callable[[str, IPv4 | IPv6], None]) -> None:
        self._tables, self._dispatch, self._journal, self._end = engine.tables, dispatch, journal, end
        self._engine = engine
        self._alarm: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """From now on, in the running event loop."""
        about: tuple[type[Row], ...] = Draining, Service
        for cls in about:
            self._engine.watchers[cls].append(self._changed)

    def _changed(self, old: Row | None, new: Row | None) -> None:
        """Somebody drains a backend, or does not any more, or the deadline of a service is another one."""
        if isinstance(old or new, Draining) or self._tables.rows[Draining]:
            self._wake(0.0)

    def _wake(self, after: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(after, self._work)

    def _work(self) -> None:
        """End what is over, and wait for the next."""
        self._alarm = None
        now, left, over = time.time(), LONGEST, []
        for row in self._tables.all(Draining):
            service = self._tables.get(Service, row.service)
            done = self._tables.get(Drained, row.service, row.address)
            if service is None or not service.drain_deadline or (done is not None and done.since == row.since):
                continue
            remains = row.since + service.drain_deadline - now
            if remains > 0:
                left = min(left, remains)
            else:
                over.append((row, service.drain_deadline))
        stale = [row for row in self._tables.all(Drained) if self._tables.get(Draining, row.service, row.address) is None]
        if over or stale:
            self._finish([row for row, _ in over], stale)
        for row, deadline in over:
            text = f"{row.address} of {row.service} is drained: its old connections had {deadline} s, what is left of them ends"
            self._journal.add("info", "service.backend_drained", f"{row.service}/{row.address}", text)
            self._end(row.service, row.address)
        if self._tables.rows[Draining]:
            self._wake(left)
        if over:
            self._dispatch.wake()

    def _finish(self, over: list[Draining], stale: list[Drained]) -> None:
        def change(tx: Tx) -> None:
            for row in stale:
                tx.drop(row)
            for draining in over:
                tx.put(Drained(draining.service, draining.address, draining.since))

        self._dispatch.change(change)
