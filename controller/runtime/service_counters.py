"""How many connections each backend of a service was given, and what they carried, from the counters of flows on all bridges.

The flows that give a backend its connections, and those that carry them, are found by their owner: a rule that speaks of a row
whose key begins with service and address. Which of them counts what is told by the stage that it is in.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from controller.model import Backend, IPv4, IPv6, StageRow
from controller.pipeline.text import match_text
from controller.runtime.peers import Peer
from controller.state.engine import Engine

TCP = "tcp"  # of those opened
OPENED, SENT, BACK, CLOSED = "COMMIT", "SEND", "BACK", "CLOSE"  # stages whose flows see a connection opened, carried, closed
MINUTE = 60.0
FRESH = 5.0  # seconds that it is not asked again which flows count
Place = tuple[str, IPv4 | IPv6]  # service and address of a backend


@dataclass(frozen=True, slots=True)
class Counts:
    """Counters of a backend over all bridges, of both directions; None where nothing on any bridge counts it.

    `active`: of TCP what was seen opened less what was seen closed, of other protocols what was opened in the last minute.
    """

    connections: int | None = None
    active: int | None = None
    packets: int | None = None
    bytes: int | None = None


class ServiceCounters:
    """Sums that only rise, whatever becomes of the flows: one that is made anew begins at 0 again, and is added to what was."""

    def __init__(self, engine: Engine, peers: Mapping[str, Peer], now: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._peers, self._now = engine, peers, now
        self._slots: dict[bytes, tuple[Place, str]] = {}  # flows that count, whose they are, and in which stage
        self._asked = now() - FRESH
        self.readings = 0  # rises with whatever is read
        self._seen: dict[str, Mapping[bytes, tuple[int, int]]] = {}  # by bridge: the reading that was added last
        self._times: dict[str, float] = {}  # by bridge: when that was
        self._last: dict[str, dict[bytes, tuple[int, int]]] = {}  # by bridge: what those flows counted then
        self._sums: dict[Place, dict[str, tuple[int, int]]] = {}
        self._endless: dict[Place, deque[tuple[float, int]]] = {}  # connections that nobody closes: when, how many

    def of(self, service: str, address: IPv4 | IPv6) -> Counts:
        """What is known by now; call `update` before. Readings are seconds apart, with many flows more."""
        sums = self._sums.get((service, address))
        if sums is None:
            return Counts()
        opened, carried = sums.get(OPENED), [sums[stage] for stage in (SENT, BACK) if stage in sums]
        active = self._active((service, address), sums) if opened else None
        packets, octets = (sum(each[number] for each in carried) if carried else None for number in (0, 1))
        return Counts(opened[0] if opened else None, active, packets, octets)

    def _active(self, place: Place, sums: Mapping[str, tuple[int, int]]) -> int | None:
        """Connections of TCP that were not closed yet, and others of the last minute; None where nothing counts them."""
        lately = self._endless.get(place)
        while lately and self._now() - lately[0][0] > MINUTE:
            lately.popleft()
        endless = sum(count for _, count in lately or ())
        if CLOSED not in sums:
            return None if lately is None else endless
        return endless + sums.get(TCP, (0, 0))[0] - sums[CLOSED][0]

    def read(self) -> float:
        """When the bridge that is connected and was read longest ago was read, on the clock of `now`; now, where none is."""
        times = (self._times[name] for name, peer in self._peers.items() if peer.channel is not None and name in self._times)
        return min(times, default=self._now())

    def update(self) -> None:
        """Add what bridges counted since the last reading. Costs little where nothing was read."""
        fresh = [(name, peer.counters) for name, peer in self._peers.items() if peer.counters is not self._seen.get(name)]
        if not fresh:
            return
        if self._now() - self._asked >= FRESH:
            self._find()
        for bridge, counters in fresh:
            self._seen[bridge], self._times[bridge] = counters, self._now()
            self._add(bridge, counters)
        for sums in self._sums.values():  # an end that came twice must not hide a connection for ever
            if CLOSED in sums and sums[CLOSED] > sums.get(TCP, (0, 0)):
                sums[CLOSED] = sums.get(TCP, (0, 0))
        self.readings += 1

    def _find(self) -> None:
        """Which flows count for which backend."""
        self._asked = self._now()
        tables = self._engine.tables
        stages = {row.table: row.name for row in tables.all(StageRow) if row.name in (OPENED, SENT, BACK, CLOSED)}
        self._slots = dict(_counting(self._engine, stages)) if stages else {}
        for place in [place for place in self._sums if tables.get(Backend, *place) is None]:
            del self._sums[place]
            self._endless.pop(place, None)

    def _add(self, bridge: str, counters: Mapping[bytes, tuple[int, int]]) -> None:
        last = self._last.setdefault(bridge, {})
        for slot, (place, stage) in self._slots.items():
            counts, before = counters.get(slot), last.get(slot)
            if counts == before:
                continue
            if counts is None:
                del last[slot]
                continue
            last[slot] = counts
            if before is None or counts[0] < before[0]:  # the flow was made anew since
                before = 0, 0
            sums = self._sums.setdefault(place, {})
            packets, octets = sums.get(stage, (0, 0))
            new = counts[0] - before[0]
            sums[stage] = packets + new, 0 if stage == CLOSED else octets + counts[1] - before[1]
            if stage == OPENED and _is_tcp(slot):
                sums[TCP] = sums.get(TCP, (0, 0))[0] + new, 0
            elif stage == OPENED:
                self._endless.setdefault(place, deque()).append((self._now(), new))


def _counting(engine: Engine, stages: Mapping[int, str]) -> Iterator[tuple[bytes, tuple[Place, str]]]:
    for rule in (rule for app in engine.apps.values() for rule in app.rules):
        if of_backend(rule.each) and not stages.keys().isdisjoint(rule.tables):
            for owner in rule.owners.values():
                place: Any = owner.key[:2]
                for flow in owner.flows:
                    if flow.slot[0] in stages:
                        yield flow.slot, (place, stages[flow.slot[0]])


@lru_cache(maxsize=65536)
def _is_tcp(slot: bytes) -> bool:
    return match_text(slot).startswith("tcp")  # or tcp6


def of_backend(each: Any) -> bool:
    """Whether the key of rows of this type begins with service and address."""
    return tuple(each.__dataclass_fields__)[:2] == ("service", "address")
