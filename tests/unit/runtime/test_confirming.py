"""An event waits until bridges hold what follows from a row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from controller.app import App, Tx, on, rules
from controller.model import Member, Pipeline, PortUp, Row, key, scope_of
from controller.pipeline import DROP, POLICY, Flow
from controller.runtime import confirming
from controller.runtime.catalogue import Catalogue
from controller.runtime.control import Control
from controller.runtime.journal import Journal
from controller.state.engine import Engine


class Guest(Row):
    """Somebody whom all bridges must know."""

    name: str = key()


class Arrived:
    """A guest is known everywhere."""


class Doorman(App, stages=(POLICY,)):
    """Announces guests when all bridges know them."""

    @on(PortUp)
    def come(self, event: PortUp, tx: Tx) -> None:
        tx.put(Guest("one"))
        tx.when(Guest("one"), Arrived())

    @on(Arrived)
    def arrived(self, event: Arrived, tx: Tx) -> None:
        tx.tell("info", "guest.arrived", "one", "one has arrived")

    @rules(each=Guest)
    def know(self, guest: Guest) -> Iterator[Flow]:
        yield POLICY.flow(DROP, network=len(guest.name)).on(Pipeline())


class Lab:
    """A controller, and two bridges that confirm when a test says so."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.control = Control(Engine(), self.journal, remove_foreign=True)
        catalogue = Catalogue(self.control, {})
        catalogue.run(catalogue.add_builtin(Doorman))
        engine = self.control.engine
        self.ledgers = {name: engine.desired.open(name) for name in ("s1", "s2")}
        self.control.dispatch.change(lambda tx: [tx.put(Member(scope_of(Pipeline()), name)) for name in self.ledgers])  # type: ignore[arg-type,func-returns-value]
        self.come()

    def come(self) -> None:
        self.control.dispatch.event(PortUp("s1", 1))
        self.control.drive()

    def confirm(self, bridge: str) -> None:
        self.ledgers[bridge].pending.clear()
        self.control.drive()

    @property
    def arrived(self) -> int:
        return sum(event.count for event in self.journal.events(kind="guest.arrived"))


def test_it_comes_when_the_last_bridge_has_confirmed_and_at_once_where_all_have() -> None:
    async def follow() -> None:
        lab = Lab()
        assert lab.arrived == 0
        lab.ledgers["s1"].inflight, lab.ledgers["s1"].pending = lab.ledgers["s1"].pending, {}
        lab.confirm("s2")
        assert lab.arrived == 0
        lab.ledgers["s1"].confirm()
        lab.confirm("s1")
        assert lab.arrived == 1
        lab.come()
        assert lab.arrived == 2

    asyncio.run(follow())


def test_a_bridge_that_is_gone_is_not_waited_for() -> None:
    async def follow() -> None:
        lab = Lab()
        lab.confirm("s1")
        del lab.control.engine.desired.ledgers["s2"]
        lab.control.drive()
        assert lab.arrived == 1

    asyncio.run(follow())


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "PATIENCE", 0.01)

    async def follow() -> None:
        lab = Lab()
        while not lab.arrived:
            await asyncio.sleep(0.005)
        lab.confirm("s1")
        lab.confirm("s2")
        assert lab.arrived == 1

    asyncio.run(asyncio.wait_for(follow(), 10))
