"""Events that wait until bridges hold what follows from a row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from controller.model import Row
from controller.state.engine import Engine

PATIENCE = 0.2  # seconds; a bridge that has not confirmed by then does not hold up the others any longer


class _Wait:
    """One event; `open` are the slots that bridges have not confirmed, once that was looked for."""

    def __init__(self, row: Row, event: object) -> None:
        self.row, self.event = row, event
        self.open: list[tuple[str, bytes]] | None = None


class Confirming:
    """Gives each event its turn when the connected bridges have confirmed the flows of all rules for its row."""

    def __init__(self, engine: Engine, deliver: Callable[[object], None], wake: Callable[[], None]) -> None:
        self._engine, self._deliver, self._wake = engine, deliver, wake
        self._waits: list[_Wait] = []

    @property
    def busy(self) -> bool:
        """Events wait."""
        return bool(self._waits)

    def add(self, row: Row, event: object) -> None:
        """Deliver an event when it is time."""
        wait = _Wait(row, event)
        self._waits.append(wait)
        asyncio.get_running_loop().call_later(PATIENCE, self._end, wait)

    def look(self) -> None:
        """Deliver what is confirmed. Called when all rules have run, and what they changed is on its way."""
        if self._waits:
            self._end(*[wait for wait in self._waits if self._confirmed(wait)])

    def _confirmed(self, wait: _Wait) -> bool:
        if wait.open is None:
            wait.open = list(self._slots(wait.row))
        while wait.open and not self._is_open(*wait.open[-1]):
            wait.open.pop()
        return not wait.open

    def _slots(self, row: Row) -> set[tuple[str, bytes]]:
        """What rules want for the row, by bridge."""
        cls, desired = type(row), self._engine.desired
        key = cls.key_of(row)
        rules = [rule for state in self._engine.apps.values() for rule in state.rules if rule.each is cls]
        flows = [flow for rule in rules if key in rule.owners for flow in rule.owners[key].flows]
        return {(bridge, flow.slot) for flow in flows for bridge in desired.bridges_of(flow[3])}  # type: ignore[arg-type]

    def _is_open(self, bridge: str, slot: bytes) -> bool:
        ledger = self._engine.desired.ledgers.get(bridge)
        return ledger is not None and ledger.is_open(slot)

    def _end(self, *waits: _Wait) -> None:
        due = [wait for wait in waits if wait in self._waits]
        self._waits = [wait for wait in self._waits if wait not in due]
        for wait in due:
            self._deliver(wait.event)
        if due:
            self._wake()
