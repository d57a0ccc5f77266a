"""Health checks at work: rows say who is checked, frames go out and come in, and what turns becomes a row and an event.

Probes are no rows, so a check costs no rule anything; a Health row is put where a verdict is new, never for a check. A bridge
that is away, or whose flows are not complete, says nothing about the backends behind it: their state stays as it is.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache, partial

from controller.health.checks import Asked, Checks, Out, Place
from controller.health.exchanges import Question, protocol_of_neighbours
from controller.health.frames import Ends
from controller.health.tcp import NEVER
from controller.health.verdict import Judge
from controller.model import (
    Address,
    Backend,
    Health,
    HealthCheck,
    Host,
    IPv4,
    IPv6,
    Network,
    PacketIn,
    Row,
    Service,
    ServicePort,
    Virtual,
    port_asked,
)
from controller.pipeline import EGRESS, load, resubmit
from controller.runtime.dispatch import Dispatch
from controller.runtime.journal import Journal
from controller.runtime.peers import Peer
from controller.state.engine import Engine
from controller.state.tables import Tx

APP = "health_check"  # the app whose flows bring the answers
GATHER = 0.1  # seconds between two tellings of verdicts: each changes the groups of its service
STEP = 0.01  # seconds; checks that are due so soon after each other begin together
IDLE = 1.0  # seconds until it is looked again whether the app runs

Key = tuple[str, IPv4 | IPv6]  # service, address of a backend
Told = Callable[[str, "IPv4 | IPv6", bool], None]


@lru_cache(maxsize=4096)
def way_out(network: int, port: int) -> tuple[bytes, ...]:
    """Actions that send a frame out of a port as any of its network."""
    return load("network", network), load("out_port", port), resubmit(EGRESS.table)


class HealthRunner:
    """Runs the checks of all services. `turned` is told of each backend that goes up or down, when the row is there."""

    def __init__(self, engine: Engine, dispatch: Dispatch, journal: Journal, peers: dict[str, Peer], turned: Told) -> None:
        self._engine, self._tables, self._dispatch = engine, engine.tables, dispatch
        self._journal, self._peers, self._turned = journal, peers, turned
        self._checks = Checks(partial(secrets.randbits, 32))
        self._stale: dict[Key, None] = {}
        self._watched: defaultdict[Hashable, set[Key]] = defaultdict(set)  # what a backend's place follows from -> backends
        self._follows: dict[Key, tuple[Hashable, ...]] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._told = 0.0  # when verdicts were told

    def start(self) -> None:
        """From now on, in the running event loop."""
        engine = self._engine
        self._dispatch.heard[APP] = self.hear
        engine.watchers[Backend].append(lambda old, new: self._mark([_key(old or new)]))
        about: tuple[type[Row], ...] = Service, HealthCheck, Virtual, ServicePort
        where: tuple[type[Row], ...] = Address, Host, Network
        for cls in about:
            engine.watchers[cls].append(self._service_changed)
        for cls in where:
            engine.watchers[cls].append(self._place_changed)

    # ------------------------------------------------------------------ what changes

    def bridge(self, name: str) -> None:
        """A bridge went away, or has all its flows now."""
        self._mark(self._watched.get(("bridge", name), ()))

    def _service_changed(self, old: Row | None, new: Row | None) -> None:
        row = new or old
        assert row is not None
        name = type(row).key_of(row)[0]
        self._mark((name, backend.address) for backend in self._tables.where(Backend, service=name))

    def _place_changed(self, old: Row | None, new: Row | None) -> None:
        row = new or old
        if not self._watched or row is None:
            return
        what = (type(row), *type(row).key_of(row))
        if what in self._watched:
            self._mark(self._watched[what])

    def _mark(self, keys: Iterable[Key]) -> None:
        self._stale |= dict.fromkeys(keys)
        if self._stale:
            self._wake(0.0)

    # ------------------------------------------------------------------ time and frames

    def _wake(self, after: float) -> None:
        """Work in so many seconds, if not earlier."""
        loop = asyncio.get_running_loop()
        when = loop.time() + after
        if self._alarm is None or when < self._alarm.when():
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = loop.call_at(when, self._work)

    def _work(self) -> None:
        self._alarm = None
        if not any(state.app.name == APP for state in self._engine.apps.values()):
            self._wake(IDLE)  # nobody would hear the answers
            return
        if self._stale:
            self._refresh()
        now = asyncio.get_running_loop().time()
        self._send(self._checks.tick(now))
        if self._checks.news and now >= self._told + GATHER and self._engine.idle:  # else bridges are not told yet anyway
            self._told = now
            self._tell()
        self._plan()
        self._dispatch.wake()

    def hear(self, packet: PacketIn) -> None:
        """A frame of a backend."""
        now = asyncio.get_running_loop().time()
        self._send(self._checks.hear(packet.bridge, packet.in_port, packet.network, packet.data, now))
        self._plan()

    def _plan(self) -> None:
        """Work again when something is due; verdicts together with those that have arrived by now."""
        now, checks = asyncio.get_running_loop().time(), self._checks
        if checks.news:
            self._wake(max(0.0 if self._engine.idle else STEP, self._told + GATHER - now))
        if checks.due < NEVER:
            self._wake(max(STEP, checks.due - now))

    def _send(self, frames: list[Out]) -> None:
        for out in frames:
            self._dispatch.send(out.bridge, out.frame, *way_out(out.network, out.port))

    # ------------------------------------------------------------------ verdicts

    def _tell(self) -> None:
        news = [verdict for verdict in self._checks.news if verdict.key in self._checks]  # else it was dropped meanwhile
        self._checks.news = []
        if not news:
            return
        now = time.time()

        def change(tx: Tx) -> None:
            for verdict in news:
                service, address = verdict.key
                before = tx.get(Health, service, address)
                since = before.since if before and before.since and not verdict.turned else now
                tx.put(Health(service, address, verdict.up, verdict.reason, since))

        self._dispatch.change(change)
        for verdict in news:
            service, address = verdict.key
            if verdict.turned:
                word = "up" if verdict.up else "down"
                text = f"{address} of {service} is {word}: {verdict.reason}"
                self._journal.add("info" if verdict.up else "warning", f"service.backend_{word}", f"{service}/{address}", text)
                self._turned(service, address, verdict.up)

    # ------------------------------------------------------------------ who is checked

    def _refresh(self) -> None:
        """Bring the checks up to date with the rows."""
        stale, self._stale = self._stale, {}
        now = asyncio.get_running_loop().time()

        def change(tx: Tx) -> None:
            for key in stale:
                self._refresh_one(key, tx, now)

        self._dispatch.change(change)

    def _refresh_one(self, key: Key, tx: Tx, now: float) -> None:
        check, service = self._tables.get(HealthCheck, key[0]), self._tables.get(Service, key[0])
        if check is None or service is None or self._tables.get(Backend, *key) is None:
            self._checks.drop(key)
            self._watch(key, ())
            tx.drop(Health, *key)
            return
        known = self._tables.get(Health, *key)
        if known is None:
            tx.put(Health(*key))
        judge = Judge(known.up, fresh=not known.since, text=known.reason) if known else Judge()
        place, why = self._place(key, service, check)
        self._checks.put(key, self._asked(check), place, now, why=why, judge=judge)

    def _asked(self, check: HealthCheck) -> Asked:
        port = port_asked(check, self._tables.where(ServicePort, service=check.service))
        question = Question(check.type, check.timeout, port, check.path, check.status, check.body)
        return Asked(question, check.interval, check.rise, check.fall)

    def _place(self, key: Key, service: Service, check: HealthCheck) -> tuple[Place | None, str]:
        """Where a backend is; without that why it counts as down, or nothing where that cannot be known just now."""
        network, ip = service.network, key[1]
        virtual, number = self._tables.get(Virtual, service.name), self._tables.get(Network, network)
        address = self._tables.get(Address, network, ip)
        host = self._tables.get(Host, network, address.mac) if address else None
        watched: list[Hashable] = [(Network, network), (Address, network, ip)]
        if address is not None:
            watched.append((Host, network, address.mac))
        if host is not None:
            watched.append(("bridge", host.bridge))
        self._watch(key, tuple(watched))
        if host is None:
            return None, f"{ip} does not answer {protocol_of_neighbours(ip)}"
        peer = self._peers.get(host.bridge)
        if virtual is None or number is None or peer is None or peer.state != "connected":
            return None, ""
        ends = Ends(virtual.mac, host.mac, check.source or virtual.vip, ip)
        return Place(host.bridge, host.port, number.number, ends), ""

    def _watch(self, key: Key, watched: tuple[Hashable, ...]) -> None:
        for what in self._follows.pop(key, ()):
            self._watched[what].discard(key)
            if not self._watched[what]:
                del self._watched[what]
        for what in watched:
            self._watched[what].add(key)
        if watched:
            self._follows[key] = watched


def _key(backend: Backend) -> Key:
    return backend.service, backend.address
