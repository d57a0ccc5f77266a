"""Which part of the new connections each backend got since the weights are as they are, and since when a state holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple


class _Beginning(NamedTuple):
    weights: dict[str, int]
    connections: dict[str, int]
    at: float
    settled: bool  # counters have been read since then


class Shares:
    """Remembers for each service what its counters were when the weights of its backends last changed."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._beginnings: dict[str, _Beginning] = {}

    def of(
        self, service: str, weights: Mapping[str, int], connections: Mapping[str, int | None], read: float
    ) -> dict[str, float]:
        """The share (0..1) by backend of what came since these weights hold; empty where nothing came.

        `weights` are those in force, 0 of a backend that takes no new connections; `connections` are counters that only rise.
        They were read at `read`: what they say of before a change begins with the first reading after it.
        """
        counts = {backend: count or 0 for backend, count in connections.items()}
        begun = self._beginnings.get(service)
        if begun is None:  # what was counted before anybody looked was under these weights, as far as is known
            begun = self._beginnings[service] = _Beginning(dict(weights), dict.fromkeys(counts, 0), read, True)
        changed = begun.weights != weights or any(counts[backend] < begun.connections.get(backend, 0) for backend in counts)
        if changed or not begun.settled:
            at = self._now() if changed else begun.at
            begun = self._beginnings[service] = _Beginning(dict(weights), counts, at, not changed and read >= at)
        new = {backend: count - begun.connections.get(backend, 0) for backend, count in counts.items()}
        total = sum(new.values())
        return {backend: count / total for backend, count in new.items()} if total else {}


class Moments:
    """Since when things are in the state that they are in, as far as anybody looked."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._known: dict[Hashable, tuple[str, float]] = {}

    def since(self, thing: Hashable, state: str, told: float = 0.0) -> float:
        """When `thing` came into `state`, in seconds since the epoch: as told, where that is known, else when it was seen so."""
        known = self._known.get(thing)
        if known is None or known[0] != state:
            known = self._known[thing] = state, told or self._now()
        return known[1]
