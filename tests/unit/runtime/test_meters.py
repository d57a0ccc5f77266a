"""From counters of meters to what their app is told: only what is new, only of its own meters, and once that it is over."""

from __future__ import annotations

import asyncio

import pytest

from controller.app import App, on, rules
from controller.model import Metered, Number, Port
from controller.openflow.events import MeterStats
from controller.runtime import control
from controller.runtime.dispatch import Dispatch
from controller.runtime.journal import Journal
from controller.runtime.meters import metered
from controller.runtime.peers import Peer
from controller.state.engine import Engine
from controller.state.tables import Tx

HEARD: list[tuple[str, Metered]] = []


class Listens(App):
    """Has a meter for each port, and hears of it."""

    @rules(each=Port)
    def limit(self, port, rows):
        yield rows.meter("listens", port.bridge, port.port, pps=1)

    @on(Metered)
    def hear(self, event, tx):
        HEARD.append(("listens", event))


class Other(App):
    """The same, with meters of its own."""

    @rules(each=Port)
    def limit(self, port, rows):
        yield rows.meter("other", port.bridge, port.port, pps=1)

    @on(Metered)
    def hear(self, event, tx):
        HEARD.append(("other", event))


class Deaf(App):
    """Has meters and asks for nothing."""

    @rules(each=Port)
    def limit(self, port, rows):
        yield rows.meter("deaf", port.bridge, port.port, pps=1)


@pytest.fixture
def lab() -> tuple[Engine, Dispatch, Peer]:
    HEARD.clear()
    engine = Engine()
    for app in (Listens(), Other(), Deaf()):
        engine.enable(app)
    tx = Tx(engine.tables)
    tx.put(Port("s1", 1))
    tx.put(Port("s1", 2))
    engine.commit(tx)
    assert engine.run()
    assert not engine.failed, [owner.error for owner in engine.failed.values()]
    return engine, Dispatch(engine, Journal(), lambda: None), Peer("s1", 1)


def slots(engine: Engine, app: str) -> list[bytes]:
    return [slot for slot, (owner, _) in sorted(engine.desired.view("s1").items()) if owner.rule.app.name == app]


def test_an_app_hears_of_its_own_meters_while_they_drop_and_once_more(lab: tuple[Engine, Dispatch, Peer]) -> None:
    engine, dispatch, peer = lab
    (first, second), (other, _), (deaf, _) = (slots(engine, app) for app in ("listens", "other", "deaf"))

    def told(**frames: int) -> set[tuple[str, object, int]]:
        HEARD.clear()
        names = {"first": first, "second": second, "other": other, "deaf": deaf}
        metered(engine, dispatch, peer, MeterStats({names[name]: (count, 60 * count) for name, count in frames.items()}))
        assert all(event.bridge == "s1" and event.seconds > 0 for _, event in HEARD)
        assert len(set(HEARD)) == len(HEARD)
        return {(app, event.row, event.frames) for app, event in HEARD}

    one, two = Port("s1", 1), Port("s1", 2)
    assert told(first=100, second=0, other=0, deaf=0) == set()  # before it connected
    assert told(first=100, second=0, other=0, deaf=7) == set()
    assert told(first=105, second=3, other=0, deaf=9) == {("listens", one, 5), ("listens", two, 3)}
    assert told(first=106, second=3, other=2, deaf=9) == {("listens", one, 1), ("listens", two, 0), ("other", one, 2)}
    assert told(first=0, second=3, other=2, deaf=9) == {("listens", one, 0), ("other", one, 0)}  # made anew
    assert told(first=4, second=3, other=2, deaf=9) == {("listens", one, 4)}
    peer.dropped = None  # it connects again
    assert told(first=9, second=3, other=2, deaf=9) == set()
    assert told(first=9, second=3, other=2, deaf=9) == {("listens", one, 0)}


def test_meters_of_ports_that_are_no_more_are_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SWEEP", 0.001)
    monkeypatch.setattr(control, "GIVE_BACK", 0.001)
    engine = Engine()
    works = control.Control(engine, Journal(), remove_foreign=True)
    engine.enable(Listens())
    for put in (True, False):
        tx = Tx(engine.tables)
        for number in range(1, 8):
            tx.put(Port("s1", number)) if put else tx.drop(Port, "s1", number)
        tx.put(Port("s1", 8))
        engine.commit(tx)
        engine.run()

    async def until_given_back() -> None:
        sweep = asyncio.create_task(works.sweep())
        while len(engine.tables.where(Number, space="meter")) > 1:
            await asyncio.sleep(0.001)
        sweep.cancel()

    asyncio.run(asyncio.wait_for(until_given_back(), 20))
    assert [row.name for row in engine.tables.where(Number, space="meter")] == [("listens", "s1", 8)]
