"""Services as readers see them: what rows and checks say of their backends, who gets which share, and orders to drain."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controller.app import App, Tx, derives, rules
from controller.model import (
    Address,
    Backend,
    Draining,
    Health,
    HealthCheck,
    Host,
    IPv4,
    IPv6,
    Mac,
    Port,
    Row,
    Service,
    ServicePort,
    Tuned,
    key,
)
from controller.model import Drained as Ended
from controller.pipeline import DROP, IPV4, SERVICE, Stage
from controller.query import BackendView, Drained, QueryError, ServiceView
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.peers import Peer
from controller.runtime.service_shares import Moments, Shares
from controller.runtime.service_view import ServiceViews
from controller.state.engine import Engine

COMMIT = Stage("COMMIT", after=SERVICE)
SEND = Stage("SEND", after=COMMIT)
BACK = Stage("BACK", after=SEND)
CLOSE = Stage("CLOSE", after=BACK)
A, B, C = IPv4("10.0.0.1"), IPv4("10.0.0.2"), IPv4("10.0.0.3")
Both = tuple[int, int]  # packets, bytes
MACS = {A: Mac(0x0A01), B: Mac(0x0A02), C: Mac(0x0A03)}


class Balancing(App, stages=(SERVICE, COMMIT, SEND, BACK, CLOSE)):
    """Flows as a balancer has them: of each backend one that sees a connection opened, one each way, one that sees it end."""

    @rules(each=Backend)
    def flows(self, backend, rows):
        rows.need(Health, backend.service, backend.address)
        to: dict[str, Any] = {"eth_type": IPV4, "ipv4_dst": backend.address}
        new = COMMIT.flow(DROP, **to, udp_dst=53) if backend.weight == 1 else COMMIT.flow(DROP, **to, tcp_dst=80)
        yield new.on("s1")
        yield from (stage.flow(DROP, **to).on("s1") for stage in (SEND, BACK, CLOSE))


class Lab:
    """A controller without bridges, with a service of three backends, two of which were heard."""

    def __init__(self) -> None:
        self.engine, self.journal, self.now = Engine(), Journal(), 1000.0
        self.control = Control(self.engine, self.journal, remove_foreign=True)
        self.views = ServiceViews(self.control, lambda: self.now)
        self.put(Service("web", "blue", IPv4("10.0.0.100")), ServicePort("web", "tcp", 80, 8080), ServicePort("web", "tcp", 443))
        self.put(Backend("web", A, 3), Backend("web", B), Backend("web", C, 0), Port("s1", 2, "s1-eth2"))
        for ip in (A, C):
            self.put(Address("blue", ip, MACS[ip]), Host("blue", MACS[ip], "s1", 2, (ip,)))

    def put(self, *rows: Row) -> None:
        tx = Tx(self.engine.tables)
        for row in rows:
            tx.put(row)
        self.engine.commit(tx)
        self.engine.run()

    def web(self) -> ServiceView:
        return next(view for view in self.views.services() if view.name == "web")

    def balance(self) -> None:
        """Enable an app that gives backends connections."""
        self.engine.enable(Balancing())
        self.engine.run()
        self.slots = {
            (owner.key[1], flow.slot[0]): flow.slot for owner, flow in self.engine.desired.view("s1").values() if owner.key
        }

    def read(self, bridge: str, ip: IPv4, opened: int = -1, sent: Both = (0, 0), back: Both = (0, 0), closed: int = 0) -> None:
        """The counters of a bridge have arrived; without a number of connections its flows are not there."""
        stages = {COMMIT: (opened, 0), SEND: sent, BACK: back, CLOSE: (closed, 0)}
        counters = {self.slots[ip, stage.table]: counts for stage, counts in stages.items()} if opened >= 0 else {}
        self.control.peers.setdefault(bridge, Peer(bridge, 1)).counters = counters

    def counters(self, ip: IPv4) -> tuple[int | None, ...]:
        view = self.backend(ip)
        return view.connections, view.active, view.packets, view.bytes

    def drain(self, service: str, address: str, drained: bool = True) -> Drained:
        """Give the order in an event loop, as every change is made."""

        async def order() -> Drained:
            return self.views.drain(service, address, drained)

        return asyncio.run(order())

    def states(self) -> dict[str, tuple[str, str]]:
        return {view.address: (view.state, view.reason) for view in self.views.backends("web")}

    def backend(self, ip: IPv4) -> BackendView:
        return next(view for view in self.views.backends("web") if view.address == str(ip))


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_without_checks_a_backend_counts_as_up_once_it_was_heard(lab: Lab) -> None:
    assert lab.states() == {
        "10.0.0.1": ("up", ""),
        "10.0.0.2": ("unknown", "no host of blue has this address yet"),
        "10.0.0.3": ("up", "weight 0: no new connections"),
    }
    web, first = lab.web(), lab.backend(A)
    assert (web.state, web.up, web.backends, web.ports) == ("degraded", 1, 3, ("tcp/80>8080", "tcp/443>443"))
    assert web.problems == ("10.0.0.2: no host of blue has this address yet",)
    assert (first.bridge, first.port_name, first.mac, first.expected) == ("s1", "s1-eth2", str(MACS[A]), 1.0)
    lab.put(Address("blue", B, MACS[B]), Host("blue", MACS[B], "s1", 2, (B,)))
    assert [view.expected for view in lab.views.backends("web")] == [0.75, 0.25, 0.0]
    assert (lab.web().state, lab.web().problems) == ("up", ())


def test_a_backend_that_fell_silent_is_up_as_long_as_an_app_says_where_it_is(lab: Lab) -> None:
    class Where(Row):
        service: str = key()
        address: IPv4 = key()

    class Remembering(App):
        @derives(each=Backend)
        def where(self, backend: Backend) -> Any:
            if backend.address == B:
                yield Where(backend.service, backend.address)

    lab.engine.enable(Remembering())
    lab.engine.run()
    assert lab.states()["10.0.0.2"] == ("up", "its host was not heard of late")
    assert (lab.backend(B).expected, lab.backend(B).bridge) == (0.25, "")


def test_with_checks_their_word_counts(lab: Lab) -> None:
    lab.put(HealthCheck("web", "http", 2.5), Health("web", A), Health("web", B, True, "", 70.0))
    assert lab.states()["10.0.0.1"] == ("unknown", "not checked yet")
    assert lab.states()["10.0.0.2"] == ("up", "")
    assert lab.states()["10.0.0.3"] == ("unknown", "not checked yet")
    lab.put(Health("web", A, False, "connect to 10.0.0.1:8080 refused 3 times", 80.0))
    assert lab.states()["10.0.0.1"] == ("down", "connect to 10.0.0.1:8080 refused 3 times")
    assert (lab.backend(A).since, lab.backend(B).since, lab.web().health) == (80.0, 70.0, "http every 2.5 s")
    assert (lab.backend(A).expected, lab.backend(B).expected) == (0.0, 1.0)
    lab.put(Health("web", B, False, "no answer", 90.0))
    assert (lab.web().state, lab.web().since) == ("down", 90.0)


def test_a_tuned_weight_is_shown_beside_its_own(lab: Lab) -> None:
    lab.put(Tuned("web", A, 2))
    assert [(view.weight, view.tuned) for view in lab.views.backends("web")] == [(3, 2), (1, None), (0, None)]


def test_a_backend_is_drained_once(lab: Lab) -> None:
    first, second = lab.drain("web", "10.0.0.1"), lab.drain("web", "10.0.0.1")
    assert (first.changed, first.backend.state, first.backend.expected, second.changed) == (True, "draining", 0.0, False)
    assert lab.engine.tables.get(Draining, "web", A) is not None
    assert (lab.web().draining, lab.web().state) == (1, "down")
    (order,) = lab.engine.tables.all(Draining)
    lab.put(Ended("web", A, order.since))
    assert lab.states()["10.0.0.1"] == ("draining", "its old connections were ended")
    undone = lab.drain("web", "10.0.0.1", False)
    assert (undone.changed, undone.backend.state, lab.drain("web", "10.0.0.1", False).changed) == (True, "up", False)
    assert [event.kind for event in lab.journal.events(kind="service")] == ["service.drain", "service.undrain"]
    assert "services" in lab.journal.wait(0, 0, 0).changed


def test_an_ipv6_backend_is_found_however_it_is_written(lab: Lab) -> None:
    lab.put(Service("six", "blue", IPv6("fd00::100")), Backend("six", IPv6("fd00::1")))
    assert lab.drain("six", "fd00:0:0::1").backend.address == "fd00::1"


@pytest.mark.parametrize(
    ("service", "address", "code", "says"),
    [
        ("ftp", "10.0.0.1", 404, "known: web"),
        ("web", "10.0.0.9", 404, "it has: 10.0.0.1, 10.0.0.2, 10.0.0.3"),
        ("web", "fd00::1", 404, "web has no backend fd00::1"),
        ("web", "first", 422, "'first' is no IP address"),
    ],
)
def test_orders_that_cannot_be(lab: Lab, service: str, address: str, code: int, says: str) -> None:
    with pytest.raises(QueryError, match=says) as refusal:
        lab.drain(service, address)
    assert refusal.value.code == code
    with pytest.raises(QueryError, match="No service is called"):
        lab.views.backends("ftp")


def test_rules_that_wait_are_problems_of_their_service(lab: Lab) -> None:
    lab.balance()
    assert any("waits for Health web 10.0.0.1" in problem for problem in lab.web().problems)


def test_counters_are_sums_that_survive_their_flows(lab: Lab) -> None:
    lab.put(HealthCheck("web"), Health("web", A, True, "", 70.0), Health("web", B, True, "", 70.0))
    lab.balance()
    assert lab.counters(A) == (None, None, None, None)
    lab.read("s1", A, opened=10, sent=(100, 6_000), back=(80, 90_000))
    lab.read("s2", A, opened=5, sent=(40, 3_000), back=(0, 0))
    assert lab.counters(A) == (15, 15, 220, 99_000)
    lab.read("s1", A, opened=12, sent=(110, 7_000), back=(80, 90_000), closed=9)
    assert lab.counters(A) == (17, 8, 230, 100_000)
    lab.read("s1", A, opened=3, sent=(6, 400), back=(5, 500), closed=1)  # the flows were made anew
    assert lab.counters(A) == (20, 10, 241, 100_900)
    lab.read("s1", A)  # and are gone for a while
    assert lab.counters(A) == (20, 10, 241, 100_900)
    lab.read("s1", A, opened=4, closed=90)  # ends that came twice
    assert lab.counters(A)[:2] == (24, 0)
    lab.read("s1", A, opened=9, closed=92)  # do not hide those that come later
    assert lab.counters(A)[:2] == (29, 3)
    lab.control.peers.pop("s2")
    assert (lab.counters(A)[0], lab.web().connections, lab.counters(B)[0]) == (29, 29, None)
    assert [view.share for view in lab.views.backends("web")] == [1.0, 0.0, 0.0]


def test_what_has_no_end_is_forgotten_after_a_minute(lab: Lab) -> None:
    lab.put(HealthCheck("web"), Health("web", B, True, "", 70.0))
    lab.balance()
    lab.read("s1", B, opened=10)
    assert lab.counters(B)[:2] == (10, 10)
    lab.now += 40
    lab.read("s1", B, opened=13)
    assert lab.counters(B)[:2] == (13, 13)
    lab.now += 40
    lab.read("s1", B, opened=13)
    assert lab.counters(B)[:2] == (13, 3)


def test_a_share_is_of_what_came_since_the_weights_are_so() -> None:
    now = [100.0]
    shares, equal, other = Shares(lambda: now[0]), {"a": 1, "b": 1}, {"a": 1, "b": 3}
    assert shares.of("web", equal, {"a": None, "b": None}, 99.0) == {}
    assert shares.of("web", equal, {"a": 30, "b": 10}, 99.0) == {"a": 0.75, "b": 0.25}
    assert shares.of("web", other, {"a": 30, "b": 10}, 99.0) == {}
    now[0] = 105.0
    assert (
        shares.of("web", other, {"a": 34, "b": 10}, 101.0) == {}
    )  # came before the change or just after it, and was read after it
    assert shares.of("web", other, {"a": 44, "b": 40}, 104.0) == {"a": 0.25, "b": 0.75}
    assert shares.of("other", equal, {"a": 2, "b": 2}, 104.0) == {"a": 0.5, "b": 0.5}
    assert shares.of("web", other, {"a": 4, "b": 0}, 104.0) == {}  # the counters began anew
    assert shares.of("web", other, {"a": 4, "b": 0}, 106.0) == {}
    assert shares.of("web", other, {"a": 5, "b": 3}, 109.0) == {"a": 0.25, "b": 0.75}


def test_a_state_holds_since_it_was_first_seen_or_since_it_was_told() -> None:
    clock = iter((10.0, 20.0, 30.0))
    moments = Moments(lambda: next(clock))
    assert [moments.since("web", state) for state in ("up", "up", "down", "down")] == [10.0, 10.0, 20.0, 20.0]
    assert [moments.since("web", "up", 15.0), moments.since("web", "up", 99.0), moments.since("web", "down")] == [
        15.0,
        15.0,
        30.0,
    ]
