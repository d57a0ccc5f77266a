"""Where the version of an answer is as it was, so is the answer: whatever bridges, apps and people do, at every turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, get_args
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controller.config import parse
from controller.model import Attachment, Host, IPv4, Link, Mac, PortRole, Row
from controller.query import Question
from controller.runtime import view as view_module
from controller.runtime.builtin import BUILTIN
from controller.runtime.catalogue import Catalogue
from controller.runtime.channel import listen
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.runtime.networks import Networks
from controller.runtime.store import Store
from controller.runtime.tunnelwatch import TunnelWatch
from controller.runtime.view import LiveView
from controller.runtime.wiring import _start_apps
from controller.state.engine import Engine
from controller.state.tables import Tx
from tests.fakes.switch import FakeSwitch, connect
from tests.fakes.switch import Link as Connection

APPS = ("vlan_isolation", "fabric", "l2_learning", "storm_guard")
FILES = (
    "networks: {blue: {vlan: 10}}\nports: {s1/s1-eth1: {access: blue}}\n",
    "networks: {blue: {vlan: 10, description: other}, red: {vlan: 20}}\nlinks: {s1/s1-eth3: {cost: 7}}\n",
)
TURNS = 12  # of the loop after a step, after each of which all answers are compared
FOREIGN = bytes((7, 0, 9)) + bytes((0, 1, 0, 4, 0, 0, 0, 0))


class Counting(FakeSwitch):
    """Whose ports count."""

    seen = 0

    def _port_counters(self) -> list[bytes]:
        return [entry[:16] + bytes((0, 0, 0, 0, 0, 0, 0, self.seen)) + entry[24:] for entry in super()._port_counters()]


class Lab:
    """A whole controller but for its dashboard, two bridges, and all answers that it has given by their versions."""

    def __init__(self, folder: Path) -> None:
        self.engine, self.journal, self.store = Engine(), Journal(), Store(folder)
        self.control = Control(self.engine, self.journal, remove_foreign=False)
        self.catalogue = Catalogue(self.control, {})
        builtin = [self.catalogue.add_builtin(cls) for cls in BUILTIN.values()]
        names = [self.catalogue.add(name) for name in APPS]
        self.control.start()
        _start_apps([*builtin, *names], self.catalogue, self.engine, self.store)
        self.networks = Networks(self.control, self.catalogue, mock.Mock())
        tunnels = TunnelWatch(self.control, mock.Mock())
        self.view = LiveView(self.control, self.journal, self.catalogue, self.networks, tunnels, self.store, ())
        self.switches = [Counting(number, ports=3) for number in (1, 2)]
        self.links: dict[int, Connection] = {}
        self.port = 0
        self.known: dict[Any, Any] = {}

    # ------------------------------------------------------------------ what is compared

    def answers(self) -> dict[tuple[Question, str], Callable[[], Any]]:
        view = self.view
        found: dict[tuple[Question, str], Callable[[], Any]] = {
            ("topology", ""): lambda: view.topology("node-link"),
            ("flows", ""): view.flows,
            ("ports", ""): view.ports,
        }
        for bridge in self.control.peers:
            found["flows", bridge] = lambda bridge=bridge: view.flows(bridge)  # type: ignore[misc]
            found["ports", bridge] = lambda bridge=bridge: view.ports(bridge)  # type: ignore[misc]
        for question in set(get_args(Question)) - {"topology", "flows", "ports"}:
            found[question, ""] = getattr(view, question)
        return found

    def compare(self) -> None:
        for (question, bridge), ask in self.answers().items():
            version, answer = self.view.version(question, bridge), ask()
            assert self.known.setdefault((question, bridge, version), answer) == answer, (question, bridge, version)

    async def turns(self, seconds: float = 0.0) -> None:
        for number in range(TURNS):
            self.compare()
            await asyncio.sleep(seconds if number % 3 == 2 else 0)
        self.compare()

    # ------------------------------------------------------------------ what happens

    async def step(self, name: str, number: int) -> None:
        switch, link = self.switches[number % 2], self.links.get(number % 2)
        if name == "connect" and link is None:
            self.links[number % 2] = await connect(switch, self.port)
        elif name in AT_BRIDGE and link is not None:
            AT_BRIDGE[name](self, switch, link, number)
        elif name in ALONE:
            ALONE[name](self, number)

    def hang_up(self, switch: Counting, link: Connection, number: int) -> None:
        link.stop()
        del self.links[number % 2]

    def port_status(self, switch: Counting, link: Connection, number: int) -> None:
        link.send(switch.port_status(1 + number % 3, 1 + number % 3 in switch.down))

    def traffic(self, switch: Counting, link: Connection, number: int) -> None:
        switch.seen = (switch.seen + number) % 250
        for slot in list(switch.flows)[:: 1 + number % 5]:
            switch.counters[slot] = (number, number * 60)

    def drift(self, switch: Counting, link: Connection, number: int) -> None:
        slots = list(switch.flows)
        if slots:
            link.send(switch.delete_by_hand(slots[number % len(slots)]))

    def foreign(self, switch: Counting, link: Connection, number: int) -> None:
        switch.things[FOREIGN] = number, bytes(8), b""

    def refuse(self, switch: Counting, link: Connection, number: int) -> None:
        switch.faults.late = (lambda message: (5, 1)) if number % 2 else (lambda message: None)

    def sweep(self, number: int) -> None:
        """Counters are read, and flows, as the clock has it."""
        for peer in self.control.peers.values():
            if peer.channel is not None:
                peer.channel.session.request_port_stats()
                peer.channel.session.request_meter_stats()
                self.control.sync.audit(peer)
                peer.channel.flush()

    def row(self, number: int) -> None:
        """A row of any kind comes, or goes."""
        bridge, other = ("s1", "s2") if number % 2 else ("s2", "s1")
        rows: list[Row] = [
            Host("default", Mac(number % 4 + 1), bridge, 1 + number % 3, (IPv4(number + 1),)),
            Link(bridge, 3, other, 3, cost=number),
            PortRole(bridge, 1 + number % 3, "edge"),
            Attachment(bridge, 1, "default"),
        ]
        tx = Tx(self.engine.tables)
        (tx.drop if number % 5 == 0 else tx.put)(rows[number % len(rows)])
        self.engine.commit(tx)
        self.control.drive()

    def app(self, number: int) -> None:
        self.view.set_app(APPS[number % 4], enabled=number % 3 > 0, force=True)

    def apply(self, number: int) -> None:
        self.networks.apply(parse(FILES[number % 2], "network.yaml"), "network.yaml")

    def save(self, number: int) -> None:
        changes, self.engine.unsaved = self.engine.unsaved, {}
        self.store.save(changes)


AT_BRIDGE: dict[str, Callable[[Lab, Counting, Connection, int], None]] = {
    "hang up": Lab.hang_up,
    "port status": Lab.port_status,
    "traffic": Lab.traffic,
    "drift": Lab.drift,
    "foreign": Lab.foreign,
    "refuse": Lab.refuse,
}
ALONE: dict[str, Callable[[Lab, int], None]] = {
    "sweep": Lab.sweep,
    "row": Lab.row,
    "app": Lab.app,
    "apply": Lab.apply,
    "save": Lab.save,
}
STEPS = st.lists(st.tuples(st.sampled_from(["connect", *AT_BRIDGE, *ALONE]), st.integers(1, 40)), min_size=8, max_size=24)


@asynccontextmanager
async def running() -> AsyncIterator[Lab]:
    with TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        server = await listen("tcp:127.0.0.1:0", lab.control)
        lab.port = server.port
        try:
            yield lab
        finally:
            await server.close()
            lab.store.close()


@pytest.fixture(autouse=True)
def _at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of day is no change."""
    monkeypatch.setattr(view_module, "time", SimpleNamespace(time=lambda: 1000.0))


@settings(max_examples=12, deadline=None)
@given(STEPS)
@example([("connect", 1), ("sweep", 1), ("traffic", 7), ("sweep", 2), ("row", 8), ("save", 1), ("traffic", 9), ("sweep", 1)])
@example([("connect", 1), ("refuse", 1), ("app", 3), ("app", 4), ("refuse", 2), ("drift", 4), ("sweep", 1), ("hang up", 1)])
@example([("connect", 1), ("connect", 2), ("row", 5), ("apply", 1), ("foreign", 1), ("sweep", 1), ("apply", 2), ("app", 6)])
def test_an_answer_changes_with_its_version_only(steps: list[tuple[str, int]]) -> None:
    async def main() -> None:
        async with running() as lab:
            await lab.step("connect", 0)
            await lab.turns(0.002)
            for name, number in steps:
                await lab.step(name, number)
                await lab.turns(0.002)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_versions_stay_while_nothing_happens() -> None:
    async def main() -> None:
        async with running() as lab:
            for number in (0, 1):
                await lab.step("connect", number)
            changed = set(lab.answers())
            for _ in range(40):  # until roles of ports are known, and flows are there
                before = {what: lab.view.version(*what) for what in lab.answers()}
                lab.sweep(0)
                await asyncio.sleep(0.2)
                changed = {what for what in before if lab.view.version(*what) != before[what]}
                if changed <= {("topology", "")}:  # it bears the number of the last change, and counters that are read are one
                    return
            raise AssertionError(f"these have other versions each time: {changed}")

    asyncio.run(asyncio.wait_for(main(), 60))
