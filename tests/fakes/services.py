"""Virtual services that were never run: one with a backend of every state, and one that is well."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from controller.query import BackendView, Drained, QueryError, ServiceView
from tests.fakes import network

REFUSED = "connect to 10.0.0.2:8080 refused 3 times"


def _backend(service: str, number: int, weight: int, state: str, reason: str, connections: int) -> BackendView:
    station = network.stations()[number - 1]
    port_name = f"{station.bridge}-eth{station.port}"
    return BackendView(
        service=service,
        address=station.ip,
        mac=station.mac,
        bridge=station.bridge,
        port_name=port_name,
        weight=weight,
        tuned=None,
        expected=0.0,
        share=None,
        state=state,  # type: ignore[arg-type]
        reason=reason,
        since=time.time() - 600 * number,
        connections=connections,
        active=connections // 50,
        packets=connections * 9,
        bytes=connections * 4_100,
    )


class FakeServices:
    """The part of a view that is about services; `publish` wakes whoever waits."""

    def __init__(self, publish: Callable[..., None], empty: bool) -> None:
        self._publish_services = publish
        web = (("web", 1, 3, "up", "", 3_020), ("web", 2, 1, "down", REFUSED, 412), ("web", 3, 1, "up", "", 980))
        names = (("dns", 3, 1, "up", "", 240), ("dns", 4, 1, "up", "", 260))
        rows = () if empty else (*names, *web)
        self._backends = {(service, f"10.0.0.{number}"): _backend(service, number, *rest) for service, number, *rest in rows}  # type: ignore[arg-type]

    def connect(self, service: str, address: str, count: int) -> None:
        """New connections are given to a backend."""
        backend = self._backends[service, address]
        assert backend.connections is not None
        self._backends[service, address] = dataclasses.replace(backend, connections=backend.connections + count)
        self._publish_services("counters")

    def fail(self, service: str, address: str, reason: str) -> None:
        """Its checks fail."""
        before = self._backends[service, address]
        self._backends[service, address] = dataclasses.replace(before, state="down", reason=reason, since=time.time())
        self._publish_services("services")

    def services(self) -> tuple[ServiceView, ...]:
        """Virtual services by name."""
        return tuple(_service(name, self.backends(name)) for name in sorted({service for service, _ in self._backends}))

    def backends(self, service: str = "") -> tuple[BackendView, ...]:
        """Backends by service and address."""
        known = sorted({name for name, _ in self._backends})
        if service and service not in known:
            raise QueryError(404, "No such service", f"No service is called {service!r}; known: {', '.join(known) or 'none'}.")
        return tuple(view for name in known if service in ("", name) for view in _shared(self._of(name)))

    def drain(self, service: str, address: str, drained: bool) -> Drained:
        """Give a backend no new connections, or again some."""
        known = [backend.address for backend in self.backends(service)]
        if not address.replace(".", "").isdecimal():
            raise QueryError(422, "Not an address", f"{address!r} is no IP address; backends are called by theirs.")
        if address not in known:
            raise QueryError(404, "No such backend", f"{service} has no backend {address}; it has: {', '.join(known)}.")
        before = self._backends[service, address]
        changed = (before.state == "draining") != drained
        if changed:
            state, reason = ("draining", "no new connections") if drained else ("up", "")
            values = {"state": state, "reason": reason, "since": time.time()}
            self._backends[service, address] = dataclasses.replace(before, **values)  # type: ignore[arg-type]
            self._publish_services("services")
        return Drained(changed, next(view for view in self.backends(service) if view.address == address))

    def _of(self, name: str) -> list[BackendView]:
        return [backend for (service, _), backend in sorted(self._backends.items()) if service == name]


def _shared(backends: list[BackendView]) -> list[BackendView]:
    """With what the weights of those that are up stand for, and what they got."""
    weights = sum(each.weight for each in backends if each.state == "up") or 1
    new = sum(each.connections or 0 for each in backends if each.state == "up") or 1
    return [
        dataclasses.replace(each, expected=each.weight / weights, share=(each.connections or 0) / new)
        if each.state == "up"
        else dataclasses.replace(each, expected=0.0, share=0.0)
        for each in backends
    ]


def _service(name: str, backends: tuple[BackendView, ...]) -> ServiceView:
    up = sum(each.state == "up" for each in backends)
    draining = sum(each.state == "draining" for each in backends)
    web = name == "web"
    return ServiceView(
        name=name,
        network="default",
        vip="10.0.0.100" if web else "10.0.0.53",
        mac=f"0a:00:00:01:00:{1 if web else 2:02x}",
        ports=("tcp/80>8080", "tcp/443>8443") if web else ("udp/53>53",),
        scheduler="wrr" if web else "source",
        mode="nat",
        affinity=300 if web else 0,
        drain_deadline=300 if web else 0,
        health="http every 2 s" if web else "",
        state="down" if not up else "up" if up + draining == len(backends) else "degraded",
        since=min(each.since for each in backends),
        backends=len(backends),
        up=up,
        draining=draining,
        connections=sum(each.connections or 0 for each in backends),
        active=sum(each.active or 0 for each in backends),
        packets=sum(each.packets or 0 for each in backends),
        bytes=sum(each.bytes or 0 for each in backends),
        problems=tuple(f"{each.address}: {each.reason}" for each in backends if each.state == "down"),
    )
