"""The timers of apps (`@every`): each fires on the multiples of its period, and rests while there is no row for it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from controller.model import Row
from controller.runtime.beats import next_beat
from controller.state.engine import AppState, Engine, TimerSpec

Call = Callable[[AppState, Callable[..., None], object], None]


class Timers:
    """Calls the timers of all apps. `call` runs one for a row, `wake` goes on with what follows."""

    def __init__(self, engine: Engine, call: Call, wake: Callable[[], None]) -> None:
        self._engine, self._call, self._wake = engine, call, wake
        self._armed: defaultdict[str, dict[TimerSpec, asyncio.TimerHandle]] = defaultdict(dict)
        self._resting: defaultdict[type[Row], list[tuple[str, TimerSpec]]] = defaultdict(list)
        self._watched: set[type[Row]] = set()  # types of rows for which timers have rested

    def start(self, app: Any) -> None:
        """Arm the timers of an app."""
        for spec in app.timers:
            self._arm(app.name, spec)

    def stop(self, name: str) -> None:
        """Disarm the timers of an app."""
        for handle in self._armed.pop(name, {}).values():
            handle.cancel()
        for resting in self._resting.values():
            resting[:] = [timer for timer in resting if timer[0] != name]

    def _arm(self, name: str, spec: TimerSpec) -> None:
        if self._engine.tables.rows[spec.each]:
            loop = asyncio.get_running_loop()
            self._armed[name][spec] = loop.call_at(next_beat(loop.time(), spec.seconds), self._fire, name, spec)
            return
        self._resting[spec.each].append((name, spec))
        if spec.each not in self._watched:
            self._watched.add(spec.each)
            self._engine.watchers[spec.each].append(self._came)

    def _came(self, old: Row | None, new: Row | None) -> None:
        """A row of a type that timers may rest for."""
        if new is not None and (resting := self._resting.pop(type(new), None)):
            for name, spec in resting:
                self._arm(name, spec)

    def _fire(self, name: str, spec: TimerSpec) -> None:
        state = next((s for s in self._engine.apps.values() if s.app.name == name), None)
        if state is None:
            return
        for row in self._engine.tables.all(spec.each):
            self._call(state, spec.fn, row)
        self._arm(name, spec)
        self._wake()
