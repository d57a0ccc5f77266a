"""Health checks at work: frames through the bridge of a backend, rows and events for what turns, nothing for the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from struct import pack, unpack_from
from typing import Any

import pytest

from apps.health_check import HealthChecks
from controller.model import (
    Address,
    Backend,
    Health,
    HealthCheck,
    Host,
    IPv4,
    Mac,
    Network,
    PacketIn,
    Row,
    Service,
    ServicePort,
    Virtual,
)
from controller.model.events import NETWORK_TLV
from controller.pipeline import EGRESS, load, resubmit
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.peers import Peer
from controller.state.engine import Engine
from controller.state.tables import Tx
from tests.unit.health import hosts

VIP, ELEVEN = IPv4("10.0.0.100"), IPv4("10.0.0.11")
MAC, OURS = Mac("02:00:00:00:00:0b"), Mac("0a:57:00:05:00:01")
INTERVAL = 0.1
Sent = tuple[str, int, tuple[bytes, ...], bytes]


class Lab:
    """A controller without bridges, and a backend that hears what is sent to one called s1."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.control = Control(Engine(), self.journal, remove_foreign=True)
        self.control.start()
        self.engine = self.control.engine
        self.engine.enable(HealthChecks())
        self.backend = hosts.Backend(str(ELEVEN), str(MAC))
        self.sent: list[Sent] = []
        self.control.dispatch.take_frames = self.take  # type: ignore[method-assign]
        self.peer = self.control.peers["s1"] = Peer("s1", 1, state="connected")
        check = HealthCheck("web", interval=INTERVAL, timeout=INTERVAL / 2, rise=2, fall=2)
        self.put(
            Network("blue", 5), Service("web", "blue", VIP), Virtual("web", "blue", VIP, OURS), Backend("web", ELEVEN), check
        )
        self.put(ServicePort("web", "tcp", 80, 8080))

    def put(self, *rows: Row, drop: tuple[Row, ...] = ()) -> None:
        def change(tx: Tx) -> None:
            for row in rows:
                tx.put(row)
            for row in drop:
                tx.drop(row)

        self.control.dispatch.change(change)
        self.control.drive()

    def found(self) -> None:
        """The backend's host is known."""
        self.put(Address("blue", ELEVEN, MAC), Host("blue", MAC, "s1", 7, (ELEVEN,)))

    def take(self) -> list[Sent]:
        """What is sent arrives at the backend, and its answers come to the controller."""
        dispatch = self.control.dispatch
        frames, dispatch._frames = dispatch._frames, []
        self.sent += frames
        for bridge, _port, _actions, frame in frames:
            for answer in self.backend.take(frame):
                packet = PacketIn(bridge, 7, answer, match=pack("!II", NETWORK_TLV, 5))
                asyncio.get_running_loop().call_soon(self._hear, packet)
        return []

    def _hear(self, packet: PacketIn) -> None:
        self.control.dispatch.heard["health_check"](packet)
        self.control.drive()

    @property
    def health(self) -> Any:
        return self.engine.tables.get(Health, "web", ELEVEN)

    def events(self) -> list[tuple[str, str, str]]:
        return [(e.kind, e.subject, e.text) for e in self.journal._events if e.kind.startswith("service.")]

    async def until(self, happened: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 10
        while not happened():
            assert time.monotonic() < deadline, (self.health, self.events())
            await asyncio.sleep(0.005)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Lab], Coroutine[Any, Any, None]]], None]:
    """Runs a test in an event loop."""
    monkeypatch.setattr(HealthChecks, "name", "health_check")

    def run(test: Callable[[Lab], Coroutine[Any, Any, None]]) -> None:
        async def inside() -> None:
            await test(Lab())

        asyncio.run(inside())

    return run


def test_a_backend_comes_goes_and_comes_back(play: Any) -> None:
    async def test(lab: Lab) -> None:
        await lab.until(lambda: lab.health and lab.health.since)
        assert lab.health == Health("web", ELEVEN, False, "10.0.0.11 does not answer ARP", lab.health.since)
        assert lab.sent == []
        lab.backend.listens = {8080: b""}
        lab.found()
        await lab.until(lambda: lab.health.up)
        assert lab.events() == [
            ("service.backend_up", "web/10.0.0.11", "10.0.0.11 of web is up: connect to 10.0.0.11:8080 succeeded")
        ]
        before, row = len(lab.sent), lab.health
        await lab.until(lambda: len(lab.sent) > before + 10)
        assert lab.health is row  # no row for a check that says what is known
        lab.backend.listens = {}
        await lab.until(lambda: not lab.health.up)
        assert lab.health.reason == "connect to 10.0.0.11:8080 refused 2 times"
        assert lab.health.since > row.since
        lab.backend.listens = {8080: b""}
        await lab.until(lambda: lab.health.up)
        assert [kind for kind, *_ in lab.events()] == ["service.backend_up", "service.backend_down", "service.backend_up"]

    play(test)


def test_questions_leave_by_the_port_of_the_backend_as_frames_of_its_network(play: Any) -> None:
    async def test(lab: Lab) -> None:
        lab.found()
        await lab.until(lambda: lab.sent)
        bridge, _port, actions, frame = lab.sent[0]
        assert (bridge, actions) == ("s1", (load("network", 5), load("out_port", 7), resubmit(EGRESS.table)))
        assert (frame[:6], frame[6:12], unpack_from("!II", frame, 26)) == (MAC, OURS, (VIP, ELEVEN))

    play(test)


def test_a_bridge_that_is_away_says_nothing_about_its_backends(play: Any) -> None:
    async def test(lab: Lab) -> None:
        lab.backend.listens = {8080: b""}
        lab.found()
        await lab.until(lambda: lab.health and lab.health.up)
        lab.peer.state, lab.backend.silent = "disconnected", True
        lab.control.health.bridge("s1")
        await asyncio.sleep(INTERVAL)
        sent = len(lab.sent)
        await asyncio.sleep(INTERVAL * 5)
        assert len(lab.sent) == sent
        assert lab.health.up
        lab.peer.state = "connected"
        lab.control.health.bridge("s1")
        await lab.until(lambda: not lab.health.up)

    play(test)


def test_what_was_known_before_a_restart_holds_until_it_is_known_better(play: Any) -> None:
    async def test(lab: Lab) -> None:
        other: Any = IPv4("10.0.0.12")

        def is_up() -> bool:
            found = lab.engine.tables.get(Health, "web", other)
            return found is not None and found.up

        lab.put(Backend("web", other), Health("web", other, True, "as ever", 5.0))
        lab.backend.listens = {8080: b""}
        lab.found()
        await lab.until(lambda: lab.health and lab.health.up)
        assert is_up()
        await lab.until(lambda: not is_up())  # nobody answers ARP

    play(test)


def test_who_is_not_checked_any_more_has_no_health(play: Any) -> None:
    async def test(lab: Lab) -> None:
        lab.found()
        await lab.until(lambda: lab.health)
        lab.put(drop=(Backend("web", ELEVEN),))
        await lab.until(lambda: not lab.health)
        lab.put(Backend("web", ELEVEN))
        await lab.until(lambda: lab.health)
        lab.put(drop=(HealthCheck("web"),))
        await lab.until(lambda: not lab.health)
        sent = len(lab.sent)
        await asyncio.sleep(INTERVAL * 3)
        assert len(lab.sent) == sent

    play(test)


def test_nobody_is_asked_while_the_app_that_brings_the_answers_is_off(play: Any) -> None:
    async def test(lab: Lab) -> None:
        lab.backend.listens = {8080: b""}
        lab.found()
        await lab.until(lambda: lab.health and lab.health.up)
        lab.engine.disable("health_check")
        await asyncio.sleep(INTERVAL)
        sent = len(lab.sent)
        await asyncio.sleep(INTERVAL * 5)
        assert (len(lab.sent), lab.health.up) == (sent, True)

    play(test)
