"""Virtual services for readers: rows, what checks said, and counters, put together; and the order to drain a backend."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Literal, NamedTuple

from controller.model import (
    Address,
    Backend,
    Draining,
    Health,
    HealthCheck,
    Host,
    IPv4,
    IPv6,
    Port,
    Service,
    ServicePort,
    Tuned,
    Virtual,
)
from controller.model import Drained as Ended
from controller.query import BackendView, Drained, QueryError, ServiceView
from controller.runtime.beats import next_beat
from controller.runtime.control import Control
from controller.runtime.service_counters import Counts, ServiceCounters, of_backend
from controller.runtime.service_shares import Moments, Shares
from controller.runtime.tuning import Tuning
from controller.state import status

SHOWN = 50  # problems of a service that are shown
EVERY = 3.0  # seconds between two looks
SLICE = 0.005  # seconds of looking until others get their turn
State = Literal["up", "down", "draining", "unknown"]


class Found(NamedTuple):
    """What is known of a backend: its rows, and what follows from them."""

    backend: Backend
    tuned: int | None
    host: Host | None
    state: State
    reason: str
    since: float  # 0: not known from rows
    takes: bool  # it takes new connections


class ServiceViews:
    """Answers about services. All methods are called in the event loop."""

    def __init__(self, control: Control, now: Callable[[], float] = time.monotonic) -> None:
        self._control, self._tables, self._now = control, control.engine.tables, now
        self._counters = ServiceCounters(control.engine, control.peers, now)
        self._tuning = Tuning(control, self._counters)
        self._shares, self._moments = Shares(now), Moments()
        self._told = 0  # revision of the journal that was looked at
        self._changed = 0.0  # when something did; 0 once all bridges have been read since

    def watch(self) -> None:
        """Look by the clock, so that shares and moments begin when something changes and not when somebody asks; tune weights."""
        self._counters.update()
        self._tuning.tune()
        changed = self._control.journal.wait(self._control.journal.seq, self._told, 0)
        self._told = changed.revision
        if not changed.changed.isdisjoint(("services", "hosts", "bridges")):
            self._changed = self._now()
        if self._changed:
            self._look_on(self._tables.all(Service), self._counters.read() > self._changed)
        loop = asyncio.get_running_loop()
        loop.call_at(next_beat(loop.time(), EVERY), self.watch)

    def _look_on(self, services: list[Service], last: bool) -> None:
        """Look at the next of these services, for a slice of time. `last`: all bridges have been read since the change."""
        ends = time.perf_counter() + SLICE
        while services and time.perf_counter() < ends:
            service = services.pop()
            self._service(service, [])
            self._backends(service)
        if services:
            asyncio.get_running_loop().call_soon(self._look_on, services, last)
        elif last:
            self._changed = 0.0

    # ------------------------------------------------------------------ answers

    def services(self) -> tuple[ServiceView, ...]:
        """Virtual services by name."""
        self._counters.update()
        problems = self._waiting()
        return tuple(self._service(service, problems.get(service.name, [])) for service in self._tables.all(Service))

    def backends(self, name: str = "") -> tuple[BackendView, ...]:
        """Backends by service and address. Raises QueryError 404 for a service that is not known."""
        self._counters.update()
        services = [self._known(name)] if name else self._tables.all(Service)
        return tuple(view for service in services for view in self._backends(service))

    def drain(self, name: str, address: str, drained: bool) -> Drained:
        """Give a backend no new connections, or again some. Raises QueryError: 422 no IP address, 404 unknown."""
        service = self._known(name)
        backend = self._backend(service, address)
        now = self._tables.get(Draining, name, backend.address) is not None
        if now != drained:
            row = Draining(name, backend.address, time.time())
            self._control.dispatch.change(lambda tx: tx.put(row) if drained else tx.drop(row))
            word = "takes no new connections; the old ones finish" if drained else "is not draining any more"
            kind = "service.drain" if drained else "service.undrain"
            self._control.journal.add("info", kind, f"{name}/{backend.address}", f"{backend.address} of {name} {word}")
            self._control.drive()
        view = next(view for view in self._backends(service) if view.address == str(backend.address))
        return Drained(now != drained, view)

    def _known(self, name: str) -> Service:
        service = self._tables.get(Service, name)
        if service is None:
            known = ", ".join(row.name for row in self._tables.all(Service)) or "none"
            raise QueryError(404, "No such service", f"No service is called {name!r}; known: {known}.")
        return service

    def _backend(self, service: Service, text: str) -> Backend:
        try:
            ip = ipaddress.ip_address(text)
        except ValueError:
            raise QueryError(422, "Not an address", f"{text!r} is no IP address; backends are called by theirs.") from None
        backend = self._tables.get(Backend, service.name, (IPv4 if ip.version == 4 else IPv6)(text))
        if backend is None:
            known = ", ".join(str(row.address) for row in self._tables.where(Backend, service=service.name)) or "none"
            raise QueryError(404, "No such backend", f"{service.name} has no backend {text}; it has: {known}.")
        return backend

    # ------------------------------------------------------------------ one service

    def _service(self, service: Service, waiting: list[str]) -> ServiceView:
        found = self._found(service)
        counts = [self._counters.of(service.name, each.backend.address) for each in found]
        wanted = sum(each.backend.weight > 0 and each.state != "draining" for each in found)
        takes = sum(each.takes for each in found)
        state: Literal["up", "degraded", "down"] = "down" if not takes else "up" if takes == wanted else "degraded"
        check, virtual = self._tables.get(HealthCheck, service.name), self._tables.get(Virtual, service.name)
        return ServiceView(
            name=service.name,
            network=service.network,
            vip=str(service.vip),
            mac=str(virtual.mac) if virtual else "",
            ports=tuple(_port(row) for row in self._tables.where(ServicePort, service=service.name)),
            scheduler=service.scheduler,  # type: ignore[arg-type]
            mode=service.mode,  # type: ignore[arg-type]
            affinity=service.affinity,
            drain_deadline=service.drain_deadline,
            health=f"{check.type} every {check.interval:g} s" if check else "",
            state=state,
            since=self._moments.since(service.name, state, max((each.since for each in found), default=0.0)),
            backends=len(found),
            up=takes,
            draining=sum(each.state == "draining" for each in found),
            connections=_sum(count.connections for count in counts),
            active=_sum(count.active for count in counts),
            packets=_sum(count.packets for count in counts),
            bytes=_sum(count.bytes for count in counts),
            problems=tuple(islice(_problems(found, waiting), SHOWN)),
        )

    def _waiting(self) -> dict[str, list[str]]:
        """What rules said for rows of services that is not on the bridges: it waits, failed or was refused."""
        engine, found = self._control.engine, dict[str, list[str]]()
        refused = {cookie for ledger in engine.desired.ledgers.values() for cookie in ledger.refused}
        for rule in (rule for app in engine.apps.values() for rule in app.rules if _of_service(rule.each)):
            for owner in rule.owners.values():
                if owner.waits or owner.error or owner.cookie in refused:
                    found.setdefault(str(owner.key[0]), []).append(f"{owner}: {status.of_owner(engine.desired, owner)}")
        return found

    # ------------------------------------------------------------------ backends

    def _found(self, service: Service) -> list[Found]:
        checked = self._tables.get(HealthCheck, service.name) is not None
        return [self._look(service, backend, checked) for backend in self._tables.where(Backend, service=service.name)]

    def _backends(self, service: Service) -> list[BackendView]:
        found = self._found(service)
        counts = [self._counters.of(service.name, each.backend.address) for each in found]
        weights = {str(each.backend.address): each.backend.weight if each.takes else 0 for each in found}
        connections = {address: count.connections for address, count in zip(weights, counts, strict=True)}
        shares = self._shares.of(service.name, weights, connections, self._counters.read())
        total = sum(weights.values()) or 1
        return [
            self._view(each, count, weights[address] / total, shares.get(address))
            for each, count, address in zip(found, counts, weights, strict=True)
        ]

    def _view(self, found: Found, count: Counts, expected: float, share: float | None) -> BackendView:
        backend, host = found.backend, found.host
        port = self._tables.get(Port, host.bridge, host.port) if host else None
        return BackendView(
            service=backend.service,
            address=str(backend.address),
            mac=str(host.mac) if host else "",
            bridge=host.bridge if host else "",
            port_name=port.name if port else "",
            weight=backend.weight,
            tuned=found.tuned,
            expected=expected,
            share=share,
            state=found.state,
            reason=found.reason,
            since=self._moments.since((backend.service, backend.address), found.state, found.since),
            connections=count.connections,
            active=count.active,
            packets=count.packets,
            bytes=count.bytes,
        )

    def _look(self, service: Service, backend: Backend, checked: bool) -> Found:
        key = service.name, backend.address
        host = self._host(service.network, backend.address)
        tuned = self._tables.get(Tuned, *key)
        state, reason, since = self._state(service, backend, host, checked)
        takes = state == "up" and backend.weight > 0
        return Found(backend, tuned.weight if tuned else None, host, state, reason, since, takes)

    def _state(self, service: Service, backend: Backend, host: Host | None, checked: bool) -> tuple[State, str, float]:
        draining = self._tables.get(Draining, service.name, backend.address)
        if draining is not None:
            ended = self._tables.get(Ended, service.name, backend.address)
            over = ended is not None and ended.since == draining.since
            return "draining", "its old connections were ended" if over else "no new connections", draining.since
        if checked:
            health = self._tables.get(Health, service.name, backend.address)
            if health is None or not health.since:
                return "unknown", health.reason if health else "not checked yet", 0.0
            if not health.up:
                return "down", health.reason, health.since
            return "up", _idle(backend), health.since
        if host is None and not self._reached(backend):
            return "unknown", f"no host of {service.network} has this address yet", 0.0
        return "up", _idle(backend) or ("" if host else "its host was not heard of late"), 0.0

    def _reached(self, backend: Backend) -> bool:
        """Whether an app says where a backend is, of which nothing is heard now."""
        key = Backend.key_of(backend)
        rules = (
            rule for app in self._control.engine.apps.values() for rule in app.rules if rule.derives and rule.each is Backend
        )
        owners = (rule.owners[key] for rule in rules if key in rule.owners)
        return any(of_backend(type(row)) for owner in owners for row in owner.rows)

    def _host(self, network: str, ip: IPv4 | IPv6) -> Host | None:
        address = self._tables.get(Address, network, ip)
        return self._tables.get(Host, network, address.mac) if address else None


def _port(row: ServicePort) -> str:
    return f"{row.protocol}/{row.port}>{row.target or row.port}"


def _idle(backend: Backend) -> str:
    """Why a backend that is well gets nothing."""
    return "" if backend.weight else "weight 0: no new connections"


def _problems(found: list[Found], waiting: list[str]) -> Iterator[str]:
    if not found:
        yield "it has no backends"
    for each in found:
        if each.state in ("down", "unknown"):
            yield f"{each.backend.address}: {each.reason}"
    yield from waiting


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _of_service(each: Any) -> bool:
    """Whether rows of this type begin with the name of a service."""
    return each is Service or next(iter(each.__dataclass_fields__), "") == "service"
