"""What a reader may see of virtual services and their backends; part of `controller.query`, from where it is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A virtual address and what stands behind it. `ports` are "tcp/80>8080", of the address and of the backends.

    `state` counts the backends that take new connections: up, all that shall; degraded, some; down, none. `backends` are all of
    them, `up` those that take new connections. Counters are sums over bridges and backends, None where nothing counts; `active`,
    the connections that are open now, is what bridges saw opened less what they saw closed. `problems` are sentences.
    """

    name: str
    network: str
    vip: str
    mac: str
    ports: tuple[str, ...]
    scheduler: Literal["wrr", "least", "source", "maglev"]
    mode: Literal["nat", "dsr"]
    affinity: int
    drain_deadline: int
    health: str
    state: Literal["up", "degraded", "down"]
    since: float
    backends: int
    up: int
    draining: int
    connections: int | None
    active: int | None
    packets: int | None
    bytes: int | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BackendView:
    """A host that answers for a service; `mac`, `bridge` and `port_name` are empty until it was heard.

    `tuned` is the weight in use where the scheduler changes it, else None. `expected` is the part of new connections (0..1) that
    its weight beside those of the others stands for, `share` the part that it got since these weights hold; None where none came.
    """

    service: str
    address: str
    mac: str
    bridge: str
    port_name: str
    weight: int
    tuned: int | None
    expected: float
    share: float | None
    state: Literal["up", "down", "draining", "unknown"]
    reason: str
    since: float
    connections: int | None
    active: int | None
    packets: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of an order to drain a backend or to use it again; `changed` is False where it was so already."""

    changed: bool
    backend: BackendView


class ServiceQueries(Protocol):
    """The part of `View` that is about services. Every method may be called from any thread."""

    def services(self) -> tuple[ServiceView, ...]:
        """Virtual services by name."""

    def backends(self, service: str = "") -> tuple[BackendView, ...]:
        """Backends by service and address. Raises QueryError 404 for a service that is not known."""

    def drain(self, service: str, address: str, drained: bool) -> Drained:
        """Give a backend no new connections, or again some. Raises QueryError: 404 service or backend unknown, 422 no address."""
