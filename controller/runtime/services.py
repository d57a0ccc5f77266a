"""Services of the network file as rows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from controller.config import NetworkFile
from controller.config.services import HealthEntry, ServiceEntry
from controller.model import Backend, Drained, Draining, Health, HealthCheck, IPv4, IPv6, Row, Service, ServicePort
from controller.state.tables import Tx

TYPES = (Service, ServicePort, Backend, HealthCheck)
ASKS = {"tcp": "tcp", "http": "tcp", "udp": "udp"}  # type of a check -> protocol of the port that it asks
QUICK = 1.0  # seconds that a check waits where the file does not say


def rows_of(file: NetworkFile) -> Iterator[Row]:
    """What the file says of services."""
    for name, entry in file.services.items():
        affinity, deadline = entry.affinity.seconds if entry.affinity else 0, entry.drain.deadline if entry.drain else 0
        yield Service(name, entry.network, _address(entry.vip), entry.scheduler, affinity, entry.mode, deadline)
        for port in entry.ports:
            yield ServicePort(name, port.protocol, port.port, port.target or port.port)
        if entry.health:
            yield _check(name, entry, entry.health)  # before the backends, whose last known health is forgotten without it
        for backend in entry.backends:
            yield Backend(name, _address(backend.address), backend.weight)


def still_up(tx: Tx, wanted: Iterable[Row]) -> list[Health]:
    """Backends that have taken connections unchecked, and get a check now: they are up until it says otherwise.

    `wanted` are the rows of a file, `tx` has what was before it.
    """
    checked = {row.service for row in tx.where(HealthCheck)}
    gain = {row.service for row in wanted if isinstance(row, HealthCheck)} - checked
    now = time.time()
    backends = (row for row in wanted if isinstance(row, Backend) and row.service in gain)
    return [Health(b.service, b.address, True, "not checked yet", now) for b in backends if tx.get(Backend, b.service, b.address)]


def forgotten(tx: Tx, wanted: Iterable[Row]) -> list[Row]:
    """What is kept of backends that are in the file no more, or not checked: one that comes back is new."""
    rows = list(wanted)
    backends = {(row.service, row.address) for row in rows if isinstance(row, Backend)}
    checked = {row.service for row in rows if isinstance(row, HealthCheck)}
    kept: list[Draining | Drained] = [*tx.where(Draining), *tx.where(Drained)]
    ended = [row for row in kept if (row.service, row.address) not in backends]
    healths = tx.where(Health)
    return [*ended, *(row for row in healths if row.service not in checked or (row.service, row.address) not in backends)]


def _check(name: str, service: ServiceEntry, health: HealthEntry) -> HealthCheck:
    protocol = ASKS.get(health.type)
    targets = [port.target or port.port for port in service.ports if port.protocol == protocol]
    port = health.port or (targets[0] if targets else 0)
    timeout = min(QUICK, health.interval) if health.timeout is None else health.timeout
    source = _address(health.source) if health.source else None
    http = health.path, health.status, health.body
    return HealthCheck(name, health.type, health.interval, timeout, health.rise, health.fall, port, *http, source)


def _address(text: str) -> IPv4 | IPv6:
    return IPv6(text) if ":" in text else IPv4(text)
