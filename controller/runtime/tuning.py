"""Weights that follow from load, for services whose scheduler is `least`: who has fewer connections gets more of the new ones.

IPVS looks for the backend with the fewest connections for its weight whenever one comes (wlc). Here bridges give connections out
by fixed weights, so these are set anew every few seconds: each is such that, if as many connections come as lately, all
backends have as many as their weights say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controller.model import Backend, Draining, Health, HealthCheck, IPv4, IPv6, Service, Tuned
from controller.runtime.control import Control
from controller.runtime.service_counters import ServiceCounters
from controller.state.tables import Tx

TOTALS = (64, 256, 1024, 4096)  # what the weights of a service add up to: slots of select groups
EACH = 4  # of which every backend has so many, if all have the same
LEAST = 0.05  # part of its fair share that a backend gets which has too many connections already
AHEAD = 0.25  # part of the connections that are open which may come at once: weights do not follow from a few
NOTICED = 0.06  # part of all weights that has to move before bridges are told
Address = IPv4 | IPv6


class Tuning:
    """Puts and drops `Tuned` rows."""

    def __init__(self, control: Control, counters: ServiceCounters) -> None:
        self._control, self._counters, self._tables = control, counters, control.engine.tables
        self._opened: dict[str, int] = {}  # by service: connections up to the last time
        self._readings = -1

    def tune(self) -> None:
        """Look at the connections, and set weights, where counters have been read since the last time."""
        if self._readings == self._counters.readings:
            return
        self._readings, tx = self._counters.readings, Tx(self._tables)
        for each in self._tables.where(Service, scheduler="least"):
            self._one(each.name, tx)
        for row in self._tables.all(Tuned):
            service = self._tables.where(Service, name=row.service, scheduler="least")
            backend = self._tables.get(Backend, row.service, row.address)
            if not service or backend is None or not backend.weight:
                tx.drop(row)
        if tx.changes:
            self._control.engine.commit(tx)
            self._control.drive()

    def _one(self, name: str, tx: Tx) -> None:
        weights = {row.address: row.weight for row in self._tables.where(Backend, service=name) if row.weight}
        counts = {address: self._counters.of(name, address) for address in weights}
        opened = sum(count.connections or 0 for count in counts.values())
        new = max(0, opened - self._opened.get(name, opened))
        self._opened[name] = opened
        if any(count.active is None for count in counts.values()) and not opened:
            return  # nothing is counted yet
        takes = {address for address in weights if self._takes(name, address)}
        wanted = tuned(weights, {address: count.active or 0 for address, count in counts.items()}, takes, new)
        if moved(weights, wanted) <= NOTICED:
            wanted = {}
        now = {row.address: row.weight for row in self._tables.where(Tuned, service=name)}
        if moved(now or weights, wanted or weights) > NOTICED:
            for address in weights:
                if wanted:
                    tx.put(Tuned(name, address, wanted[address]))
                else:
                    tx.drop(Tuned, name, address)

    def _takes(self, name: str, address: Address) -> bool:
        if self._tables.get(Draining, name, address) is not None:
            return False
        health = self._tables.get(Health, name, address)
        return self._tables.get(HealthCheck, name) is None or (health is not None and health.up)


def tuned(weights: Mapping[Any, int], active: Mapping[Any, int], takes: set[Any], new: int) -> dict[Any, int]:
    """Weights in use for backends of these weights (above 0), with `active` connections each, while `new` ones come.

    Those that take no connections now get what their weight alone is worth, for when they do.
    """
    if not weights:
        return {}
    total = next((total for total in TOTALS if total >= EACH * len(weights)), TOTALS[-1])
    fair = {each: weight / sum(weights.values()) for each, weight in weights.items()}
    sharing = sum(fair[each] for each in takes)
    there = sum(active[each] for each in takes)
    coming = there + max(1.0, new, there * AHEAD)
    lack = {each: max(0.0, coming * fair[each] / sharing - active[each]) for each in takes}
    share = {each: lack[each] / sum(lack.values()) * sharing for each in takes}
    return {each: max(1, round(total * max(share.get(each, fair[each]), LEAST * fair[each]))) for each in weights}


def moved(before: Mapping[Any, int], after: Mapping[Any, int]) -> float:
    """Which part of all weight goes from one to another, 0..1."""
    if before.keys() != after.keys():
        return 1.0
    were, are = sum(before.values()) or 1, sum(after.values()) or 1
    return sum(abs(before[each] / were - after[each] / are) for each in after) / 2
