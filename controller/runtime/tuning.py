"""Weights that follow from load, for services whose scheduler is `least`: who has fewer connections gets more of the new ones.

IPVS looks for the backend with the fewest connections for its weight whenever one comes (wlc). Here bridges give connections out
by fixed weights, so these are set anew whenever counters were read: if as many connections come and go as lately, all backends
have as many as their weights say. Half of the way is gone each time: what was read is some seconds old, and weights would swing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from controller.model import Backend, Draining, Health, HealthCheck, IPv4, IPv6, Service, Tuned
from controller.runtime.control import Control
from controller.runtime.service_counters import ServiceCounters
from controller.state.tables import Tx

TOTALS = (64, 256, 1024, 4096)  # what the weights of a service add up to: slots of select groups
EACH = 4  # of which every backend has so many, if all have the same
LEAST = 0.05  # part of its fair share that a backend gets which has too many connections already
NOTICED = 0.02  # part of all weights that has to move before bridges are told
Address = IPv4 | IPv6


class Load(NamedTuple):
    """Connections of a backend: how many are open, and how many were opened and closed since the last time."""

    active: int
    opened: int = 0
    closed: int = 0


class Tuning:
    """Puts and drops `Tuned` rows."""

    def __init__(self, control: Control, counters: ServiceCounters) -> None:
        self._control, self._counters, self._tables = control, counters, control.engine.tables
        self._seen: dict[tuple[str, Address], tuple[int, int]] = {}  # connections opened and open, the last time
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
        backends = {row.address: row.weight for row in self._tables.where(Backend, service=name) if row.weight}
        loads = {address: self._load(name, address) for address in backends}
        rows = {row.address: row.weight for row in self._tables.where(Tuned, service=name)}
        if rows.keys() == backends.keys() and not any(load.opened or load.closed for load in loads.values()):
            return  # other bridges were read, or nobody comes
        takes = {address for address in backends if self._takes(name, address)}
        now = rows if rows.keys() == backends.keys() else backends
        wanted = tuned(backends, now, loads, takes)
        if rows.keys() != backends.keys() or moved(now, wanted) > NOTICED:
            for address in backends:
                tx.put(Tuned(name, address, wanted[address]))

    def _load(self, name: str, address: Address) -> Load:
        counts = self._counters.of(name, address)
        opened, active = counts.connections or 0, counts.active or 0
        before = self._seen.get((name, address), (opened, active))
        self._seen[name, address] = opened, active
        new = opened - before[0]
        return Load(active, max(0, new), max(0, before[1] + new - active))

    def _takes(self, name: str, address: Address) -> bool:
        if self._tables.get(Draining, name, address) is not None:
            return False
        health = self._tables.get(Health, name, address)
        return self._tables.get(HealthCheck, name) is None or (health is not None and health.up)


def tuned(weights: Mapping[Any, int], now: Mapping[Any, int], loads: Mapping[Any, Load], takes: set[Any]) -> dict[Any, int]:
    """Weights to use from here on, for backends of these weights (above 0) that have used the weights `now`.

    Those that take no connections get what their weight alone is worth, for when they do.
    """
    if not weights:
        return {}
    total = next((total for total in TOTALS if total >= EACH * len(weights)), max(TOTALS[-1], len(weights)))
    fair = {each: weight / sum(weights.values()) for each, weight in weights.items()}
    sharing = sum(fair[each] for each in takes)
    used = {each: now[each] / sum(now[one] for one in takes) for each in takes}
    staying = {each: loads[each].active - loads[each].closed for each in takes}  # when as many close as lately
    coming = max(1, sum(loads[each].opened for each in takes))
    level = (sum(staying.values()) + coming) / (sharing or 1)
    lack = {each: max(0.0, level * fair[each] - staying[each]) for each in takes}
    share = {each: (used[each] + lack[each] / sum(lack.values())) / 2 * sharing for each in takes}
    return _whole({each: max(share.get(each, fair[each]), LEAST * fair[each]) for each in weights}, total)


def _whole(shares: Mapping[Any, float], total: int) -> dict[Any, int]:
    """Numbers from 1 on that add up to `total`, in these shares (largest remainder): select groups can have exactly them."""
    exact = {each: (total - len(shares)) * share / sum(shares.values()) for each, share in shares.items()}
    whole = {each: 1 + int(number) for each, number in exact.items()}
    for each in sorted(exact, key=lambda each: (int(exact[each]) - exact[each], repr(each)))[: total - sum(whole.values())]:
        whole[each] += 1
    return whole


def moved(before: Mapping[Any, int], after: Mapping[Any, int]) -> float:
    """Which part of all weight goes from one to another, 0..1."""
    if before.keys() != after.keys():
        return 1.0
    were, are = sum(before.values()) or 1, sum(after.values()) or 1
    return sum(abs(before[each] / were - after[each] / are) for each in after) / 2
